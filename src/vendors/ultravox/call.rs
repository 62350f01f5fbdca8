use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

use crate::event::wire::{Double, OrEmpty, Span, Suffixed, Text, Timestamp, Word, open_enum, record, redacted_debug};
use crate::event::{Amount, RawJson};
use crate::event::{CallUpdate, Stage};

/// A call, by the [call object](https://docs.ultravox.ai/webhooks/available-webhooks) of Ultravox.
///
/// Every field may be missing. `Debug` shows ids and states: the object may hold
/// credentials (`join_url`, `system_prompt`, `medium`).
#[derive(Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Call {
    /// The call's id.
    pub call_id: Option<String>,
    /// When the call was created.
    pub created: Option<DateTime<Utc>>,
    /// When the call was joined.
    pub joined: Option<DateTime<Utc>>,
    /// When the call ended.
    pub ended: Option<DateTime<Utc>>,
    /// Why the call ended.
    pub end_reason: Option<EndReason>,
    /// How long the call lasted; sent by Truedy, as a number of seconds.
    pub duration: Option<TimeDelta>,
    /// What the call cost, in US dollars; sent by Truedy.
    pub cost_usd: Option<Amount>,
    /// How much of the call is billed.
    pub billed_duration: Option<TimeDelta>,
    /// How many input tokens are billed beside the duration.
    pub billed_side_input_tokens: Option<i64>,
    /// How many output tokens are billed beside the duration.
    pub billed_side_output_tokens: Option<i64>,
    /// Whether, and why not, the call is billed.
    pub billing_status: Option<BillingStatus>,
    /// Where to join the call. Whoever has it can join.
    pub join_url: Option<String>,
    /// A BCP 47 code of the expected language.
    pub language_hint: Option<String>,
    /// After how long the call is ended.
    pub max_duration: Option<TimeDelta>,
    /// After how long a call that nobody joins is ended.
    pub join_timeout: Option<TimeDelta>,
    /// Over what the call is carried.
    pub medium: Option<Medium>,
    /// The model that talks.
    pub model: Option<String>,
    /// The voice it talks with.
    pub voice: Option<String>,
    /// Whether the call is recorded.
    pub recording_enabled: Option<bool>,
    /// What the model was told.
    pub system_prompt: Option<String>,
    /// The model's temperature.
    pub temperature: Option<f64>,
    /// A summary in a sentence.
    pub short_summary: Option<String>,
    /// A summary.
    pub summary: Option<String>,
    /// The agent that talks. An id that the vendor writes beside this object
    /// (`agentId`) is moved into it.
    pub agent: Option<Agent>,
    pub(crate) bare_agent_id: Option<String>,
    /// The caller's own labels.
    pub metadata: BTreeMap<String, String>,
    /// How the SIP leg went.
    pub sip_details: Option<SipDetails>,
}

impl Call {
    /// The id of the agent that talks.
    pub fn agent_id(&self) -> Option<&str> {
        self.agent.as_ref()?.agent_id.as_deref()
    }

    pub(crate) fn update(&self, stage: Stage) -> CallUpdate<'_> {
        let lasted = || {
            let span = self.ended?.signed_duration_since(self.joined?);
            (span >= TimeDelta::zero()).then_some(span)
        };
        let mut update = CallUpdate::new(stage);
        update.call_id = self.call_id.as_deref();
        update.duration = self.duration.or_else(lasted);
        update.end_reason = self.end_reason.as_ref().map(EndReason::as_str);
        update
    }

    /// Moves an id that stands beside the agent into it.
    pub(crate) fn adopt_agent_id(&mut self, beside: Option<String>) {
        if let Some(id) = self.bare_agent_id.take().or(beside) {
            self.agent.get_or_insert_default().agent_id.get_or_insert(id);
        }
    }
}

record!(Call {
    "callId" | "call_id" => call_id: Text,
    "created" => created: Timestamp,
    "joined" => joined: Timestamp,
    "ended" => ended: Timestamp,
    "endReason" => end_reason: Word,
    "duration" => duration: Span,
    "costUsd" => cost_usd,
    "billedDuration" => billed_duration: Suffixed,
    "billedSideInputTokens" => billed_side_input_tokens,
    "billedSideOutputTokens" => billed_side_output_tokens,
    "billingStatus" => billing_status: Word,
    "joinUrl" => join_url,
    "languageHint" => language_hint,
    "maxDuration" => max_duration: Suffixed,
    "joinTimeout" => join_timeout: Suffixed,
    "medium" => medium,
    "model" => model,
    "voice" => voice,
    "recordingEnabled" => recording_enabled,
    "systemPrompt" => system_prompt,
    "temperature" => temperature: Double,
    "shortSummary" => short_summary,
    "summary" => summary,
    "agent" => agent,
    "agentId" | "agent_id" => bare_agent_id: Text,
    "metadata" => metadata: OrEmpty,
    "sipDetails" => sip_details,
});

redacted_debug!(Call { call_id, created, joined, ended, end_reason, duration, billing_status });

