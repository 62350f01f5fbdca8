use serde::{Deserialize, Serialize};

use crate::event::envelope::{self, Layout, Payload, TimeField, Vocabulary, events};
use crate::event::wire::{self, open_enum, redacted_debug};
use crate::event::{CallUpdate, Direction, Envelope, Identity, Stage, Undecodable};

events! {
    layout: Layout {
        name: "event_type",
        data: "payload",
        time: Some(TimeField::Unix("timestamp_utc")),
        ids: [None, None],
        test: Some("is_test"),
    };
    /// An event of Salpre, as in its page on
    /// [webhooks](https://documentation.salpre.com/docs/webhooks).
    pub enum Event {
        /// `call_initiated`: a call was placed, or came in.
        CallInitiated(CallEvent) = "call_initiated",
        /// `call_ringing`: the phone rings.
        CallRinging(CallEvent) = "call_ringing",
        /// `call_answered`: someone answered.
        CallAnswered(CallEvent) = "call_answered",
        /// `transcript`: someone said something.
        Transcript(TranscriptEvent) = "transcript",
        /// `call_ended`: the call is over; this is what was said.
        CallEnded(CallEndedEvent) = "call_ended",
        /// `error`: something went wrong during the call.
        Error(ErrorEvent) = "error",
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

    /// An event that happens once in a call is identified by the call's id, any other by
    /// the body. Test deliveries all carry the same id and are never duplicates.
    fn identity<'a>(&'a self, envelope: &'a Envelope) -> Identity<'a> {
        if envelope.test {
            return Identity::Never;
        }
        match self.name() {
            "call_initiated" | "call_ringing" | "call_answered" | "call_ended" => Identity::first_of([self.call_id()]),
            _ => Identity::Body,
        }
    }

    fn call_id(&self) -> Option<&str> {
        match self {
            Event::Undecodable(undecodable) => undecodable.data.call_id(),
            _ => self.subject()?.1.id.as_deref(),
        }
    }

    fn call(&self) -> Option<CallUpdate<'_>> {
        let (stage, call) = self.subject()?;
        let mut update = CallUpdate::new(stage);
        update.call_id = call.id.as_deref();
        update.direction = call.direction.as_ref();
        update.from = call.from.as_deref();
        update.to = call.to.as_deref();
        Some(update)
    }

    fn payload<'b>(&self, body: &'b [u8]) -> &'b [u8] {
        envelope::payload::<Self>(body)
    }
}

impl Event {
    /// Returns the call of a documented event, and how far it has come.
    fn subject(&self) -> Option<(Stage, &Call)> {
        match self {
            Event::CallInitiated(data) => Some((Stage::Started, &data.call)),
            Event::CallRinging(data) => Some((Stage::Ringing, &data.call)),
            Event::CallAnswered(data) => Some((Stage::Joined, &data.call)),
            Event::Transcript(data) => Some((Stage::Transcript, &data.call)),
            Event::CallEnded(data) => Some((Stage::Ended, &data.call)),
            Event::Error(data) => Some((Stage::Other, &data.call)),
            Event::Unknown(_) | Event::Undecodable(_) => None,
        }
    }
}

/// The call of an event. Salpre writes it flat (`call_id`) or nested (`call.id`).
#[derive(Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Call {
    /// The call's id, as text.
    #[serde(alias = "call_id", deserialize_with = "wire::text", skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The calling number, in E.164.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The called number, in E.164.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Who called whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// The device, such as `salprebox:SALPRE_AABBCCDD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

impl Call {
    /// Returns the call whose fields are those of the nested call, or else these.
    fn overridden_by(self, nested: Option<Call>) -> Call {
        let nested = nested.unwrap_or_default();
        Call {
            id: nested.id.or(self.id),
            from: nested.from.or(self.from),
            to: nested.to.or(self.to),
            direction: nested.direction.or(self.direction),
            source: nested.source.or(self.source),
        }
    }
}

redacted_debug!(Call { id, direction, source });

/// The payload of `call_initiated`, `call_ringing` and `call_answered`.
#[derive(Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(from = "CallData")]
#[non_exhaustive]
pub struct CallEvent {
    /// The call.
    pub call: Call,
}

impl Payload for CallEvent {}

redacted_debug!(CallEvent { call });

/// The payload of a call event on the wire.
#[derive(Default, Deserialize)]
#[serde(default)]
struct CallData {
    #[serde(deserialize_with = "wire::optional_object")]
    call: Option<Call>,
    #[serde(deserialize_with = "wire::text")]
    call_id: Option<String>,
    from: Option<String>,
    to: Option<String>,
    direction: Option<Direction>,
    source: Option<String>,
}

