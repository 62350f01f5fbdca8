//! The log line of a handled delivery (feature `tracing`).

use super::outcome::{Handled, Outcome};
use crate::event::Event;
use crate::receive::Delivery;

/// Logs an outcome, and makes the answer of it. An ordinary outcome is information; every
/// other one is a warning, with the error's text.
pub(super) fn logged<E: Event>(delivery: &Delivery<E>, outcome: Outcome) -> Handled {
    #[cfg(feature = "tracing")]
    {
        let (vendor, endpoint) = (delivery.vendor(), delivery.endpoint());
        let (event, call_id, code) = (delivery.event().name(), delivery.call_id(), outcome.code());
        match &outcome {
            Outcome::Handled | Outcome::Unkeyed | Outcome::Duplicate | Outcome::InFlight { .. } => {
                tracing::info!(target: "offhook", vendor, endpoint, event, call_id, code, "delivery handled");
            }
            _ => {
                let key = delivery.dedupe_key();
                let store = outcome.store_error().map(super::StoreError::code);
                let error = outcome.error_text();
                tracing::warn!(
                    target: "offhook",
                    vendor, endpoint, event, call_id, key, code, store, error,
                    "delivery not handled as it should be"
                );
            }
        }
    }
    Handled::new(outcome, delivery.acknowledge())
}
