//! A count: an integer, also as a text.

use serde::{Deserialize, Deserializer};

use super::{Mismatch, Scalar};

/// Reads the value of a field.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(field: D) -> Result<Option<i64>, D::Error> {
    let count = match Scalar::deserialize(field)? {
        Scalar::Null => return Ok(None),
        Scalar::Number(number) => number.parse().ok(),
        Scalar::Text(text) if !text.starts_with('+') => text.parse().ok(),
        Scalar::Bool(_) | Scalar::Text(_) | Scalar::Other => None,
    };
    count.map(Some).ok_or_else(|| Mismatch("an integer").into_error())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_and_their_texts() {
        let read = |json: &'static str| deserialize(&mut serde_json::Deserializer::from_str(json)).ok();
        for (json, count) in [("0", 0), ("-1", -1), (r#""12""#, 12), ("9223372036854775807", i64::MAX)] {
            assert_eq!(read(json), Some(Some(count)), "{json}");
        }
        assert_eq!(read("null"), Some(None));
        for json in ["1.5", "1e3", "9223372036854775808", r#""1.5""#, r#""+1""#, r#""""#, r#"" 1""#, "true", "[1]"] {
            assert_eq!(read(json), None, "{json}");
        }
    }
}
