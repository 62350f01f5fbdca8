use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use base64ct::{Base64, Base64Unpadded, Encoding as _};
use hmac::digest::CtOutput;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::clock::{Clock, DEFAULT_TOLERANCE, SystemClock, Tolerance};
use crate::error::{ConfigError, VerifyError};
use crate::headers::{Headers, required, trim};
use crate::secret::Secret;
use crate::signature::{Encoding, HmacScheme, Part, SecretFormat, Separator, TimestampSource};
use crate::verifier::Verified;

/// A scheme with its active secrets: what a vendor's verifier is made of.
///
/// Each secret is keyed once, here. Cloning shares the keys.
#[derive(Clone)]
pub struct HmacKeys {
    scheme: HmacScheme,
    keys: Arc<[Key]>,
    tolerance: Option<Tolerance>,
    clock: Arc<dyn Clock>,
}

impl HmacKeys {
    /// Keys with one secret, the default tolerance and the host's clock.
    ///
    /// # Errors
    ///
    /// A secret that is empty, blank or padded with white space, or that is not
    /// in the scheme's format.
    pub fn new(scheme: HmacScheme, secret: impl Into<Secret>) -> Result<Self, ConfigError> {
        Ok(HmacKeys {
            scheme,
            keys: Arc::new([key(&scheme, &secret.into())?]),
            tolerance: Some(DEFAULT_TOLERANCE),
            clock: Arc::new(SystemClock),
        })
    }

    /// Adds a secret, for rotation. All are tried on every delivery, and
    /// [`Verified::secret_index`] tells which one matched, in order of addition.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new).
    pub fn with_secret(mut self, secret: impl Into<Secret>) -> Result<Self, ConfigError> {
        let added = key(&self.scheme, &secret.into())?;
        self.keys = self.keys.iter().cloned().chain([added]).collect();
        Ok(self)
    }

    /// How far the signed time may be from the clock. Without effect on a scheme
    /// that signs no time.
    #[must_use]
    pub fn with_tolerance(mut self, tolerance: impl Into<Tolerance>) -> Self {
        self.tolerance = Some(tolerance.into());
        self
    }

    /// Judges freshness by another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Accepts a signed time of any age. A captured delivery then verifies for
    /// ever; only deduplication stands between it and the handler.
    #[must_use]
    pub fn danger_accept_any_age(mut self) -> Self {
        self.tolerance = None;
        self
    }

    /// Checks the signature, then the freshness of the signed time.
    ///
    /// # Errors
    ///
    /// Everything but [`VerifyError::TokenMismatch`], [`VerifyError::MissingTimestamp`]
    /// and [`VerifyError::Config`].
    pub fn verify(&self, headers: &dyn Headers, body: &[u8]) -> Result<Verified, VerifyError> {
        let scheme = &self.scheme;
        let value = header(headers, scheme.header, MAX_SIGNATURE_BYTES)?;
        let malformed = || VerifyError::MalformedSignature { header: Cow::Borrowed(scheme.header) };
        let timestamp = match scheme.timestamp {
            None => None,
            Some((TimestampSource::Header(name), format)) => {
                Some((header(headers, name, MAX_TIMESTAMP_BYTES)?, format))
            }
            Some((TimestampSource::Entry(prefix), format)) => {
                let mut found = entries(scheme, value).filter_map(|entry| entry.strip_prefix(prefix.as_bytes()));
                match (found.next(), found.next()) {
                    (Some(text), None) if text.len() <= MAX_TIMESTAMP_BYTES => Some((text, format)),
                    _ => return Err(malformed()),
                }
            }
        };
        let id = match scheme.id_header {
            None => None,
            Some(name) => Some(header(headers, name, MAX_ID_BYTES)?),
        };
        let mut rest = entries(scheme, value).filter_map(|entry| tag(scheme, entry));
        let first = rest.next().ok_or_else(malformed)?;

        let mut matched = None;
        for (index, key) in self.keys.iter().enumerate() {
            let ours = mac(key, scheme.parts, timestamp.map_or(&[], |(text, _)| text), id.unwrap_or_default(), body);
            // The one place where signatures are compared, each in constant time.
            // No early end: the time taken does not tell which of them matched.
            if rest.clone().fold(first == ours, |found, theirs| found | (theirs == ours)) {
                matched = matched.or(Some(index));
            }
        }
        let secret_index = matched.ok_or(VerifyError::SignatureMismatch)?;

        let signed_at = timestamp.map(|(text, format)| format.parse(text)).transpose()?;
        if let (Some(time), Some(tolerance)) = (signed_at, self.tolerance) {
            tolerance.check(time, self.clock.now())?;
        }
        let id = id.and_then(|id| std::str::from_utf8(id).ok());
        Ok(Verified::by_secret(secret_index, signed_at, id))
    }

