use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use base64ct::{Base64, Base64Unpadded, Encoding as _};
use ctutils::CtEq;
use hmac::KeyInit;
use hmac::block_api::HmacCore;
use hmac::digest::Output;
use hmac::digest::block_api::{Buffer, FixedOutputCore, UpdateCore};
use memchr::memchr;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::time::{Clock, SystemClock};
use crate::verify::Secret;
use crate::verify::Tolerance;
use crate::verify::Verified;
use crate::verify::{ConfigError, VerifyError};
use crate::verify::{Encoding, HmacScheme, Part, SecretFormat, TimestampSource};
use crate::verify::{Headers, Lookup, required, trim};

/// A scheme with its active secrets: what a vendor's verifier is made of.
///
/// Each secret is keyed once, here. Cloning shares the keys.
#[derive(Clone)]
pub struct HmacKeys {
    scheme: HmacScheme,
    /// Of the headers of the signature, the timestamp and the id, as far as the
    /// scheme has them; the first `named` of them.
    names: [&'static str; 3],
    named: usize,
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
        let timestamp = match scheme.timestamp {
            Some((TimestampSource::Header(name), _)) => Some(name),
            _ => None,
        };
        let (names, named) = match (timestamp, scheme.id_header) {
            (None, None) => ([scheme.header, "", ""], 1),
            (Some(name), None) | (None, Some(name)) => ([scheme.header, name, ""], 2),
            (Some(timestamp), Some(id)) => ([scheme.header, timestamp, id], 3),
        };
        Ok(HmacKeys {
            scheme,
            names,
            named,
            keys: Arc::new([key(&scheme, &secret.into())?]),
            tolerance: Some(Tolerance::DEFAULT),
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
        let malformed = || VerifyError::MalformedSignature { header: Cow::Borrowed(scheme.header) };
        let mut found = [Lookup::Missing; 3];
        headers.lookup_each(self.names.get(..self.named).unwrap_or_default(), &mut found);
        let [signature, second, third] = found;

        let value = required(signature, MAX_SIGNATURE_BYTES, || Cow::Borrowed(scheme.header))?;
        let (timestamp, id) = match scheme.timestamp {
            None => (None, second),
            Some((TimestampSource::Header(name), format)) => {
                (Some((required(second, MAX_TIMESTAMP_BYTES, || Cow::Borrowed(name))?, format)), third)
            }
            Some((TimestampSource::Entry(prefix), format)) => {
                let (mut text, mut count) = (&[][..], 0_usize);
                scheme.each_entry(value, prefix, |entry| (text, count) = (entry, count.saturating_add(1)));
                if count != 1 || text.len() > MAX_TIMESTAMP_BYTES {
                    return Err(malformed());
                }
                (Some((text, format)), second)
            }
        };
        let id = match scheme.id_header {
            None => &[],
            Some(name) => required(id, MAX_ID_BYTES, || Cow::Borrowed(name))?,
        };
        let signed_time = timestamp.map_or(&[][..], |(text, _)| text);
        let mut matched = None;
        for (index, key) in self.keys.iter().enumerate() {
            let ours = sign(key, scheme, signed_time, id, body);
            // No early end: the time taken does not tell which secret matched.
            if scheme.any_presented(value, |theirs| ours.equals(theirs)) {
                matched = matched.or(Some(index));
            }
        }
        let Some(secret_index) = matched else {
            let readable = scheme.any_presented(value, |tag| scheme.encoding.is_well_formed(tag));
            return Err(if readable { VerifyError::SignatureMismatch } else { malformed() });
        };

        let signed_at = match timestamp {
            None => None,
            Some((text, format)) => {
                let (seconds, nanos) = format.parse(text)?;
                if let Some(tolerance) = self.tolerance {
                    tolerance.check(seconds, self.clock.unix_seconds())?;
                }
                Some((seconds, nanos))
            }
        };
        Ok(Verified::by_secret(secret_index, signed_at, id))
    }

    /// The signature by the first secret, in the scheme's encoding.
    #[cfg(feature = "testing")]
    pub(crate) fn sign(&self, timestamp: &str, id: &str, body: &[u8]) -> String {
        let Some(key) = self.keys.first() else { return String::new() };
        let tag = sign(key, &self.scheme, timestamp.as_bytes(), id.as_bytes(), body);
        tag.text().iter().copied().map(char::from).collect()
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

/// Keyed once, without the buffer of an HMAC that is under way.
type Key = HmacCore<Sha256>;

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

/// The signature that a holder of `key` makes over a delivery.
fn sign(key: &Key, scheme: &HmacScheme, timestamp: &[u8], id: &[u8], body: &[u8]) -> Tag {
    let mut mac = key.clone();
    let mut buffer = Buffer::<Key>::default();
    for part in scheme.parts {
        let bytes = match part {
            Part::Body => body,
            Part::Timestamp => timestamp,
            Part::Id => id,
            Part::Literal(text) => text.as_bytes(),
        };
        buffer.digest_blocks(bytes, |blocks| mac.update_blocks(blocks));
    }
    let mut tag = Output::<Key>::default();
    mac.finalize_fixed_core(&mut buffer, &mut tag);

    match scheme.encoding {
        Encoding::Hex => {
            let mut text = [0; HEX_TAG_BYTES];
            let encoded = base16ct::lower::encode(&tag, &mut text);
            debug_assert!(encoded.is_ok(), "there is room for the tag");
            Tag::Hex(text)
        }
        Encoding::Base64 => {
            let mut text = [0; BASE64_TAG_BYTES];
            let encoded = Base64::encode(&tag, &mut text);
            debug_assert!(encoded.is_ok(), "there is room for the tag");
            Tag::Base64(text)
        }
    }
}

/// A signature of ours, as the vendor would write it.
///
/// Signatures are compared as text: to encode ours costs less than to decode
/// theirs, and a text that decodes to the same bytes is the same text but for
/// the case of hex.
enum Tag {
    Hex([u8; HEX_TAG_BYTES]),
    Base64([u8; BASE64_TAG_BYTES]),
}

impl Tag {
    #[cfg(feature = "testing")]
    fn text(&self) -> &[u8] {
        match self {
            Tag::Hex(text) => text,
            Tag::Base64(text) => text,
        }
    }

    /// Whether theirs is the same, in a time that depends on its length only.
    /// This is the one place where signatures are compared.
    fn equals(&self, theirs: &[u8]) -> bool {
        match self {
            Tag::Hex(ours) => <[u8; HEX_TAG_BYTES]>::try_from(theirs).is_ok_and(|mut theirs| {
                theirs.make_ascii_lowercase();
                ours.ct_eq(&theirs).into()
            }),
            Tag::Base64(ours) => {
                <&[u8; BASE64_TAG_BYTES]>::try_from(theirs).is_ok_and(|theirs| ours.ct_eq(theirs).into())
            }
        }
    }
}

impl Encoding {
    fn is_well_formed(self, text: &[u8]) -> bool {
        let base64 = |byte: &u8| matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/');
        match (self, text) {
            (Encoding::Hex, digits) => digits.len() == HEX_TAG_BYTES && every(digits, u8::is_ascii_hexdigit),
            // The last digit holds four bits of the tag, and nothing beyond them.
            (Encoding::Base64, [digits @ .., last, b'=']) => {
                text.len() == BASE64_TAG_BYTES && every(digits, base64) && b"AEIMQUYcgkosw048".contains(last)
            }
            (Encoding::Base64, _) => false,
        }
    }
}

/// Without an early end, many are looked at at once.
fn every(bytes: &[u8], holds: impl Fn(&u8) -> bool) -> bool {
    bytes.iter().fold(true, |all, byte| all & holds(byte))
}

/// How long a signature is as text.
const HEX_TAG_BYTES: usize = 64;
const BASE64_TAG_BYTES: usize = 44;

impl HmacScheme {
    /// Whether `check` holds for one of the signatures that a delivery presents, as
    /// text; all are looked at. What else stands in the header belongs to other
    /// versions of the scheme.
    #[inline]
    fn any_presented(&self, value: &[u8], mut check: impl FnMut(&[u8]) -> bool) -> bool {
        let mut found = false;
        self.each_entry(value, self.prefix, |tag| found |= check(tag));
        found
    }

    /// What stands after this prefix: in the entries of a list, or in the whole value.
    #[inline]
    fn each_entry<'h>(&self, value: &'h [u8], prefix: &str, mut take: impl FnMut(&'h [u8])) {
        let mut strip = |entry: &'h [u8]| {
            // Of an empty prefix, there may be nothing readable to compare with.
            let rest = if prefix.is_empty() { Some(entry) } else { entry.strip_prefix(prefix.as_bytes()) };
            rest.into_iter().for_each(&mut take);
        };
        match self.separator {
            None => strip(value),
            Some(separator) => {
                let mut rest = value;
                while let Some((entry, [_, tail @ ..])) =
                    memchr(separator.byte(), rest).and_then(|at| rest.split_at_checked(at))
                {
                    strip(trim(entry));
                    rest = tail;
                }
                strip(trim(rest));
            }
        }
    }
}

/// Room for dozens of signatures; genuine headers hold a handful.
const MAX_SIGNATURE_BYTES: usize = 8192;
const MAX_TIMESTAMP_BYTES: usize = 64;
const MAX_ID_BYTES: usize = 256;
