use std::fmt;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;

use crate::event::body::{object_text, parse_text};
use crate::event::{CallUpdate, Envelope, Event, Identity, ParseError, RawJson, Undecodable};

/// A body as its vendor's parser understood it: the envelope, the event, and what did
/// not fit.
///
/// The `Parsed` of a vendor's own event type serialises to the vendor's form, which
/// parses to the same envelope and event again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed<E> {
    envelope: Envelope,
    event: E,
    drift: Drift,
}

impl<E> Parsed<E> {
    /// Joins an event and its envelope, for a
    /// [`Verifier::parse`](crate::Verifier::parse) of yours.
    pub fn new(envelope: Envelope, event: E) -> Self {
        Parsed { envelope, event, drift: Drift::default() }
    }

    /// Adds what did not fit.
    #[must_use]
    pub fn with_drift(self, drift: Drift) -> Self {
        Parsed { drift, ..self }
    }

    /// Returns the envelope.
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// Returns the event.
    pub fn event(&self) -> &E {
        &self.event
    }

    /// Returns the event and drops the rest.
    pub fn into_event(self) -> E {
        self.event
    }

    /// Returns the documented fields that did not fit. They are absent from the event.
    pub fn drift(&self) -> &Drift {
        &self.drift
    }

    /// Returns whether the vendor marks this as a test delivery.
    pub fn is_test(&self) -> bool {
        self.envelope.test
    }
}

impl<E: Event> Parsed<E> {
    /// Returns the vendor's name for this event, aliases normalised.
    pub fn name(&self) -> &str {
        self.event.name()
    }

    /// Returns what identifies this event across redeliveries, by the vendor's rule.
    pub fn identity(&self) -> Identity<'_> {
        self.event.identity(&self.envelope)
    }

    /// Returns when the event happened, according to the vendor.
    pub fn occurred_at(&self) -> Option<DateTime<Utc>> {
        self.event.occurred_at(&self.envelope)
    }

    /// Returns the id of the call that the event belongs to.
    pub fn call_id(&self) -> Option<&str> {
        self.event.call_id()
    }

    /// Returns what the event says about a call, in words that all vendors share;
    /// `None` if it is not about a call.
    pub fn call(&self) -> Option<CallUpdate<'_>> {
        let mut update = self.event.call()?;
        update.at = update.at.or_else(|| self.occurred_at());
        Some(update)
    }
}

impl Parsed<()> {
    /// Parses a whole body as a type of yours, with an empty envelope. A JSON object
    /// that does not fit the type becomes an [`Undecodable`] with this name.
    ///
    /// ```
    /// use offhook::event::{Parsed, Undecodable};
    ///
    /// #[derive(Debug, PartialEq, serde::Deserialize)]
    /// struct Ping { sequence: u64 }
    ///
    /// let parsed = Parsed::decode::<Ping>("ping", br#"{"sequence":7}"#)?;
    /// assert_eq!(parsed.event().as_ref().unwrap().sequence, 7);
    ///
    /// let parsed = Parsed::decode::<Ping>("ping", br#"{"sequence":"secret"}"#)?;
    /// let undecodable = parsed.event().as_ref().unwrap_err();
    /// assert_eq!(undecodable.reason, "it does not fit its type (line 1, column 20)");
    /// # Ok::<(), offhook::ParseError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A body that is not a JSON object.
    pub fn decode<E: DeserializeOwned>(name: &str, body: &[u8]) -> Result<Parsed<Result<E, Undecodable>>, ParseError> {
        let text = object_text(body)?;
        let mut drift = Drift::default();
        let event = serde_json::from_str(text).map(Ok).or_else(|error| {
            let (body, reason) = (RawJson::from(parse_text(text)?), place_of(&error));
            drift.push("body", &*reason);
            Ok(Err(Undecodable { name: name.to_owned(), data: body.clone(), body, reason }))
        });
        Ok(Parsed::new(Envelope::default(), event?).with_drift(drift))
    }
}

/// Says where a type of the user's refused a body, and nothing else: the text of an
/// error that is not ours may quote the value anywhere.
fn place_of(error: &serde_json::Error) -> String {
    match error.line() {
        0 => "it does not fit its type".to_owned(),
        line => format!("it does not fit its type (line {line}, column {})", error.column()),
    }
}

