//! The trait that every vendor implements.

use std::sync::Arc;

use bytes::Bytes;

use crate::event::{Event, ParseError, Parsed};
use crate::receive::observe::Received;
use crate::receive::{Delivery, Profile, ReceiveError};
use crate::time::UnixTime;
use crate::verify::{Head, Headers, Request, Tolerance, Verified, VerifyError};

/// The trait that every vendor implements: how its deliveries are verified, parsed and
/// answered.
///
/// For a vendor that this crate does not know, there are [`Hmac`](crate::Hmac) and
/// [`StaticHeaders`](crate::StaticHeaders), which need a few constants, and an
/// implementation of your own for everything else. The trait can be a trait object
/// (`Arc<dyn Verifier<Event = E>>`).
///
/// All four methods are required. A wrapper around a verifier that passes them on
/// loses no check, because every fact that [`receive`](Self::receive) needs is in the
/// [`Profile`].
///
/// ```
/// use offhook::{Delivery, Salpre, Verifier, salpre};
///
/// /// Can only be called with a delivery that passed the vendor's check.
/// fn bill(delivery: &Delivery<salpre::Event>) -> Option<&str> {
///     delivery.call_id()
/// }
///
/// let salpre = Salpre::bearer("s3cret-t0ken")?;
/// let body = r#"{"event_type":"call_answered","payload":{"call_id":7}}"#;
/// let delivery = salpre.receive(&[("Authorization", "Bearer s3cret-t0ken")], body)?;
/// assert_eq!(bill(&delivery), Some("7"));
/// assert!(salpre.receive(&[("Authorization", "Bearer guessed")], body).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Verifier: Send + Sync {
    /// The type of this vendor's events.
    type Event: Event;

    /// Returns the facts about this vendor at this endpoint.
    fn profile(&self) -> &Profile;

    /// Checks everything that can be checked before the body is read, so that a sender
    /// without a secret costs nothing. [`verify`](Self::verify) must check it as well.
    ///
    /// # Errors
    ///
    /// A required header that is missing, repeated, empty or malformed. A vendor with
    /// static headers is checked here completely.
    fn check_head(&self, head: &Head<'_>) -> Result<(), VerifyError>;

    /// Checks that a request is authentic and, where the vendor signs a time outside the
    /// body, fresh. The body is not parsed yet.
    ///
    /// # Errors
    ///
    /// The first check that fails.
    fn verify(&self, request: &Request<'_>) -> Result<Verified, VerifyError>;

    /// Parses the body of a verified delivery.
    ///
    /// # Errors
    ///
    /// A body that is not one of this vendor's envelopes.
    fn parse(&self, verified: &Verified, body: &[u8]) -> Result<Parsed<Self::Event>, ParseError>;

    /// Takes a delivery from headers and raw body to a typed event: the short form of
    /// [`receive_request`](Self::receive_request), for vendors that sign neither the
    /// method nor the URL.
    ///
    /// # Errors
    ///
    /// As for [`receive_request`](Self::receive_request).
    fn receive(&self, headers: &dyn Headers, body: impl Into<Bytes>) -> Result<Delivery<Self::Event>, ReceiveError>
    where
        Self: Sized,
    {
        self.receive_request(&Head::new(headers), body)
    }

    /// Takes a delivery from a request to a typed event: [`verify`](Self::verify), then
    /// [`parse`](Self::parse), then the maximum age of the profile.
    ///
    /// # Errors
    ///
    /// The error of the first step that fails; [`ReceiveError::status`] is the status to
    /// answer with.
    fn receive_request(&self, head: &Head<'_>, body: impl Into<Bytes>) -> Result<Delivery<Self::Event>, ReceiveError>
    where
        Self: Sized,
    {
        receive(self, head, body.into())
    }
}

fn receive<V: Verifier>(verifier: &V, head: &Head<'_>, body: Bytes) -> Result<Delivery<V::Event>, ReceiveError> {
    let profile = verifier.profile();
    let received = Received::new(profile).with_body(body.len());
    let verified = verifier.verify(&head.with_body(&body)).map_err(|error| received.refused(error))?;
    let parsed = verifier.parse(&verified, &body).map_err(|error| received.with_verified(&verified).refused(error))?;
    let delivery = Delivery::new(parsed, body, verified, profile.clone());
    let received = Received::of_delivery(&delivery);
    check_max_age(&delivery).map_err(|error| received.refused(error))?;
    received.accepted();
    Ok(delivery)
}

fn check_max_age<E: Event>(delivery: &Delivery<E>) -> Result<(), VerifyError> {
    let profile = delivery.profile();
    let Some(past) = profile.max_age() else { return Ok(()) };
    let occurred_at = delivery.parsed().occurred_at().ok_or(VerifyError::MissingTimestamp)?;
    let tolerance = Tolerance { past, ..Tolerance::DEFAULT };
    tolerance.check(UnixTime::from(occurred_at), profile.clock())
}

impl<V: Verifier + ?Sized> Verifier for &V {
    type Event = V::Event;

    fn profile(&self) -> &Profile {
        (**self).profile()
    }

    fn check_head(&self, head: &Head<'_>) -> Result<(), VerifyError> {
        (**self).check_head(head)
    }

    fn verify(&self, request: &Request<'_>) -> Result<Verified, VerifyError> {
        (**self).verify(request)
    }

    fn parse(&self, verified: &Verified, body: &[u8]) -> Result<Parsed<Self::Event>, ParseError> {
        (**self).parse(verified, body)
    }
}

impl<V: Verifier + ?Sized> Verifier for Arc<V> {
    type Event = V::Event;

    fn profile(&self) -> &Profile {
        (**self).profile()
    }

    fn check_head(&self, head: &Head<'_>) -> Result<(), VerifyError> {
        (**self).check_head(head)
    }

    fn verify(&self, request: &Request<'_>) -> Result<Verified, VerifyError> {
        (**self).verify(request)
    }

    fn parse(&self, verified: &Verified, body: &[u8]) -> Result<Parsed<Self::Event>, ParseError> {
        (**self).parse(verified, body)
    }
}
