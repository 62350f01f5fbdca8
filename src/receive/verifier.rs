//! The contract of a vendor, and the proof that it was kept.
//!
//! ```
//! use offhook::{Salpre, Verified, Verifier};
//!
//! /// Cannot be called for a forged delivery: nothing else makes a `Verified`.
//! fn bill(_proof: &Verified, body: &[u8]) -> usize {
//!     body.len()
//! }
//!
//! let salpre = Salpre::bearer("s3cret")?;
//! let body = br#"{"event_type":"call_answered","payload":{"call_id":7}}"#;
//! let proof = salpre.verify(&[("Authorization", "Bearer s3cret")], body)?;
//! assert_eq!(bill(&proof, body), 54);
//! assert!(salpre.verify(&[("Authorization", "Bearer guessed")], body).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::event::Event;
use crate::event::ParseError;
use crate::event::Parsed;
use crate::receive::Delivery;
use crate::receive::ReceiveError;
use crate::receive::Success;
use crate::receive::log;
use crate::verify::Headers;
use crate::verify::{Verified, VerifyError};

/// A vendor: how its deliveries are verified, what they mean, how they are answered.
///
/// The vendors of this crate implement it. For another one there is
/// [`HmacVendor`](crate::HmacVendor), or an implementation of yours, from
/// [`HmacKeys`](crate::verify::HmacKeys) or [`HeaderTokens`](crate::verify::HeaderTokens).
/// The trait can be a trait object (`Arc<dyn Verifier<Event = E>>`).
pub trait Verifier: Send + Sync {
    /// What a delivery of this vendor says.
    type Event: Event;

    /// The vendor's name, lower-case, for logs and as the namespace of dedupe keys.
    fn vendor(&self) -> &'static str;

    /// The status by which this vendor knows that a delivery was taken.
    fn success(&self) -> Success;

    /// Checks that a delivery is authentic and, where the vendor signs a time, fresh.
    /// Nothing of the body is understood yet.
    ///
    /// # Errors
    ///
    /// Anything but an authentic and fresh delivery.
    fn verify(&self, headers: &dyn Headers, body: &[u8]) -> Result<Verified, VerifyError>;

    /// Understands an authentic body.
    ///
    /// # Errors
    ///
    /// A body that is not one of this vendor's envelopes.
    fn parse(&self, verified: &Verified, body: &[u8]) -> Result<Parsed<Self::Event>, ParseError>;

    /// A last look at an understood event, for a vendor whose only signed time is
    /// in the body.
    ///
    /// # Errors
    ///
    /// An event that is too old.
    fn check_event(&self, _event: &Parsed<Self::Event>) -> Result<(), VerifyError> {
        Ok(())
    }

    /// How long after the first attempt this vendor may still send a delivery
    /// again, where it says so. A store must remember for longer; see
    /// [`Settings::for_vendor`](crate::idempotency::Settings::for_vendor).
    fn retry_span(&self) -> Option<Duration> {
        None
    }

    /// Takes a delivery from raw bytes to a typed event: [`verify`](Self::verify),
    /// then [`parse`](Self::parse), then [`check_event`](Self::check_event).
    ///
    /// # Errors
    ///
    /// The error of the first step that fails; [`ReceiveError::status`] is what to answer.
    fn receive(&self, headers: &dyn Headers, body: impl Into<Bytes>) -> Result<Delivery<Self::Event>, ReceiveError>
    where
        Self: Sized,
    {
        let outcome = receive(self, headers, body.into());
        log::received(self.vendor(), &outcome);
        outcome
    }
}

fn receive<V: Verifier>(verifier: &V, headers: &dyn Headers, body: Bytes) -> Result<Delivery<V::Event>, ReceiveError> {
    let verified = verifier.verify(headers, &body)?;
    let parsed = verifier.parse(&verified, &body)?;
    verifier.check_event(&parsed)?;
    Ok(Delivery::new(parsed, body, verified, verifier.vendor(), verifier.success()))
}

impl<V: Verifier + ?Sized> Verifier for Arc<V> {
    type Event = V::Event;

    fn vendor(&self) -> &'static str {
        (**self).vendor()
    }

    fn success(&self) -> Success {
        (**self).success()
    }

    fn verify(&self, headers: &dyn Headers, body: &[u8]) -> Result<Verified, VerifyError> {
        (**self).verify(headers, body)
    }

    fn parse(&self, verified: &Verified, body: &[u8]) -> Result<Parsed<Self::Event>, ParseError> {
        (**self).parse(verified, body)
    }

    fn check_event(&self, event: &Parsed<Self::Event>) -> Result<(), VerifyError> {
        (**self).check_event(event)
    }

    fn retry_span(&self) -> Option<Duration> {
        (**self).retry_span()
    }
}
