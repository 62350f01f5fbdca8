use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::receive::Success;
use crate::time::{Clock, SystemClock};

/// The facts about a vendor at one endpoint, which a [`Verifier`](crate::Verifier)
/// hands over as a whole. Cloning is cheap.
///
/// ```
/// use std::time::Duration;
/// use offhook::{Profile, Success};
///
/// let profile = Profile::new("vapi").with_success(Success::Ok).with_retry_span(Duration::from_secs(3_600));
/// assert_eq!((profile.vendor(), profile.endpoint()), ("vapi", ""));
/// assert_eq!(profile.answers_within(), Duration::from_secs(5));
/// ```
#[derive(Clone)]
pub struct Profile {
    vendor: &'static str,
    endpoint: Arc<str>,
    success: Success,
    answers_within: Duration,
    retry_span: Option<Duration>,
    max_age: Option<Duration>,
    clock: Arc<dyn Clock>,
}

impl Profile {
    /// Creates a profile of a vendor with this name, which is lower-case. By default the
    /// endpoint is empty, the success status is 200, the vendor waits 5 s for an answer,
    /// its retry span is unknown, and events of any age are accepted.
    pub fn new(vendor: &'static str) -> Self {
        Profile {
            vendor,
            endpoint: "".into(),
            success: Success::Ok,
            answers_within: Duration::from_secs(5),
            retry_span: None,
            max_age: None,
            clock: Arc::new(SystemClock),
        }
    }

    /// Sets the vendor's name.
    #[must_use]
    pub fn with_vendor(self, vendor: &'static str) -> Self {
        Profile { vendor, ..self }
    }

    /// Sets the name of the endpoint; see [`endpoint`](Self::endpoint).
    #[must_use]
    pub fn with_endpoint(self, endpoint: impl Into<Arc<str>>) -> Self {
        Profile { endpoint: endpoint.into(), ..self }
    }

    /// Sets the status by which the vendor knows that a delivery was accepted.
    #[must_use]
    pub fn with_success(self, success: Success) -> Self {
        Profile { success, ..self }
    }

    /// Sets how long the vendor waits for an answer.
    #[must_use]
    pub fn with_answers_within(self, answers_within: Duration) -> Self {
        Profile { answers_within, ..self }
    }

    /// Sets how long after the first attempt the vendor may still send a delivery again.
    #[must_use]
    pub fn with_retry_span(self, retry_span: Duration) -> Self {
        Profile { retry_span: Some(retry_span), ..self }
    }

    /// Sets the greatest age of an event; see [`max_age`](Self::max_age).
    #[must_use]
    pub fn with_max_age(self, max_age: Duration) -> Self {
        Profile { max_age: Some(max_age), ..self }
    }

    /// Sets the clock by which the age of an event is judged.
    #[must_use]
    pub fn with_clock(self, clock: impl Clock + 'static) -> Self {
        Profile { clock: Arc::new(clock), ..self }
    }

    /// Returns the vendor's name, lower-case. It is the namespace of the dedupe keys.
    pub fn vendor(&self) -> &'static str {
        self.vendor
    }

    /// Returns the name of the endpoint, which keeps the events of several accounts of one
    /// vendor apart: it is part of the key in a store, and of the log. It is empty by default.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Returns the status by which the vendor knows that a delivery was accepted.
    pub fn success(&self) -> Success {
        self.success
    }

    /// Returns how long the vendor waits for an answer: what it documents, or else 5 s.
    pub fn answers_within(&self) -> Duration {
        self.answers_within
    }

    /// Returns how long after the first attempt the vendor may still send a delivery
    /// again, where that is known. A store must remember for longer; see
    /// [`StoreSettings::for_vendor`](crate::idempotency::StoreSettings::for_vendor).
    pub fn retry_span(&self) -> Option<Duration> {
        self.retry_span
    }

    /// Returns the greatest age of an event, by the time that the event itself states,
    /// or `None` if events of any age are accepted.
    pub fn max_age(&self) -> Option<Duration> {
        self.max_age
    }

    #[cfg(feature = "metrics")]
    pub(super) fn shared_endpoint(&self) -> Arc<str> {
        Arc::clone(&self.endpoint)
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile")
            .field("vendor", &self.vendor)
            .field("endpoint", &self.endpoint)
            .field("success", &self.success)
            .field("answers_within", &self.answers_within)
            .field("retry_span", &self.retry_span)
            .field("max_age", &self.max_age)
            .finish_non_exhaustive()
    }
}
