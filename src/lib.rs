// The README's code needs a framework.
#![cfg_attr(all(feature = "axum", feature = "actix-web"), doc = include_str!("../README.md"))]
#![cfg_attr(
    not(all(feature = "axum", feature = "actix-web")),
    doc = "The receiver for voice-AI and telephony webhooks; see the README."
)]
#![cfg_attr(docsrs, feature(doc_cfg))]

// The modules stand in the order in which a delivery meets them.
pub mod call;
pub mod clock;
mod delivery;
mod envelope;
pub mod error;
pub mod event;
mod fields;
pub mod headers;
mod json;
mod observe;
pub mod reply;
mod secret;
pub mod signature;
mod time;
pub mod token;
pub mod verifier;

pub mod salpre;
pub mod standard_webhooks;
pub mod talkifai;
pub mod truedy;
pub mod ultravox;
pub mod vendor;

pub mod idempotency;

#[cfg(feature = "actix-web")]
pub mod actix_web;
#[cfg(feature = "axum")]
pub mod axum;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(any(feature = "axum", feature = "actix-web"))]
mod webhook;

pub use clock::{Clock, DEFAULT_TOLERANCE, FixedClock, SystemClock, Tolerance};
pub use delivery::Delivery;
pub use error::{ConfigError, ParseError, ReceiveError, VerifyError};
pub use event::Event;
pub use headers::Headers;
pub use json::{Amount, RawJson};
pub use reply::Reply;
pub use salpre::Salpre;
pub use secret::Secret;
pub use standard_webhooks::StandardWebhooks;
pub use talkifai::TalkifAi;
pub use truedy::Truedy;
pub use ultravox::Ultravox;
pub use vendor::HmacVendor;
pub use verifier::{Verified, Verifier};
#[cfg(any(feature = "axum", feature = "actix-web"))]
pub use webhook::{Rejection, Webhook};
