use chrono::{DateTime, Utc};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::event::envelope::{Fields, events};
use crate::event::wire::{Boxed, payload};
use crate::event::{CallUpdate, Stage};
use crate::event::{DedupeKey, Envelope};
use crate::vendors::ultravox::Call;

events! {
    fields: Fields {
        name: "event",
        data: "call",
        time: None,
        ids: [None, None],
        test: None,
    };
    /// An event of Ultravox, by its list of
    /// [available webhooks](https://docs.ultravox.ai/webhooks/available-webhooks).
    pub enum Event {
        /// `call.started`: the call was created.
        CallStarted(CallEvent) = "call.started",
        /// `call.joined`: somebody is on the call.
        CallJoined(CallEvent) = "call.joined",
        /// `call.ended`: the call is over.
        CallEnded(CallEvent) = "call.ended",
        /// `call.billed`: the call's cost is known.
        CallBilled(CallEvent) = "call.billed",
        /// A delivery that names no event, as older ones do. Which one it is, is not
        /// guessed: `ended` and `billing_status` can be set in several. Its name is
        /// empty, and the whole body is its dedupe key.
        Unnamed(CallEvent) = "",
    }
}

impl Event {
    /// The call, unless the event is not a documented one.
    fn subject(&self) -> Option<&Call> {
        match self {
            Event::CallStarted(data)
            | Event::CallJoined(data)
            | Event::CallEnded(data)
            | Event::CallBilled(data)
            | Event::Unnamed(data) => Some(&data.call),
            Event::Unknown(_) | Event::Undecodable(_) => None,
        }
    }
}

impl crate::event::Event for Event {
    fn name(&self) -> &str {
        self.name()
    }

    /// By the call's own times; nothing says when a call was billed.
    fn occurred_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Event::CallStarted(data) => data.call.created,
            Event::CallJoined(data) => data.call.joined,
            Event::CallEnded(data) => data.call.ended,
            _ => None,
        }
    }

    /// Ultravox gives its events no id: each happens once in a call.
    fn dedupe_key(&self) -> DedupeKey<'_> {
        match self {
            Event::Unnamed(_) => DedupeKey::Body,
            _ => DedupeKey::first([self.call_id()]),
        }
    }

    fn call_id(&self) -> Option<&str> {
        self.subject()?.call_id.as_deref()
    }

    fn call(&self) -> Option<CallUpdate<'_>> {
        let stage = match self {
            Event::CallStarted(_) => Stage::Started,
            Event::CallJoined(_) => Stage::Joined,
            Event::CallEnded(_) => Stage::Ended,
            Event::CallBilled(_) => Stage::Billed,
            _ => Stage::Other,
        };
        Some(CallUpdate { at: self.occurred_at(), ..self.subject()?.update(stage) })
    }
}

/// What Ultravox says in every event: the whole call.
#[derive(Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct CallEvent {
    /// Empty: Ultravox writes nothing around the call but the event's name.
    pub envelope: Envelope,
    /// The call.
    pub call: Box<Call>,
}

payload!(CallEvent { call });

impl Serialize for CallEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.call.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for CallEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Boxed(Some(mut call)) = Boxed::<Call>::deserialize(deserializer)? else {
            return Err(D::Error::custom("wrong type, expected an object"));
        };
        call.adopt_agent_id(None);
        Ok(CallEvent { envelope: Envelope::default(), call })
    }
}
