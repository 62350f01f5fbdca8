use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use hmac::digest::{CtOutput, Digest};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::headers::is_header_name;
use crate::verify::{ConfigError, ConfigErrorKind, Head, Secret, Verified, VerifyError};

/// Static headers with the values that they must have, for vendors that do not sign.
///
/// A set of headers is required as a whole. Several sets may be active at once,
/// for rotation. Only the SHA-256 of each value is kept, and comparing two of
/// those in constant time tells nothing about either value or its length.
/// Cloning shares the sets.
///
/// ```
/// use offhook::verify::{Head, HeaderTokens};
///
/// let tokens = HeaderTokens::new([("authorization", "Bearer s3cret-t0ken"), ("x-api-key", "k3y-f0r-m3")])?;
/// let headers = [("Authorization", "Bearer s3cret-t0ken"), ("X-API-Key", "k3y-f0r-m3")];
/// assert!(tokens.verify(&Head::new(&headers)).is_ok());
/// assert!(tokens.verify(&Head::new(&&headers[..1])).is_err());
/// # Ok::<(), offhook::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct HeaderTokens {
    /// `None` accepts every request.
    sets: Option<Arc<[TokenSet]>>,
}

impl HeaderTokens {
    /// Creates one set of headers, each of which must have exactly its value.
    ///
    /// # Errors
    ///
    /// No header at all, one that is not a header name or occurs twice, or a value that
    /// is empty, blank, padded with white space or shorter than 8 bytes, or that no request
    /// could match: one that is longer than 8192 bytes, not ASCII, or with control characters.
    pub fn new<N, V>(headers: impl IntoIterator<Item = (N, V)>) -> Result<Self, ConfigError>
    where
        N: Into<Cow<'static, str>>,
        V: Into<Secret>,
    {
        Ok(HeaderTokens { sets: Some(Arc::new([token_set(headers, 0)?])) })
    }

    /// Accepts every request, whoever sends it. This is for an endpoint that nobody else
    /// can reach.
    pub const fn danger_accept_unauthenticated() -> Self {
        HeaderTokens { sets: None }
    }

    /// Requires `Authorization: Bearer <token>`.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new), for the token without `Bearer `.
    pub fn bearer(token: impl Into<Secret>) -> Result<Self, ConfigError> {
        const NAME: Cow<'static, str> = Cow::Borrowed("authorization");
        let token = token.into();
        let value = token_value(&token)
            .map(|token| Zeroizing::new([b"Bearer ", token].concat()))
            .map_err(|kind| ConfigError::new(kind).of_header(NAME))?;
        Self::new([(NAME, value.as_slice())])
    }

    /// Adds a set that is accepted as well, for rotation.
    /// [`Verified::secret_index`] returns which set matched, in order of addition.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new).
    pub fn with_set<N, V>(mut self, headers: impl IntoIterator<Item = (N, V)>) -> Result<Self, ConfigError>
    where
        N: Into<Cow<'static, str>>,
        V: Into<Secret>,
    {
        let added = token_set(headers, self.sets.as_ref().map_or(0, |sets| sets.len()))?;
        self.sets = self.sets.map(|sets| sets.iter().cloned().chain([added]).collect());
        Ok(self)
    }

    /// Checks the headers. Every set is tried, so that the time does not tell which
    /// one matched.
    ///
    /// # Errors
    ///
    /// The first header of the first set that is missing, repeated, empty, too long, not
    /// ASCII, or does not have the configured value.
    pub fn verify(&self, head: &Head<'_>) -> Result<Verified, VerifyError> {
        let Some(sets) = &self.sets else { return Ok(Verified::danger_without_check()) };
        let mut matched = None;
        let mut refused = None;
        for (index, set) in sets.iter().enumerate() {
            let mut passed = true;
            for token in set.iter() {
                if let Err(error) = token.check(head) {
                    passed = false;
                    refused = refused.or(Some(error));
                }
            }
            if passed {
                matched = matched.or(Some(index));
            }
        }
        match matched {
            Some(index) => Ok(Verified::by_own_check(index)),
            // There is at least one set, so a reason was recorded.
            None => Err(refused.unwrap_or(VerifyError::SignatureMismatch)),
        }
    }
}

/// Shows the names of the headers and nothing of their values.
impl fmt::Debug for HeaderTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |set: &TokenSet| set.iter().map(|token| token.name.clone()).collect::<Vec<_>>();
        f.debug_list().entries(self.sets.iter().flat_map(|sets| sets.iter()).map(names)).finish()
    }
}

#[derive(Clone)]
struct Token {
    name: Cow<'static, str>,
    digest: CtOutput<Sha256>,
}

type TokenSet = Arc<[Token]>;

impl Token {
    /// Compares a header with the configured value, in constant time. This is the one
    /// place where tokens are compared.
    fn check(&self, head: &Head<'_>) -> Result<(), VerifyError> {
        let value = head.headers().lookup(&self.name).required(MAX_TOKEN_BYTES, || self.name.clone())?;
        match digest(value) == self.digest {
            true => Ok(()),
            false => Err(VerifyError::TokenMismatch { header: self.name.clone() }),
        }
    }
}

