use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use super::vendor::{self, Vendor};
use crate::event::{ParseError, Parsed};
use crate::receive::{Profile, Verifier};
use crate::time::Clock;
use crate::verify::{ConfigError, Head, HeaderTokens, Request, Secret, Verified, VerifyError};

/// The verifier of a vendor that does not sign, and sends static headers instead:
/// [`Salpre`](crate::Salpre) is this type.
///
/// Anyone who learns the headers can forge a delivery, so use a long random value,
/// and TLS.
pub struct StaticHeaders<V> {
    tokens: HeaderTokens,
    profile: Profile,
    vendor: PhantomData<fn() -> V>,
}

impl<V: Vendor> StaticHeaders<V> {
    /// Requires what `tokens` requires: several headers, or several sets for rotation.
    pub fn new(tokens: HeaderTokens) -> Self {
        StaticHeaders { tokens, profile: vendor::profile::<V>(), vendor: PhantomData }
    }

    /// Requires `Authorization: Bearer <token>`.
    ///
    /// # Errors
    ///
    /// A token that is empty, blank or padded with white space.
    pub fn bearer(token: impl Into<Secret>) -> Result<Self, ConfigError> {
        HeaderTokens::bearer(token).map(Self::new).map_err(|error| error.of_vendor(V::NAME))
    }

    /// Requires one header with exactly this value.
    ///
    /// # Errors
    ///
    /// As for [`HeaderTokens::new`].
    pub fn header(name: impl Into<Cow<'static, str>>, value: impl Into<Secret>) -> Result<Self, ConfigError> {
        HeaderTokens::new([(name, value)]).map(Self::new).map_err(|error| error.of_vendor(V::NAME))
    }

    /// Accepts every delivery, whoever sends it. This is for an endpoint that nobody else
    /// can reach.
    pub fn danger_accept_unauthenticated() -> Self {
        Self::new(HeaderTokens::danger_accept_unauthenticated())
    }
}

impl<V> StaticHeaders<V> {
    /// Sets the clock by which the age of an event is judged.
    #[must_use]
    pub fn with_clock(self, clock: impl Clock + 'static) -> Self {
        StaticHeaders { profile: self.profile.with_clock(clock), ..self }
    }

    /// Names the endpoint, for the dedupe key and the log. Give each its own name where
    /// several accounts of one vendor share a store: their ids may be equal.
    #[must_use]
    pub fn with_endpoint(self, endpoint: impl Into<Arc<str>>) -> Self {
        StaticHeaders { profile: self.profile.with_endpoint(endpoint), ..self }
    }

    /// Refuses events that happened longer ago, by the time that the event itself states,
    /// and events that state none.
    ///
    /// **A maximum age below the vendor's retry span refuses genuine late retries, and with
    /// them events are lost.**
    #[must_use]
    pub fn with_max_age(self, max_age: Duration) -> Self {
        StaticHeaders { profile: self.profile.with_max_age(max_age), ..self }
    }
}

impl<V: Vendor> Verifier for StaticHeaders<V> {
    type Event = V::Event;

    fn profile(&self) -> &Profile {
        &self.profile
    }

    fn check_head(&self, head: &Head<'_>) -> Result<(), VerifyError> {
        self.tokens.verify(head).map(drop)
    }

    fn verify(&self, request: &Request<'_>) -> Result<Verified, VerifyError> {
        self.tokens.verify(request.head())
    }

    fn parse(&self, verified: &Verified, body: &[u8]) -> Result<Parsed<V::Event>, ParseError> {
        V::parse(verified, body)
    }
}

/// The headers are known by their digests only.
impl<V> AsRef<HeaderTokens> for StaticHeaders<V> {
    fn as_ref(&self) -> &HeaderTokens {
        &self.tokens
    }
}

// Not derived: a derive would require `V: Clone` and `V: Debug`.
impl<V> Clone for StaticHeaders<V> {
    fn clone(&self) -> Self {
        StaticHeaders { tokens: self.tokens.clone(), profile: self.profile.clone(), vendor: PhantomData }
    }
}

impl<V> fmt::Debug for StaticHeaders<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticHeaders").field("profile", &self.profile).field("tokens", &self.tokens).finish()
    }
}
