//! [Salpre](https://documentation.salpre.com/docs/webhooks)'s "Custom Webhook": static headers, answered with 200.
//!
//! ```
//! use offhook::{Salpre, Verifier, salpre};
//!
//! let salpre = Salpre::bearer("s3cret-t0ken")?;
//! let headers = [("Authorization", "Bearer s3cret-t0ken")];
//! let body = r#"{"event_type":"call_initiated","timestamp_utc":1760084505,"payload":{"call_id":1,"from":"+905555555555","to":"+905555555554","direction":"outbound","source":"salprebox:SALPRE_AABBCCDD"},"is_test":true}"#;
//!
//! let delivery = salpre.receive(&headers, body)?;
//! let salpre::Event::CallInitiated(initiated) = delivery.event() else { panic!("another event") };
//! assert_eq!(initiated.call.id.as_deref(), Some("1"));
//! assert_eq!(delivery.acknowledge().status(), 200);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod event;
#[cfg(test)]
mod tests;

use crate::event::{ParseError, Parsed};
use crate::vendors::Vendor;
use crate::verify::{Head, HeaderTokens, Secret, Verified, VerifyError};

pub use event::{Call, CallEndedEvent, CallEvent, ErrorEvent, Event, Speaker, TranscriptEntry, TranscriptEvent};

/// The facts about Salpre, for [`Salpre`](crate::Salpre).
#[derive(Debug)]
pub enum Spec {}

impl Vendor for Spec {
    type Event = Event;
    const NAME: &'static str = "salpre";

    fn parse(_: &Verified, body: &[u8]) -> Result<Parsed<Event>, ParseError> {
        Event::parse(body)
    }
}

/// Verifies one delivery, from the value of the header that holds the token. The whole
/// value must equal `expected`.
///
/// # Errors
///
/// A value that is empty, too long, not ASCII or another one, and an expected
/// value that cannot be used.
pub fn verify(expected: impl Into<Secret>, received: impl AsRef<[u8]>) -> Result<Verified, VerifyError> {
    const HEADER: &str = "authorization";
    HeaderTokens::new([(HEADER, expected)])
        .map_err(|error| error.of_vendor(Spec::NAME))?
        .verify(&Head::new(&[(HEADER, received.as_ref())]))
}