/// Makes the set at `index`.
fn token_set<N, V>(headers: impl IntoIterator<Item = (N, V)>, index: usize) -> Result<TokenSet, ConfigError>
where
    N: Into<Cow<'static, str>>,
    V: Into<Secret>,
{
    let mut set: Vec<Token> = Vec::new();
    for (name, value) in headers {
        let name = name.into();
        if !is_header_name(&name) {
            return Err(ConfigError::new(ConfigErrorKind::InvalidHeaderName { name: name.into_owned() }));
        }
        if set.iter().any(|token| token.name.eq_ignore_ascii_case(&name)) {
            return Err(ConfigError::new(ConfigErrorKind::DuplicateHeader { name: name.into_owned() }));
        }
        let secret = value.into();
        let value =
            token_value(&secret).map_err(|kind| ConfigError::new(kind).of_secret(index).of_header(name.clone()))?;
        set.push(Token { digest: digest(value), name });
    }
    if set.is_empty() { Err(ConfigError::new(ConfigErrorKind::NoHeader)) } else { Ok(set.into()) }
}

/// Returns a value that a request can have.
fn token_value(secret: &Secret) -> Result<&[u8], ConfigErrorKind> {
    let value = secret.bytes()?;
    if !value.is_ascii() {
        return Err(ConfigErrorKind::HeaderValueNotAscii);
    }
    if value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
        return Err(ConfigErrorKind::HeaderValueWithControl);
    }
    if value.len() > MAX_TOKEN_BYTES {
        return Err(ConfigErrorKind::HeaderValueTooLong { max_bytes: MAX_TOKEN_BYTES });
    }
    secret.check_length(value)?;
    Ok(value)
}

fn digest(value: &[u8]) -> CtOutput<Sha256> {
    CtOutput::new(Sha256::digest(value))
}

const MAX_TOKEN_BYTES: usize = 8192;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unusable_configurations_are_refused() {
        let none: [(&str, &str); 0] = [];
        let new =
            |headers: &[(&'static str, &str)]| HeaderTokens::new(headers.iter().copied()).unwrap_err().kind().clone();
        assert_eq!(new(&none), ConfigErrorKind::NoHeader);
        for name in ["", "x y", "x:y", "x\ny", "ключ"] {
            let expected = ConfigErrorKind::InvalidHeaderName { name: name.to_owned() };
            assert_eq!(new(&[(name, "v")]), expected);
        }
        assert_eq!(new(&[("x-a", "")]), ConfigErrorKind::EmptySecret);
        assert_eq!(new(&[("x-a", "v\n")]), ConfigErrorKind::SecretWithWhitespace);
        assert_eq!(new(&[("x-a", "1234567")]), ConfigErrorKind::SecretTooShort { min_bytes: 8 });
        assert_eq!(new(&[("x-a", "pässword")]), ConfigErrorKind::HeaderValueNotAscii);
        for control in ["pass\nword", "pass\0word", "pass\x7fword"] {
            assert_eq!(new(&[("x-a", control)]), ConfigErrorKind::HeaderValueWithControl);
        }
        let too_long = ConfigErrorKind::HeaderValueTooLong { max_bytes: 8192 };
        assert_eq!(new(&[("x-a", &"v".repeat(8193))]), too_long);
        let bearer = |token: String| HeaderTokens::bearer(token).map(drop).map_err(|error| error.kind().clone());
        assert_eq!(bearer("v".repeat(8186)), Err(too_long));
        assert_eq!(bearer("v".repeat(8185)), Ok(()));
        assert_eq!(bearer("1234567".to_owned()), Err(ConfigErrorKind::SecretTooShort { min_bytes: 8 }));
        let twice = new(&[("x-a", "long enough"), ("X-A", "2")]);
        assert_eq!(twice, ConfigErrorKind::DuplicateHeader { name: "X-A".to_owned() });
    }

    #[test]
    fn each_set_is_required_whole_and_reported() {
        let tokens = HeaderTokens::new([("x-a", "value one"), ("x-b", "value two")])
            .unwrap()
            .with_set([("x-a", "old value")])
            .unwrap();
        let verify =
            |headers: &[(&str, &str)]| tokens.verify(&Head::new(&headers)).map(|verified| verified.secret_index());
        assert_eq!(verify(&[("x-a", "value one"), ("x-b", "value two")]), Ok(Some(0)));
        assert_eq!(verify(&[("x-a", "old value")]), Ok(Some(1)));
        assert_eq!(verify(&[("x-a", "value one")]), Err(VerifyError::MissingHeader { header: "x-b".into() }));
        assert_eq!(
            verify(&[("x-a", "value one"), ("x-b", "value")]),
            Err(VerifyError::TokenMismatch { header: "x-b".into() })
        );
    }

    #[test]
    fn debug_shows_names_only() {
        let tokens = HeaderTokens::new([("x-a", "s3cret-value")]).unwrap();
        assert_eq!(format!("{tokens:?}"), r#"[["x-a"]]"#);
    }
}
