//! The events of [Salpre](https://documentation.salpre.com/docs/webhooks).
//!
//! They are test deliveries, as on its page. Those are never duplicates; set `is_test` to `false` to
//! get one that is.

use super::Sample;

const VENDOR: &str = "salpre";
const PAGE: &str = "https://documentation.salpre.com/docs/webhooks";

/// `call_initiated`: a call was placed, or came in.
pub const CALL_INITIATED: Sample =
    Sample::published(VENDOR, "call_initiated", PAGE, include_str!("salpre/call_initiated.json"));

/// `call_ringing`: the phone rings. The payload is made up.
pub const CALL_RINGING: Sample =
    Sample::made_up(VENDOR, "call_ringing", PAGE, include_str!("salpre/call_ringing.json"));

/// `call_answered`: someone answered. The payload is made up.
pub const CALL_ANSWERED: Sample =
    Sample::made_up(VENDOR, "call_answered", PAGE, include_str!("salpre/call_answered.json"));

/// `transcript`: someone said something.
pub const TRANSCRIPT: Sample = Sample::published(VENDOR, "transcript", PAGE, include_str!("salpre/transcript.json"));

/// `call_ended`: a call is over, with what was said.
pub const CALL_ENDED: Sample = Sample::published(VENDOR, "call_ended", PAGE, include_str!("salpre/call_ended.json"));

/// `error`: something went wrong during a call.
pub const ERROR: Sample = Sample::published(VENDOR, "error", PAGE, include_str!("salpre/error.json"));

/// All of them.
pub const ALL: &[Sample] = &[CALL_INITIATED, CALL_RINGING, CALL_ANSWERED, TRANSCRIPT, CALL_ENDED, ERROR];
