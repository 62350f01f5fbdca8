//! The log line of a handled delivery (feature `tracing`).

#[cfg(feature = "tracing")]
use std::collections::BTreeSet;
#[cfg(feature = "tracing")]
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::outcome::{Handled, HandlerError, Outcome};
#[cfg(feature = "tracing")]
use super::settings::Readable;
use crate::event::Event;
use crate::receive::Delivery;

/// Runs a handler to its end. The log has a warning if the handler is cancelled before its
/// end (`cancelled`), or if it takes longer than the vendor waits (`slow`).
pub(super) async fn watched<E: Event>(
    delivery: &Delivery<E>,
    handler: impl Future<Output = Result<(), HandlerError>>,
) -> Outcome {
    #[cfg(feature = "tracing")]
    let watch = Watch { delivery, start: std::time::Instant::now(), ended: false };
    let outcome = Outcome::of_handler(handler).await;
    #[cfg(feature = "tracing")]
    watch.end();
    #[cfg(not(feature = "tracing"))]
    let _ = delivery;
    outcome
}

/// A handler that runs.
#[cfg(feature = "tracing")]
struct Watch<'d, E: Event> {
    delivery: &'d Delivery<E>,
    start: std::time::Instant,
    ended: bool,
}

#[cfg(feature = "tracing")]
impl<E: Event> Watch<'_, E> {
    fn end(mut self) {
        self.ended = true;
        if self.start.elapsed() > self.delivery.profile().answers_within() {
            self.warn("slow", "the handler took longer than the vendor waits");
        }
    }

    fn warn(&self, code: &str, message: &str) {
        let (vendor, endpoint) = (self.delivery.vendor(), self.delivery.endpoint());
        let (event, call_id) = (self.delivery.event().name(), self.delivery.call_id());
        let key = self.delivery.dedupe_key();
        let elapsed_ms = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::warn!(target: "offhook", vendor, endpoint, event, call_id, key, code, elapsed_ms, "{message}");
    }
}

#[cfg(feature = "tracing")]
impl<E: Event> Drop for Watch<'_, E> {
    fn drop(&mut self) {
        if !self.ended {
            self.warn("cancelled", "the handler was cancelled: the vendor hung up, or a deadline passed");
        }
    }
}

/// Warns, once in a process for each vendor and endpoint, that the store forgets an event
/// while its vendor may still send it.
pub(super) fn compared<E: Event>(delivery: &Delivery<E>, retention: Option<Duration>) {
    #[cfg(feature = "tracing")]
    if let (Some(retention), Some(span)) = (retention, delivery.profile().retry_span())
        && retention < span
    {
        static WARNED: Mutex<BTreeSet<(&str, String)>> = Mutex::new(BTreeSet::new());
        let (vendor, endpoint) = (delivery.vendor(), delivery.endpoint());
        let mut warned = WARNED.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.insert((vendor, endpoint.to_owned())) {
            tracing::warn!(
                target: "offhook",
                vendor, endpoint, code = "retention_too_short",
                retention = %Readable(retention), retry_span = %Readable(span),
                "the store forgets an event while the vendor may still send it: set a longer retention"
            );
        }
    }
    #[cfg(not(feature = "tracing"))]
    let _ = (delivery, retention);
}

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
