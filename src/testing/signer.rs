use std::fmt;

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::raw::RawRequest;
use crate::time::{Clock, FixedClock, SystemClock};
use crate::verify::{ConfigError, HeaderTokens, HmacKeys, HmacScheme, Secret, Separator, TimestampSource};

/// Makes the deliveries that a vendor would send, and the headers that belong to them.
///
/// ```
/// use offhook::testing::{Signer, samples};
/// use offhook::{Salpre, Truedy, Verifier};
///
/// // A vendor that signs: the verifier has the key.
/// let truedy = Truedy::new("whsec_test")?;
/// let request = Signer::of(&truedy).request("/webhooks/truedy", samples::truedy::CALL_ENDED);
/// assert!(truedy.receive_request(&request.head(), request.body.clone()).is_ok());
///
/// // A vendor with static headers: the verifier has digests only, so the value is needed.
/// let request = Signer::bearer("s3cret-t0ken")?.request("/webhooks/salpre", samples::salpre::CALL_ENDED);
/// assert!(Salpre::bearer("s3cret-t0ken")?.receive_request(&request.head(), request.body.clone()).is_ok());
/// # Ok::<(), offhook::ConfigError>(())
/// ```
#[derive(Debug)]
pub struct Signer {
    credentials: Credentials,
    old: Option<Box<Signer>>,
}

