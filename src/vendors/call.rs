//! The call that Ultravox sends, and that Truedy forwards.
//!
//! ```
//! use offhook::call::EndReason;
//! use offhook::truedy;
//!
//! let body = br#"{"event":"call.ended","data":{"call":{"callId":"c1","endReason":"hangup"}}}"#;
//! let parsed = truedy::Event::parse(body)?;
//! let truedy::Event::CallEnded(ended) = parsed.event() else { panic!("another event") };
//! assert_eq!(ended.call.end_reason, Some(EndReason::Hangup));
//! # Ok::<(), offhook::ParseError>(())
//! ```

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

use crate::event::wire::{self, open_enum, redacted_debug};
use crate::event::{Amount, CallUpdate, RawJson, Stage};

/// A call: the [call object](https://docs.ultravox.ai/webhooks/available-webhooks) of Ultravox.
///
/// Every field may be missing. `Debug` shows ids and states only, since the object may
/// hold credentials (`join_url`, `system_prompt`, `medium`).
#[derive(Clone, Default, PartialEq, Deserialize, Serialize)]
// `remote` makes the derived reader a function, which the `Deserialize` below calls.
#[serde(remote = "Self", rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Call {
    /// The call's id.
    #[serde(alias = "call_id", deserialize_with = "wire::text", skip_serializing_if = "Option::is_none")]
    pub call_id: Option<String>,
    /// When the call was created.
    #[serde(with = "wire::time", skip_serializing_if = "Option::is_none")]
    pub created: Option<DateTime<Utc>>,
    /// When the call was joined.
    #[serde(with = "wire::time", skip_serializing_if = "Option::is_none")]
    pub joined: Option<DateTime<Utc>>,
    /// When the call ended.
    #[serde(with = "wire::time", skip_serializing_if = "Option::is_none")]
    pub ended: Option<DateTime<Utc>>,
    /// Why the call ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_reason: Option<EndReason>,
    /// How long the call lasted; sent by Truedy, as a number of seconds.
    #[serde(with = "wire::seconds", skip_serializing_if = "Option::is_none")]
    pub duration: Option<TimeDelta>,
    /// What the call cost, in US dollars; sent by Truedy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<Amount>,
    /// How much of the call is billed.
    #[serde(with = "wire::seconds_text", skip_serializing_if = "Option::is_none")]
    pub billed_duration: Option<TimeDelta>,
    /// How many input tokens are billed beside the duration.
    #[serde(deserialize_with = "wire::count::deserialize", skip_serializing_if = "Option::is_none")]
    pub billed_side_input_tokens: Option<i64>,
    /// How many output tokens are billed beside the duration.
    #[serde(deserialize_with = "wire::count::deserialize", skip_serializing_if = "Option::is_none")]
    pub billed_side_output_tokens: Option<i64>,
    /// Whether the call is billed, and if not, why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub billing_status: Option<BillingStatus>,
    /// Where to join the call. Anyone who has it can join.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub join_url: Option<String>,
    /// A BCP 47 code of the expected language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language_hint: Option<String>,
    /// After how long the call is ended.
    #[serde(with = "wire::seconds_text", skip_serializing_if = "Option::is_none")]
    pub max_duration: Option<TimeDelta>,
    /// After how long a call that no one joins is ended.
    #[serde(with = "wire::seconds_text", skip_serializing_if = "Option::is_none")]
    pub join_timeout: Option<TimeDelta>,
    /// What carries the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub medium: Option<Medium>,
    /// The model that talks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The voice it talks with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voice: Option<String>,
    /// Whether the call is recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recording_enabled: Option<bool>,
    /// The instructions of the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_prompt: Option<String>,
    /// The model's temperature.
    #[serde(deserialize_with = "wire::double::deserialize", skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// A summary in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub short_summary: Option<String>,
    /// A summary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// The agent that talks. Its id is here, too, if the vendor writes it as `agentId` in
    /// the call.
    #[serde(deserialize_with = "wire::optional_object", skip_serializing_if = "Option::is_none")]
    pub agent: Option<Agent>,
    /// The call's own `agentId` while the call is being read. It becomes the agent's.
    #[serde(rename = "agentId", alias = "agent_id", deserialize_with = "wire::text", skip_serializing)]
    own_agent_id: Option<String>,
    /// The caller's own labels.
    #[serde(deserialize_with = "wire::text_map", skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// How the SIP leg went.
    #[serde(deserialize_with = "wire::optional_object", skip_serializing_if = "Option::is_none")]
    pub sip_details: Option<SipDetails>,
}

