//! Values as they are written.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::{Serialize, Serializer};

use crate::time::{format_duration, is_rfc3339, parse_duration};

/// Other years than those of RFC 3339 are whole Unix seconds.
pub(crate) struct Rfc3339(pub(crate) DateTime<Utc>);

impl Serialize for Rfc3339 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !is_rfc3339(&self.0) {
            return serializer.serialize_i64(self.0.timestamp());
        }
        serializer.serialize_str(&self.0.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

/// Whole seconds as a number; a fraction would not survive as one.
pub(crate) struct Unix(pub(crate) DateTime<Utc>);

impl Serialize for Unix {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.timestamp_subsec_nanos() == 0 {
            serializer.serialize_i64(self.0.timestamp())
        } else {
            Rfc3339(self.0).serialize(serializer)
        }
    }
}

/// As a number of seconds; as text where a double's last bit, which a fast reader
/// may get wrong, is not far below a nanosecond.
pub(super) struct Seconds(pub(super) TimeDelta);

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.subsec_nanos() == 0 {
            return serializer.serialize_i64(self.0.num_seconds());
        }
        match self.0.as_seconds_f64() {
            seconds if seconds.abs() < MAX_FRACTIONAL_SECONDS => serializer.serialize_f64(seconds),
            _ => serializer.serialize_str(&format_duration(self.0)),
        }
    }
}

/// As text with the unit `s`, unless it has more than the 12 digits of that form.
pub(super) struct WithUnit(pub(super) TimeDelta);

impl Serialize for WithUnit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match format_duration(self.0) {
            text if parse_duration(&text) == Some(self.0) => serializer.serialize_str(&text),
            _ => Seconds(self.0).serialize(serializer),
        }
    }
}

/// Below it, a double's last bit is less than a quarter of a nanosecond.
const MAX_FRACTIONAL_SECONDS: f64 = 1_048_576.0;
