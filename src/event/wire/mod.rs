//! The kinds of fields that vendors write, one file each.
//!
//! A payload names the kind at the field: `#[serde(with = "wire::seconds")]`. Every
//! kind reads `null` as absent.

pub(crate) mod count;
pub(crate) mod double;
mod macros;
mod object;
mod scalar;
pub(crate) mod seconds;
pub(crate) mod seconds_text;
mod text;
pub(crate) mod time;
pub(crate) mod unix_time;

pub(crate) use macros::{open_enum, redacted_debug};
pub(crate) use object::{list, object, optional_object, text_map};
pub(crate) use scalar::{Mismatch, Scalar};
pub(crate) use text::{Borrowed, text};
