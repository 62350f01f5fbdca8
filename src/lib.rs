// The README's code needs a framework.
#![cfg_attr(all(feature = "axum", feature = "actix-web"), doc = include_str!("../README.md"))]
#![cfg_attr(
    not(all(feature = "axum", feature = "actix-web")),
    doc = "The receiver for voice-AI and telephony webhooks; see the README."
)]
#![cfg_attr(docsrs, feature(doc_cfg))]

// The rooms, in the order in which a delivery passes through them. A room imports
// only from rooms above it; `tests/it/imports.rs` holds them to it.
mod time;
pub mod verify;
pub mod event;
mod receive;
mod vendors;
pub mod idempotency;
#[cfg(any(feature = "axum", feature = "actix-web"))]
mod web;
#[cfg(feature = "testing")]
pub mod testing;

pub use event::error::ParseError;
pub use event::json::{Amount, RawJson};
pub use event::model::Event;
pub use receive::{Delivery, ReceiveError, Reply, Success, Verifier};
pub use time::{Clock, FixedClock, SystemClock};
pub use vendors::custom::HmacVendor;
pub use vendors::salpre::Salpre;
pub use vendors::standard_webhooks::StandardWebhooks;
pub use vendors::talkifai::TalkifAi;
pub use vendors::truedy::Truedy;
pub use vendors::ultravox::Ultravox;
pub use vendors::{salpre, standard_webhooks, talkifai, truedy, ultravox};
pub use verify::error::{ConfigError, VerifyError};
pub use verify::headers::Headers;
pub use verify::secret::Secret;
pub use verify::tolerance::Tolerance;
pub use verify::verified::Verified;
#[cfg(any(feature = "axum", feature = "actix-web"))]
pub use web::{Rejection, Webhook};
