use std::fmt;

use crate::event::{Drift, Event, Undecodable};
use crate::receive::{Delivery, Profile, ReceiveError};
use crate::verify::{Verified, VerifyError};

/// What is known of a request when it is accepted or refused.
#[derive(Clone, Copy)]
pub(crate) struct Received<'r> {
    pub(super) profile: &'r Profile,
    pub(super) body_bytes: Option<usize>,
    pub(super) verified: Option<&'r Verified>,
    pub(super) contents: Option<&'r dyn Contents>,
}

/// Why a request was refused.
pub(super) struct Refusal<'r> {
    pub(super) code: &'static str,
    pub(super) error: &'r dyn fmt::Display,
    /// The signed age in seconds, if the error states it.
    pub(super) age: Option<i64>,
}

impl<'r> Received<'r> {
    /// A request for this verifier, of which nothing else is known.
    pub(crate) fn new(profile: &'r Profile) -> Self {
        Received { profile, body_bytes: None, verified: None, contents: None }
    }

    pub(crate) fn with_body(self, bytes: usize) -> Self {
        Received { body_bytes: Some(bytes), ..self }
    }

    pub(crate) fn with_verified(self, verified: &'r Verified) -> Self {
        Received { verified: Some(verified), ..self }
    }

    /// An authentic delivery whose body was parsed.
    pub(crate) fn of_delivery<E: Event>(delivery: &'r Delivery<E>) -> Self {
        Received {
            contents: Some(delivery),
            ..Received::new(delivery.profile()).with_body(delivery.body().len()).with_verified(delivery.verified())
        }
    }

    /// Tells that the delivery was accepted.
    pub(crate) fn accepted(self) {
        self.tell(None);
    }

    /// Tells that the request was refused, and returns the error.
    pub(crate) fn refused(self, error: impl Into<ReceiveError>) -> ReceiveError {
        let error = error.into();
        self.tell(Some(&Refusal { code: error.code(), error: &error, age: age_in(&error) }));
        error
    }

    /// Tells that the request was refused before its body was verified.
    #[cfg(any(feature = "axum", feature = "actix-web"))]
    pub(crate) fn refused_early(self, code: &'static str, error: &dyn fmt::Display) {
        self.tell(Some(&Refusal { code, error, age: None }));
    }

    fn tell(self, refusal: Option<&Refusal<'_>>) {
        #[cfg(feature = "tracing")]
        super::log::received(&self, refusal);
        #[cfg(feature = "metrics")]
        super::metrics::received(&self, refusal);
        #[cfg(not(any(feature = "tracing", feature = "metrics")))]
        let _ = refusal;
    }

    /// Returns how many seconds ago the delivery was signed, by the clock of the verifier;
    /// negative if the signed time is in the future.
    #[cfg(any(feature = "tracing", feature = "metrics"))]
    pub(super) fn age(&self, refusal: Option<&Refusal<'_>>) -> Option<i64> {
        match self.verified {
            Some(verified) => {
                Some(self.profile.clock().now().signed_duration_since(verified.signed_at()?).num_seconds())
            }
            None => refusal?.age,
        }
    }
}

/// What the body of a delivery says, whatever the type of its event.
pub(super) trait Contents {
    fn event(&self) -> &str;
    fn documented_event(&self) -> Option<&'static str>;
    fn call_id(&self) -> Option<&str>;
    fn key(&self) -> Option<String>;
    fn drift(&self) -> &Drift;
    fn undecodable(&self) -> Option<&Undecodable>;
}

impl<E: Event> Contents for Delivery<E> {
    fn event(&self) -> &str {
        self.event().name()
    }

    fn documented_event(&self) -> Option<&'static str> {
        self.event().documented_name()
    }

    fn call_id(&self) -> Option<&str> {
        self.call_id()
    }

    fn key(&self) -> Option<String> {
        self.dedupe_key()
    }

    fn drift(&self) -> &Drift {
        self.drift()
    }

    fn undecodable(&self) -> Option<&Undecodable> {
        self.event().undecodable()
    }
}

/// The age that the check of the signed time found.
fn age_in(error: &ReceiveError) -> Option<i64> {
    let signed = |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX);
    match error {
        ReceiveError::Verify(VerifyError::TimestampTooOld { seconds, .. }) => Some(signed(*seconds)),
        ReceiveError::Verify(VerifyError::TimestampTooNew { seconds, .. }) => Some(signed(*seconds).saturating_neg()),
        _ => None,
    }
}