/// The documented fields that did not fit, each with its path and the reason.
///
/// A field that does not fit is absent from the event. The value is never part of a
/// drift, so that it can be logged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drift(Vec<Misfit>);

impl Drift {
    /// Adds a field: its path from the body's root, such as `data.call.duration`, and
    /// the reason, without the value.
    pub fn push(&mut self, path: impl Into<String>, reason: impl Into<String>) {
        self.0.push(Misfit { path: path.into(), reason: reason.into() });
    }

    pub(crate) fn extend(&mut self, misfits: impl IntoIterator<Item = Misfit>) {
        self.0.extend(misfits);
    }

    /// Returns whether everything fits.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns how many fields do not fit.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the fields, in the order in which they were found.
    pub fn iter(&self) -> std::slice::Iter<'_, Misfit> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a Drift {
    type Item = &'a Misfit;
    type IntoIter = std::slice::Iter<'a, Misfit>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Shows all fields in one line: `data.call.duration: expected a number; id: …`.
impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, Misfit { path, reason }) in self.0.iter().enumerate() {
            let separator = if at == 0 { "" } else { "; " };
            write!(f, "{separator}{path}: {reason}")?;
        }
        Ok(())
    }
}

/// A documented field that did not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Misfit {
    /// The field's path from the body's root, such as `data.call.duration`, or `body` if
    /// the whole body does not fit a type of yours. A key that is not documented is
    /// written as `*`: it may be somebody's data.
    pub path: String,
    /// What was expected; never the value.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A type whose errors quote the value wherever they can.
    #[derive(Debug)]
    struct Quoting;

    impl<'de> serde::Deserialize<'de> for Quoting {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let value = serde_json::Value::deserialize(deserializer)?;
            Err(serde::de::Error::custom(format!("bad {value}, expected something other than {value}")))
        }
    }

    #[derive(Debug, serde::Deserialize)]
    #[expect(dead_code, reason = "only its errors count")]
    struct Strict {
        number: u8,
        quoting: Option<Quoting>,
    }

    #[test]
    fn a_reason_never_quotes_a_value() {
        for body in [
            r#"{"number":"4111-1111"}"#,
            r#"{"number":1,"quoting":"4111-1111"}"#,
            r#"{"number":4111111}"#,
            r#"{"4111-1111":1}"#,
        ] {
            let parsed = Parsed::decode::<Strict>("n", body.as_bytes()).unwrap();
            let undecodable = parsed.into_event().unwrap_err();
            assert!(undecodable.reason.starts_with("it does not fit its type (line 1, column "), "{undecodable}");
            assert!(!undecodable.to_string().contains("4111"), "{undecodable}");
            assert_eq!(undecodable.body.get(), body);
        }
        let parsed = Parsed::decode::<Quoting>("n", br#"{"a":"4111"}"#).unwrap();
        assert!(!parsed.into_event().unwrap_err().reason.contains("4111"));
    }

    #[test]
    fn what_is_not_an_object_is_refused() {
        for (body, code) in [
            ("", "body_not_json"),
            ("[]", "body_not_an_object"),
            ("null", "body_not_an_object"),
            ("{", "body_not_json"),
            ("{}x", "body_not_json"),
            ("{\"a\":1,}", "body_not_json"),
        ] {
            assert_eq!(Parsed::decode::<Strict>("", body.as_bytes()).unwrap_err().code(), code, "{body}");
            assert_eq!(Undecodable::new("", body.as_bytes(), "").unwrap_err().code(), code, "{body}");
        }
        assert_eq!(Parsed::decode::<Strict>("", b"{\"\xff\"}").unwrap_err(), ParseError::NotUtf8);
        let undecodable = Undecodable::new("call", b" {\"a\": 1}\n", "no call id").unwrap();
        assert_eq!((undecodable.data.get(), undecodable.body.get()), ("{\"a\": 1}", "{\"a\": 1}"));
    }

    #[test]
    fn drift_shows_paths_and_reasons() {
        let mut drift = Drift::default();
        assert!(drift.is_empty());
        drift.push("id", "expected a string");
        drift.push("data.duration", "expected a number");
        assert_eq!(drift.to_string(), "id: expected a string; data.duration: expected a number");
    }
}
