//! [Truedy](https://docs.truedy.ai/guides/webhooks): signed with a timestamp, answered with 204.
//!
//! ```
//! use offhook::{FixedClock, Truedy, Verifier, truedy};
//!
//! let truedy = Truedy::new("whsec_test_secret")?.with_clock(FixedClock::at_unix(1_773_844_200));
//! let headers = [
//!     (truedy::SIGNATURE_HEADER, "96d85da17d136e52c8abc091357ff1d78bc4bf5a8021a408f22a7e9b03d0f408"),
//!     (truedy::TIMESTAMP_HEADER, "1773844200"),
//! ];
//! let body = r#"{"event":"call.ended","timestamp":"2026-03-18T14:30:00.000Z","data":{"event":"call.ended","call":{"callId":"uv_call_123","agent":{"agentId":"uv_agent_123"}},"id":"uv_evt_123"}}"#;
//!
//! let delivery = truedy.receive(&headers, body)?;
//! let truedy::Event::CallEnded(ended) = delivery.event() else { panic!("another event") };
//! assert_eq!(ended.call.call_id.as_deref(), Some("uv_call_123"));
//! assert_eq!(delivery.acknowledge().status(), 204);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod event;
#[cfg(test)]
mod tests;

use crate::event::{ParseError, Parsed};
use crate::receive::Success;
use crate::vendors::{SignedVendor, Vendor, vendor};
use crate::verify::{HmacScheme, Part, Request, Secret, TimestampFormat, Verified, VerifyError};

pub use event::{BatchEvent, BatchStatus, CallEvent, CallStatus, Event, VoiceEvent};

/// The header of the signature: hexadecimal, without a prefix.
pub const SIGNATURE_HEADER: &str = "x-truedy-signature";

/// The header of the signed time: Unix seconds or RFC 3339.
pub const TIMESTAMP_HEADER: &str = "x-truedy-timestamp";

/// Truedy [signs](https://docs.truedy.ai/guides/securing-webhooks) the timestamp header's
/// text, a full stop and the raw body. The secret is used as it is; its `whsec_` is
/// part of it.
pub const SCHEME: HmacScheme = HmacScheme::in_header(SIGNATURE_HEADER)
    .timestamp_header(TIMESTAMP_HEADER, TimestampFormat::UnixSecondsOrRfc3339)
    .signs(&[Part::Timestamp, Part::Literal("."), Part::Body]);

/// The facts about Truedy, for [`Truedy`](crate::Truedy).
#[derive(Debug)]
pub enum Spec {}

impl SignedVendor for Spec {
    const SCHEME: HmacScheme = SCHEME;
}

impl Vendor for Spec {
    type Event = Event;
    const NAME: &'static str = "truedy";
    const SUCCESS: Success = Success::NoContent;

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
