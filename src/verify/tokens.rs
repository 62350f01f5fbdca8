//! Static headers: the authenticity of vendors that do not sign.
//!
//! ```
//! use offhook::verify::HeaderTokens;
//!
//! let tokens = HeaderTokens::new([("authorization", "Bearer s3cret"), ("x-api-key", "k3y")])?;
//! let headers = [("Authorization", "Bearer s3cret"), ("X-API-Key", "k3y")];
//! assert!(tokens.verify(&headers).is_ok());
//! assert!(tokens.verify(&headers[..1].to_vec()).is_err());
//! # Ok::<(), offhook::ConfigError>(())
//! ```

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use hmac::digest::{CtOutput, Digest};
use sha2::Sha256;

use crate::verify::Secret;
use crate::verify::Verified;
use crate::verify::{ConfigError, VerifyError};
use crate::verify::{Headers, is_header_name, required};

/// Static headers with the values they must have.
///
/// A set of headers is required as a whole; several sets may be active at once,
/// for rotation. Only the SHA-256 of each value is kept, and comparing two of
/// those in constant time tells nothing about either value or its length.
/// Cloning shares the sets.
#[derive(Clone)]
pub struct HeaderTokens {
    sets: Arc<[TokenSet]>,
}

impl HeaderTokens {
    /// One set: every header must have exactly its value.
    ///
    /// # Errors
    ///
    /// No header at all, one that is no header name or stands there twice, or a
    /// value that is empty, blank or padded with white space.
    pub fn new<N, V>(headers: impl IntoIterator<Item = (N, V)>) -> Result<Self, ConfigError>
    where
        N: Into<Cow<'static, str>>,
        V: Into<Secret>,
    {
        Ok(HeaderTokens { sets: Arc::new([token_set(headers)?]) })
    }

    /// Adds a set that is accepted as well, for rotation.
    /// [`Verified::secret_index`] tells which set matched, in order of addition.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new).
    pub fn with_set<N, V>(mut self, headers: impl IntoIterator<Item = (N, V)>) -> Result<Self, ConfigError>
    where
        N: Into<Cow<'static, str>>,
        V: Into<Secret>,
    {
        let added = token_set(headers)?;
        self.sets = self.sets.iter().cloned().chain([added]).collect();
        Ok(self)
    }

    /// Checks the headers; every set is tried, whichever matches.
    ///
    /// # Errors
    ///
    /// A header of the first set that is missing, repeated, empty, too long, not
    /// ASCII, or another value than the configured one.
    pub fn verify(&self, headers: &dyn Headers) -> Result<Verified, VerifyError> {
        let mut matched = None;
        let mut refused = Ok(());
        // No early end: the time taken does not tell which value matched.
        for (index, set) in self.sets.iter().enumerate() {
            let mut passed = true;
            for token in set.iter() {
                if let Err(error) = token.check(headers) {
                    passed = false;
                    if refused.is_ok() {
                        refused = Err(error);
                    }
                }
            }
            if passed {
                matched = matched.or(Some(index));
            }
        }
        match (matched, refused) {
            (Some(index), _) => Ok(Verified::by_secret(index, None, &[])),
            (None, Err(error)) => Err(error),
            // There is a set, and what did not pass was refused.
            (None, Ok(())) => Err(VerifyError::SignatureMismatch),
        }
    }
}

/// Shows the header names.
impl fmt::Debug for HeaderTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |set: &TokenSet| set.iter().map(|token| token.name.clone()).collect::<Vec<_>>();
        f.debug_list().entries(self.sets.iter().map(names)).finish()
    }
}

#[derive(Clone)]
struct Token {
    name: Cow<'static, str>,
    digest: CtOutput<Sha256>,
}

type TokenSet = Arc<[Token]>;

impl Token {
    /// The one place where tokens are compared.
    fn check(&self, headers: &dyn Headers) -> Result<(), VerifyError> {
        let header = || self.name.clone();
        let value = required(headers.lookup(&self.name), MAX_TOKEN_BYTES, header)?;
        if digest(value) == self.digest { Ok(()) } else { Err(VerifyError::TokenMismatch { header: header() }) }
    }
}

fn token_set<N, V>(headers: impl IntoIterator<Item = (N, V)>) -> Result<TokenSet, ConfigError>
where
    N: Into<Cow<'static, str>>,
    V: Into<Secret>,
{
    let mut set: Vec<Token> = Vec::new();
    for (name, value) in headers {
        let name = name.into();
        if !is_header_name(&name) {
            return Err(ConfigError::InvalidHeaderName { name: name.into_owned() });
        }
        if set.iter().any(|token| token.name.eq_ignore_ascii_case(&name)) {
            return Err(ConfigError::DuplicateHeader { name: name.into_owned() });
        }
        let secret = value.into();
        set.push(Token { digest: digest(secret.checked()?), name });
    }
    if set.is_empty() { Err(ConfigError::NoHeader) } else { Ok(set.into()) }
}

fn digest(value: &[u8]) -> CtOutput<Sha256> {
    CtOutput::new(Sha256::digest(value))
}

const MAX_TOKEN_BYTES: usize = 8192;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_does_not_build() {
        let none: [(&str, &str); 0] = [];
        assert_eq!(HeaderTokens::new(none).unwrap_err(), ConfigError::NoHeader);
        for name in ["", "x y", "x:y", "x\ny", "ключ"] {
            let expected = ConfigError::InvalidHeaderName { name: name.to_owned() };
            assert_eq!(HeaderTokens::new([(name, "v")]).unwrap_err(), expected);
        }
        assert_eq!(HeaderTokens::new([("x-a", "")]).unwrap_err(), ConfigError::EmptySecret);
        assert_eq!(HeaderTokens::new([("x-a", "v\n")]).unwrap_err(), ConfigError::SecretWithWhitespace);
        let twice = HeaderTokens::new([("x-a", "1"), ("X-A", "2")]).unwrap_err();
        assert_eq!(twice, ConfigError::DuplicateHeader { name: "X-A".to_owned() });
    }

    #[test]
    fn each_set_is_required_whole_and_reported() {
        let tokens = HeaderTokens::new([("x-a", "1"), ("x-b", "2")]).unwrap().with_set([("x-a", "old")]).unwrap();
        let verify = |headers: &[(&str, &str)]| tokens.verify(&headers).map(|verified| verified.secret_index());
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
