//! Where a verified request becomes a delivery.
//!
//! Knows verification and events. Must never know a vendor, a store or a framework.

pub(crate) mod log;
mod reply;
mod error;
mod profile;
mod delivery;
mod verifier;

pub use delivery::Delivery;
pub use error::ReceiveError;
pub use profile::Profile;
pub use reply::{Reply, Success};
pub use verifier::Verifier;
