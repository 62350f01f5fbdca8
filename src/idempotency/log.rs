//! The `tracing` event of a handled delivery.

use super::outcome::Outcome;
use crate::event::Event;
use crate::receive::Delivery;

/// Logs the outcome: as information if it is an ordinary one, as a warning otherwise.
pub(super) fn handled<E: Event>(delivery: &Delivery<E>, outcome: &Outcome) {
    #[cfg(feature = "tracing")]
    {
        let (vendor, endpoint) = (delivery.vendor(), delivery.endpoint());
        let (event, code) = (delivery.event().name(), outcome.code());
        let store = outcome.store_error().map(super::StoreError::code);
        match outcome {
            Outcome::Handled | Outcome::Unkeyed | Outcome::Duplicate | Outcome::InFlight { .. } => {
                tracing::info!(target: "offhook", vendor, endpoint, event, code, "delivery handled");
            }
            _ => {
                tracing::warn!(target: "offhook", vendor, endpoint, event, code, store, "delivery not handled as it should be")
            }
        }
    }
    #[cfg(not(feature = "tracing"))]
    let _ = (delivery, outcome);
}
