//! The log lines of the inbox. `docs/guide/observability.md` lists their fields.

use super::acceptance::Acceptance;
use super::ended::Ended;
use super::entry::Entry;
use crate::event::Event;
use crate::idempotency::StoreError;
use crate::receive::Delivery;
use crate::receive::observe::short;

/// Logs what became of a delivery at the door. It is information if all went well.
pub(super) fn accepted<E: Event>(delivery: &Delivery<E>, acceptance: &Acceptance) {
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(
                target: "offhook",
                vendor = delivery.vendor(),
                endpoint = delivery.endpoint(),
                outcome = acceptance.outcome(),
                code = acceptance.code(),
                event = short(delivery.event().name()),
                key = delivery.dedupe_key(),
                call_id = delivery.call_id().map(short),
                id = acceptance.id(),
                body_bytes = delivery.body().len(),
                error = acceptance.error(),
                "delivery answered by the inbox",
            )
        };
    }
    match acceptance {
        Acceptance::Stored { .. } | Acceptance::Duplicate => line!(info),
        _ => line!(warn),
    }
}

/// Logs how an attempt ended. It is a warning unless the event is done.
pub(super) fn ended(entry: &Entry, ended: &Ended) {
    let elapsed = if let Ended::Done { after } = ended { Some(after) } else { None };
    macro_rules! line {
        ($level:ident, $message:literal) => {
            tracing::$level!(
                target: "offhook",
                vendor = entry.vendor,
                endpoint = entry.endpoint,
                code = ended.code(),
                event = short(&entry.event),
                key = entry.key,
                call_id = entry.call_id.as_deref().map(short),
                id = entry.id,
                attempt = entry.attempts,
                elapsed_ms = elapsed.map(|elapsed| u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)),
                error = ended.error(),
                $message,
            )
        };
    }
    match ended {
        Ended::Done { .. } => line!(info, "event done"),
        _ => line!(warn, "event not done"),
    }
}

/// Logs that a worker cannot reach the inbox.
pub(super) fn unreachable(error: &StoreError) {
    tracing::warn!(target: "offhook", code = error.code(), error = %error, "the worker cannot reach the inbox");
}
