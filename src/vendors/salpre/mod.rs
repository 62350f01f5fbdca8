//! [Salpre](https://documentation.salpre.com/docs/webhooks)'s "Custom Webhook": static headers, answered with 200.
//!
//! ```
//! use offhook::{Salpre, salpre};
//!
//! let salpre = Salpre::bearer("s3cret")?;
//! let headers = [("Authorization", "Bearer s3cret")];
//! let body = r#"{"event_type":"call_initiated","timestamp_utc":1760084505,"payload":{"call_id":1,"from":"+905555555555","to":"+905555555554","direction":"outbound","source":"salprebox:SALPRE_AABBCCDD"},"is_test":true}"#;
//!
//! # use offhook::Verifier;
//! let delivery = salpre.receive(&headers, body)?;
//! let salpre::Event::CallInitiated(initiated) = delivery.event() else { panic!("another event") };
//! assert_eq!(initiated.call.id.as_deref(), Some("1"));
//! assert_eq!(delivery.acknowledge().status(), 200);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod event;

use zeroize::Zeroizing;

use std::borrow::Cow;

use crate::event::{ParseError, Parsed};
use crate::receive::Success;
use crate::receive::Verifier;
use crate::verify::HeaderTokens;
use crate::verify::Headers;
use crate::verify::Secret;
use crate::verify::Verified;
use crate::verify::{ConfigError, VerifyError};

pub use event::{Call, CallEndedEvent, CallEvent, ErrorEvent, Event, Speaker, TranscriptEntry, TranscriptEvent};

/// Receives the deliveries of Salpre's "Custom Webhook".
///
/// Salpre signs nothing. What tells its deliveries from forged ones are the
/// static headers that you enter in its form, so use a long random value, and
/// TLS. Deduplication is the only protection against replay.
#[derive(Clone, Debug)]
#[doc(alias = "custom webhook")]
pub struct Salpre {
    tokens: Option<HeaderTokens>,
}

impl Salpre {
    /// Demands `Authorization: Bearer <token>`.
    ///
    /// # Errors
    ///
    /// A token that is empty, blank or padded with white space.
    pub fn bearer(token: impl Into<Secret>) -> Result<Self, ConfigError> {
        let token = token.into();
        let value = Zeroizing::new([b"Bearer ", token.checked()?].concat());
        Self::header("authorization", value.as_slice())
    }

    /// Demands one header with exactly this value.
    ///
    /// # Errors
    ///
    /// As for [`HeaderTokens::new`].
    pub fn header(name: impl Into<Cow<'static, str>>, value: impl Into<Secret>) -> Result<Self, ConfigError> {
        Self::headers([(name, value)])
    }

    /// Demands several headers, each with exactly its value.
    ///
    /// # Errors
    ///
    /// As for [`HeaderTokens::new`].
    pub fn headers<N, V>(headers: impl IntoIterator<Item = (N, V)>) -> Result<Self, ConfigError>
    where
        N: Into<Cow<'static, str>>,
        V: Into<Secret>,
    {
        Ok(Self::with_tokens(HeaderTokens::new(headers)?))
    }

    /// Demands what `tokens` demands; with several sets, for rotation.
    pub fn with_tokens(tokens: HeaderTokens) -> Self {
        Salpre { tokens: Some(tokens) }
    }

    /// Accepts every delivery, from whomever. For an endpoint that nobody else can
    /// reach.
    pub fn danger_accept_unauthenticated() -> Self {
        Salpre { tokens: None }
    }
}

impl Verifier for Salpre {
    type Event = Event;

    fn vendor(&self) -> &'static str {
        "salpre"
    }

    fn success(&self) -> Success {
        Success::Ok
    }

    fn verify(&self, headers: &dyn Headers, _body: &[u8]) -> Result<Verified, VerifyError> {
        match &self.tokens {
            Some(tokens) => tokens.verify(headers),
            None => Ok(Verified::danger_without_check()),
        }
    }

    fn parse(&self, _verified: &Verified, body: &[u8]) -> Result<Parsed<Event>, ParseError> {
        Event::parse(body)
    }
}

/// Checks one delivery, from the value of the header in which the token stands:
/// it must be `expected`, whole.
///
/// # Errors
///
/// A value that is empty, too long, not ASCII or another one, and an expected
/// value that cannot be used.
pub fn verify(expected: impl Into<Secret>, received: impl AsRef<[u8]>) -> Result<Verified, VerifyError> {
    const HEADER: &str = "authorization";
    Salpre::header(HEADER, expected)?.verify(&[(HEADER, received)], b"")
}