impl From<CallData> for CallEvent {
    fn from(data: CallData) -> Self {
        let CallData { call, call_id: id, from, to, direction, source } = data;
        CallEvent { call: Call { id, from, to, direction, source }.overridden_by(call) }
    }
}

/// The payload of `transcript`.
#[derive(Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(from = "TranscriptData")]
#[non_exhaustive]
pub struct TranscriptEvent {
    /// The call.
    pub call: Call,
    /// Who said it.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub speaker: Option<Speaker>,
    /// What was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transcript: Option<String>,
    /// When it was said: text, in a unit that Salpre does not name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp_utc: Option<String>,
}

impl Payload for TranscriptEvent {}

redacted_debug!(TranscriptEvent { call, speaker });

/// The payload of `transcript` on the wire.
#[derive(Default, Deserialize)]
#[serde(default)]
struct TranscriptData {
    #[serde(deserialize_with = "wire::optional_object")]
    call: Option<Call>,
    #[serde(deserialize_with = "wire::text")]
    call_id: Option<String>,
    from: Option<String>,
    to: Option<String>,
    direction: Option<Direction>,
    source: Option<String>,
    #[serde(rename = "type")]
    speaker: Option<Speaker>,
    transcript: Option<String>,
    #[serde(deserialize_with = "wire::text")]
    timestamp_utc: Option<String>,
}

impl From<TranscriptData> for TranscriptEvent {
    fn from(data: TranscriptData) -> Self {
        let TranscriptData { call, call_id: id, from, to, direction, source, speaker, transcript, timestamp_utc } =
            data;
        TranscriptEvent {
            call: Call { id, from, to, direction, source }.overridden_by(call),
            speaker,
            transcript,
            timestamp_utc,
        }
    }
}

/// The payload of `call_ended`.
#[derive(Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(from = "CallEndedData")]
#[non_exhaustive]
pub struct CallEndedEvent {
    /// The call.
    pub call: Call,
    /// What was said, in order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transcript: Option<Vec<TranscriptEntry>>,
}

impl Payload for CallEndedEvent {}

redacted_debug!(CallEndedEvent { call });

/// The payload of `call_ended` on the wire.
#[derive(Default, Deserialize)]
#[serde(default)]
struct CallEndedData {
    #[serde(deserialize_with = "wire::optional_object")]
    call: Option<Call>,
    #[serde(deserialize_with = "wire::text")]
    call_id: Option<String>,
    from: Option<String>,
    to: Option<String>,
    direction: Option<Direction>,
    source: Option<String>,
    #[serde(deserialize_with = "wire::list")]
    transcript: Option<Vec<TranscriptEntry>>,
}

impl From<CallEndedData> for CallEndedEvent {
    fn from(data: CallEndedData) -> Self {
        let CallEndedData { call, call_id: id, from, to, direction, source, transcript } = data;
        CallEndedEvent { call: Call { id, from, to, direction, source }.overridden_by(call), transcript }
    }
}

/// Something said in a call.
#[derive(Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct TranscriptEntry {
    /// Who said it.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub speaker: Option<Speaker>,
    /// What was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When it was said: text, in a unit that Salpre does not name. The greeting has
    /// none.
    #[serde(deserialize_with = "wire::text", skip_serializing_if = "Option::is_none")]
    pub utc_timestamp: Option<String>,
}

redacted_debug!(TranscriptEntry { speaker });

/// The payload of `error`.
#[derive(Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(from = "ErrorData")]
#[non_exhaustive]
pub struct ErrorEvent {
    /// The call.
    pub call: Call,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
}

impl Payload for ErrorEvent {}

redacted_debug!(ErrorEvent { call });

/// The payload of `error` on the wire.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorData {
    #[serde(deserialize_with = "wire::optional_object")]
    call: Option<Call>,
    #[serde(deserialize_with = "wire::text")]
    call_id: Option<String>,
    from: Option<String>,
    to: Option<String>,
    direction: Option<Direction>,
    source: Option<String>,
    error_message: Option<String>,
}

impl From<ErrorData> for ErrorEvent {
    fn from(data: ErrorData) -> Self {
        let ErrorData { call, call_id: id, from, to, direction, source, error_message } = data;
        ErrorEvent { call: Call { id, from, to, direction, source }.overridden_by(call), error_message }
    }
}

open_enum! {
    /// Who said something.
    pub enum Speaker {
        /// The agent.
        Ai = "ai",
        /// The customer.
        Customer = "customer",
    }
}
