//! The events of [Ultravox](https://docs.ultravox.ai/webhooks/available-webhooks).

use super::Sample;

const VENDOR: &str = "ultravox";
const PAGE: &str = "https://docs.ultravox.ai/webhooks/available-webhooks";

/// `call.started`: a call was created. The payload is made up.
pub const CALL_STARTED: Sample =
    Sample::made_up(VENDOR, "call.started", PAGE, include_str!("ultravox/call.started.json"));

/// `call.joined`: someone is on the call. The payload is made up.
pub const CALL_JOINED: Sample = Sample::made_up(VENDOR, "call.joined", PAGE, include_str!("ultravox/call.joined.json"));

/// `call.ended`: a call is over. The payload is made up.
pub const CALL_ENDED: Sample = Sample::made_up(VENDOR, "call.ended", PAGE, include_str!("ultravox/call.ended.json"));

/// `call.billed`: a call's cost is known. The payload is made up.
pub const CALL_BILLED: Sample = Sample::made_up(VENDOR, "call.billed", PAGE, include_str!("ultravox/call.billed.json"));

/// All of them.
pub const ALL: &[Sample] = &[CALL_STARTED, CALL_JOINED, CALL_ENDED, CALL_BILLED];
