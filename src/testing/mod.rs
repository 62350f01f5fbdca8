//! The test kit: sample deliveries, a signer, near misses, and the suite that every store passes.
//!
//! Knows what vendors send and what a store promises. Must never know why a delivery was refused.
//!
//! ```
//! use offhook::testing::{Signer, samples};
//! use offhook::{Truedy, Verifier};
//!
//! let truedy = Truedy::new("whsec_test")?;
//! let sample = samples::truedy::CALL_ENDED.with("data.call.duration", 30);
//! let request = Signer::of(&truedy).request("/webhooks/truedy", sample);
//! let delivery = truedy.receive_request(&request.head(), request.body.clone())?;
//! assert_eq!(delivery.call_id(), Some("uv_call_abc123"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod edit;
mod raw;
pub(crate) mod relayout;
mod signer;
mod near_miss;
pub mod samples;
pub mod store;

pub use near_miss::NearMiss;
pub use raw::RawRequest;
pub use relayout::Layout;
pub use samples::Sample;
pub use signer::Signer;
