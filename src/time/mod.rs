//! Times: the clock, and the forms in which vendors write times and durations.
//!
//! Knows how a time is written. Must never know a header, an event or a vendor.

mod clock;
mod unix;
mod written;

pub use clock::{Clock, FixedClock, SystemClock};
pub use unix::UnixTime;

pub(crate) use written::{format_duration, from_seconds, is_rfc3339, number, parse_duration, rfc3339};
