//! The events of [Truedy](https://docs.truedy.ai/guides/available-webhooks).

use super::Sample;

const VENDOR: &str = "truedy";
const PAGE: &str = "https://docs.truedy.ai/guides/available-webhooks";

/// `call.started`: a call was created. The payload is made up.
pub const CALL_STARTED: Sample =
    Sample::made_up(VENDOR, "call.started", PAGE, include_str!("truedy/call.started.json"));

/// `call.joined`: someone is on the call. The payload is made up.
pub const CALL_JOINED: Sample = Sample::made_up(VENDOR, "call.joined", PAGE, include_str!("truedy/call.joined.json"));

/// `call.ended`: a call is over.
pub const CALL_ENDED: Sample = Sample::published(VENDOR, "call.ended", PAGE, include_str!("truedy/call.ended.json"));

/// `call.ended`: the same event, with the flat data that another page shows.
pub const CALL_ENDED_FLAT: Sample =
    Sample::published(VENDOR, "call.ended", PAGE, include_str!("truedy/call.ended.flat.json"));

/// `call.ended`: the same event, with the data of Ultravox as another page shows it.
pub const CALL_ENDED_UPSTREAM: Sample =
    Sample::published(VENDOR, "call.ended", PAGE, include_str!("truedy/call.ended.upstream.json"));

/// `call.completed`: the other name of `call.ended`. The payload is made up.
pub const CALL_COMPLETED: Sample =
    Sample::made_up(VENDOR, "call.completed", PAGE, include_str!("truedy/call.completed.json"));

/// `call.billed`: a call's cost is known. The payload is made up.
pub const CALL_BILLED: Sample = Sample::made_up(VENDOR, "call.billed", PAGE, include_str!("truedy/call.billed.json"));

/// `call.failed`: a call did not take place. The payload is made up.
pub const CALL_FAILED: Sample = Sample::made_up(VENDOR, "call.failed", PAGE, include_str!("truedy/call.failed.json"));

/// `call.analyzed`: a call's transcript is ready. The payload is made up.
pub const CALL_ANALYZED: Sample =
    Sample::made_up(VENDOR, "call.analyzed", PAGE, include_str!("truedy/call.analyzed.json"));

/// `batch.status.changed`: a batch of calls has another status. The payload is made up.
pub const BATCH_STATUS_CHANGED: Sample =
    Sample::made_up(VENDOR, "batch.status.changed", PAGE, include_str!("truedy/batch.status.changed.json"));

/// `batch.completed`: a batch of calls is done. The payload is made up.
pub const BATCH_COMPLETED: Sample =
    Sample::made_up(VENDOR, "batch.completed", PAGE, include_str!("truedy/batch.completed.json"));

/// `voice.training.completed`: a voice was trained. The payload is made up.
pub const VOICE_TRAINING_COMPLETED: Sample =
    Sample::made_up(VENDOR, "voice.training.completed", PAGE, include_str!("truedy/voice.training.completed.json"));

/// `voice.training.failed`: a voice could not be trained. The payload is made up.
pub const VOICE_TRAINING_FAILED: Sample =
    Sample::made_up(VENDOR, "voice.training.failed", PAGE, include_str!("truedy/voice.training.failed.json"));

/// All of them.
pub const ALL: &[Sample] = &[
    CALL_STARTED,
    CALL_JOINED,
    CALL_ENDED,
    CALL_ENDED_FLAT,
    CALL_ENDED_UPSTREAM,
    CALL_COMPLETED,
    CALL_BILLED,
    CALL_FAILED,
    CALL_ANALYZED,
    BATCH_STATUS_CHANGED,
    BATCH_COMPLETED,
    VOICE_TRAINING_COMPLETED,
    VOICE_TRAINING_FAILED,
];
