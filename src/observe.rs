//! The `tracing` event of each delivery.

use crate::delivery::Delivery;
use crate::error::ReceiveError;
use crate::event::Event;
#[cfg(feature = "tracing")]
use {
    crate::clock::{Clock, SystemClock},
    chrono::{DateTime, Utc},
};

#[cfg(not(feature = "tracing"))]
pub(crate) fn received<E: Event>(_vendor: &'static str, _outcome: &Result<Delivery<E>, ReceiveError>) {}

#[cfg(not(feature = "tracing"))]
#[cfg(any(feature = "axum", feature = "actix-web"))]
pub(crate) fn refused(_vendor: &'static str, _code: &'static str) {}

#[cfg(feature = "tracing")]
pub(crate) fn received<E: Event>(vendor: &'static str, outcome: &Result<Delivery<E>, ReceiveError>) {
    match outcome {
        Ok(delivery) => {
            // Nothing in here is worked out unless somebody listens.
            tracing::info!(
                target: "offhook",
                vendor,
                code = "accepted",
                event = delivery.event().name(),
                secret_index = delivery.verified().secret_index(),
                age_s = delivery.verified().signed_at().map(age),
                "delivery accepted",
            );
        }
        Err(error) => refused(vendor, error.code()),
    }
}

/// In seconds.
#[cfg(feature = "tracing")]
fn age(signed_at: DateTime<Utc>) -> i64 {
    SystemClock.now().signed_duration_since(signed_at).num_seconds()
}

#[cfg(feature = "tracing")]
pub(crate) fn refused(vendor: &'static str, code: &'static str) {
    tracing::warn!(target: "offhook", vendor, code, "delivery refused");
}
