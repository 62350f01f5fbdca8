//! The `tracing` event of a handled delivery.

use super::outcome::Outcome;
use crate::delivery::Delivery;
use crate::event::Event;

/// Logs the outcome: as information if it is an ordinary one, as a warning otherwise.
pub(super) fn handled<E: Event>(delivery: &Delivery<E>, outcome: &Outcome) {
    #[cfg(feature = "tracing")]
    {
        let (vendor, event, code) = (delivery.vendor(), delivery.event().name(), outcome.code());
        let store = outcome.store_error().map(super::StoreError::code);
        match outcome {
            Outcome::Handled | Outcome::Unkeyed | Outcome::Duplicate | Outcome::InFlight { .. } => {
                tracing::info!(target: "offhook", vendor, event, code, "delivery handled");
            }
            _ => tracing::warn!(target: "offhook", vendor, event, code, store, "delivery not handled as it should be"),
        }
    }
    #[cfg(not(feature = "tracing"))]
    let _ = (delivery, outcome);
}
