//! [TalkifAI](https://docs.talkifai.dev/api-reference/webhooks): signed without a timestamp, answered with 200.
//!
//! TalkifAI is reported to have closed in 2026; the format stays supported.
//!
//! ```
//! use offhook::{TalkifAi, talkifai};
//!
//! let talkifai = TalkifAi::new("talkifai_test_secret")?;
//! let headers = [(
//!     talkifai::SIGNATURE_HEADER,
//!     "sha256=7ac6aa7b15c7500dfe223e06ea2b01b34f1f564a295da582a1a9700e53de9af4",
//! )];
//! let body = r#"{"id":"evt_abc123","type":"call.started","created":"2024-01-15T10:30:00Z","data":{"callId":"call_xyz","agentId":"agent_abc","direction":"inbound","from":"+12025550123","to":"+18885550100"}}"#;
//!
//! # use offhook::Verifier;
//! let delivery = talkifai.receive(&headers, body)?;
//! let talkifai::Event::CallStarted(started) = delivery.event() else { panic!("another event") };
//! assert_eq!(started.from.as_deref(), Some("+12025550123"));
//! assert_eq!(delivery.acknowledge().status(), 200);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod event;
mod function;

use std::time::Duration;

use crate::event::{ParseError, Parsed};
use crate::receive::Success;
use crate::receive::Verifier;
use crate::time::Clock;
use crate::verify::Headers;
use crate::verify::Secret;
use crate::verify::Tolerance;
use crate::verify::Verified;
use crate::verify::{ConfigError, VerifyError};
use crate::verify::{HmacKeys, HmacScheme, Part};

pub use event::{AnalysisEvent, CallEvent, CallStatus, CreditEvent, EndReason, Event, TranscriptEvent};
#[cfg(any(feature = "axum", feature = "actix-web"))]
pub use function::Function;
#[cfg(feature = "schemars")]
pub use function::function_schema;
pub use function::{FunctionError, FunctionReply, Functions};

/// The header of the signature: hex, after `sha256=`.
pub const SIGNATURE_HEADER: &str = "x-talkifai-signature";

/// How TalkifAI [signs](https://docs.talkifai.dev/api-reference/webhooks): the raw body alone.
pub const SCHEME: HmacScheme = HmacScheme::in_header(SIGNATURE_HEADER).prefix("sha256=").signs(&[Part::Body]);

/// From the first attempt to the last [retry](https://docs.talkifai.dev/api-reference/webhooks):
/// 30 s, 5 min and 30 min.
pub const RETRY_SPAN: Duration = Duration::from_secs(30 + 5 * 60 + 30 * 60);

/// Receives TalkifAI's deliveries.
///
/// The signature covers no time outside the body, so a captured delivery
/// verifies for ever: deduplicate, or set a maximum age.
#[derive(Clone, Debug)]
pub struct TalkifAi {
    keys: HmacKeys,
    max_age: Option<Duration>,
}

impl TalkifAi {
    /// With the webhook's signing secret and no maximum age.
    ///
    /// # Errors
    ///
    /// A secret that is empty, blank or padded with white space.
    pub fn new(secret: impl Into<Secret>) -> Result<Self, ConfigError> {
        Ok(TalkifAi { keys: HmacKeys::new(SCHEME, secret)?, max_age: None })
    }

    /// Accepts one more secret, for rotation; see [`Verified::secret_index`].
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new).
    pub fn with_secret(self, secret: impl Into<Secret>) -> Result<Self, ConfigError> {
        Ok(TalkifAi { keys: self.keys.with_secret(secret)?, ..self })
    }

    /// Refuses events whose `created`, which is inside the signed body, is older,
    /// and events without it.
    ///
    /// TalkifAI retries after 30 s, 5 min and 30 min: **below 36 minutes, genuine
    /// late retries are refused, and with them events are lost.**
    #[must_use]
    pub fn with_max_age(self, max_age: Duration) -> Self {
        TalkifAi { max_age: Some(max_age), ..self }
    }

    /// Judges age by another clock.
    #[must_use]
    pub fn with_clock(self, clock: impl Clock + 'static) -> Self {
        TalkifAi { keys: self.keys.with_clock(clock), ..self }
    }
}

impl Verifier for TalkifAi {
    type Event = Event;

    fn vendor(&self) -> &'static str {
        "talkifai"
    }

    fn success(&self) -> Success {
        Success::Ok
    }

    fn retry_span(&self) -> Option<Duration> {
        Some(RETRY_SPAN)
    }

    fn verify(&self, headers: &dyn Headers, body: &[u8]) -> Result<Verified, VerifyError> {
        self.keys.verify(headers, body)
    }

    fn parse(&self, _verified: &Verified, body: &[u8]) -> Result<Parsed<Event>, ParseError> {
        Event::parse(body)
    }

    fn check_event(&self, event: &Parsed<Event>) -> Result<(), VerifyError> {
        let Some(past) = self.max_age else { return Ok(()) };
        let created = event.envelope().timestamp.ok_or(VerifyError::MissingTimestamp)?;
        Tolerance { past, ..Tolerance::default() }.check(created.timestamp(), self.keys.clock().unix_seconds())
    }
}

/// Checks one delivery, from the value of its header.
///
/// # Errors
///
/// As for [`HmacKeys::verify`], and a secret that cannot be used.
pub fn verify(
    secret: impl Into<Secret>,
    signature: impl AsRef<[u8]>,
    body: impl AsRef<[u8]>,
) -> Result<Verified, VerifyError> {
    TalkifAi::new(secret)?.verify(&[(SIGNATURE_HEADER, signature.as_ref())], body.as_ref())
}
