//! The comparison of a store's retention with a vendor's retry span, and with the age of an
//! event.

#[cfg(feature = "tracing")]
use std::collections::BTreeSet;
#[cfg(feature = "tracing")]
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

#[cfg(feature = "tracing")]
use super::settings::Readable;
use crate::event::Event;
use crate::receive::Delivery;
use crate::time::UnixTime;
use crate::verify::{Tolerance, VerifyError};

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

/// Refuses an event that the store may have forgotten, because it is older than the retention.
///
/// A signed time says when the vendor sent the delivery, which a replay cannot change. Only
/// without one, the event's own time counts.
pub(crate) fn check_age<E: Event>(delivery: &Delivery<E>, retention: Option<Duration>) -> Result<(), VerifyError> {
    let sent_at = delivery.verified().signed_at().or_else(|| delivery.parsed().occurred_at());
    let (Some(past), Some(sent_at)) = (retention, sent_at) else { return Ok(()) };
    let at_most = Tolerance { past, future: Duration::MAX };
    // No store is asked about a delivery without a key.
    at_most.check(UnixTime::from(sent_at), delivery.profile().clock()).or_else(|too_old| match delivery.dedupe_key() {
        Some(_) => Err(too_old),
        None => Ok(()),
    })
}
