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

// They sign, which the library itself does not.
#[cfg(test)]
#[cfg(feature = "testing")]
mod tests {
    use super::*;
    use crate::standard_webhooks;
    use crate::time::FixedClock;
    use crate::verify::{Part, Separator, TimestampFormat};

    const GITHUB: HmacScheme = HmacScheme::in_header("x-hub-signature-256").prefix("sha256=").signs(&[Part::Body]);

    /// The example of GitHub's documentation, "Testing the webhook payload validation".
    const SECRET: &str = "It's a Secret to Everybody";
    const BODY: &[u8] = b"Hello, World!";
    const SIGNATURE: &str = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    /// Verifies the body under GitHub's scheme, with what follows the prefix in the header.
    fn github(keys: &HmacKeys, signature: &str) -> Result<Option<usize>, &'static str> {
        let value = format!("sha256={signature}");
        let headers = [("X-Hub-Signature-256", value)];
        let verified = keys.verify(&Request::new(&headers, BODY));
        verified.map(|verified| verified.secret_index()).map_err(|error| error.code())
    }

    #[test]
    fn a_published_signature_is_accepted_and_no_other() {
        let keys = HmacKeys::new(GITHUB, SECRET).unwrap();
        assert_eq!(github(&keys, SIGNATURE), Ok(Some(0)));
        assert_eq!(github(&keys, &SIGNATURE.to_uppercase()), Ok(Some(0)));
        assert_eq!(github(&keys, &SIGNATURE.replace('7', "8")), Err("signature_mismatch"));
        for malformed in ["", &SIGNATURE[1..], &format!("{SIGNATURE}0"), &SIGNATURE.replace('7', "g")] {
            assert_eq!(github(&keys, malformed), Err("malformed_signature"), "{malformed}");
        }
        assert_eq!(keys.sign("", "", BODY), SIGNATURE);
    }

    #[test]
    fn the_first_secret_that_matches_is_reported() {
        let keys = |secrets: &[&str]| {
            let (first, others) = secrets.split_first().unwrap();
            others
                .iter()
                .fold(HmacKeys::new(GITHUB, *first).unwrap(), |keys, secret| keys.with_secret(*secret).unwrap())
        };
        let other = "another secret";
        assert_eq!(github(&keys(&[other, SECRET]), SIGNATURE), Ok(Some(1)));
        assert_eq!(github(&keys(&[other, other, SECRET, SECRET]), SIGNATURE), Ok(Some(2)));
        assert_eq!(github(&keys(&[other, other]), SIGNATURE), Err("signature_mismatch"));
        assert_eq!(keys(&[other, other, SECRET]).count(), 3);
    }

    /// The example of Standard Webhooks: a list of signatures in base64, an id and a time.
    #[test]
    fn a_published_list_is_read_entry_by_entry() {
        let keys = HmacKeys::new(standard_webhooks::SCHEME, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let keys = keys.with_clock(FixedClock::at_unix(1_614_265_330));
        let tag = "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        let verify = |id: &str, signatures: &str| {
            let time = "1614265330";
            let headers = [("webhook-id", id), ("webhook-timestamp", time), ("webhook-signature", signatures)];
            let verified = keys.verify(&Request::new(&headers, br#"{"test": 2432232314}"#));
            verified.map(|verified| verified.message_id().map(str::to_owned)).map_err(|error| error.code())
        };
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        assert_eq!(verify(id, &format!("v1,{tag}")), Ok(Some(id.to_owned())));
        assert_eq!(
            verify(id, &format!("v2,{tag}  v1,{} v1,{tag} v1a,x", tag.replace('g', "h"))),
            Ok(Some(id.to_owned()))
        );
        assert_eq!(verify("msg_2", &format!("v1,{tag}")), Err("signature_mismatch"));
        for malformed in ["v1,", "v1", &tag.replace("OE=", "OEE"), &tag.replace("OE=", "OF="), &tag.replace('S', "-")] {
            assert_eq!(verify(id, &format!("v1,{malformed}")), Err("malformed_signature"), "{malformed}");
        }
        assert_eq!(verify(id, &format!("v2,{tag}")), Err("malformed_signature"));
        // The separator of the signed parts could move.
        assert_eq!(verify("msg_1.2", &format!("v1,{tag}")), Err("malformed_header"));
        assert_eq!(keys.sign("1614265330", id, br#"{"test": 2432232314}"#), tag);
    }

    const TIME: TimestampFormat = TimestampFormat::UnixSeconds;

    #[test]
    fn a_time_in_the_list_occurs_once() {
        const STRIPE: HmacScheme = HmacScheme::in_header("stripe-signature")
            .list(Separator::Comma)
            .prefix("v1=")
            .timestamp_entry("t=", TIME)
            .signs(&[Part::Timestamp, Part::Literal("."), Part::Body]);
        let keys = HmacKeys::new(STRIPE, SECRET).unwrap().with_clock(FixedClock::at_unix(1_773_844_200));
        let tag = keys.sign("1773844200", "", BODY);
        let verify = |before: &str, after: &str| {
            let headers = [("stripe-signature", format!("{before}v1={tag}{after}"))];
            let verified = keys.verify(&Request::new(&headers, BODY));
            verified.map(|verified| verified.signed_at().unwrap().timestamp()).map_err(|error| error.code())
        };
        assert_eq!(verify("t=1773844200,", ""), Ok(1_773_844_200));
        assert_eq!(verify("v0=x, ", " , t=1773844200"), Ok(1_773_844_200));
        assert_eq!(verify("", ""), Err("malformed_signature"));
        assert_eq!(verify("t=1773844200,", ",t=1773844200"), Err("malformed_signature"));
        assert_eq!(verify(&format!("t={},", "1".repeat(65)), ""), Err("malformed_signature"));
        assert_eq!(verify(&format!("t={},", "1".repeat(64)), ""), Err("malformed_timestamp"));
        assert_eq!(verify("t=1773844201,", ""), Err("signature_mismatch"));
    }

    /// Without a separator, whoever captured a delivery could move the border between time and body.
    #[test]
    fn digits_do_not_move_between_time_and_body() {
        const TIME_FIRST: HmacScheme =
            HmacScheme::in_header("x-tag").timestamp_header("x-time", TIME).signs(&[Part::Timestamp, Part::Body]);
        const BODY_FIRST: HmacScheme =
            HmacScheme::in_header("x-tag").timestamp_header("x-time", TIME).signs(&[Part::Body, Part::Timestamp]);
        let verify = |scheme, time: &str, body: &str| {
            let keys = HmacKeys::new(scheme, SECRET).unwrap().danger_accept_any_age();
            let tag = keys.sign(time, "", body.as_bytes());
            let headers = [("x-tag", tag.as_str()), ("x-time", time)];
            keys.verify(&Request::new(&headers, body.as_bytes())).map(drop).map_err(|error| error.code())
        };
        assert_eq!(verify(TIME_FIRST, "1773844200", "{1}"), Ok(()));
        assert_eq!(verify(TIME_FIRST, "177384420", "0{}"), Err("malformed_timestamp"));
        assert_eq!(verify(BODY_FIRST, "1773844200", "{1}"), Ok(()));
        assert_eq!(verify(BODY_FIRST, "773844200", "{}1"), Err("malformed_timestamp"));
    }

    #[test]
    fn the_head_is_checked_without_the_body() {
        let keys = HmacKeys::new(GITHUB, SECRET).unwrap();
        let check = |headers: &[(&str, &str)]| keys.check_head(&Head::new(&headers)).map_err(|error| error.code());
        assert_eq!(check(&[]), Err("missing_header"));
        assert_eq!(check(&[("x-hub-signature-256", "sha256=0")]), Err("malformed_signature"));
        assert_eq!(check(&[("x-hub-signature-256", &format!("sha256={}", "0".repeat(64)))]), Ok(()));
    }

    #[test]
    fn keys_for_a_diagnosis_differ_in_what_is_changed() {
        const OTHER: HmacScheme = HmacScheme::in_header("x-other").signs(&[Part::Body]);
        let keys = HmacKeys::new(OTHER, SECRET).unwrap();
        assert_eq!(github(&keys, SIGNATURE), Err("missing_header"));
        assert_eq!(github(&keys.under(GITHUB), SIGNATURE), Ok(Some(0)));
        let raw = HmacKeys::with_raw_key(GITHUB, SECRET.as_bytes()).unwrap();
        assert_eq!(github(&raw, SIGNATURE), Ok(Some(0)));
    }

    #[test]
    fn debug_output_shows_the_number_of_secrets() {
        let shown = format!("{:?}", HmacKeys::new(GITHUB, SECRET).unwrap());
        assert!(shown.starts_with("HmacKeys { scheme: HmacScheme { header: \"x-hub-signature-256\""), "{shown}");
        assert!(shown.contains("secrets: 1") && !shown.contains("Everybody"), "{shown}");
    }
}
