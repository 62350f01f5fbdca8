//! The trait that every event implements, and the parts that all vendors share.

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, Utc};

use crate::event::body::{object_text, parse_text};
use crate::event::{CallUpdate, ParseError, RawJson};

/// The trait that the events of every vendor implement.
///
/// The envelope is not part of the event: [`Parsed`](crate::event::Parsed) holds both,
/// and has a method for each of these.
pub trait Event {
    /// Returns the vendor's name for this event, aliases normalised.
    fn name(&self) -> &str;

    /// Returns what identifies this event across redeliveries, by the vendor's rule.
    fn identity<'a>(&'a self, envelope: &'a Envelope) -> Identity<'a>;

    /// Returns the name if it is one of those that the vendor documents. By default, it is
    /// `None`. Metrics use it as a label, which a name that the vendor invents cannot be.
    fn documented_name(&self) -> Option<&'static str> {
        None
    }

    /// Returns what does not fit, if the data as a whole does not fit the event's type. By
    /// default, it is `None`: the type has no such case.
    fn undecodable(&self) -> Option<&Undecodable> {
        None
    }

    /// Returns when the event happened, according to the vendor; by default, the
    /// envelope's time.
    fn occurred_at(&self, envelope: &Envelope) -> Option<DateTime<Utc>> {
        envelope.timestamp
    }

    /// Returns the id of the call that the event belongs to.
    fn call_id(&self) -> Option<&str> {
        None
    }

    /// Returns what the event says about a call, in words that all vendors share;
    /// `None` if it is not about a call.
    ///
    /// [`CallUpdate::at`] may be left empty: [`Parsed::call`](crate::event::Parsed::call)
    /// fills it from [`occurred_at`](Self::occurred_at).
    fn call(&self) -> Option<CallUpdate<'_>> {
        None
    }

    /// Returns the part of a body of this event that is the same in every redelivery; by
    /// default, the whole body.
    ///
    /// The vendors of this crate return the text of the data, because an envelope may
    /// carry a new time at each attempt. Two deliveries with one
    /// [`identity`](Self::identity) and different payloads are different events.
    fn payload<'b>(&self, body: &'b [u8]) -> &'b [u8] {
        body
    }
}

/// The event of a vendor of yours (see [`Parsed::decode`](crate::event::Parsed::decode)). A delivery that
/// does not fit the type is not lost.
impl<E: Event> Event for Result<E, Undecodable> {
    fn name(&self) -> &str {
        self.as_ref().map_or_else(|undecodable| &*undecodable.name, E::name)
    }

    /// Returns that of the event. If the delivery does not fit the type, the signed
    /// message id identifies it, or else the body.
    fn identity<'a>(&'a self, envelope: &'a Envelope) -> Identity<'a> {
        self.as_ref().map_or(Identity::Message, |event| event.identity(envelope))
    }

    fn documented_name(&self) -> Option<&'static str> {
        self.as_ref().ok()?.documented_name()
    }

    fn undecodable(&self) -> Option<&Undecodable> {
        match self {
            Ok(event) => event.undecodable(),
            Err(undecodable) => Some(undecodable),
        }
    }

    fn occurred_at(&self, envelope: &Envelope) -> Option<DateTime<Utc>> {
        self.as_ref().map_or(envelope.timestamp, |event| event.occurred_at(envelope))
    }

    fn call_id(&self) -> Option<&str> {
        self.as_ref().ok()?.call_id()
    }

    fn call(&self) -> Option<CallUpdate<'_>> {
        self.as_ref().ok()?.call()
    }

    fn payload<'b>(&self, body: &'b [u8]) -> &'b [u8] {
        self.as_ref().map_or(body, |event| event.payload(body))
    }
}

/// What makes two deliveries the same event.
///
/// [`Delivery::dedupe_key`](crate::Delivery::dedupe_key) turns it into the key that a
/// store sees. Everything in it comes from signed bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Identity<'a> {
    /// An id that is unique among the events of the same name.
    Id(Cow<'a, str>),
    /// The message id that the vendor signs outside the body
    /// ([`Verified::message_id`](crate::Verified::message_id)), or the body if the
    /// vendor signs none.
    Message,
    /// The body, byte for byte: the event has no id.
    Body,
    /// Nothing: every delivery is a new event, such as a test.
    Never,
}

impl<'a> Identity<'a> {
    /// Returns the first id that is present, or else the body.
    pub(crate) fn first_of(ids: impl IntoIterator<Item = Option<&'a str>>) -> Self {
        ids.into_iter().flatten().next().map_or(Identity::Body, |id| Identity::Id(id.into()))
    }
}

