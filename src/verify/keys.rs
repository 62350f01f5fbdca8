use std::fmt;
use std::sync::Arc;

use base64ct::{Base64Unpadded, Encoding as _};
use hmac::KeyInit;
use zeroize::Zeroizing;

use super::presented::Presented;
use super::scheme::{HmacScheme, SecretFormat};
use super::tag::{MacKey, Tag};
use crate::time::{Clock, SystemClock};
use crate::verify::{ConfigError, ConfigErrorKind, Head, Request, Secret, Tolerance, Verified, VerifyError};

/// A scheme with its active secrets: what verifies the deliveries of a vendor that
/// signs.
///
/// Each secret is keyed once, when it is added. Cloning shares the keys.
#[derive(Clone)]
pub struct HmacKeys {
    scheme: HmacScheme,
    keys: Arc<[MacKey]>,
    /// `None` accepts a signed time of any age.
    tolerance: Option<Tolerance>,
    clock: Arc<dyn Clock>,
}

impl HmacKeys {
    /// Creates keys with one secret, a tolerance of 300 s and the host's clock.
    ///
    /// # Errors
    ///
    /// A secret that is empty, blank, padded with white space or shorter than 8 bytes, or
    /// that is not in the scheme's format.
    pub fn new(scheme: HmacScheme, secret: impl Into<Secret>) -> Result<Self, ConfigError> {
        Ok(HmacKeys {
            keys: Arc::new([mac_key(&scheme, &secret.into(), 0)?]),
            scheme,
            tolerance: Some(Tolerance::DEFAULT),
            clock: Arc::new(SystemClock),
        })
    }

    /// Adds a secret, for rotation. All secrets are tried on every delivery, and
    /// [`Verified::secret_index`] returns which one matched, in order of addition.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new).
    pub fn with_secret(mut self, secret: impl Into<Secret>) -> Result<Self, ConfigError> {
        let added = mac_key(&self.scheme, &secret.into(), self.keys.len())?;
        self.keys = self.keys.iter().cloned().chain([added]).collect();
        Ok(self)
    }

    /// Sets how far the signed time may be from the clock. It has no effect on a
    /// scheme that signs no time.
    #[must_use]
    pub fn with_tolerance(mut self, tolerance: impl Into<Tolerance>) -> Self {
        self.tolerance = Some(tolerance.into());
        self
    }

    /// Sets the clock by which the signed time is judged.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Accepts a signed time of any age. A captured delivery then verifies for ever,
    /// and only deduplication keeps it from the handler.
    #[must_use]
    pub fn danger_accept_any_age(mut self) -> Self {
        self.tolerance = None;
        self
    }

    /// Checks everything that can be checked before the body is read: each header of the
    /// scheme is there exactly once and well formed.
    ///
    /// # Errors
    ///
    /// As for [`verify`](Self::verify), without the errors that need the body or the clock.
    pub fn check_head(&self, head: &Head<'_>) -> Result<(), VerifyError> {
        Presented::read(&self.scheme, head.headers()).map(drop)
    }

    /// Checks the headers, then the signature, then the freshness of the signed time.
    ///
    /// # Errors
    ///
    /// The first check that fails. A signed text that could be divided in another way,
    /// into another time and another body, has a [`VerifyError::MalformedTimestamp`].
    pub fn verify(&self, request: &Request<'_>) -> Result<Verified, VerifyError> {
        let presented = Presented::read(&self.scheme, request.headers())?;
        presented.check_division(request.body())?;
        let secret_index = self.matching_secret(&presented, request.body()).ok_or(VerifyError::SignatureMismatch)?;
        if let (Some(signed_at), Some(tolerance)) = (presented.signed_at, self.tolerance) {
            tolerance.check(signed_at, &*self.clock)?;
        }

        Ok(Verified::by_secret(secret_index, presented.signed_at, presented.id))
    }

    /// Returns the index of the first secret that makes one of the presented
    /// signatures. Every secret is tried, so that the time does not tell which one
    /// matched.
    fn matching_secret(&self, presented: &Presented<'_>, body: &[u8]) -> Option<usize> {
        let mut matched = None;
        for (index, key) in self.keys.iter().enumerate() {
            let ours = Tag::sign(key, &self.scheme, presented.timestamp, presented.id, body);
            if presented.any(|theirs| ours.equals(theirs)) {
                matched = matched.or(Some(index));
            }
        }
        matched
    }

    #[cfg(feature = "testing")]
    pub(crate) fn scheme(&self) -> &HmacScheme {
        &self.scheme
    }

    #[cfg(feature = "testing")]
    pub(crate) fn count(&self) -> usize {
        self.keys.len()
    }

    /// Returns the same keys under another scheme: for a diagnosis.
    #[cfg(feature = "testing")]
    pub(crate) fn under(&self, scheme: HmacScheme) -> Self {
        HmacKeys { scheme, ..self.clone() }
    }

    /// Creates keys of bytes that are not checked and not decoded: for a diagnosis.
    #[cfg(feature = "testing")]
    pub(crate) fn with_raw_key(scheme: HmacScheme, key: &[u8]) -> Option<Self> {
        Some(HmacKeys {
            keys: Arc::new([MacKey::new_from_slice(key).ok()?]),
            scheme,
            tolerance: None,
            clock: Arc::new(SystemClock),
        })
    }

    #[cfg(feature = "testing")]
    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Signs with the first secret, in the scheme's encoding.
    #[cfg(feature = "testing")]
    pub(crate) fn sign(&self, timestamp: &str, id: &str, body: &[u8]) -> String {
        let key = self.keys.first();
        key.map(|key| Tag::sign(key, &self.scheme, timestamp.as_bytes(), id.as_bytes(), body).text())
            .unwrap_or_default()
    }
}

/// A function that takes the keys of a verifier takes keys alone, too.
impl AsRef<HmacKeys> for HmacKeys {
    fn as_ref(&self) -> &HmacKeys {
        self
    }
}

/// Shows the scheme and the number of secrets.
impl fmt::Debug for HmacKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HmacKeys")
            .field("scheme", &self.scheme)
            .field("secrets", &self.keys.len())
            .field("tolerance", &self.tolerance)
            .field("clock", &self.clock)
            .finish()
    }
}

/// Keys the secret at `index`.
fn mac_key(scheme: &HmacScheme, secret: &Secret, index: usize) -> Result<MacKey, ConfigError> {
    try_mac_key(scheme, secret).map_err(|kind| ConfigError::new(kind).of_secret(index))
}

fn try_mac_key(scheme: &HmacScheme, secret: &Secret) -> Result<MacKey, ConfigErrorKind> {
    let text = secret.bytes()?;
    let decoded;
    let bytes = match scheme.secret {
        SecretFormat::Raw => text,
        SecretFormat::Base64 { prefix } => {
            let text = text.strip_prefix(prefix.as_bytes()).unwrap_or(text);
            let text = std::str::from_utf8(text).map_err(|_| ConfigErrorKind::SecretNotBase64)?;
            // Some vendors leave the padding out.
            let text = text.trim_end_matches('=');
            decoded = Zeroizing::new(Base64Unpadded::decode_vec(text).map_err(|_| ConfigErrorKind::SecretNotBase64)?);
            decoded.as_slice()
        }
    };
    // Anybody could sign with an empty key.
    if bytes.is_empty() {
        return Err(ConfigErrorKind::EmptySecret);
    }
    secret.check_length(bytes)?;
    MacKey::new_from_slice(bytes).map_err(|_| ConfigErrorKind::EmptySecret)
}
