//! Where a verified request becomes a delivery.
//!
//! Knows verification and events. Must never know a vendor, a store or a framework.

mod delivery;
mod error;
pub(crate) mod log;
mod reply;
mod verifier;

pub use delivery::Delivery;
pub use error::ReceiveError;
pub use reply::{Reply, Success};
pub use verifier::Verifier;
