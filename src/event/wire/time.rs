//! A point in time: an RFC 3339 text, or a number of Unix seconds. Written as RFC 3339.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Mismatch, Scalar};
use crate::time::{from_seconds, is_rfc3339, rfc3339};

/// Reads the value of a field.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(field: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    read(Scalar::deserialize(field)?).map_err(Mismatch::into_error)
}

pub(crate) fn read(value: Scalar<'_>) -> Result<Option<DateTime<Utc>>, Mismatch> {
    let time = match value {
        Scalar::Null => return Ok(None),
        Scalar::Text(text) => rfc3339(&text),
        Scalar::Number(number) => match number.parse() {
            Ok(seconds) => DateTime::from_timestamp(seconds, 0),
            Err(_) => number.parse().ok().and_then(from_unix),
        },
        Scalar::Bool(_) | Scalar::Other => None,
    };
    time.map(Some).ok_or(Mismatch("an RFC 3339 time or Unix seconds"))
}

/// Beyond the years of RFC 3339, a fraction would not come back: it is dropped.
fn from_unix(seconds: f64) -> Option<DateTime<Utc>> {
    let time = DateTime::UNIX_EPOCH.checked_add_signed(from_seconds(seconds)?)?;
    if is_rfc3339(&time) { Some(time) } else { DateTime::from_timestamp(time.timestamp(), 0) }
}

/// Writes RFC 3339, or whole Unix seconds for a year that it cannot write.
pub(crate) fn serialize<S: Serializer>(time: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        None => serializer.serialize_none(),
        Some(time) if is_rfc3339(time) => serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
        Some(time) => time.timestamp().serialize(serializer),
    }
}
