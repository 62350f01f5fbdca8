//! Where a verified request becomes a delivery.
//!
//! Knows verification and events. Must never know a vendor, a store or a framework.

#[cfg_attr(
    not(all(feature = "tracing", feature = "metrics")),
    allow(dead_code, reason = "the log and the metrics use different parts")
)]
pub(crate) mod observe;
mod reply;
mod error;
mod profile;
mod delivery;
mod verifier;

pub use delivery::Delivery;
pub use error::ReceiveError;
#[cfg(feature = "metrics")]
pub use observe::describe_metrics;
pub use profile::Profile;
pub use reply::{Reply, Success};
pub use verifier::Verifier;
