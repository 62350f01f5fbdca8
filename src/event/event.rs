use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, Utc};

use crate::event::{CallUpdate, RawJson};

/// An event, whatever its vendor.
pub trait Event {
    /// The vendor's name for this event, aliases normalised.
    fn name(&self) -> &str;

    /// When it happened, by the vendor's word.
    fn occurred_at(&self) -> Option<DateTime<Utc>> {
        None
    }

    /// Whether the vendor marks it as a test delivery.
    fn is_test(&self) -> bool {
        false
    }

    /// What two deliveries of this event have in common, by the vendor's own rule.
    fn dedupe_key(&self) -> DedupeKey<'_>;

    /// The call that it belongs to.
    fn call_id(&self) -> Option<&str> {
        None
    }

    /// What it says about a call, in words that all vendors share; `None` when it
    /// is not about a call, or not understood.
    fn call(&self) -> Option<CallUpdate<'_>> {
        None
    }
}

/// What a vendor of one's own delivers ([`HmacVendor`](crate::HmacVendor)): an
/// event that does not fit its type is not lost.
impl<E: Event> Event for Result<E, Undecodable> {
    fn name(&self) -> &str {
        self.as_ref().map_or_else(|undecodable| &*undecodable.name, E::name)
    }

    fn occurred_at(&self) -> Option<DateTime<Utc>> {
        self.as_ref().ok()?.occurred_at()
    }

    fn is_test(&self) -> bool {
        self.as_ref().is_ok_and(E::is_test)
    }

    /// That of the event; of one that does not fit, the signed message id or else
    /// the body.
    fn dedupe_key(&self) -> DedupeKey<'_> {
        self.as_ref().map_or(DedupeKey::Message, E::dedupe_key)
    }

    fn call_id(&self) -> Option<&str> {
        self.as_ref().ok()?.call_id()
    }

    fn call(&self) -> Option<CallUpdate<'_>> {
        self.as_ref().ok()?.call()
    }
}

/// What makes two deliveries the same event.
///
/// [`Delivery::dedupe_key`](crate::Delivery::dedupe_key) makes the key from it
/// that a store sees. Everything in it comes from signed bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DedupeKey<'a> {
    /// An id, unique among the events of the same name.
    Id(Cow<'a, str>),
    /// The message id that the vendor signs outside the body
    /// ([`Verified::message_id`](crate::Verified::message_id)); the body, where it
    /// signs none.
    Message,
    /// The body, byte for byte: no id tells two such events apart.
    Body,
    /// Nothing: every delivery is an event of its own, such as a test.
    Never,
}

impl<'a> DedupeKey<'a> {
    /// The first id there is, or else the body.
    pub(crate) fn first(ids: impl IntoIterator<Item = Option<&'a str>>) -> Self {
        ids.into_iter().flatten().next().map_or(DedupeKey::Body, |id| DedupeKey::Id(id.into()))
    }
}

/// What stands around an event's data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Envelope {
    /// The event's id, where the envelope has one.
    pub id: Option<String>,
    /// When the event happened, where the envelope says so.
    pub timestamp: Option<DateTime<Utc>>,
    /// Whether the vendor marks it as a test delivery.
    pub test: bool,
}

/// An event that this crate has no type for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unknown {
    /// What stands around the data.
    pub envelope: Envelope,
    /// The vendor's name for it.
    pub name: String,
    /// Its data.
    pub data: RawJson,
}

/// An event whose type is known and whose data, or envelope, does not fit it.
///
/// The vendor changed something, or sent nonsense: nothing is lost, and a
/// handler can still read the parts that it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Undecodable {
    /// What could be read of the envelope.
    pub envelope: Envelope,
    /// The vendor's name for it, aliases normalised.
    pub name: String,
    /// Its data.
    pub data: RawJson,
    /// The whole body.
    pub body: RawJson,
    /// What does not fit, and where; without the value that stands there.
    pub reason: String,
}

/// Shows the name and the reason.
impl fmt::Display for Undecodable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the event `{}` is not understood: {}", self.name, self.reason)
    }
}

impl std::error::Error for Undecodable {}
