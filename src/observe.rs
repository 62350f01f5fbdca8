//! The `tracing` event of each delivery.

use crate::delivery::Delivery;
use crate::error::ReceiveError;
use crate::event::Event;

#[cfg(not(feature = "tracing"))]
pub(crate) fn received<E: Event>(_vendor: &'static str, _outcome: &Result<Delivery<E>, ReceiveError>) {}

#[cfg(not(feature = "tracing"))]
#[cfg(any(feature = "axum", feature = "actix-web"))]
pub(crate) fn refused(_vendor: &'static str, _code: &'static str) {}

#[cfg(feature = "tracing")]
pub(crate) fn received<E: Event>(vendor: &'static str, outcome: &Result<Delivery<E>, ReceiveError>) {
    match outcome {
        Ok(delivery) => {
            let verified = delivery.verified();
            let age = verified.signed_at().map(|time| {
                use crate::clock::Clock;
                crate::clock::SystemClock.now().signed_duration_since(time).num_seconds()
            });
            tracing::info!(
                target: "offhook",
                vendor,
                code = "accepted",
                event = delivery.event().name(),
                secret_index = verified.secret_index(),
                age_s = age,
                "delivery accepted",
            );
        }
        Err(error) => refused(vendor, error.code()),
    }
}

#[cfg(feature = "tracing")]
pub(crate) fn refused(vendor: &'static str, code: &'static str) {
    tracing::warn!(target: "offhook", vendor, code, "delivery refused");
}
