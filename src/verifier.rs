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

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};

use crate::delivery::Delivery;
use crate::error::{ParseError, ReceiveError, VerifyError};
use crate::event::Event;
use crate::headers::Headers;
use crate::observe;
use crate::reply::Success;

/// A vendor: how its deliveries are verified, what they mean, how they are answered.
///
/// The vendors of this crate implement it. For another one there is
/// [`HmacVendor`](crate::HmacVendor), or an implementation of yours, from
/// [`HmacKeys`](crate::signature::HmacKeys) or [`HeaderTokens`](crate::token::HeaderTokens).
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
    fn parse(&self, verified: &Verified, body: &[u8]) -> Result<Self::Event, ParseError>;

    /// A last look at an understood event, for a vendor whose only signed time is
    /// in the body.
    ///
    /// # Errors
    ///
    /// An event that is too old.
    fn check_event(&self, _event: &Self::Event) -> Result<(), VerifyError> {
        Ok(())
    }

    /// How long after the first attempt this vendor may still send a delivery
    /// again, where it says so. A store must remember for longer; see
    /// [`StoreSettings::for_vendor`](crate::idempotency::StoreSettings::for_vendor).
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
        observe::received(self.vendor(), &outcome);
        outcome
    }
}

fn receive<V: Verifier>(verifier: &V, headers: &dyn Headers, body: Bytes) -> Result<Delivery<V::Event>, ReceiveError> {
    let verified = verifier.verify(headers, &body)?;
    let event = verifier.parse(&verified, &body)?;
    verifier.check_event(&event)?;
    Ok(Delivery::new(event, body, verified, verifier.vendor(), verifier.success()))
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

    fn parse(&self, verified: &Verified, body: &[u8]) -> Result<Self::Event, ParseError> {
        (**self).parse(verified, body)
    }

    fn check_event(&self, event: &Self::Event) -> Result<(), VerifyError> {
        (**self).check_event(event)
    }

    fn retry_span(&self) -> Option<Duration> {
        (**self).retry_span()
    }
}

/// Proof that a delivery passed its vendor's check.
///
/// Only this crate's own comparisons make one, so a function that asks for it
/// cannot be reached by a forged delivery. What it does not promise stands in
/// SECURITY.md.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    secret_index: Option<usize>,
    // Unix seconds and nanoseconds: a date is made of them when it is asked for.
    signed_at: Option<(i64, u32)>,
    message_id: Option<MessageId>,
}

impl Verified {
    pub(crate) fn by_secret(index: usize, signed_at: Option<(i64, u32)>, message_id: &[u8]) -> Self {
        let message_id = (!message_id.is_empty()).then(|| MessageId::new(message_id));
        Verified { secret_index: Some(index), signed_at, message_id }
    }

    /// Says, without any check, that a delivery is authentic. For a verifier whose
    /// check this crate cannot make (a client certificate, a private network).
    pub const fn danger_without_check() -> Self {
        Verified { secret_index: None, signed_at: None, message_id: None }
    }

    /// Which of the active secrets matched, counted from 0 in the order in which
    /// they were given; `None` when nothing was checked.
    pub fn secret_index(&self) -> Option<usize> {
        self.secret_index
    }

    /// The signed time, where the vendor signs one outside the body.
    pub fn signed_at(&self) -> Option<DateTime<Utc>> {
        let (seconds, nanos) = self.signed_at?;
        DateTime::from_timestamp(seconds, nanos)
    }

    /// The signed message id, where the vendor signs one outside the body.
    pub fn message_id(&self) -> Option<&str> {
        self.message_id.as_ref().map(MessageId::as_str)
    }
}

/// A message id, kept where it is while it is as short as ids are.
#[derive(Clone, PartialEq, Eq)]
enum MessageId {
    Inline([u8; INLINE_ID_BYTES], usize),
    Boxed(Box<str>),
}

impl MessageId {
    /// Of ASCII, as all headers that are taken.
    fn new(id: &[u8]) -> Self {
        let mut bytes = [0; INLINE_ID_BYTES];
        match bytes.get_mut(..id.len()) {
            Some(place) => {
                place.copy_from_slice(id);
                MessageId::Inline(bytes, id.len())
            }
            None => MessageId::Boxed(String::from_utf8_lossy(id).into()),
        }
    }

    fn as_str(&self) -> &str {
        match self {
            MessageId::Inline(bytes, length) => {
                bytes.get(..*length).and_then(|id| std::str::from_utf8(id).ok()).unwrap_or_default()
            }
            MessageId::Boxed(id) => id,
        }
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

const INLINE_ID_BYTES: usize = 64;
