//! What the log (feature `tracing`) and the metrics (feature `metrics`) say about the inbox.
//!
//! Each function is called once for what it names and feeds both, so that they agree.
#![cfg_attr(not(any(feature = "tracing", feature = "metrics")), expect(unused_variables, reason = "neither is there"))]

use super::acceptance::Acceptance;
use super::base::Inbox;
use super::dialect::Dialect;
use super::ended::Ended;
use super::entry::Entry;
#[cfg(feature = "tracing")]
use super::log;
#[cfg(feature = "metrics")]
use super::metrics;
use crate::event::Event;
use crate::idempotency::StoreError;
use crate::receive::Delivery;

/// Tells what became of a delivery at the door.
pub(super) fn accepted<E: Event>(delivery: &Delivery<E>, acceptance: &Acceptance) {
    #[cfg(feature = "tracing")]
    log::accepted(delivery, acceptance);
    #[cfg(feature = "metrics")]
    metrics::accepted(delivery, acceptance);
}

/// Tells how an attempt ended.
pub(super) fn ended(entry: &Entry, ended: &Ended) {
    #[cfg(feature = "tracing")]
    log::ended(entry, ended);
    #[cfg(feature = "metrics")]
    metrics::ended(entry, ended);
}

/// Tells that a worker cannot reach the inbox.
#[cfg_attr(not(feature = "tracing"), expect(unused_variables, reason = "only the log has a line"))]
pub(super) fn unreachable(error: &StoreError) {
    #[cfg(feature = "tracing")]
    log::unreachable(error);
}

/// Sets the gauges of a worker that has handlers for these vendors and endpoints. Never ends.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "only the metrics have gauges"))]
pub(super) async fn keep_gauges<D: Dialect>(inbox: Inbox<D>, sources: Vec<(String, String)>) {
    #[cfg(feature = "metrics")]
    metrics::keep_gauges(inbox, sources).await;
    std::future::pending().await
}
