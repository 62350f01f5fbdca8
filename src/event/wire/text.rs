use std::borrow::Cow;
use std::fmt;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer};

use super::Scalar;

/// Reads an id, or a text that may arrive as an integer.
pub(crate) fn text<'de, D: Deserializer<'de>>(field: D) -> Result<Option<String>, D::Error> {
    Scalar::deserialize(field)?.into_text().map_err(|mismatch| mismatch.into_error())
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
