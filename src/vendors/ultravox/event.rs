use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize};

use crate::event::envelope::{self, Layout, Payload, Vocabulary, events};
use crate::event::{CallUpdate, Envelope, Identity, Stage, Undecodable};
use crate::vendors::call::{BoxedCall, Call};

events! {
    layout: Layout { name: "event", data: "call", time: None, ids: [None, None], test: None };
    /// An event of Ultravox, as in its list of
    /// [available webhooks](https://docs.ultravox.ai/webhooks/available-webhooks).
    pub enum Event {
        /// `call.started`: the call was created.
        CallStarted(CallEvent) = "call.started",
        /// `call.joined`: someone is on the call.
        CallJoined(CallEvent) = "call.joined",
        /// `call.ended`: the call is over.
        CallEnded(CallEvent) = "call.ended",
        /// `call.billed`: the call's cost is known.
        CallBilled(CallEvent) = "call.billed",
        /// A delivery that names no event, as older ones do not. offhook does not guess
        /// which event it is: `ended` and `billing_status` can be set in several. Its name
        /// is empty, and the whole body identifies it.
        Unnamed(CallEvent) = "",
    }
}

impl crate::event::Event for Event {
    fn name(&self) -> &str {
        self.event_name()
    }

    fn documented_name(&self) -> Option<&'static str> {
        self.known_name()
    }

    fn undecodable(&self) -> Option<&Undecodable> {
        self.as_undecodable()
    }

    /// Ultravox gives its events no id: each happens once in a call.
    fn identity<'a>(&'a self, _envelope: &'a Envelope) -> Identity<'a> {
        if self.name().is_empty() { Identity::Body } else { Identity::first_of([self.call_id()]) }
    }

    /// Returns the call's own time. Nothing says when a call was billed.
    fn occurred_at(&self, _envelope: &Envelope) -> Option<DateTime<Utc>> {
        match self {
            Event::CallStarted(data) => data.call.created,
            Event::CallJoined(data) => data.call.joined,
            Event::CallEnded(data) => data.call.ended,
            _ => None,
        }
    }

    fn call_id(&self) -> Option<&str> {
        match self {
            Event::Undecodable(undecodable) => undecodable.data.call_id(),
            _ => self.subject()?.1.call_id.as_deref(),
        }
    }

    fn call(&self) -> Option<CallUpdate<'_>> {
        let (stage, call) = self.subject()?;
        Some(call.update(stage))
    }

    fn payload<'b>(&self, body: &'b [u8]) -> &'b [u8] {
        envelope::payload::<Self>(body)
    }
}

impl Event {
    /// Returns the call of a documented event, and how far it has come.
    fn subject(&self) -> Option<(Stage, &Call)> {
        match self {
            Event::CallStarted(data) => Some((Stage::Started, &data.call)),
            Event::CallJoined(data) => Some((Stage::Joined, &data.call)),
            Event::CallEnded(data) => Some((Stage::Ended, &data.call)),
            Event::CallBilled(data) => Some((Stage::Billed, &data.call)),
            Event::Unnamed(data) => Some((Stage::Other, &data.call)),
            Event::Unknown(_) | Event::Undecodable(_) => None,
        }
    }
}

/// The data of every event of Ultravox: the whole call.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(transparent)]
#[non_exhaustive]
pub struct CallEvent {
    /// The call.
    #[serde(deserialize_with = "boxed")]
    pub call: Box<Call>,
}

impl Payload for CallEvent {
    fn read<'de, D: Deserializer<'de>>(data: D) -> Result<Self, D::Error> {
        CallEvent::deserialize(data)
    }
}

fn boxed<'de, D: Deserializer<'de>>(call: D) -> Result<Box<Call>, D::Error> {
    BoxedCall::deserialize(call).map(|BoxedCall(call)| call)
}
