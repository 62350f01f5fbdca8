//! JSON that is kept as the vendor wrote it.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::event::wire::{Borrowed, Scalar};

/// A JSON value, kept as the text that the vendor sent.
///
/// No tree is built from it: it takes as much memory as the text, however deeply it is
/// nested. `Debug` shows the length only.
///
/// ```
/// # use offhook::salpre;
/// # let body = br#"{"event_type":"call_parked","payload":{"slot":4}}"#;
/// # let salpre::Event::Unknown(unknown) = salpre::Event::parse(body)?.into_event() else { unreachable!() };
/// #[derive(serde::Deserialize)]
/// struct Parked { slot: u32 }
///
/// assert_eq!(unknown.data.get(), r#"{"slot":4}"#);
/// assert_eq!(unknown.data.decode::<Parked>().unwrap().slot, 4);
/// # Ok::<(), offhook::ParseError>(())
/// ```
#[derive(Clone)]
pub struct RawJson(Box<RawValue>);

impl RawJson {
    /// Returns the JSON text.
    pub fn get(&self) -> &str {
        self.0.get()
    }

    /// Decodes the value as a type of yours.
    ///
    /// # Errors
    ///
    /// A value that does not fit. **The error's text may quote the value.**
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.get())
    }
}

impl RawJson {
    /// Returns the call's id in an object that has no type, unless it has escapes.
    pub(crate) fn call_id(&self) -> Option<&str> {
        match self.top_level_id(&["callId", "call_id"])? {
            Cow::Borrowed(id) => Some(id),
            Cow::Owned(_) => None,
        }
    }

    /// Returns the id in the first of these members that holds one.
    pub(crate) fn top_level_id(&self, names: &[&str]) -> Option<Cow<'_, str>> {
        let mut deserializer = serde_json::Deserializer::from_str(self.get());
        deserializer.deserialize_map(IdVisitor(names)).ok()?
    }
}

struct IdVisitor<'n>(&'n [&'n str]);

impl<'de> Visitor<'de> for IdVisitor<'_> {
    type Value = Option<Cow<'de, str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut id = None;
        while let Some((Borrowed(key), value)) = members.next_entry::<_, &RawValue>()? {
            if id.is_none() && self.0.contains(&&*key) {
                id = Scalar::of(value).into_id().unwrap_or_default();
            }
        }
        Ok(id)
    }
}

impl From<&RawValue> for RawJson {
    fn from(raw: &RawValue) -> Self {
        RawJson(raw.to_owned())
    }
}

impl PartialEq for RawJson {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl Eq for RawJson {}

impl fmt::Debug for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawJson({} bytes)", self.get().len())
    }
}

impl Serialize for RawJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RawJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::deserialize(deserializer).map(RawJson)
    }
}

/// An amount of money or credit: a number, kept exactly as the vendor wrote it.
///
/// ```
/// # use offhook::truedy;
/// # let body = br#"{"event":"call.ended","data":{"call":{"callId":"c","costUsd":0.10}}}"#;
/// # let truedy::Event::CallEnded(ended) = truedy::Event::parse(body)?.into_event() else { unreachable!() };
/// assert_eq!(ended.call.cost_usd.unwrap().as_str(), "0.10");
/// # Ok::<(), offhook::ParseError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Amount(Box<str>);

impl Amount {
    /// Returns the number's text, in JSON's grammar
    /// ([RFC 8259, section 6](https://www.rfc-editor.org/rfc/rfc8259#section-6)). A decimal
    /// type parses it without loss.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the nearest double. It is for display, and not for sums.
    pub fn to_f64(&self) -> f64 {
        self.0.parse().unwrap_or(f64::NAN)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Amount(..)")
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(&self.0).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text: Box<str> = Box::<RawValue>::deserialize(deserializer)?.into();
        if is_number(&text) { Ok(Amount(text)) } else { Err(serde::de::Error::custom("expected a number")) }
    }
}

/// Returns whether a JSON value is a number within the range of a double.
fn is_number(json: &str) -> bool {
    let bounded = json.len() <= MAX_PLAIN_DIGITS && !json.bytes().any(|byte| matches!(byte, b'e' | b'E'));
    json.starts_with(|first: char| first == '-' || first.is_ascii_digit())
        && (bounded || json.parse().is_ok_and(f64::is_finite))
}

/// A double reaches beyond 10^308, so a number of so few digits is in its range.
const MAX_PLAIN_DIGITS: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_keep_every_digit() {
        for text in ["0.1", "0.10", "12345678901234567890.000000000001", "-3e2", "7"] {
            let amount: Amount = serde_json::from_str(text).unwrap();
            assert_eq!((amount.as_str(), amount.to_string().as_str()), (text, text));
            assert_eq!(amount.to_f64().to_bits(), text.parse::<f64>().unwrap().to_bits());
            assert_eq!(serde_json::to_string(&amount).unwrap(), text);
        }
        for text in ["\"0.1\"", "null", "true", "{}", "[1]", "1e999"] {
            assert!(serde_json::from_str::<Amount>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn debug_shows_no_data() {
        let raw: RawJson = serde_json::from_str(r#"{"secret":1}"#).unwrap();
        assert_eq!(format!("{raw:?}"), "RawJson(12 bytes)");
        let amount: Amount = serde_json::from_str("0.10").unwrap();
        assert_eq!(format!("{amount:?}"), "Amount(..)");
    }

    #[test]
    fn json_is_equal_if_its_text_is() {
        let raw = |text| serde_json::from_str::<RawJson>(text).unwrap();
        assert_eq!(raw(r#"{"a":1}"#), raw(r#"{"a":1}"#));
        assert_ne!(raw(r#"{"a":1}"#), raw(r#"{"a":2}"#));
        assert_ne!(raw("1"), raw("1.0"));
    }
}
