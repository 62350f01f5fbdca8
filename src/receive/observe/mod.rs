//! What the log (feature `tracing`) and the metrics (feature `metrics`) say about a delivery.
//!
//! A delivery ends at two points: where it is [`Received`], and where [`Handling`] it ends.
//! Each point feeds both, so that they agree. Neither ever shows a secret, a signature, the
//! body or a value in it, except the event's name, its key and the id of its call, and those
//! only of a delivery that is authentic.

mod handling;
#[cfg(all(feature = "metrics", any(feature = "sqlite", feature = "postgres")))]
pub(crate) mod inbox;
#[cfg(feature = "tracing")]
mod log;
#[cfg(feature = "metrics")]
mod metrics;
mod received;

pub(crate) use handling::{Ending, Handling};
#[cfg(all(feature = "tracing", any(feature = "sqlite", feature = "postgres")))]
pub(crate) use log::short;
pub(crate) use received::Received;

#[cfg(feature = "metrics")]
pub use self::metrics::describe_metrics;

/// Tells that an application holds no verifier for a request, whoever sends it. No vendor is known, so it is
/// no delivery in the metrics.
#[cfg(feature = "actix-web")]
pub(crate) fn no_verifier(verifier: &'static str) {
    #[cfg(feature = "tracing")]
    log::no_verifier(verifier);
    #[cfg(not(feature = "tracing"))]
    let _ = verifier;
}
