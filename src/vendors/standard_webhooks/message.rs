use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;
use serde_json::value::RawValue;

use crate::event::body::object_text;
use crate::event::wire::{self, Scalar};
use crate::event::{Envelope, Event, Identity, ParseError, Parsed, Undecodable};
use crate::vendors::standard_webhooks::ID_HEADER;
use crate::verify::Verified;

/// A message of Standard Webhooks.
///
/// Its id and the body's `timestamp`, which a retry keeps, are in the [`Envelope`]; the
/// time of the attempt is [`Verified::signed_at`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Message<E> {
    /// The body's `type`; empty if it has none.
    pub name: String,
    /// The whole body as your type, or what does not fit the type. A handler that cannot
    /// go on without the data returns the error, and the vendor sends the message again.
    pub data: Result<E, Undecodable>,
}

impl<E: DeserializeOwned> Message<E> {
    pub(super) fn parse(verified: &Verified, body: &[u8]) -> Result<Parsed<Self>, ParseError> {
        let Head { name, timestamp } = Head::read(object_text(body)?)?;
        let mut envelope = Envelope::default();
        let id = verified.message_id().ok_or(ParseError::MissingField { field: ID_HEADER })?;
        envelope.id = Some(id.to_owned());
        envelope.timestamp = timestamp;
        let whole = Parsed::decode(&name, body)?;
        let drift = whole.drift().clone();
        Ok(Parsed::new(envelope, Message { name, data: whole.into_event() }).with_drift(drift))
    }
}

impl<E> Event for Message<E> {
    fn name(&self) -> &str {
        &self.name
    }

    /// The message id identifies the event: a retry keeps it.
    fn identity<'a>(&'a self, envelope: &'a Envelope) -> Identity<'a> {
        envelope.id.as_deref().map_or(Identity::Message, |id| Identity::Id(id.into()))
    }

    fn undecodable(&self) -> Option<&Undecodable> {
        self.data.as_ref().err()
    }
}

/// The fields that the specification gives every body. Any JSON is accepted: one of
/// another type is empty.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Head {
    #[serde(rename = "type", deserialize_with = "name")]
    name: String,
    #[serde(deserialize_with = "timestamp")]
    timestamp: Option<DateTime<Utc>>,
}

impl Head {
    fn read(object: &str) -> Result<Self, ParseError> {
        serde_json::from_str(object).map_err(|error| match error.classify() {
            // Both fields accept any JSON, so nothing but a repeated one is refused.
            Category::Data if error.to_string().contains("`timestamp`") => {
                ParseError::RepeatedField { field: "timestamp" }
            }
            Category::Data => ParseError::RepeatedField { field: "type" },
            _ => ParseError::from_json(&error),
        })
    }
}

fn name<'de, D: Deserializer<'de>>(field: D) -> Result<String, D::Error> {
    let value = <&RawValue>::deserialize(field)?;
    Ok(match Scalar::of(value) {
        Scalar::Text(name) => name.into_owned(),
        _ => String::new(),
    })
}

fn timestamp<'de, D: Deserializer<'de>>(field: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    Ok(wire::time::read(Scalar::deserialize(field)?).unwrap_or_default())
}
