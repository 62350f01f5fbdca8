//! The events of [TalkifAI](https://docs.talkifai.dev/api-reference/webhooks).

use super::Sample;

const VENDOR: &str = "talkifai";
const PAGE: &str = "https://docs.talkifai.dev/api-reference/webhooks";

/// `call.started`: a call began.
pub const CALL_STARTED: Sample =
    Sample::published(VENDOR, "call.started", PAGE, include_str!("talkifai/call.started.json"));

/// `call.ended`: a call is over.
pub const CALL_ENDED: Sample = Sample::published(VENDOR, "call.ended", PAGE, include_str!("talkifai/call.ended.json"));

/// `call.failed`: a call did not take place. The payload is made up.
pub const CALL_FAILED: Sample = Sample::made_up(VENDOR, "call.failed", PAGE, include_str!("talkifai/call.failed.json"));

/// `transcript.ready`: a call's transcript can be fetched.
pub const TRANSCRIPT_READY: Sample =
    Sample::published(VENDOR, "transcript.ready", PAGE, include_str!("talkifai/transcript.ready.json"));

/// `analysis.completed`: a call's analysis is ready. The payload is made up.
pub const ANALYSIS_COMPLETED: Sample =
    Sample::made_up(VENDOR, "analysis.completed", PAGE, include_str!("talkifai/analysis.completed.json"));

/// `credit.low`: the credit is running out. The payload is made up.
pub const CREDIT_LOW: Sample = Sample::made_up(VENDOR, "credit.low", PAGE, include_str!("talkifai/credit.low.json"));

/// `credit.depleted`: the credit has run out. The payload is made up.
pub const CREDIT_DEPLETED: Sample =
    Sample::made_up(VENDOR, "credit.depleted", PAGE, include_str!("talkifai/credit.depleted.json"));

/// All of them.
pub const ALL: &[Sample] =
    &[CALL_STARTED, CALL_ENDED, CALL_FAILED, TRANSCRIPT_READY, ANALYSIS_COMPLETED, CREDIT_LOW, CREDIT_DEPLETED];
