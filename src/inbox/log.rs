//! The log lines of the inbox (feature `tracing`). Each function is called once for what it
//! names, so this is the place for counters, too.
#![cfg_attr(not(feature = "tracing"), expect(unused_variables, reason = "nothing is logged"))]

use std::time::Duration;

use super::acceptance::Acceptance;
use super::entry::Entry;
use crate::event::Event;
use crate::idempotency::StoreError;
use crate::receive::Delivery;

/// Logs what became of a delivery at the door.
pub(super) fn accepted<E: Event>(delivery: &Delivery<E>, acceptance: &Acceptance) {
    #[cfg(feature = "tracing")]
    {
        let (vendor, endpoint) = (delivery.vendor(), delivery.endpoint());
        let (event, call_id, code) = (delivery.event().name(), delivery.call_id(), acceptance.code());
        match acceptance {
            Acceptance::Stored { .. } | Acceptance::Duplicate => {
                tracing::info!(target: "offhook", vendor, endpoint, event, call_id, code, "delivery stored");
            }
            other => {
                let key = delivery.dedupe_key();
                let error = if let Acceptance::Failed(error) = other { Some(error.to_string()) } else { None };
                tracing::warn!(
                    target: "offhook",
                    vendor, endpoint, event, call_id, key, code, error,
                    "delivery not stored as it should be"
                );
            }
        }
    }
}

/// Logs an event that was handled, this long after it was accepted.
pub(super) fn done(entry: &Entry, elapsed: Duration) {
    #[cfg(feature = "tracing")]
    tracing::info!(
        target: "offhook",
        vendor = entry.vendor, endpoint = entry.endpoint, event = entry.event, call_id = entry.call_id,
        code = "done", id = entry.id, attempt = entry.attempts,
        elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
        "event done"
    );
}

/// Logs an attempt that failed, and what follows: `retry`, `dead`, `lease_lost` or
/// `unrecorded`.
pub(super) fn failed(entry: &Entry, code: &str, error: &str) {
    #[cfg(feature = "tracing")]
    tracing::warn!(
        target: "offhook",
        vendor = entry.vendor, endpoint = entry.endpoint, event = entry.event, call_id = entry.call_id,
        key = entry.key, code, id = entry.id, attempt = entry.attempts, error,
        "event not done"
    );
}

/// Logs that a worker cannot reach the inbox.
pub(super) fn unreachable(error: &StoreError) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "offhook", code = error.code(), error = %error, "the worker cannot reach the inbox");
}
