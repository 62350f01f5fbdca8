use std::borrow::Cow;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::event::envelope::{self, Layout, Payload, TimeField, Vocabulary, events};
use crate::event::wire::{self, open_enum, redacted_debug};
use crate::event::{CallUpdate, Envelope, Identity, RawJson, Stage, Undecodable};
use crate::vendors::call::{BoxedCall, Call};

events! {
    layout: Layout {
        name: "event",
        data: "data",
        time: Some(TimeField::Rfc3339("timestamp")),
        ids: [Some("id"), Some("event_id")],
        test: None,
    };
    /// An event of Truedy, as in its list of
    /// [available webhooks](https://docs.truedy.ai/guides/available-webhooks).
    pub enum Event {
        /// `call.started`: the call was created.
        CallStarted(CallEvent) = "call.started",
        /// `call.joined`: someone is on the call.
        CallJoined(CallEvent) = "call.joined",
        /// `call.ended`, also sent as `call.completed`: the call is over.
        CallEnded(CallEvent) = "call.ended" | "call.completed",
        /// `call.billed`: the call's cost is known.
        CallBilled(CallEvent) = "call.billed",
        /// `call.failed`: the call did not take place.
        CallFailed(CallEvent) = "call.failed",
        /// `call.analyzed`: the call's transcript is ready.
        CallAnalyzed(CallEvent) = "call.analyzed",
        /// `batch.status.changed`: the state of a batch of calls changed.
        BatchStatusChanged(BatchEvent) = "batch.status.changed",
        /// `batch.completed`: a batch of calls is done.
        BatchCompleted(BatchEvent) = "batch.completed",
        /// `voice.training.completed`: a voice can be used.
        VoiceTrainingCompleted(VoiceEvent) = "voice.training.completed",
        /// `voice.training.failed`: a voice cannot be used.
        VoiceTrainingFailed(VoiceEvent) = "voice.training.failed",
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

    /// Follows Truedy's order of ids: the event's own, then that of its subject.
    fn identity<'a>(&'a self, envelope: &'a Envelope) -> Identity<'a> {
        let event_id = envelope.id.as_deref();
        match self {
            Event::CallStarted(data)
            | Event::CallJoined(data)
            | Event::CallEnded(data)
            | Event::CallBilled(data)
            | Event::CallFailed(data)
            | Event::CallAnalyzed(data) => {
                Identity::first_of([event_id, data.event_id.as_deref(), data.call.call_id.as_deref()])
            }
            // An id that is the batch's own does not tell its changes apart.
            Event::BatchStatusChanged(data) => match event_id.or(data.event_id.as_deref()) {
                Some(id) if data.batch_id.as_deref() == Some(id) => data.change(envelope.timestamp),
                Some(id) => Identity::Id(id.into()),
                None => data.change(envelope.timestamp),
            },
            Event::BatchCompleted(data) => {
                Identity::first_of([event_id, data.event_id.as_deref(), data.batch_id.as_deref()])
            }
            Event::VoiceTrainingCompleted(data) | Event::VoiceTrainingFailed(data) => {
                Identity::first_of([event_id, data.event_id.as_deref(), data.voice_id.as_deref()])
            }
            Event::Unknown(unknown) => inner_id(event_id, &unknown.data),
            Event::Undecodable(undecodable) => match inner_id(event_id, &undecodable.data) {
                Identity::Body => Identity::first_of([self.call_id()]),
                id => id,
            },
        }
    }

    fn call_id(&self) -> Option<&str> {
        match self {
            Event::Undecodable(undecodable) if undecodable.name.starts_with("call.") => undecodable.data.call_id(),
            _ => self.subject()?.1.call.call_id.as_deref(),
        }
    }

    fn call(&self) -> Option<CallUpdate<'_>> {
        let (stage, data) = self.subject()?;
        Some(data.call.update(stage))
    }

    fn payload<'b>(&self, body: &'b [u8]) -> &'b [u8] {
        envelope::payload::<Self>(body)
    }
}

impl Event {
    /// Returns the data of a call event, and how far the call has come.
    fn subject(&self) -> Option<(Stage, &CallEvent)> {
        match self {
            Event::CallStarted(data) => Some((Stage::Started, data)),
            Event::CallJoined(data) => Some((Stage::Joined, data)),
            Event::CallEnded(data) => Some((Stage::Ended, data)),
            Event::CallBilled(data) => Some((Stage::Billed, data)),
            Event::CallFailed(data) => Some((Stage::Failed, data)),
            Event::CallAnalyzed(data) => Some((Stage::Transcript, data)),
            _ => None,
        }
    }
}

/// The data of a call event.
///
/// Truedy documents two shapes, the event of Ultravox (`call`) and a flat one
/// (`call_id`, `status`, `agent_id`, `duration_seconds`). Both fill these fields.
#[derive(Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(from = "CallData")]
#[non_exhaustive]
pub struct CallEvent {
    /// The event's id, if it is in the data.
    #[serde(rename = "id", skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    /// The name of the event of Ultravox that this one forwards.
    #[serde(rename = "event", skip_serializing_if = "Option::is_none")]
    pub upstream_event: Option<String>,
    /// The state of the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<CallStatus>,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    /// The call.
    pub call: Box<Call>,
}

impl Payload for CallEvent {}

redacted_debug!(CallEvent { event_id, status, call });

