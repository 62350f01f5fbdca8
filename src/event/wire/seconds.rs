//! A duration: a number of seconds, or a text such as `"120s"`. Written as a number.

use chrono::TimeDelta;
use serde::{Deserialize, Deserializer, Serializer};

use super::{Mismatch, Scalar};
use crate::time::{format_duration, from_seconds, parse_duration};

/// Reads the value of a field.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(field: D) -> Result<Option<TimeDelta>, D::Error> {
    read(Scalar::deserialize(field)?).map_err(Mismatch::into_error)
}

fn read(value: Scalar<'_>) -> Result<Option<TimeDelta>, Mismatch> {
    let span = match value {
        Scalar::Null => return Ok(None),
        Scalar::Text(text) => parse_duration(&text),
        Scalar::Number(number) => from_number(number),
        Scalar::Bool(_) | Scalar::Other => None,
    };
    span.map(Some).ok_or(Mismatch("a number of seconds or a text such as \"120s\""))
}

fn from_number(number: &str) -> Option<TimeDelta> {
    match number.parse() {
        Ok(seconds) => TimeDelta::try_seconds(seconds),
        Err(_) => from_seconds(number.parse().ok()?),
    }
}

/// Writes a number; a text where a double's last bit, which a fast reader may get
/// wrong, is close to a nanosecond.
pub(crate) fn serialize<S: Serializer>(span: &Option<TimeDelta>, serializer: S) -> Result<S::Ok, S::Error> {
    let Some(span) = span else { return serializer.serialize_none() };
    if span.subsec_nanos() == 0 {
        return serializer.serialize_i64(span.num_seconds());
    }
    match span.as_seconds_f64() {
        seconds if seconds.abs() < MAX_FRACTIONAL_SECONDS => serializer.serialize_f64(seconds),
        _ => serializer.serialize_str(&format_duration(*span)),
    }
}

/// Below it, a double's last bit is less than a quarter of a nanosecond.
const MAX_FRACTIONAL_SECONDS: f64 = 1_048_576.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_texts() {
        let read = |json: &'static str| deserialize(&mut serde_json::Deserializer::from_str(json)).ok();
        for (json, millis) in [
            ("142", 142_000),
            ("142.0", 142_000),
            ("-0.25", -250),
            ("1e2", 100_000),
            ("-0", 0),
            (r#""120s""#, 120_000),
            (r#""30.5s""#, 30_500),
        ] {
            assert_eq!(read(json), Some(TimeDelta::try_milliseconds(millis)), "{json}");
        }
        assert_eq!(read("null"), Some(None));
        for json in ["1e999", "9223372036854775807", "18446744073709551615", r#""2 min""#, r#""""#, "true", "[]", "{}"]
        {
            assert_eq!(read(json), None, "{json}");
        }
    }
}