/// The part of a body that is around the data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Envelope {
    /// The event's id, if the vendor writes one here.
    pub id: Option<String>,
    /// When the event happened, if the vendor writes it here.
    pub timestamp: Option<DateTime<Utc>>,
    /// Whether the vendor marks it as a test delivery.
    pub test: bool,
}

/// An event that the vendor does not document.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unknown {
    /// The vendor's name for it.
    pub name: String,
    /// Its data.
    pub data: RawJson,
}

/// An event whose type is known, but whose data does not fit the type.
///
/// A field that does not fit makes no event of a vendor of this crate undecodable: it is
/// absent, and listed in the [`Drift`](crate::event::Drift). Only data that is not an
/// object does, or data with more than 32 such fields (fewer, if it is larger than 512 KiB).
/// A handler can still read the parts that it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Undecodable {
    /// The vendor's name for it, aliases normalised.
    pub name: String,
    /// Its data.
    pub data: RawJson,
    /// The whole body.
    pub body: RawJson,
    /// What does not fit, and where; never the value.
    pub reason: String,
}

impl Undecodable {
    /// Keeps a body as one that does not fit, for a
    /// [`Verifier::parse`](crate::Verifier::parse) of yours. The data is the whole body.
    ///
    /// # Errors
    ///
    /// A body that is not a JSON object.
    pub fn new(name: impl Into<String>, body: &[u8], reason: impl Into<String>) -> Result<Self, ParseError> {
        let body = RawJson::from(parse_text(object_text(body)?)?);
        Ok(Undecodable { name: name.into(), data: body.clone(), body, reason: reason.into() })
    }
}

/// Shows the name and the reason.
impl fmt::Display for Undecodable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the event `{}` is not understood: {}", self.name, self.reason)
    }
}

impl std::error::Error for Undecodable {}

#[cfg(test)]
mod tests {
    use super::*;

    /// An event with the defaults of the trait.
    struct Plain;

    impl Event for Plain {
        fn name(&self) -> &str {
            "plain"
        }

        fn identity<'a>(&'a self, _: &'a Envelope) -> Identity<'a> {
            Identity::Never
        }
    }

    /// An event that differs from the defaults in everything.
    struct Full(Option<Undecodable>);

    impl Event for Full {
        fn name(&self) -> &str {
            "full"
        }

        fn identity<'a>(&'a self, _: &'a Envelope) -> Identity<'a> {
            Identity::Id("7".into())
        }

        fn documented_name(&self) -> Option<&'static str> {
            Some("documented")
        }

        fn undecodable(&self) -> Option<&Undecodable> {
            self.0.as_ref()
        }

        fn occurred_at(&self, _: &Envelope) -> Option<DateTime<Utc>> {
            Some(DateTime::UNIX_EPOCH)
        }

        fn call_id(&self) -> Option<&str> {
            Some("c1")
        }

        fn call(&self) -> Option<CallUpdate<'_>> {
            Some(CallUpdate::new(crate::event::Stage::Ended))
        }

        fn payload<'b>(&self, _: &'b [u8]) -> &'b [u8] {
            b"data"
        }
    }

    fn described(event: &impl Event) -> String {
        let envelope = Envelope { timestamp: DateTime::from_timestamp(1, 0), ..Envelope::default() };
        let payload = std::str::from_utf8(event.payload(b"{}")).unwrap();
        format!(
            "{} {:?} {:?} {} {:?} {:?} {} {payload}",
            event.name(),
            event.identity(&envelope),
            event.documented_name(),
            event.undecodable().map_or_else(String::new, Undecodable::to_string),
            event.occurred_at(&envelope).map(|at| at.timestamp()),
            event.call_id(),
            event.call().is_some(),
        )
    }

    #[test]
    fn an_event_says_nothing_of_itself_by_default() {
        assert_eq!(described(&Plain), "plain Never None  Some(1) None false {}");
    }

    #[test]
    fn a_result_is_its_event_or_what_does_not_fit() {
        let undecodable = Undecodable::new("odd", b"{}", "no id").unwrap();
        for inner in [None, Some(undecodable.clone())] {
            let full = described(&Full(inner.clone()));
            assert!(full.starts_with(r#"full Id("7") Some("documented")"#), "{full}");
            assert_eq!(described(&Ok::<_, Undecodable>(Full(inner))), full);
        }
        assert_eq!(
            described(&Err::<Full, _>(undecodable)),
            "odd Message None the event `odd` is not understood: no id Some(1) None false {}"
        );
    }
}
