//! What is told of a delivery, to the log (feature `tracing`) and to the metrics (feature
//! `metrics`).
//!
//! A delivery ends at two points: where it is [`Received`], and where [`Handling`] it ends.
//! Each point tells both, so that they agree. Nothing is told of a secret, a signature, the
//! body or a value in it, except the event's name, its key and the id of its call, and those
//! only of a delivery that is authentic.

mod handling;
#[cfg(feature = "tracing")]
mod log;
#[cfg(feature = "metrics")]
mod metrics;
mod received;

/// Tells that a route cannot receive anything, whoever sends it. No vendor is known, so it is
/// no delivery in the metrics.
#[cfg(feature = "actix-web")]
pub(crate) fn misconfigured(code: &'static str, error: &dyn std::fmt::Display) {
    #[cfg(feature = "tracing")]
    log::misconfigured(code, error);
    #[cfg(not(feature = "tracing"))]
    let _ = (code, error);
}

pub(crate) use handling::{Ending, Handling};
pub(crate) use received::Received;

#[cfg(feature = "metrics")]
pub use self::metrics::describe_metrics;
