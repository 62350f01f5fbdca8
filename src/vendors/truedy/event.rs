use std::borrow::Cow;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use crate::event::RawJson;
use crate::event::envelope::{Fields, Time, events};
use crate::event::wire::{Boxed, Span, Text, Whole, Word, open_enum, payload, reads, writes};
use crate::event::{CallUpdate, Stage};
use crate::event::{DedupeKey, Envelope};
use crate::vendors::ultravox::Call;

events! {
    fields: Fields {
        name: "event",
        data: "data",
        time: Some(Time::Rfc3339("timestamp")),
        ids: [Some("id"), Some("event_id")],
        test: None,
    };
    /// An event of Truedy, by its list of
    /// [available webhooks](https://docs.truedy.ai/guides/available-webhooks).
    pub enum Event {
        /// `call.started`: the call was created.
        CallStarted(CallEvent) = "call.started",
        /// `call.joined`: somebody is on the call.
        CallJoined(CallEvent) = "call.joined",
        /// `call.ended`, also sent as `call.completed`: the call is over.
        CallEnded(CallEvent) = "call.ended" | "call.completed",
        /// `call.billed`: the call's cost is known.
        CallBilled(CallEvent) = "call.billed",
        /// `call.failed`: the call did not come about.
        CallFailed(CallEvent) = "call.failed",
        /// `call.analyzed`: the call's transcript is ready.
        CallAnalyzed(CallEvent) = "call.analyzed",
        /// `batch.status.changed`: a batch of calls moved on.
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
        self.name()
    }

    fn occurred_at(&self) -> Option<DateTime<Utc>> {
        self.envelope().timestamp
    }

    /// Truedy's order of ids: the event's own, then that of its subject.
    fn dedupe_key(&self) -> DedupeKey<'_> {
        let event_id = self.envelope().id.as_deref();
        match self {
            Event::CallStarted(data)
            | Event::CallJoined(data)
            | Event::CallEnded(data)
            | Event::CallBilled(data)
            | Event::CallFailed(data)
            | Event::CallAnalyzed(data) => {
                DedupeKey::first([event_id, data.event_id.as_deref(), data.call.call_id.as_deref()])
            }
            Event::BatchStatusChanged(data) => match event_id.or(data.event_id.as_deref()) {
                Some(id) => DedupeKey::Id(id.into()),
                None => data.change_key(),
            },
            Event::BatchCompleted(data) => {
                DedupeKey::first([event_id, data.event_id.as_deref(), data.batch_id.as_deref()])
            }
            Event::VoiceTrainingCompleted(data) | Event::VoiceTrainingFailed(data) => {
                DedupeKey::first([event_id, data.event_id.as_deref(), data.voice_id.as_deref()])
            }
            Event::Unknown(unknown) => inner_id(event_id, &unknown.data),
            Event::Undecodable(undecodable) => inner_id(event_id, &undecodable.data),
        }
    }

    fn call_id(&self) -> Option<&str> {
        match self {
            Event::CallStarted(data)
            | Event::CallJoined(data)
            | Event::CallEnded(data)
            | Event::CallBilled(data)
            | Event::CallFailed(data)
            | Event::CallAnalyzed(data) => data.call.call_id.as_deref(),
            _ => None,
        }
    }

    fn call(&self) -> Option<CallUpdate<'_>> {
        let (stage, data) = match self {
            Event::CallStarted(data) => (Stage::Started, data),
            Event::CallJoined(data) => (Stage::Joined, data),
            Event::CallEnded(data) => (Stage::Ended, data),
            Event::CallBilled(data) => (Stage::Billed, data),
            Event::CallFailed(data) => (Stage::Failed, data),
            Event::CallAnalyzed(data) => (Stage::Transcript, data),
            _ => return None,
        };
        Some(CallUpdate { at: self.envelope().timestamp, ..data.call.update(stage) })
    }
}

/// The data of a call event.
///
/// Truedy documents two shapes, the event of Ultravox (`call`) and a flat one
/// (`call_id`, `status`, `agent_id`, `duration_seconds`). Both fill these fields.
#[derive(Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct CallEvent {
    /// What stands around the data.
    pub envelope: Envelope,
    /// The event's id, where it stands in the data.
    pub event_id: Option<String>,
    /// The name of the event of Ultravox that this one forwards.
    pub upstream_event: Option<String>,
    /// The state of the call.
    pub status: Option<CallStatus>,
    /// What went wrong.
    pub error_message: Option<String>,
    /// The call.
    pub call: Box<Call>,
}

payload!(CallEvent from CallData { event_id, status, call });

writes!(CallEvent {
    "id" => event_id,
    "event" => upstream_event,
    "status" => status,
    "error_message" => error_message,
    "call" => call: Whole,
});

/// The data of a call event as it is written, nested or flat.
#[derive(Default)]
struct CallData {
    id: Option<String>,
    event_id: Option<String>,
    event: Option<String>,
    status: Option<CallStatus>,
    error_message: Option<String>,
    call: Option<Box<Call>>,
    call_id: Option<String>,
    call_id_camel: Option<String>,
    agent_id: Option<String>,
    duration_seconds: Option<TimeDelta>,
}

reads!(CallData {
    "id" => id: Text,
    "eventId" | "event_id" => event_id: Text,
    "event" => event,
    "status" => status: Word,
    "error_message" | "errorMessage" => error_message,
    "call" => call: Boxed,
    "call_id" => call_id: Text,
    "callId" => call_id_camel: Text,
    "agent_id" | "agentId" => agent_id: Text,
    "duration_seconds" | "durationSeconds" => duration_seconds: Span,
});