enum Credentials {
    Keys { keys: HmacKeys, message_id: String },
    Headers(Vec<(&'static str, String)>),
}

impl Signer {
    /// Creates a signer with the scheme, the first secret and the clock of a verifier: a
    /// [`Hmac`](crate::Hmac), such as [`Truedy`](crate::Truedy), or [`HmacKeys`].
    ///
    /// The signer makes signatures. It does not reveal the secret.
    pub fn of(verifier: &impl AsRef<HmacKeys>) -> Self {
        Signer::with(Credentials::Keys { keys: verifier.as_ref().clone(), message_id: "msg_test".to_owned() })
    }

    /// Creates a signer for this scheme, with this secret: for a receiver that runs
    /// elsewhere, or for a sender with another secret than the verifier's.
    ///
    /// # Errors
    ///
    /// A secret that a verifier would not accept either.
    pub fn new(scheme: HmacScheme, secret: impl Into<Secret>) -> Result<Self, ConfigError> {
        Ok(Signer::of(&HmacKeys::new(scheme, secret)?))
    }

    /// Creates a sender of `Authorization: Bearer <token>`.
    ///
    /// # Errors
    ///
    /// A token that a verifier would not accept either.
    pub fn bearer(token: impl Into<Secret>) -> Result<Self, ConfigError> {
        let token = token.into();
        let value = [b"Bearer ", token.bytes().unwrap_or_default()].concat();
        HeaderTokens::bearer(token)?;
        Signer::headers([("authorization", value)])
    }

    /// Creates a sender of static headers.
    ///
    /// # Errors
    ///
    /// A header that a verifier would not accept either.
    pub fn headers<V: Into<Secret>>(headers: impl IntoIterator<Item = (&'static str, V)>) -> Result<Self, ConfigError> {
        let headers: Vec<_> = headers.into_iter().map(|(name, value)| (name, value.into())).collect();
        // The value is ASCII, as the check of the tokens shows.
        let text = |secret: &Secret| String::from_utf8_lossy(secret.bytes().unwrap_or_default()).into_owned();
        let values = headers.iter().map(|(name, secret)| (*name, text(secret))).collect();
        HeaderTokens::new(headers)?;
        Ok(Signer::with(Credentials::Headers(values)))
    }

    fn with(credentials: Credentials) -> Self {
        Signer { credentials, old: None }
    }

    /// Sets the message id, where the scheme signs one. It is `msg_test` by default.
    #[must_use]
    pub fn with_message_id(mut self, id: impl Into<String>) -> Self {
        if let Credentials::Keys { message_id, .. } = &mut self.credentials {
            *message_id = id.into();
        }
        self
    }

    /// Adds the sender as it was before the last rotation, with the secret that the receiver
    /// accepted then: for [`NearMiss::OldSecret`](crate::testing::NearMiss::OldSecret).
    #[must_use]
    pub fn with_old_secret(self, old: Signer) -> Self {
        Signer { old: Some(Box::new(old)), ..self }
    }

    /// Returns the scheme; `None` for static headers.
    pub fn scheme(&self) -> Option<&HmacScheme> {
        match &self.credentials {
            Credentials::Keys { keys, .. } => Some(keys.scheme()),
            Credentials::Headers(_) => None,
        }
    }

    /// Returns the headers of a delivery of `body` that is signed at `time`.
    pub fn sign(&self, time: DateTime<Utc>, body: impl AsRef<[u8]>) -> Vec<(&'static str, String)> {
        match &self.credentials {
            Credentials::Keys { keys, message_id } => signed(keys, message_id, time, body.as_ref()),
            Credentials::Headers(headers) => headers.clone(),
        }
    }

    /// Returns a delivery of `body`, signed at the present time of the verifier's clock. It
    /// is a `POST` of JSON.
    pub fn request(&self, target: impl Into<String>, body: impl Into<Bytes>) -> RawRequest {
        self.request_at(self.now(), target, body)
    }

    /// Returns a delivery of `body` that is signed at `time`.
    pub fn request_at(&self, time: DateTime<Utc>, target: impl Into<String>, body: impl Into<Bytes>) -> RawRequest {
        let request = RawRequest::post(target, body).with_header("content-type", "application/json");
        let headers = self.sign(time, &request.body);
        headers.into_iter().fold(request, |request, (name, value)| request.with_header(name, value))
    }

    pub(super) fn old(&self) -> Option<&Signer> {
        self.old.as_deref()
    }

    /// Returns the name of the signature's header, or of the first static header.
    pub(super) fn header(&self) -> &'static str {
        match &self.credentials {
            Credentials::Keys { keys, .. } => keys.scheme().header,
            Credentials::Headers(headers) => headers.first().map_or("", |(name, _)| name),
        }
    }

    /// Returns whether the sender makes a header of this name.
    pub(super) fn sends(&self, name: &str) -> bool {
        self.sign(DateTime::UNIX_EPOCH, "").iter().any(|(header, _)| header.eq_ignore_ascii_case(name))
    }

    /// Returns the same sender with a secret that no receiver has.
    pub(super) fn with_another_secret(&self) -> Option<Signer> {
        match &self.credentials {
            // The text is base64 too.
            Credentials::Keys { keys, .. } => {
                let other = HmacKeys::new(*keys.scheme(), "bm90VGhlU2VjcmV0T2ZBbnlSZWNlaXZlcg").ok()?;
                Some(Signer::of(&other.with_clock(FixedClock::at(keys.clock().now()))))
            }
            Credentials::Headers(headers) => {
                Signer::headers(headers.iter().map(|(name, _)| (*name, "not-the-value"))).ok()
            }
        }
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        match &self.credentials {
            Credentials::Keys { keys, .. } => keys.clock().now(),
            Credentials::Headers(_) => SystemClock.now(),
        }
    }
}

fn signed(keys: &HmacKeys, message_id: &str, time: DateTime<Utc>, body: &[u8]) -> Vec<(&'static str, String)> {
    let scheme = keys.scheme();
    let timestamp = scheme.timestamp.map(|(_, format)| format.format(time)).unwrap_or_default();
    let tag = keys.sign(&timestamp, message_id, body);
    let mut value = format!("{}{tag}", scheme.prefix);
    if let Some((TimestampSource::Entry(prefix), _)) = scheme.timestamp {
        let separator = char::from(scheme.separator.map_or(b',', Separator::byte));
        value = format!("{prefix}{timestamp}{separator}{value}");
    }
    let mut headers = vec![(scheme.header, value)];
    if let Some((TimestampSource::Header(name), _)) = scheme.timestamp {
        headers.push((name, timestamp));
    }
    if let Some(name) = scheme.id_header {
        headers.push((name, message_id.to_owned()));
    }
    headers
}

/// Shows the scheme, or the names of the static headers.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Credentials::Keys { keys, .. } => keys.fmt(f),
            Credentials::Headers(headers) => f.debug_list().entries(headers.iter().map(|(name, _)| name)).finish(),
        }
    }
}
