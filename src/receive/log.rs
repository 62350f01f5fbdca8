//! The `tracing` events of each delivery.

use crate::event::Event;
use crate::idempotency::Outcome;
use crate::receive::Delivery;
use crate::receive::ReceiveError;
#[cfg(feature = "tracing")]
use {
    crate::idempotency::StoreError,
    crate::time::{Clock, SystemClock},
    chrono::{DateTime, Utc},
};

#[cfg(not(feature = "tracing"))]
pub(crate) fn received<E: Event>(_vendor: &'static str, _outcome: &Result<Delivery<E>, ReceiveError>) {}

#[cfg(not(feature = "tracing"))]
#[cfg(any(feature = "axum", feature = "actix-web"))]
pub(crate) fn refused(_vendor: &'static str, _code: &'static str) {}

#[cfg(not(feature = "tracing"))]
pub(crate) fn handled<E: Event>(_delivery: &Delivery<E>, _outcome: &Outcome) {}

#[cfg(feature = "tracing")]
pub(crate) fn handled<E: Event>(delivery: &Delivery<E>, outcome: &Outcome) {
    let (vendor, event, code) = (delivery.vendor(), delivery.event().name(), outcome.code());
    let store = outcome.store_error().map(StoreError::code);
    match outcome {
        Outcome::Fresh | Outcome::Unkeyed | Outcome::Duplicate | Outcome::InFlight { .. } => {
            tracing::info!(target: "offhook", vendor, event, code, "delivery handled");
        }
        _ => tracing::warn!(target: "offhook", vendor, event, code, store, "delivery not handled as it should be"),
    }
}

#[cfg(feature = "tracing")]
pub(crate) fn received<E: Event>(vendor: &'static str, outcome: &Result<Delivery<E>, ReceiveError>) {
    match outcome {
        Ok(delivery) => {
            // Evaluated only if a subscriber is interested.
            tracing::info!(
                target: "offhook",
                vendor,
                code = "accepted",
                event = delivery.event().name(),
                secret_index = delivery.verified().secret_index(),
                age_s = delivery.verified().signed_at().map(age),
                "delivery accepted",
            );
            if !delivery.drift().is_empty() {
                // Paths and reasons only: a drift holds no values.
                let (event, drift) = (delivery.event().name(), delivery.drift());
                tracing::warn!(target: "offhook", vendor, code = "drift", event, %drift, "delivery does not fit");
            }
        }
        Err(error) => refused(vendor, error.code()),
    }
}

/// Returns the age in seconds.
#[cfg(feature = "tracing")]
fn age(signed_at: DateTime<Utc>) -> i64 {
    SystemClock.now().signed_duration_since(signed_at).num_seconds()
}

#[cfg(feature = "tracing")]
pub(crate) fn refused(vendor: &'static str, code: &'static str) {
    tracing::warn!(target: "offhook", vendor, code, "delivery refused");
}
