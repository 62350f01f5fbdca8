//! [Ultravox](https://docs.ultravox.ai/webhooks/available-webhooks): signed with a timestamp, answered with 204.
//!
//! ```
//! use offhook::{FixedClock, Ultravox, ultravox};
//!
//! let ultravox = Ultravox::new("uv_test_secret")?.with_clock(FixedClock::at_unix(1_773_844_200));
//! let headers = [
//!     (ultravox::SIGNATURE_HEADER, "f300deb20d9106b15b498eaa79e341ceff9b9d7ff9512d50909c541960b86009"),
//!     (ultravox::TIMESTAMP_HEADER, "2026-03-18T14:30:00.000000+00:00"),
//! ];
//! let body = r#"{"event":"call.started","call":{"callId":"3c90c3cc-0d44-4b50-8888-8dd25736052a"}}"#;
//!
//! # use offhook::Verifier;
//! let delivery = ultravox.receive(&headers, body)?;
//! let ultravox::Event::CallStarted(started) = delivery.event() else { panic!("another event") };
//! assert_eq!(started.call.call_id.as_deref(), Some("3c90c3cc-0d44-4b50-8888-8dd25736052a"));
//! assert_eq!(delivery.acknowledge().status(), 204);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Truedy forwards Ultravox's [`Call`]; it is this one type in both.

mod call;
mod event;

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
use crate::verify::{HmacKeys, HmacScheme, Part, Separator, TimestampFormat};

pub(crate) use call::BoxedCall;
pub use call::{Agent, BillingStatus, Call, EndReason, Medium, MediumKind, SipDetails, SipTerminationReason};
pub use event::{CallEvent, Event};

/// The header of the signatures: hex, one for each secret that is active at
/// Ultravox, separated by commas.
pub const SIGNATURE_HEADER: &str = "x-ultravox-webhook-signature";

/// The header of the signed time: RFC 3339.
pub const TIMESTAMP_HEADER: &str = "x-ultravox-webhook-timestamp";

/// How Ultravox [signs](https://docs.ultravox.ai/webhooks/securing-webhooks): the
/// raw body, and the timestamp header's text right after it.
pub const SCHEME: HmacScheme = HmacScheme::in_header(SIGNATURE_HEADER)
    .list(Separator::Comma)
    .timestamp_header(TIMESTAMP_HEADER, TimestampFormat::Rfc3339)
    .signs(&[Part::Body, Part::Timestamp]);

/// For how long Ultravox [retries](https://docs.ultravox.ai/webhooks/errors-and-retries):
/// 10 times, first after 30 s and then after twice the wait before, 8 h 31 min 30 s.
pub const RETRY_SPAN: Duration = Duration::from_secs(30 * ((1 << 10) - 1));

/// Receives Ultravox's deliveries.
///
/// Ultravox retries for about 8.5 hours ([`RETRY_SPAN`]): keep dedupe records for
/// longer.
#[derive(Clone, Debug)]
pub struct Ultravox {
    keys: HmacKeys,
}

impl Ultravox {
    /// With the webhook's secret, a tolerance of 300 s and the host's clock.
    ///
    /// Ultravox's own sample accepts 60 s. That leaves little for a slow network
    /// and a wrong clock, and a delivery that is refused for its age ten times is
    /// lost; [`with_tolerance`](Self::with_tolerance) sets it where that is the
    /// smaller evil.
    ///
    /// # Errors
    ///
    /// A secret that is empty, blank or padded with white space.
    pub fn new(secret: impl Into<Secret>) -> Result<Self, ConfigError> {
        Ok(Ultravox { keys: HmacKeys::new(SCHEME, secret)? })
    }

    /// Accepts one more secret, for rotation; see [`Verified::secret_index`].
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new).
    pub fn with_secret(self, secret: impl Into<Secret>) -> Result<Self, ConfigError> {
        Ok(Ultravox { keys: self.keys.with_secret(secret)? })
    }

    /// How far the signed time may be from the clock.
    #[must_use]
    pub fn with_tolerance(self, tolerance: impl Into<Tolerance>) -> Self {
        Ultravox { keys: self.keys.with_tolerance(tolerance) }
    }

    /// Judges freshness by another clock.
    #[must_use]
    pub fn with_clock(self, clock: impl Clock + 'static) -> Self {
        Ultravox { keys: self.keys.with_clock(clock) }
    }

    /// Accepts a signed time of any age: see [`HmacKeys::danger_accept_any_age`].
    #[must_use]
    pub fn danger_accept_any_age(self) -> Self {
        Ultravox { keys: self.keys.danger_accept_any_age() }
    }
}

impl Verifier for Ultravox {
    type Event = Event;

    fn vendor(&self) -> &'static str {
        "ultravox"
    }

    fn success(&self) -> Success {
        Success::NoContent
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
}

/// Checks one delivery by the host's clock and the default tolerance, from the
/// values of its two headers.
///
/// # Errors
///
/// As for [`HmacKeys::verify`], and a secret that cannot be used.
pub fn verify(
    secret: impl Into<Secret>,
    timestamp: impl AsRef<[u8]>,
    signature: impl AsRef<[u8]>,
    body: impl AsRef<[u8]>,
) -> Result<Verified, VerifyError> {
    let headers = [(SIGNATURE_HEADER, signature.as_ref()), (TIMESTAMP_HEADER, timestamp.as_ref())];
    Ultravox::new(secret)?.verify(&headers, body.as_ref())
}
