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
/// let tokens = HeaderTokens::new([("authorization", "Bearer s3cret"), ("x-api-key", "k3y")])?;
/// let headers = [("Authorization", "Bearer s3cret"), ("X-API-Key", "k3y")];
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
    /// No header at all, one that is not a header name or occurs twice, or a
    /// value that is empty, blank or padded with white space.
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
    /// A token that is empty, blank or padded with white space.
    pub fn bearer(token: impl Into<Secret>) -> Result<Self, ConfigError> {
        const NAME: Cow<'static, str> = Cow::Borrowed("authorization");
        let token = token.into();
        let bytes = token.bytes().map_err(|kind| ConfigError::from(kind).of_header(NAME))?;
        let value = Zeroizing::new([b"Bearer ", bytes].concat());
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
            return Err(ConfigErrorKind::InvalidHeaderName { name: name.into_owned() }.into());
        }
        if set.iter().any(|token| token.name.eq_ignore_ascii_case(&name)) {
            return Err(ConfigErrorKind::DuplicateHeader { name: name.into_owned() }.into());
        }
        let secret = value.into();
        let value = secret.bytes().map_err(|kind| ConfigError::from(kind).of_secret(index).of_header(name.clone()))?;
        set.push(Token { digest: digest(value), name });
    }
    if set.is_empty() { Err(ConfigErrorKind::NoHeader.into()) } else { Ok(set.into()) }
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
        let twice = new(&[("x-a", "long enough"), ("X-A", "2")]);
        assert_eq!(twice, ConfigErrorKind::DuplicateHeader { name: "X-A".to_owned() });
    }

    #[test]
    fn each_set_is_required_whole_and_reported() {
        let tokens = HeaderTokens::new([("x-a", "1"), ("x-b", "2")]).unwrap().with_set([("x-a", "old")]).unwrap();
        let verify =
            |headers: &[(&str, &str)]| tokens.verify(&Head::new(&headers)).map(|verified| verified.secret_index());
        assert_eq!(verify(&[("x-a", "1"), ("x-b", "2")]), Ok(Some(0)));
        assert_eq!(verify(&[("x-a", "old")]), Ok(Some(1)));
        assert_eq!(verify(&[("x-a", "1")]), Err(VerifyError::MissingHeader { header: "x-b".into() }));
        assert_eq!(verify(&[("x-a", "1"), ("x-b", "3")]), Err(VerifyError::TokenMismatch { header: "x-b".into() }));
    }

    #[test]
    fn debug_shows_names_only() {
        let tokens = HeaderTokens::new([("x-a", "s3cret")]).unwrap();
        assert_eq!(format!("{tokens:?}"), r#"[["x-a"]]"#);
    }
}
