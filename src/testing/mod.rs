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
mod capture;
pub(crate) mod relayout;
mod signer;
mod near_miss;
#[cfg(any(feature = "axum", feature = "actix-web"))]
mod deliver;
#[cfg(any(feature = "axum", feature = "actix-web"))]
mod idempotent;
pub mod samples;
pub mod store;

pub use capture::{Capture, CaptureError};
#[cfg(any(feature = "axum", feature = "actix-web"))]
pub use deliver::Answer;
#[cfg(feature = "actix-web")]
pub use deliver::deliver_actix;
#[cfg(feature = "axum")]
pub use deliver::deliver_axum;
#[cfg(any(feature = "axum", feature = "actix-web"))]
pub use idempotent::{Effects, assert_idempotent};
pub use near_miss::NearMiss;
pub use raw::RawRequest;
pub use relayout::Layout;
pub use samples::Sample;
pub use signer::Signer;
