use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Deserializer, Serialize};

use crate::event::envelope::{self, Layout, Payload, TimeField, Vocabulary, events};
use crate::event::wire::{self, open_enum, redacted_debug};
use crate::event::{CallUpdate, Direction, Envelope, Identity, RawJson, Stage, Undecodable};

events! {
    layout: Layout {
        name: "type",
        data: "data",
        time: Some(TimeField::Rfc3339("created")),
        ids: [Some("id"), None],
        test: None,
    };
    /// An event of TalkifAI, as in its
    /// [reference](https://docs.talkifai.dev/api-reference/webhooks).
    pub enum Event {
        /// `call.started`: a call began.
        CallStarted(CallEvent) = "call.started",
        /// `call.ended`: a call is over.
        CallEnded(CallEvent) = "call.ended",
        /// `call.failed`: a call did not take place.
        CallFailed(CallEvent) = "call.failed",
        /// `transcript.ready`: a call's transcript can be fetched.
        TranscriptReady(TranscriptEvent) = "transcript.ready",
        /// `analysis.completed`: a call's analysis is ready.
        AnalysisCompleted(AnalysisEvent) = "analysis.completed",
        /// `credit.low`: the credit is running out.
        CreditLow(CreditEvent) = "credit.low",
        /// `credit.depleted`: the credit has run out.
        CreditDepleted(CreditEvent) = "credit.depleted",
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

    fn identity<'a>(&'a self, envelope: &'a Envelope) -> Identity<'a> {
        Identity::first_of([envelope.id.as_deref()])
    }

    fn call_id(&self) -> Option<&str> {
        match self {
            Event::CallStarted(data) | Event::CallEnded(data) | Event::CallFailed(data) => data.call_id.as_deref(),
            Event::TranscriptReady(data) => data.call_id.as_deref(),
            Event::AnalysisCompleted(data) => data.call_id.as_deref(),
            Event::Undecodable(undecodable) => undecodable.data.call_id(),
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
        if let Some(data) = data {
            update.direction = data.direction.as_ref();
            update.from = data.from.as_deref();
            update.to = data.to.as_deref();
            update.duration = data.duration;
            update.end_reason = data.end_reason.as_ref().map(EndReason::as_str);
        }
        Some(update)
    }

    fn payload<'b>(&self, body: &'b [u8]) -> &'b [u8] {
        envelope::payload::<Self>(body)
    }
}

/// The data of a call event.
///
/// TalkifAI documents the ids, the direction and the numbers for `call.started`; the
/// ids, the duration, the status, the reason and the recording for `call.ended`; and
/// nothing for `call.failed`.
#[derive(Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct CallEvent {
    /// The call's id.
    #[serde(alias = "call_id", deserialize_with = "wire::text", skip_serializing_if = "Option::is_none")]
    pub call_id: Option<String>,
    /// The agent's id.
    #[serde(alias = "agent_id", deserialize_with = "wire::text", skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// Who called whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// The calling number, in E.164.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The called number, in E.164.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// How long the call lasted.
    #[serde(with = "wire::seconds", skip_serializing_if = "Option::is_none")]
    pub duration: Option<TimeDelta>,
    /// How the call went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<CallStatus>,
    /// Why the call ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_reason: Option<EndReason>,
    /// Where the recording is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recording_url: Option<String>,
}

impl Payload for CallEvent {}

redacted_debug!(CallEvent { call_id, agent_id, direction, duration, status, end_reason });

/// The data of `transcript.ready`.
#[derive(Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct TranscriptEvent {
    /// The call's id.
    #[serde(alias = "call_id", deserialize_with = "wire::text", skip_serializing_if = "Option::is_none")]
    pub call_id: Option<String>,
    /// Where the transcript is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transcript_url: Option<String>,
}

impl Payload for TranscriptEvent {}

redacted_debug!(TranscriptEvent { call_id });

/// The data of `analysis.completed`.
///
/// TalkifAI documents no payload. These are the fields of the analysis object of its
/// REST API.
#[derive(Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct AnalysisEvent {
    /// The analysis's id.
    #[serde(deserialize_with = "wire::text", skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The call's id.
    #[serde(alias = "call_id", deserialize_with = "wire::text", skip_serializing_if = "Option::is_none")]
    pub call_id: Option<String>,
    /// The name of the call's room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room_name: Option<String>,
    /// The fields that the customer defined: strings, numbers and booleans.
    /// [`decode`](RawJson::decode) them into a type of yours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub analysis_data: Option<RawJson>,
    /// When the analysis was made.
    #[serde(with = "wire::time", skip_serializing_if = "Option::is_none")]
    pub created_at: Option<DateTime<Utc>>,
}

impl Payload for AnalysisEvent {}

redacted_debug!(AnalysisEvent { id, call_id });

/// The data of `credit.low` and `credit.depleted`. TalkifAI documents no fields.
#[derive(Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
#[non_exhaustive]
pub struct CreditEvent {
    /// The data. [`decode`](RawJson::decode) it into a type of yours.
    pub data: RawJson,
}

impl Payload for CreditEvent {
    /// Reads any JSON: nothing is documented.
    fn read<'de, D: Deserializer<'de>>(data: D) -> Result<Self, D::Error> {
        CreditEvent::deserialize(data)
    }
}

redacted_debug!(CreditEvent { data });

open_enum! {
    /// How a call went.
    pub enum CallStatus {
        /// Without an error.
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
