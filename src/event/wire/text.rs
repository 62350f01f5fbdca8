use std::borrow::Cow;
use std::fmt;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer};

use super::Mismatch;

/// Reads an id, or a text that may arrive as an integer: what [`Scalar::into_text`]
/// accepts.
///
/// An integer of 64 bits arrives as one, whatever features of serde_json are enabled,
/// and no other number is accepted. So the value need not be kept as JSON text first. A
/// value that serde_json itself cannot hand over, such as `1e999` or a string that is
/// not Unicode, is a mismatch like any other.
///
/// [`Scalar::into_text`]: super::Scalar::into_text
pub(crate) fn text<'de, D: Deserializer<'de>>(field: D) -> Result<Option<String>, D::Error> {
    field.deserialize_any(TextVisitor).map_err(|_| TEXT.into_error())
}

/// What a text is expected to be.
pub(super) const TEXT: Mismatch = Mismatch("a string or an integer");

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(TEXT.0)
    }

    fn visit_unit<E>(self) -> Result<Option<String>, E> {
        Ok(None)
    }

    fn visit_str<E>(self, text: &str) -> Result<Option<String>, E> {
        Ok(if text.is_empty() { None } else { Some(text.to_owned()) })
    }

    fn visit_u64<E>(self, number: u64) -> Result<Option<String>, E> {
        Ok(Some(number.to_string()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Option<String>, E> {
        Ok(Some(number.to_string()))
    }
}

/// A string that borrows from the body unless it has escapes; serde's own `Cow` always
/// copies. As the key of a member, it is the name of a documented field.
pub(crate) struct Borrowed<'de>(pub(crate) Cow<'de, str>);

impl<'de> Deserialize<'de> for Borrowed<'de> {
    fn deserialize<D: Deserializer<'de>>(text: D) -> Result<Self, D::Error> {
        struct BorrowedVisitor;

        impl<'de> Visitor<'de> for BorrowedVisitor {
            type Value = Borrowed<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Borrowed<'de>, E> {
                Ok(Borrowed(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Borrowed<'de>, E> {
                Ok(Borrowed(Cow::Owned(text.to_owned())))
            }
        }

        text.deserialize_identifier(BorrowedVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_integers() {
        let read =
            |json: &'static str| text(&mut serde_json::Deserializer::from_str(json)).map_err(|error| error.to_string());
        for (json, expected) in [
            (r#""evt_1""#, Some("evt_1")),
            (r#""\u00fc\n""#, Some("ü\n")),
            (r#""""#, None),
            ("null", None),
            ("7", Some("7")),
            ("-1", Some("-1")),
            ("18446744073709551615", Some("18446744073709551615")),
        ] {
            assert_eq!(read(json), Ok(expected.map(str::to_owned)), "{json}");
        }
        for json in ["18446744073709551616", "1.5", "1e3", "-0", "1e999", "true", "{}", "[]", r#""\ud800""#] {
            assert_eq!(read(json), Err("expected a string or an integer".to_owned()), "{json}");
        }
    }
}