/// The agent of a [`Call`].
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Agent {
    /// The agent's id.
    pub agent_id: Option<String>,
    /// The agent's name.
    pub name: Option<String>,
}

record!(Agent {
    "agentId" | "agent_id" => agent_id: Text,
    "name" => name,
});

redacted_debug!(Agent { agent_id });

/// How the SIP leg of a [`Call`] went.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SipDetails {
    /// How much of the SIP leg is billed.
    pub billed_duration: Option<TimeDelta>,
    /// Why the SIP leg ended.
    pub termination_reason: Option<SipTerminationReason>,
}

record!(SipDetails {
    "billedDuration" => billed_duration: Suffixed,
    "terminationReason" => termination_reason: Word,
});

redacted_debug!(SipDetails { billed_duration, termination_reason });

/// Over what a [`Call`] is carried.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Medium {
    /// Which one.
    pub kind: MediumKind,
    /// Its settings. They may hold passwords.
    pub settings: RawJson,
}

redacted_debug!(Medium { kind });

impl Serialize for Medium {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(&self.kind, &self.settings)?;
        map.end()
    }
}

/// The vendor writes an object with one field; more than one would be new.
impl<'de> Deserialize<'de> for Medium {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOf;

        impl<'de> Visitor<'de> for OneOf {
            type Value = Medium;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with one medium")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Medium, A::Error> {
                let mut found: Option<Medium> = None;
                while let Some(kind) = map.next_key()? {
                    let settings: RawJson = map.next_value()?;
                    if found.is_none() && settings.get() != "null" {
                        found = Some(Medium { kind, settings });
                    } else if settings.get() != "null" {
                        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                        return Err(serde::de::Error::custom("two media, expected an object with one medium"));
                    }
                }
                found.ok_or_else(|| serde::de::Error::custom("no medium, expected an object with one medium"))
            }
        }

        deserializer.deserialize_map(OneOf)
    }
}

open_enum! {
    /// What carries a [`Call`].
    pub enum MediumKind {
        /// WebRTC.
        WebRtc = "webRtc",
        /// Twilio.
        Twilio = "twilio",
        /// A WebSocket from a server.
        ServerWebSocket = "serverWebSocket",
        /// Telnyx.
        Telnyx = "telnyx",
        /// Plivo.
        Plivo = "plivo",
        /// Exotel.
        Exotel = "exotel",
        /// SIP.
        Sip = "sip",
    }
}

open_enum! {
    /// Why a [`Call`] ended.
    pub enum EndReason {
        /// Nobody joined.
        Unjoined = "unjoined",
        /// The caller hung up.
        Hangup = "hangup",
        /// The agent hung up.
        AgentHangup = "agent_hangup",
        /// It reached its maximum duration.
        Timeout = "timeout",
        /// The connection broke.
        ConnectionError = "connection_error",
        /// The vendor failed.
        SystemError = "system_error",
        /// It was completed; Truedy's word.
        Completed = "completed",
    }
}

open_enum! {
    /// Whether, and why not, a [`Call`] is billed.
    pub enum BillingStatus {
        /// Nothing is known.
        Unspecified = "BILLING_STATUS_UNSPECIFIED",
        /// Not decided yet.
        Pending = "BILLING_STATUS_PENDING",
        /// Free: made in the vendor's console.
        FreeConsole = "BILLING_STATUS_FREE_CONSOLE",
        /// Free: it lasted no time.
        FreeZeroEffectiveDuration = "BILLING_STATUS_FREE_ZERO_EFFECTIVE_DURATION",
        /// Free: within the free minutes.
        FreeMinutes = "BILLING_STATUS_FREE_MINUTES",
        /// Free: the vendor failed.
        FreeSystemError = "BILLING_STATUS_FREE_SYSTEM_ERROR",
        /// Free for another reason.
        FreeOther = "BILLING_STATUS_FREE_OTHER",
        /// Billed.
        Billed = "BILLING_STATUS_BILLED",
        /// Refunded.
        Refunded = "BILLING_STATUS_REFUNDED",
    }
}

open_enum! {
    /// Why the SIP leg of a [`Call`] ended.
    pub enum SipTerminationReason {
        /// As it should.
        Normal = "SIP_TERMINATION_NORMAL",
        /// No such number.
        InvalidNumber = "SIP_TERMINATION_INVALID_NUMBER",
        /// Nobody answered in time.
        Timeout = "SIP_TERMINATION_TIMEOUT",
        /// The destination cannot be reached.
        DestinationUnavailable = "SIP_TERMINATION_DESTINATION_UNAVAILABLE",
        /// Busy.
        Busy = "SIP_TERMINATION_BUSY",
        /// Cancelled before it was answered.
        Canceled = "SIP_TERMINATION_CANCELED",
        /// Rejected.
        Rejected = "SIP_TERMINATION_REJECTED",
        /// Nobody knows.
        Unknown = "SIP_TERMINATION_UNKNOWN",
    }
}