    /// The signature by the first secret, in the scheme's encoding.
    #[cfg(feature = "testing")]
    pub(crate) fn sign(&self, timestamp: &str, id: &str, body: &[u8]) -> String {
        let Some(key) = self.keys.first() else { return String::new() };
        let tag = mac(key, self.scheme.parts, timestamp.as_bytes(), id.as_bytes(), body).into_bytes();
        match self.scheme.encoding {
            Encoding::Hex => hex::encode(tag),
            Encoding::Base64 => Base64::encode_string(&tag),
        }
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
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

type Key = Hmac<Sha256>;
type Tag = CtOutput<Key>;

fn key(scheme: &HmacScheme, secret: &Secret) -> Result<Key, ConfigError> {
    let text = secret.checked()?;
    let decoded;
    let bytes = match scheme.secret {
        SecretFormat::Raw => text,
        SecretFormat::Base64 { prefix } => {
            let text = text.strip_prefix(prefix.as_bytes()).unwrap_or(text);
            let text = std::str::from_utf8(text).map_err(|_| ConfigError::SecretNotBase64)?;
            // Some vendors leave the padding out.
            let text = text.trim_end_matches('=');
            decoded = Zeroizing::new(Base64Unpadded::decode_vec(text).map_err(|_| ConfigError::SecretNotBase64)?);
            decoded.as_slice()
        }
    };
    // An empty key is one that everybody has.
    if bytes.is_empty() {
        return Err(ConfigError::EmptySecret);
    }
    Key::new_from_slice(bytes).map_err(|_| ConfigError::EmptySecret)
}

fn mac(key: &Key, parts: &[Part], timestamp: &[u8], id: &[u8], body: &[u8]) -> Tag {
    let mut mac = key.clone();
    for part in parts {
        mac.update(match part {
            Part::Body => body,
            Part::Timestamp => timestamp,
            Part::Id => id,
            Part::Literal(text) => text.as_bytes(),
        });
    }
    mac.finalize()
}

fn header<'h>(headers: &'h dyn Headers, name: &'static str, max_bytes: usize) -> Result<&'h [u8], VerifyError> {
    required(headers, name, max_bytes, || Cow::Borrowed(name))
}

/// What a header holds: the entries of a list, or the whole value.
fn entries<'h>(scheme: &HmacScheme, value: &'h [u8]) -> impl Iterator<Item = &'h [u8]> + Clone + use<'h> {
    let separator = scheme.separator.map(Separator::byte);
    value.split(move |byte| Some(*byte) == separator).map(trim)
}

/// The signature in an entry; anything else belongs to other versions of the scheme.
fn tag(scheme: &HmacScheme, entry: &[u8]) -> Option<Tag> {
    decode(scheme.encoding, entry.strip_prefix(scheme.prefix.as_bytes())?)
}

fn decode(encoding: Encoding, text: &[u8]) -> Option<Tag> {
    let mut tag = [0; 32];
    match encoding {
        Encoding::Hex => hex::decode_to_slice(text, &mut tag).ok()?,
        Encoding::Base64 => {
            if Base64::decode(text, &mut tag).ok()?.len() != tag.len() {
                return None;
            }
        }
    }
    Some(Tag::new(tag.into()))
}

/// Room for dozens of signatures; genuine headers hold a handful.
const MAX_SIGNATURE_BYTES: usize = 8192;
const MAX_TIMESTAMP_BYTES: usize = 64;
const MAX_ID_BYTES: usize = 256;
