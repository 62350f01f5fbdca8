//! [Truedy](https://docs.truedy.ai/guides/webhooks): signed with a timestamp, answered with 204.
//!
//! ```
//! use offhook::{FixedClock, Truedy, truedy};
//!
//! let truedy = Truedy::new("whsec_test_secret")?.with_clock(FixedClock::at_unix(1_773_844_200));
//! let headers = [
//!     (truedy::SIGNATURE_HEADER, "96d85da17d136e52c8abc091357ff1d78bc4bf5a8021a408f22a7e9b03d0f408"),
//!     (truedy::TIMESTAMP_HEADER, "1773844200"),
//! ];
//! let body = r#"{"event":"call.ended","timestamp":"2026-03-18T14:30:00.000Z","data":{"event":"call.ended","call":{"callId":"uv_call_123","agent":{"agentId":"uv_agent_123"}},"id":"uv_evt_123"}}"#;
//!
//! # use offhook::Verifier;
//! let delivery = truedy.receive(&headers, body)?;
//! let truedy::Event::CallEnded(ended) = delivery.event() else { panic!("another event") };
//! assert_eq!(ended.call.call_id.as_deref(), Some("uv_call_123"));
//! assert_eq!(delivery.acknowledge().status(), 204);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod event;

use crate::event::{ParseError, Parsed};
use crate::receive::Success;
use crate::receive::Verifier;
use crate::time::Clock;
use crate::verify::Headers;
use crate::verify::Secret;
use crate::verify::Tolerance;
use crate::verify::Verified;
use crate::verify::{ConfigError, VerifyError};
use crate::verify::{HmacKeys, HmacScheme, Part, TimestampFormat};

pub use event::{BatchEvent, BatchStatus, CallEvent, CallStatus, Event, VoiceEvent};

/// The header of the signature: hex, without a prefix.
pub const SIGNATURE_HEADER: &str = "x-truedy-signature";

/// The header of the signed time: Unix seconds or RFC 3339.
pub const TIMESTAMP_HEADER: &str = "x-truedy-timestamp";

/// How Truedy [signs](https://docs.truedy.ai/guides/securing-webhooks): the
/// timestamp header's text, a full stop and the raw body. The secret is used as
/// it is; its `whsec_` is part of it.
pub const SCHEME: HmacScheme = HmacScheme::in_header(SIGNATURE_HEADER)
    .timestamp_header(TIMESTAMP_HEADER, TimestampFormat::UnixSecondsOrRfc3339)
    .signs(&[Part::Timestamp, Part::Literal("."), Part::Body]);

/// Receives Truedy's deliveries.
#[derive(Clone, Debug)]
pub struct Truedy {
    keys: HmacKeys,
}

impl Truedy {
    /// With the endpoint's signing secret, a tolerance of 300 s and the host's clock.
    ///
    /// # Errors
    ///
    /// A secret that is empty, blank or padded with white space.
    pub fn new(secret: impl Into<Secret>) -> Result<Self, ConfigError> {
        Ok(Truedy { keys: HmacKeys::new(SCHEME, secret)? })
    }

    /// Accepts one more secret, for rotation; see [`Verified::secret_index`].
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new).
    pub fn with_secret(self, secret: impl Into<Secret>) -> Result<Self, ConfigError> {
        Ok(Truedy { keys: self.keys.with_secret(secret)? })
    }

    /// How far the signed time may be from the clock.
    #[must_use]
    pub fn with_tolerance(self, tolerance: impl Into<Tolerance>) -> Self {
        Truedy { keys: self.keys.with_tolerance(tolerance) }
    }

    /// Judges freshness by another clock.
    #[must_use]
    pub fn with_clock(self, clock: impl Clock + 'static) -> Self {
        Truedy { keys: self.keys.with_clock(clock) }
    }

    /// Accepts a signed time of any age: see [`HmacKeys::danger_accept_any_age`].
    #[must_use]
    pub fn danger_accept_any_age(self) -> Self {
        Truedy { keys: self.keys.danger_accept_any_age() }
    }
}

impl Verifier for Truedy {
    type Event = Event;

    fn vendor(&self) -> &'static str {
        "truedy"
    }

    fn success(&self) -> Success {
        Success::NoContent
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
    Truedy::new(secret)?.verify(&headers, body.as_ref())
}
