//! [TalkifAI](https://docs.talkifai.dev/api-reference/webhooks): signed without a timestamp, answered with 200.
//!
//! TalkifAI is reported to have closed in 2026; the format stays supported.
//!
//! ```
//! use offhook::{TalkifAi, Verifier, talkifai};
//!
//! let talkifai = TalkifAi::new("talkifai_test_secret")?;
//! let headers = [(
//!     talkifai::SIGNATURE_HEADER,
//!     "sha256=7ac6aa7b15c7500dfe223e06ea2b01b34f1f564a295da582a1a9700e53de9af4",
//! )];
//! let body = r#"{"id":"evt_abc123","type":"call.started","created":"2024-01-15T10:30:00Z","data":{"callId":"call_xyz","agentId":"agent_abc","direction":"inbound","from":"+12025550123","to":"+18885550100"}}"#;
//!
//! let delivery = talkifai.receive(&headers, body)?;
//! let talkifai::Event::CallStarted(started) = delivery.event() else { panic!("another event") };
//! assert_eq!(started.from.as_deref(), Some("+12025550123"));
//! assert_eq!(delivery.acknowledge().status(), 200);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod event;
mod function;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::event::{ParseError, Parsed};
use crate::vendors::{SignedVendor, Vendor, vendor};
use crate::verify::{HmacScheme, Part, Request, Secret, Verified, VerifyError};

pub use event::{AnalysisEvent, CallEvent, CallStatus, CreditEvent, EndReason, Event, TranscriptEvent};
#[cfg(feature = "schemars")]
pub use function::function_schema;
pub use function::{FunctionError, FunctionReply, Functions};

/// The header of the signature: hexadecimal, after `sha256=`.
pub const SIGNATURE_HEADER: &str = "x-talkifai-signature";

/// TalkifAI [signs](https://docs.talkifai.dev/api-reference/webhooks) the raw body alone.
pub const SCHEME: HmacScheme = HmacScheme::in_header(SIGNATURE_HEADER).prefix("sha256=").signs(&[Part::Body]);

/// The facts about TalkifAI, for [`TalkifAi`](crate::TalkifAi).
#[derive(Debug)]
pub enum Spec {}

impl SignedVendor for Spec {
    const SCHEME: HmacScheme = SCHEME;
}

impl Vendor for Spec {
    type Event = Event;
    const NAME: &'static str = "talkifai";
    const ANSWERS_WITHIN: Duration = Duration::from_secs(10);
    /// TalkifAI [retries](https://docs.talkifai.dev/api-reference/webhooks) after 30 s, 5 min
    /// and 30 min.
    const RETRY_SPAN: Option<Duration> = Some(Duration::from_secs(30 + 5 * 60 + 30 * 60));

    fn parse(_: &Verified, body: &[u8]) -> Result<Parsed<Event>, ParseError> {
        Event::parse(body)
    }
}

/// Verifies one delivery, from the value of its header.
///
/// # Errors
///
/// As for [`HmacKeys::verify`](crate::verify::HmacKeys::verify), and a secret that cannot be used.
pub fn verify(
    secret: impl Into<Secret>,
    signature: impl AsRef<[u8]>,
    body: impl AsRef<[u8]>,
) -> Result<Verified, VerifyError> {
    let headers = [(SIGNATURE_HEADER, signature.as_ref())];
    vendor::keys::<Spec>(secret)?.verify(&Request::new(&headers, body.as_ref()))
}