/// The data of a call event on the wire, nested or flat.
#[derive(Default, Deserialize)]
#[serde(default)]
struct CallData {
    #[serde(deserialize_with = "wire::text")]
    id: Option<String>,
    #[serde(alias = "eventId", deserialize_with = "wire::text")]
    event_id: Option<String>,
    event: Option<String>,
    status: Option<CallStatus>,
    #[serde(alias = "errorMessage")]
    error_message: Option<String>,
    call: Option<BoxedCall>,
    #[serde(deserialize_with = "wire::text")]
    call_id: Option<String>,
    #[serde(rename = "callId", deserialize_with = "wire::text")]
    call_id_camel: Option<String>,
    #[serde(alias = "agentId", deserialize_with = "wire::text")]
    agent_id: Option<String>,
    #[serde(alias = "durationSeconds", deserialize_with = "wire::seconds::deserialize")]
    duration_seconds: Option<TimeDelta>,
}

impl From<CallData> for CallEvent {
    fn from(data: CallData) -> Self {
        let mut call = data.call.map_or_else(Box::default, |BoxedCall(call)| call);
        call.call_id = call.call_id.or(data.call_id).or(data.call_id_camel);
        call.duration = call.duration.or(data.duration_seconds);
        call.fill_agent_id(data.agent_id);
        CallEvent {
            event_id: data.id.or(data.event_id),
            upstream_event: data.event,
            status: data.status,
            error_message: data.error_message,
            call,
        }
    }
}

/// The data of a batch event.
#[derive(Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(from = "BatchData")]
#[non_exhaustive]
pub struct BatchEvent {
    /// The event's id, if it is in the data.
    #[serde(rename = "id", skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    /// The batch's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_id: Option<String>,
    /// The state of the batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<BatchStatus>,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
}

impl BatchEvent {
    /// Identifies a change. A batch changes many times, perhaps to the same state again,
    /// so its id alone does not tell two changes apart.
    fn change(&self, time: Option<DateTime<Utc>>) -> Identity<'_> {
        match (&self.batch_id, time) {
            (Some(id), Some(time)) => {
                let status = self.status.as_ref().map_or("", BatchStatus::as_str);
                let time = time.to_rfc3339_opts(SecondsFormat::AutoSi, true);
                Identity::Id(Cow::Owned(format!("{id}:{status}:{time}")))
            }
            _ => Identity::Body,
        }
    }
}

impl Payload for BatchEvent {}

redacted_debug!(BatchEvent { event_id, batch_id, status });

/// The data of a batch event on the wire, in both casings.
#[derive(Default, Deserialize)]
#[serde(default)]
struct BatchData {
    #[serde(deserialize_with = "wire::text")]
    id: Option<String>,
    #[serde(alias = "eventId", deserialize_with = "wire::text")]
    event_id: Option<String>,
    #[serde(deserialize_with = "wire::text")]
    batch_id: Option<String>,
    #[serde(rename = "batchId", deserialize_with = "wire::text")]
    batch_id_camel: Option<String>,
    status: Option<BatchStatus>,
    #[serde(alias = "errorMessage")]
    error_message: Option<String>,
}

impl From<BatchData> for BatchEvent {
    fn from(data: BatchData) -> Self {
        BatchEvent {
            event_id: data.id.or(data.event_id),
            batch_id: data.batch_id.or(data.batch_id_camel),
            status: data.status,
            error_message: data.error_message,
        }
    }
}

/// The data of a voice event.
#[derive(Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(from = "VoiceData")]
#[non_exhaustive]
pub struct VoiceEvent {
    /// The event's id, if it is in the data.
    #[serde(rename = "id", skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    /// The voice's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voice_id: Option<String>,
    /// The state of the training; Truedy documents no values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
}

impl Payload for VoiceEvent {}

redacted_debug!(VoiceEvent { event_id, voice_id });

/// The data of a voice event on the wire, in both casings.
#[derive(Default, Deserialize)]
#[serde(default)]
struct VoiceData {
    #[serde(deserialize_with = "wire::text")]
    id: Option<String>,
    #[serde(alias = "eventId", deserialize_with = "wire::text")]
    event_id: Option<String>,
    #[serde(deserialize_with = "wire::text")]
    voice_id: Option<String>,
    #[serde(rename = "voiceId", deserialize_with = "wire::text")]
    voice_id_camel: Option<String>,
    status: Option<String>,
    #[serde(alias = "errorMessage")]
    error_message: Option<String>,
}

impl From<VoiceData> for VoiceEvent {
    fn from(data: VoiceData) -> Self {
        VoiceEvent {
            event_id: data.id.or(data.event_id),
            voice_id: data.voice_id.or(data.voice_id_camel),
            status: data.status,
            error_message: data.error_message,
        }
    }
}

/// Finds the event's id in data that has no type.
fn inner_id<'a>(event_id: Option<&'a str>, data: &'a RawJson) -> Identity<'a> {
    let inner = || data.top_level_id(&["id"]).or_else(|| data.top_level_id(&["eventId", "event_id"]));
    event_id.map(Cow::Borrowed).or_else(inner).map_or(Identity::Body, Identity::Id)
}

open_enum! {
    /// The state of a call.
    pub enum CallStatus {
        /// Waiting to be placed.
        Queued = "queued",
        /// Ringing.
        Ringing = "ringing",
        /// Someone is talking.
        InProgress = "in-progress",
        /// Over.
        Ended = "ended",
        /// Over, without an error.
        Completed = "completed",
        /// Did not take place.
        Failed = "failed",
        /// Was cancelled.
        Cancelled = "cancelled",
    }
}

open_enum! {
    /// The state of a batch of calls.
    pub enum BatchStatus {
        /// Not released yet.
        Draft = "draft",
        /// Waiting for its time.
        Scheduled = "scheduled",
        /// Released.
        Active = "active",
        /// Calls are being made.
        Running = "running",
        /// On hold.
        Paused = "paused",
        /// Done.
        Completed = "completed",
        /// Given up.
        Failed = "failed",
        /// Was cancelled.
        Cancelled = "cancelled",
    }
}
