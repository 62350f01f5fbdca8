//! The comparison of a store's retention with a vendor's retry span.

#[cfg(feature = "tracing")]
use std::collections::BTreeSet;
#[cfg(feature = "tracing")]
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

#[cfg(feature = "tracing")]
use super::settings::Readable;
use crate::event::Event;
use crate::receive::Delivery;

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
