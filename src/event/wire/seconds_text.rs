//! A duration, read as [`seconds`] is, and written as a text such as `"120s"`.

use chrono::TimeDelta;
use serde::Serializer;

use super::seconds;
use crate::time::{format_duration, parse_duration};

pub(crate) use super::seconds::deserialize;

/// Writes the text; a number for a duration beyond the 12 digits of that form.
pub(crate) fn serialize<S: Serializer>(span: &Option<TimeDelta>, serializer: S) -> Result<S::Ok, S::Error> {
    match span.map(format_duration) {
        Some(text) if parse_duration(&text) == *span => serializer.serialize_str(&text),
        _ => seconds::serialize(span, serializer),
    }
}
