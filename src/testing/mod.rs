//! Test helpers: a signer of deliveries, and the suite that every store passes.
//!
//! Knows how vendors sign and what a store promises. Must never know a framework.
//!
//! ```
//! use offhook::testing::Signer;
//! use offhook::{FixedClock, Truedy, Verifier, truedy};
//!
//! let body = r#"{"event":"call.started","data":{"call_id":"c1"}}"#;
//! let now = offhook::Clock::now(&FixedClock::at_unix(1_773_844_200));
//! let headers = Signer::new(truedy::SCHEME, "whsec_first")?.sign(now, body);
//!
//! let truedy = Truedy::new("whsec_first")?.with_clock(FixedClock::at(now));
//! assert!(truedy.receive(&headers, body).is_ok());
//! # Ok::<(), offhook::ConfigError>(())
//! ```

mod signer;
pub mod store;

pub use signer::Signer;
