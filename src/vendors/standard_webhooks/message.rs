use chrono::{DateTime, Utc};
use serde::de::{Deserialize, DeserializeOwned};

use crate::event::ParseError;
use crate::event::envelope;
use crate::event::wire::Timestamp;
use crate::event::{DedupeKey, Event, Undecodable};
use crate::vendors::standard_webhooks::head::Head;
use crate::vendors::standard_webhooks::{ID_HEADER, TIMESTAMP_HEADER};
use crate::verify::Verified;

/// A delivery by Standard Webhooks.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Message<E> {
    /// The message's id. A retry keeps it.
    pub id: String,
    /// When this attempt was signed.
    pub timestamp: DateTime<Utc>,
    /// The body's `type`; empty where it has none.
    pub name: String,
    /// The body's `timestamp`, which a retry keeps, where it has one.
    pub occurred_at: Option<DateTime<Utc>>,
    /// The whole body as your type, or what does not fit it. A handler that cannot
    /// go on without the data returns the error, and the vendor sends it again.
    pub data: Result<E, Undecodable>,
}

impl<E: DeserializeOwned> Message<E> {
    pub(super) fn read(verified: &Verified, body: &[u8]) -> Result<Self, ParseError> {
        let missing = |field| ParseError::MissingField { field };
        let text = envelope::object(body)?;
        let (head, event) = Head::read(text)?;
        let name: String = head.name.and_then(|name| serde_json::from_str(name.get()).ok()).unwrap_or_default();
        Ok(Message {
            id: verified.message_id().ok_or_else(|| missing(ID_HEADER))?.to_owned(),
            timestamp: verified.signed_at().ok_or_else(|| missing(TIMESTAMP_HEADER))?,
            occurred_at: head.timestamp.and_then(|time| Timestamp::deserialize(time).ok()?.0),
            data: match event {
                Some(event) => Ok(event),
                None => envelope::decode(&name, body)?,
            },
            name,
        })
    }
}

impl<E> Event for Message<E> {
    fn name(&self) -> &str {
        &self.name
    }

    fn occurred_at(&self) -> Option<DateTime<Utc>> {
        self.occurred_at
    }

    fn dedupe_key(&self) -> DedupeKey<'_> {
        DedupeKey::Id(self.id.as_str().into())
    }
}
