//! The guide: one page per task. It exists in the documentation only.
//!
//! Knows everything, and nothing knows it. Must never know what is not public.
//!
//! Every page builds on this:
//!
//! ```
//! use offhook::testing::Signer;
//! use offhook::{Clock, SystemClock, Truedy, Verifier, truedy};
//!
//! let truedy = Truedy::new("whsec_first")?;
//! let body = r#"{"event":"call.ended","data":{"call_id":"c1"}}"#;
//! let headers = Signer::of(&truedy).sign(SystemClock.now(), body);
//! let delivery = truedy.receive(&headers, body)?;
//! assert!(matches!(delivery.event(), truedy::Event::CallEnded(_)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[doc = include_str!("../../docs/guide/several-vendors.md")]
pub mod several_vendors {}

#[doc = include_str!("../../docs/guide/tenants.md")]
pub mod tenants {}

#[doc = include_str!("../../docs/guide/rotation.md")]
pub mod rotation {}

#[doc = include_str!("../../docs/guide/own-vendor.md")]
pub mod own_vendor {}

#[doc = include_str!("../../docs/guide/stores.md")]
pub mod stores {}

#[doc = include_str!("../../docs/guide/exactly-once.md")]
pub mod exactly_once {}

#[doc = include_str!("../../docs/guide/inbox.md")]
pub mod inbox {}

#[doc = include_str!("../../docs/guide/hand-over.md")]
pub mod hand_over {}

#[doc = include_str!("../../docs/guide/slow-handlers.md")]
pub mod slow_handlers {}

#[doc = include_str!("../../docs/guide/testing.md")]
pub mod testing {}

#[doc = include_str!("../../docs/guide/command.md")]
pub mod command {}

#[doc = include_str!("../../docs/guide/suite.md")]
pub mod suite {}

#[doc = include_str!("../../docs/guide/other-frameworks.md")]
pub mod other_frameworks {}

#[doc = include_str!("../../docs/guide/deployment.md")]
pub mod deployment {}

#[doc = include_str!("../../docs/guide/observability.md")]
pub mod observability {}

#[doc = include_str!("../../docs/guide/troubleshooting.md")]
pub mod troubleshooting {}

#[doc = include_str!("../../docs/diagnosis.md")]
pub mod diagnosis {}

#[doc = include_str!("../../docs/performance.md")]
pub mod performance {}

#[doc = include_str!("../../docs/decisions.md")]
pub mod decisions {}

#[doc = include_str!("../../SECURITY.md")]
pub mod security {}
