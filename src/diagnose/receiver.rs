use std::fmt;

use crate::receive::Verifier;
use crate::verify::{HeaderTokens, HmacKeys, Request, Secret, Verified, VerifyError};

/// A verifier as it is configured: what a delivery is examined against.
#[derive(Debug)]
pub struct Receiver {
    name: String,
    check: Check,
    secrets: Vec<Secret>,
}

/// How a receiver tells genuine deliveries from others.
#[derive(Clone)]
pub(super) enum Check {
    Keys(HmacKeys),
    Tokens(HeaderTokens),
}

impl Receiver {
    /// Takes the scheme and the keys of a vendor that signs, such as
    /// [`Truedy`](crate::Truedy).
    pub fn signed<V: Verifier + AsRef<HmacKeys>>(verifier: &V) -> Self {
        Self::new(verifier, Check::Keys(verifier.as_ref().clone()))
    }

    /// Takes the headers of a vendor with static headers, such as [`Salpre`](crate::Salpre).
    pub fn static_headers<V: Verifier + AsRef<HeaderTokens>>(verifier: &V) -> Self {
        Self::new(verifier, Check::Tokens(verifier.as_ref().clone()))
    }

    fn new(verifier: &impl Verifier, check: Check) -> Self {
        let profile = verifier.profile();
        let name = match profile.endpoint() {
            "" => profile.vendor().to_owned(),
            endpoint => format!("{} ({endpoint})", profile.vendor()),
        };
        Receiver { name, check, secrets: Vec::new() }
    }

    /// Adds the text of a secret, as it is configured. A verifier keeps the key only, and some
    /// causes lie in the text, such as quotation marks around it.
    #[must_use]
    pub fn with_secret(mut self, secret: impl Into<Secret>) -> Self {
        self.secrets.push(secret.into());
        self
    }

    /// Returns the vendor's name, followed by the endpoint's if it has one.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn check(&self) -> &Check {
        &self.check
    }

    pub(super) fn secrets(&self) -> &[Secret] {
        &self.secrets
    }
}

impl Check {
    pub(super) fn verify(&self, request: &Request<'_>) -> Result<Verified, VerifyError> {
        match self {
            Check::Keys(keys) => keys.verify(request),
            Check::Tokens(tokens) => tokens.verify(request.head()),
        }
    }

    /// Returns whether a request is authentic, however old it is. A receiver that accepts
    /// everything does not count.
    pub(super) fn is_authentic(&self, request: &Request<'_>) -> bool {
        let verified = match self {
            Check::Keys(keys) => keys.clone().danger_accept_any_age().verify(request),
            Check::Tokens(tokens) => tokens.verify(request.head()),
        };
        verified.is_ok_and(|verified| verified.secret_index().is_some())
    }
}

/// Shows the scheme, or the names of the headers.
impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Check::Keys(keys) => keys.fmt(f),
            Check::Tokens(tokens) => tokens.fmt(f),
        }
    }
}
