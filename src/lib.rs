// The README's code needs the frameworks, and its links need the guide. The definitions
// here come before the README's own, so that its links lead to pages of the documentation.
#![cfg_attr(
    all(feature = "axum",
        feature = "actix-web",
        feature = "sqlite",
        feature = "postgres",
        feature = "redis",
        feature = "testing"),
    doc = "
[guide]: guide
[performance]: guide::performance
[diagnosis]: guide::diagnosis

",
    doc = include_str!("../README.md")
)]
#![cfg_attr(
    not(all(
        feature = "axum",
        feature = "actix-web",
        feature = "sqlite",
        feature = "postgres",
        feature = "redis",
        feature = "testing"
    )),
    doc = "The receiver for voice-AI and telephony webhooks; see the README."
)]
#![cfg_attr(docsrs, feature(doc_cfg))]

// The rooms, in the order in which a delivery passes through them. A room imports only
// from rooms above it, and a test holds the imports to that.
mod time;
pub mod verify;
pub mod event;
mod receive;
mod vendors;
pub mod idempotency;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub mod inbox;
#[cfg(any(feature = "http", feature = "actix-web"))]
mod web;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "testing")]
pub mod diagnose;
#[cfg(all(
    any(doc, doctest),
    feature = "axum",
    feature = "actix-web",
    feature = "sqlite",
    feature = "postgres",
    feature = "redis",
    feature = "testing"
))]
pub mod guide;

pub use event::error::ParseError;
pub use event::json::{Amount, RawJson};
pub use event::model::Event;
#[cfg(feature = "metrics")]
pub use receive::describe_metrics;
pub use receive::{Delivery, Profile, ReceiveError, Reply, Success, Verifier};
pub use time::{Clock, FixedClock, SystemClock, UnixTime};
// Each vendor's module and verifier: `vendors/mod.rs` is their list.
pub use vendors::*;
pub use verify::error::{ConfigError, ConfigErrorKind, VerifyError};
pub use verify::headers::Headers;
pub use verify::request::Request;
pub use verify::secret::Secret;
pub use verify::tolerance::Tolerance;
pub use verify::verified::Verified;
#[cfg(any(feature = "axum", feature = "actix-web"))]
pub use web::{Code, Function, FunctionRejection, ReadLimits, Rejection, Webhook};
