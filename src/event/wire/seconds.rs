//! A duration: a number of seconds, also as a text, or a text such as `"120s"`. Written
//! as a number.

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
        Scalar::Text(text) if is_decimal(&text) => from_number(&text),
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

/// Returns whether a text is a number without an exponent.
fn is_decimal(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    digits(whole.strip_prefix('-').unwrap_or(whole)) && digits(decimals)
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
            (r#""142""#, 142_000),
            (r#""-142.5""#, -142_500),
        ] {
            assert_eq!(read(json), Some(TimeDelta::try_milliseconds(millis)), "{json}");
        }
        assert_eq!(read("null"), Some(None));
        for json in [
            "1e999",
            "9223372036854775807",
            "18446744073709551615",
            r#""2 min""#,
            r#""""#,
            r#""1e3""#,
            r#""+1""#,
            r#"".5""#,
            r#""1.""#,
            r#"" 1""#,
            "true",
            "[]",
            "{}",
        ] {
            assert_eq!(read(json), None, "{json}");
        }
    }

    #[test]
    fn a_fraction_is_a_number_while_that_is_exact_to_a_nanosecond() {
        let write = |nanos| {
            let mut json = Vec::new();
            serialize(&Some(TimeDelta::nanoseconds(nanos)), &mut serde_json::Serializer::new(&mut json)).unwrap();
            String::from_utf8(json).unwrap()
        };
        assert_eq!(write(-30_000_000_000), "-30");
        assert_eq!(write(30_500_000_000), "30.5");
        assert_eq!(write(-1_048_575_500_000_000), "-1048575.5");
        assert_eq!(write(1_048_576_500_000_000), r#""1048576.5s""#);
    }
}