impl From<CallData> for CallEvent {
    fn from(data: CallData) -> Self {
        let mut call = data.call.unwrap_or_default();
        call.call_id = call.call_id.or(data.call_id).or(data.call_id_camel);
        call.duration = call.duration.or(data.duration_seconds);
        call.adopt_agent_id(data.agent_id);
        CallEvent {
            envelope: Envelope::default(),
            event_id: data.id.or(data.event_id),
            upstream_event: data.event,
            status: data.status,
            error_message: data.error_message,
            call,
        }
    }
}

/// The data of a batch event.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchEvent {
    /// What stands around the data.
    pub envelope: Envelope,
    /// The event's id, where it stands in the data.
    pub event_id: Option<String>,
    /// The batch's id.
    pub batch_id: Option<String>,
    /// The state of the batch.
    pub status: Option<BatchStatus>,
    /// What went wrong.
    pub error_message: Option<String>,
}

payload!(BatchEvent from BatchData { event_id, batch_id, status });

writes!(BatchEvent {
    "id" => event_id,
    "batch_id" => batch_id,
    "status" => status,
    "error_message" => error_message,
});

impl BatchEvent {
    /// A batch changes many times, to the same state perhaps: its id alone does
    /// not tell two changes apart.
    fn change_key(&self) -> DedupeKey<'_> {
        match (&self.batch_id, self.envelope.timestamp) {
            (Some(id), Some(time)) => {
                let status = self.status.as_ref().map_or("", BatchStatus::as_str);
                let time = time.to_rfc3339_opts(SecondsFormat::AutoSi, true);
                DedupeKey::Id(Cow::Owned(format!("{id}:{status}:{time}")))
            }
            _ => DedupeKey::Body,
        }
    }
}

/// The data of a voice event.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct VoiceEvent {
    /// What stands around the data.
    pub envelope: Envelope,
    /// The event's id, where it stands in the data.
    pub event_id: Option<String>,
    /// The voice's id.
    pub voice_id: Option<String>,
    /// The state of the training; Truedy documents no values.
    pub status: Option<String>,
    /// What went wrong.
    pub error_message: Option<String>,
}

payload!(VoiceEvent from VoiceData { event_id, voice_id });

writes!(VoiceEvent {
    "id" => event_id,
    "voice_id" => voice_id,
    "status" => status,
    "error_message" => error_message,
});

/// The data of a batch event as it is written.
#[derive(Default)]
struct BatchData {
    id: Option<String>,
    event_id: Option<String>,
    batch_id: Option<String>,
    batch_id_camel: Option<String>,
    status: Option<BatchStatus>,
    error_message: Option<String>,
}

reads!(BatchData {
    "id" => id: Text,
    "eventId" | "event_id" => event_id: Text,
    "batch_id" => batch_id: Text,
    "batchId" => batch_id_camel: Text,
    "status" => status: Word,
    "error_message" | "errorMessage" => error_message,
});

impl From<BatchData> for BatchEvent {
    fn from(data: BatchData) -> Self {
        BatchEvent {
            envelope: Envelope::default(),
            event_id: data.id.or(data.event_id),
            batch_id: data.batch_id.or(data.batch_id_camel),
            status: data.status,
            error_message: data.error_message,
        }
    }
}

/// The data of a voice event as it is written.
#[derive(Default)]
struct VoiceData {
    id: Option<String>,
    event_id: Option<String>,
    voice_id: Option<String>,
    voice_id_camel: Option<String>,
    status: Option<String>,
    error_message: Option<String>,
}

reads!(VoiceData {
    "id" => id: Text,
    "eventId" | "event_id" => event_id: Text,
    "voice_id" => voice_id: Text,
    "voiceId" => voice_id_camel: Text,
    "status" => status,
    "error_message" | "errorMessage" => error_message,
});

impl From<VoiceData> for VoiceEvent {
    fn from(data: VoiceData) -> Self {
        VoiceEvent {
            envelope: Envelope::default(),
            event_id: data.id.or(data.event_id),
            voice_id: data.voice_id.or(data.voice_id_camel),
            status: data.status,
            error_message: data.error_message,
        }
    }
}

/// The event's id in data that has no type.
fn inner_id<'a>(event_id: Option<&'a str>, data: &RawJson) -> DedupeKey<'a> {
    #[derive(Default)]
    struct Ids {
        id: Option<String>,
        event_id: Option<String>,
    }

    reads!(Ids {
        "id" => id: Text,
        "eventId" | "event_id" => event_id: Text,
    });

    let inner = || data.decode().ok().and_then(|ids: Ids| ids.id.or(ids.event_id));
    match event_id.map(Cow::Borrowed).or_else(|| inner().map(Cow::Owned)) {
        Some(id) => DedupeKey::Id(id),
        None => DedupeKey::Body,
    }
}

open_enum! {
    /// The state of a call.
    pub enum CallStatus {
        /// Waits to be placed.
        Queued = "queued",
        /// Rings.
        Ringing = "ringing",
        /// Somebody talks.
        InProgress = "in-progress",
        /// Over.
        Ended = "ended",
        /// Over, as it should be.
        Completed = "completed",
        /// Did not come about.
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
        /// Waits for its time.
        Scheduled = "scheduled",
        /// Released.
        Active = "active",
        /// Calls are made.
        Running = "running",
        /// Held.
        Paused = "paused",
        /// Done.
        Completed = "completed",
        /// Given up.
        Failed = "failed",
        /// Was cancelled.
        Cancelled = "cancelled",
    }
}
