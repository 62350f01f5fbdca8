//! [Ultravox](https://docs.ultravox.ai/webhooks/available-webhooks): signed with a timestamp, answered with 204.
//!
//! ```
//! use offhook::{FixedClock, Ultravox, Verifier, ultravox};
//!
//! let ultravox = Ultravox::new("uv_test_secret")?.with_clock(FixedClock::at_unix(1_773_844_200));
//! let headers = [
//!     (ultravox::SIGNATURE_HEADER, "f300deb20d9106b15b498eaa79e341ceff9b9d7ff9512d50909c541960b86009"),
//!     (ultravox::TIMESTAMP_HEADER, "2026-03-18T14:30:00.000000+00:00"),
//! ];
//! let body = r#"{"event":"call.started","call":{"callId":"3c90c3cc-0d44-4b50-8888-8dd25736052a"}}"#;
//!
//! let delivery = ultravox.receive(&headers, body)?;
//! let ultravox::Event::CallStarted(started) = delivery.event() else { panic!("another event") };
//! assert_eq!(started.call.call_id.as_deref(), Some("3c90c3cc-0d44-4b50-8888-8dd25736052a"));
//! assert_eq!(delivery.acknowledge().status(), 204);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Truedy forwards Ultravox's [`Call`](crate::call::Call); both vendors share this type.

mod event;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::event::{ParseError, Parsed};
use crate::receive::Success;
use crate::vendors::{SignedVendor, Vendor, vendor};
use crate::verify::{HmacScheme, Part, Request, Secret, Separator, TimestampFormat, Verified, VerifyError};

pub use event::{CallEvent, Event};

/// The header of the signatures: hexadecimal, one for each secret that is active at
/// Ultravox, separated by commas.
pub const SIGNATURE_HEADER: &str = "x-ultravox-webhook-signature";

/// The header of the signed time: RFC 3339.
pub const TIMESTAMP_HEADER: &str = "x-ultravox-webhook-timestamp";

/// Ultravox [signs](https://docs.ultravox.ai/webhooks/securing-webhooks) the raw body,
/// followed by the timestamp header's text.
pub const SCHEME: HmacScheme = HmacScheme::in_header(SIGNATURE_HEADER)
    .list(Separator::Comma)
    .timestamp_header(TIMESTAMP_HEADER, TimestampFormat::Rfc3339)
    .signs(&[Part::Body, Part::Timestamp]);

/// The facts about Ultravox, for [`Ultravox`](crate::Ultravox).
#[derive(Debug)]
pub enum Spec {}

impl SignedVendor for Spec {
    const SCHEME: HmacScheme = SCHEME;
}

impl Vendor for Spec {
    type Event = Event;
    const NAME: &'static str = "ultravox";
    const SUCCESS: Success = Success::NoContent;
    /// Ultravox [retries](https://docs.ultravox.ai/webhooks/errors-and-retries) 10 times, first
    /// after 30 s and then after twice the wait before: 8 h 31 min 30 s.
    const RETRY_SPAN: Option<Duration> = Some(Duration::from_secs(30 * ((1 << 10) - 1)));

    fn parse(_: &Verified, body: &[u8]) -> Result<Parsed<Event>, ParseError> {
        Event::parse(body)
    }
}

/// Verifies one delivery by the host's clock and the default tolerance, from the
/// values of its two headers.
///
/// # Errors
///
/// As for [`HmacKeys::verify`](crate::verify::HmacKeys::verify), and a secret that cannot be used.
pub fn verify(
    secret: impl Into<Secret>,
    timestamp: impl AsRef<[u8]>,
    signature: impl AsRef<[u8]>,
    body: impl AsRef<[u8]>,
) -> Result<Verified, VerifyError> {
    let headers = [(SIGNATURE_HEADER, signature.as_ref()), (TIMESTAMP_HEADER, timestamp.as_ref())];
    vendor::keys::<Spec>(secret)?.verify(&Request::new(&headers, body.as_ref()))
}
