use std::borrow::Cow;

use memchr::memchr;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::text::TEXT;

/// A JSON value, sorted by its type. A number keeps its text.
///
/// serde's own way to "a string or a number" (`deserialize_any`) turns numbers into
/// doubles, fails for the whole document at `1e999`, and changes when another crate
/// enables `serde_json/arbitrary_precision`. Text does not.
pub(crate) enum Scalar<'a> {
    Null,
    Bool(bool),
    Number(&'a str),
    Text(Cow<'a, str>),
    /// An object, a list, or a string that is not Unicode.
    Other,
}

/// What was expected where something else was found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mismatch(pub(crate) &'static str);

impl Mismatch {
    /// The error of a field. Its text never holds the value.
    pub(crate) fn into_error<E: Error>(self) -> E {
        E::custom(format_args!("expected {}", self.0))
    }
}

impl<'a> Scalar<'a> {
    pub(crate) fn of(value: &'a RawValue) -> Self {
        let json = value.get();
        match json.as_bytes() {
            [b'"', ..] if memchr(b'\\', json.as_bytes()).is_some() => {
                serde_json::from_str(json).map_or(Scalar::Other, Scalar::Text)
            }
            [b'"', .., b'"'] => {
                json.get(1..json.len().saturating_sub(1)).map_or(Scalar::Other, |text| Scalar::Text(text.into()))
            }
            [b'-' | b'0'..=b'9', ..] => Scalar::Number(json),
            b"null" => Scalar::Null,
            b"true" => Scalar::Bool(true),
            b"false" => Scalar::Bool(false),
            _ => Scalar::Other,
        }
    }

    /// Returns an id or a text. An integer becomes its decimal text, and an empty
    /// string is absent: as an id it would make two events the same.
    pub(crate) fn into_id(self) -> Result<Option<Cow<'a, str>>, Mismatch> {
        match self {
            Scalar::Null => Ok(None),
            Scalar::Text(text) => Ok(Some(text).filter(|text| !text.is_empty())),
            Scalar::Number(number) if is_integer(number) => Ok(Some(number.into())),
            Scalar::Number(_) | Scalar::Bool(_) | Scalar::Other => Err(TEXT),
        }
    }

    pub(crate) fn into_text(self) -> Result<Option<String>, Mismatch> {
        Ok(self.into_id()?.map(Cow::into_owned))
    }

    pub(crate) fn into_bool(self) -> Result<Option<bool>, Mismatch> {
        match self {
            Scalar::Null => Ok(None),
            Scalar::Bool(value) => Ok(Some(value)),
            Scalar::Number(_) | Scalar::Text(_) | Scalar::Other => Err(Mismatch("a boolean")),
        }
    }
}

/// Whether 64 bits hold the number. `-0` is a double.
fn is_integer(number: &str) -> bool {
    number.parse::<u64>().is_ok() || number.parse::<i64>().is_ok_and(|number| number < 0)
}

/// Reads from text only, as [`RawValue`] does.
impl<'de> Deserialize<'de> for Scalar<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&RawValue>::deserialize(deserializer).map(Scalar::of)
    }
}
