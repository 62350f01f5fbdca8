//! A vendor of your own: a scheme, a type for its events, a rule that tells retries.
//!
//! ```
//! use offhook::event::{Envelope, Identity};
//! use offhook::verify::{HmacScheme, Part, Separator, TimestampFormat};
//! use offhook::{Event, FixedClock, HmacVendor, Verifier};
//!
//! // `ElevenLabs-Signature: t=<seconds>,v0=<hex>` signs the time, a full stop and the body.
//! const ELEVENLABS: HmacScheme = HmacScheme::in_header("elevenlabs-signature")
//!     .list(Separator::Comma)
//!     .prefix("v0=")
//!     .timestamp_entry("t=", TimestampFormat::UnixSeconds)
//!     .signs(&[Part::Timestamp, Part::Literal("."), Part::Body]);
//!
//! #[derive(serde::Deserialize)]
//! struct PostCall {
//!     r#type: String,
//!     data: Conversation,
//! }
//!
//! #[derive(serde::Deserialize)]
//! struct Conversation {
//!     conversation_id: String,
//! }
//!
//! impl Event for PostCall {
//!     fn name(&self) -> &str {
//!         &self.r#type
//!     }
//!
//!     fn identity<'a>(&'a self, _envelope: &'a Envelope) -> Identity<'a> {
//!         Identity::Id(self.data.conversation_id.as_str().into())
//!     }
//! }
//!
//! let elevenlabs = HmacVendor::<PostCall>::new("elevenlabs", ELEVENLABS, "wsec_1")?;
//! # let elevenlabs = elevenlabs.with_clock(FixedClock::at_unix(1_773_844_200));
//! let headers = [(
//!     "ElevenLabs-Signature",
//!     "t=1773844200,v0=519ed42f43ade1b8f90a20dd2506c457822cd8663c4c64f2c84673c62744cbac",
//! )];
//! let body = r#"{"type":"post_call_transcription","data":{"conversation_id":"c1"}}"#;
//! let delivery = elevenlabs.receive(&headers, body)?;
//! match delivery.event() {
//!     Ok(call) => assert_eq!(call.data.conversation_id, "c1"),
//!     Err(undecodable) => println!("{undecodable}"),
//! }
//! assert_eq!(delivery.dedupe_key().as_deref(), Some("post_call_transcription:c1"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! It is a [`Verifier`] like the vendors of this crate: [`receive`](Verifier::receive)
//! works, the extractors of axum and actix-web, and the stores. Its event is
//! `Result<PostCall, Undecodable>`: a delivery that does not fit the type is handed
//! over all the same, with its JSON and the reason.
//!
//! What is beyond this (an envelope, a check of the event, static headers instead of
//! a signature) is an `impl` of [`Verifier`] with [`HmacKeys`] or
//! [`HeaderTokens`](crate::verify::HeaderTokens) inside.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::event::{Event, ParseError, Parsed, Undecodable};
use crate::receive::Success;
use crate::receive::Verifier;
use crate::time::Clock;
use crate::verify::Headers;
use crate::verify::Secret;
use crate::verify::Tolerance;
use crate::verify::Verified;
use crate::verify::{ConfigError, VerifyError};
use crate::verify::{HmacKeys, HmacScheme};

/// Receives the deliveries of a vendor that signs by an [`HmacScheme`], with
/// events of the type `E`.
pub struct HmacVendor<E> {
    name: &'static str,
    keys: HmacKeys,
    success: Success,
    retry_span: Option<Duration>,
    event: PhantomData<fn() -> E>,
}

impl<E> HmacVendor<E> {
    /// With one secret, a tolerance of 300 s and the host's clock; a delivery that
    /// was taken is answered with 200. `name` is lower-case, and the namespace of
    /// the dedupe keys.
    ///
    /// # Errors
    ///
    /// As for [`HmacKeys::new`].
    pub fn new(name: &'static str, scheme: HmacScheme, secret: impl Into<Secret>) -> Result<Self, ConfigError> {
        Ok(HmacVendor {
            name,
            keys: HmacKeys::new(scheme, secret)?,
            success: Success::Ok,
            retry_span: None,
            event: PhantomData,
        })
    }

    /// The status by which this vendor knows that its delivery was taken.
    #[must_use]
    pub fn with_success(self, success: Success) -> Self {
        HmacVendor { success, ..self }
    }

    /// How long after the first attempt this vendor may still send a delivery
    /// again, so that [`Settings::for_vendor`](crate::idempotency::Settings::for_vendor)
    /// refuses a shorter retention.
    #[must_use]
    pub fn with_retry_span(self, span: Duration) -> Self {
        HmacVendor { retry_span: Some(span), ..self }
    }

    /// Accepts one more secret, for rotation; see [`Verified::secret_index`].
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new).
    pub fn with_secret(self, secret: impl Into<Secret>) -> Result<Self, ConfigError> {
        Ok(HmacVendor { keys: self.keys.with_secret(secret)?, ..self })
    }

    /// How far the signed time may be from the clock. Without effect on a scheme
    /// that signs no time.
    #[must_use]
    pub fn with_tolerance(self, tolerance: impl Into<Tolerance>) -> Self {
        HmacVendor { keys: self.keys.with_tolerance(tolerance), ..self }
    }

    /// Judges freshness by another clock.
    #[must_use]
    pub fn with_clock(self, clock: impl Clock + 'static) -> Self {
        HmacVendor { keys: self.keys.with_clock(clock), ..self }
    }

    /// Accepts a signed time of any age: see [`HmacKeys::danger_accept_any_age`].
    #[must_use]
    pub fn danger_accept_any_age(self) -> Self {
        HmacVendor { keys: self.keys.danger_accept_any_age(), ..self }
    }
}

impl<E: Event + DeserializeOwned> Verifier for HmacVendor<E> {
    type Event = Result<E, Undecodable>;

    fn vendor(&self) -> &'static str {
        self.name
    }

    fn success(&self) -> Success {
        self.success
    }

    fn retry_span(&self) -> Option<Duration> {
        self.retry_span
    }

    fn verify(&self, headers: &dyn Headers, body: &[u8]) -> Result<Verified, VerifyError> {
        self.keys.verify(headers, body)
    }

    fn parse(&self, _verified: &Verified, body: &[u8]) -> Result<Parsed<Self::Event>, ParseError> {
        // Only the type knows where the name stands.
        Parsed::decode("", body)
    }
}

// Derived, these would ask the same of `E`.
impl<E> Clone for HmacVendor<E> {
    fn clone(&self) -> Self {
        HmacVendor {
            name: self.name,
            keys: self.keys.clone(),
            success: self.success,
            retry_span: self.retry_span,
            event: PhantomData,
        }
    }
}

impl<E> fmt::Debug for HmacVendor<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HmacVendor")
            .field("name", &self.name)
            .field("keys", &self.keys)
            .field("success", &self.success)
            .field("retry_span", &self.retry_span)
            .finish()
    }
}