impl Call {
    /// Returns the id of the agent that talks.
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

    /// Sets the agent's id if the agent has none.
    pub(crate) fn fill_agent_id(&mut self, id: Option<String>) {
        if let Some(id) = id {
            self.agent.get_or_insert_default().agent_id.get_or_insert(id);
        }
    }
}

redacted_debug!(Call { call_id, created, joined, ended, end_reason, duration, billing_status });

impl Serialize for Call {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Call::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Call {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BoxedCall::deserialize(deserializer).map(|BoxedCall(call)| *call)
    }
}

/// A call, read from an object, in its place on the heap: it is large to move.
pub(crate) struct BoxedCall(pub(crate) Box<Call>);

impl<'de> Deserialize<'de> for BoxedCall {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct CallVisitor;

        impl<'de> Visitor<'de> for CallVisitor {
            type Value = BoxedCall;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<BoxedCall, A::Error> {
                let mut call = Box::new(Call::deserialize(MapAccessDeserializer::new(members))?);
                let agent_id = call.own_agent_id.take();
                call.fill_agent_id(agent_id);
                Ok(BoxedCall(call))
            }
        }

        deserializer.deserialize_map(CallVisitor)
    }
}

/// The agent of a [`Call`].
#[derive(Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Agent {
    /// The agent's id.
    #[serde(alias = "agent_id", deserialize_with = "wire::text", skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// The agent's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

redacted_debug!(Agent { agent_id });

/// How the SIP leg of a [`Call`] went.
#[derive(Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct SipDetails {
    /// How much of the SIP leg is billed.
    #[serde(with = "wire::seconds_text", skip_serializing_if = "Option::is_none")]
    pub billed_duration: Option<TimeDelta>,
    /// Why the SIP leg ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub termination_reason: Option<SipTerminationReason>,
}

redacted_debug!(SipDetails { billed_duration, termination_reason });

/// What carries a [`Call`].
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Medium {
    /// Which one it is.
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

/// Reads an object with one field. A second one would be new.
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
                        return Err(A::Error::custom("expected an object with one medium"));
                    }
                }
                found.ok_or_else(|| A::Error::custom("expected an object with one medium"))
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
        /// No one joined.
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
        /// It was completed. Only Truedy sends this.
        Completed = "completed",
    }
}

open_enum! {
    /// Whether a [`Call`] is billed, and if not, why.
    pub enum BillingStatus {
        /// Nothing is known.
        Unspecified = "BILLING_STATUS_UNSPECIFIED",
        /// Not decided yet.
        Pending = "BILLING_STATUS_PENDING",
        /// Free: made in the vendor's console.
        FreeConsole = "BILLING_STATUS_FREE_CONSOLE",
        /// Free: it did not last.
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
        /// Without an error.
        Normal = "SIP_TERMINATION_NORMAL",
        /// No such number.
        InvalidNumber = "SIP_TERMINATION_INVALID_NUMBER",
        /// No one answered in time.
        Timeout = "SIP_TERMINATION_TIMEOUT",
        /// The destination cannot be reached.
        DestinationUnavailable = "SIP_TERMINATION_DESTINATION_UNAVAILABLE",
        /// Busy.
        Busy = "SIP_TERMINATION_BUSY",
        /// Cancelled before it was answered.
        Canceled = "SIP_TERMINATION_CANCELED",
        /// Rejected.
        Rejected = "SIP_TERMINATION_REJECTED",
        /// The vendor does not know.
        Unknown = "SIP_TERMINATION_UNKNOWN",
    }
}
