//! Every published delivery, read from its raw file, and the names of all documented events.

macro_rules! published {
    ($vendor:literal: $($name:ident),+ $(,)?) => {
        [$((stringify!($name), include_str!(concat!("../deliveries/", $vendor, "/", stringify!($name), ".json")))),+]
    };
}

pub const TRUEDY: [(&str, &str); 3] = published!("truedy": call_ended_upstream, call_ended_full, call_ended_flat);
pub const TALKIFAI: [(&str, &str); 3] = published!("talkifai": call_started, call_ended, transcript_ready);
pub const SALPRE: [(&str, &str); 4] = published!("salpre": call_initiated, transcript, call_ended, error);

pub const TRUEDY_CALL_EVENTS: [&str; 7] =
    ["call.started", "call.joined", "call.ended", "call.completed", "call.billed", "call.failed", "call.analyzed"];
pub const TRUEDY_BATCH_EVENTS: [&str; 2] = ["batch.status.changed", "batch.completed"];
pub const TRUEDY_VOICE_EVENTS: [&str; 2] = ["voice.training.completed", "voice.training.failed"];
pub const TALKIFAI_CALL_EVENTS: [&str; 3] = ["call.started", "call.ended", "call.failed"];
pub const TALKIFAI_CREDIT_EVENTS: [&str; 2] = ["credit.low", "credit.depleted"];
pub const SALPRE_CALL_EVENTS: [&str; 3] = ["call_initiated", "call_ringing", "call_answered"];

/// A call object with every documented field.
pub const FULL_CALL: &str = r#"{
    "callId": "3c90c3cc-0d44-4b50-8888-8dd25736052a",
    "created": "2026-03-18T14:30:00.000000Z",
    "joined": "2026-03-18T14:30:05.5Z",
    "ended": "2026-03-18T14:32:27.123456Z",
    "endReason": "agent_hangup",
    "duration": 142,
    "costUsd": 0.210,
    "billedDuration": "120s",
    "billedSideInputTokens": 11,
    "billedSideOutputTokens": 22,
    "billingStatus": "BILLING_STATUS_BILLED",
    "joinUrl": "wss://voice.example/join/secret",
    "languageHint": "de-DE",
    "maxDuration": "3600s",
    "joinTimeout": "30.5s",
    "medium": {"sip": {"outgoing": {"to": "sip:a@example.com", "username": "u", "password": "p"}}},
    "model": "model-7",
    "voice": "Mark",
    "recordingEnabled": true,
    "systemPrompt": "You are helpful.",
    "temperature": 0.4,
    "shortSummary": "Pricing.",
    "summary": "Caller asked about pricing.",
    "agent": {"agentId": "agent-1", "name": "Ada"},
    "agentId": "agent-1",
    "metadata": {"customer": "c-77", "ticket": "T1"},
    "sipDetails": {"billedDuration": "119.25s", "terminationReason": "SIP_TERMINATION_NORMAL"}
}"#;
