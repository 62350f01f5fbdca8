use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::event::RawJson;
use crate::event::envelope::{Fields, Time, events};
use crate::event::wire::{Span, Text, Timestamp, Word, open_enum, payload, record, redacted_debug};
use crate::event::{CallUpdate, Direction, Stage};
use crate::event::{DedupeKey, Envelope};

events! {
    fields: Fields {
        name: "type",
        data: "data",
        time: Some(Time::Rfc3339("created")),
        ids: [Some("id"), None],
        test: None,
    };
    /// An event of TalkifAI, by its
    /// [reference](https://docs.talkifai.dev/api-reference/webhooks).
    pub enum Event {
        /// `call.started`: a call began.
        CallStarted(CallEvent) = "call.started",
        /// `call.ended`: a call is over.
        CallEnded(CallEvent) = "call.ended",
        /// `call.failed`: a call did not come about.
        CallFailed(CallEvent) = "call.failed",
        /// `transcript.ready`: a call's transcript can be fetched.
        TranscriptReady(TranscriptEvent) = "transcript.ready",
        /// `analysis.completed`: a call's analysis is ready.
        AnalysisCompleted(AnalysisEvent) = "analysis.completed",
        /// `credit.low`: the credit runs out.
        CreditLow(CreditEvent) = "credit.low",
        /// `credit.depleted`: the credit has run out.
        CreditDepleted(CreditEvent) = "credit.depleted",
    }
}

impl crate::event::Event for Event {
    fn name(&self) -> &str {
        self.name()
    }

    fn occurred_at(&self) -> Option<DateTime<Utc>> {
        self.envelope().timestamp
    }

    fn dedupe_key(&self) -> DedupeKey<'_> {
        DedupeKey::first([self.envelope().id.as_deref()])
    }

    fn call_id(&self) -> Option<&str> {
        match self {
            Event::CallStarted(data) | Event::CallEnded(data) | Event::CallFailed(data) => data.call_id.as_deref(),
            Event::TranscriptReady(data) => data.call_id.as_deref(),
            Event::AnalysisCompleted(data) => data.call_id.as_deref(),
            _ => None,
        }
    }

    fn call(&self) -> Option<CallUpdate<'_>> {
        let (stage, data) = match self {
            Event::CallStarted(data) => (Stage::Started, Some(data)),
            Event::CallEnded(data) => (Stage::Ended, Some(data)),
            Event::CallFailed(data) => (Stage::Failed, Some(data)),
            Event::TranscriptReady(_) => (Stage::Transcript, None),
            Event::AnalysisCompleted(_) => (Stage::Other, None),
            _ => return None,
        };
        let mut update = CallUpdate::new(stage);
        update.call_id = self.call_id();
        update.at = self.envelope().timestamp;
        if let Some(data) = data {
            update.direction = data.direction.as_ref();
            update.from = data.from.as_deref();
            update.to = data.to.as_deref();
            update.duration = data.duration;
            update.end_reason = data.end_reason.as_ref().map(EndReason::as_str);
        }
        Some(update)
    }
}

/// The data of a call event.
///
/// Documented for `call.started` are the ids, the direction and the numbers; for
/// `call.ended` the ids, the duration, the status, the reason and the recording;
/// for `call.failed` nothing.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallEvent {
    /// What stands around the data.
    pub envelope: Envelope,
    /// The call's id.
    pub call_id: Option<String>,
    /// The agent's id.
    pub agent_id: Option<String>,
    /// Who called whom.
    pub direction: Option<Direction>,
    /// The calling number, in E.164.
    pub from: Option<String>,
    /// The called number, in E.164.
    pub to: Option<String>,
    /// How long the call lasted.
    pub duration: Option<TimeDelta>,
    /// How the call went.
    pub status: Option<CallStatus>,
    /// Why the call ended.
    pub end_reason: Option<EndReason>,
    /// Where the recording is.
    pub recording_url: Option<String>,
}

record!(CallEvent {
    "callId" | "call_id" => call_id: Text,
    "agentId" | "agent_id" => agent_id: Text,
    "direction" => direction: Word,
    "from" => from,
    "to" => to,
    "duration" => duration: Span,
    "status" => status: Word,
    "endReason" => end_reason: Word,
    "recordingUrl" => recording_url,
});

payload!(CallEvent { call_id, agent_id, direction, duration, status, end_reason });

/// The data of `transcript.ready`.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TranscriptEvent {
    /// What stands around the data.
    pub envelope: Envelope,
    /// The call's id.
    pub call_id: Option<String>,
    /// Where the transcript is.
    pub transcript_url: Option<String>,
}

record!(TranscriptEvent {
    "callId" | "call_id" => call_id: Text,
    "transcriptUrl" => transcript_url,
});

payload!(TranscriptEvent { call_id });

/// The data of `analysis.completed`: no payload is documented, and these are the
/// fields of the analysis object of the REST API.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AnalysisEvent {
    /// What stands around the data.
    pub envelope: Envelope,
    /// The analysis's id.
    pub id: Option<String>,
    /// The call's id.
    pub call_id: Option<String>,
    /// The name of the call's room.
    pub room_name: Option<String>,
    /// The fields that the customer defined: strings, numbers and booleans.
    /// [`decode`](RawJson::decode) them into a type of yours.
    pub analysis_data: Option<RawJson>,
    /// When the analysis was made.
    pub created_at: Option<DateTime<Utc>>,
}

record!(AnalysisEvent {
    "id" => id: Text,
    "callId" | "call_id" => call_id: Text,
    "roomName" => room_name,
    "analysisData" => analysis_data,
    "createdAt" => created_at: Timestamp,
});

payload!(AnalysisEvent { id, call_id });

/// The data of `credit.low` and `credit.depleted`: no field is documented.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CreditEvent {
    /// What stands around the data.
    pub envelope: Envelope,
    /// The data. [`decode`](RawJson::decode) it into a type of yours.
    pub data: RawJson,
}

impl crate::event::envelope::Payload for CreditEvent {
    fn decode<'de, D: Deserializer<'de>>(data: D) -> Result<Self, D::Error> {
        Ok(CreditEvent { envelope: Envelope::default(), data: RawJson::deserialize(data)? })
    }

    fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    fn envelope_mut(&mut self) -> &mut Envelope {
        &mut self.envelope
    }
}

redacted_debug!(CreditEvent { envelope, data });

impl Serialize for CreditEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.data.serialize(serializer)
    }
}

open_enum! {
    /// How a call went.
    pub enum CallStatus {
        /// As it should.
        Completed = "completed",
    }
}

open_enum! {
    /// Why a call ended.
    pub enum EndReason {
        /// The caller hung up.
        UserHangup = "user_hangup",
    }
}
