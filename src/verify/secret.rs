//! Secrets, kept out of logs and wiped from memory.

use std::fmt;

use zeroize::Zeroizing;

use crate::verify::ConfigErrorKind;

/// A signing secret or an access token.
///
/// It is made from text or bytes, shows nothing in `Debug`, is wiped from
/// memory when dropped, and cannot be cloned, compared or serialised.
/// Functions that need a secret take `impl Into<Secret>`, so a `String` will do.
/// A secret has at least 8 bytes; so does the key, where the secret is base64.
///
/// ```
/// use offhook::Secret;
///
/// let secret = Secret::from("whsec_live_1234");
/// assert_eq!(format!("{secret:?}"), "Secret(..)");
/// ```
pub struct Secret {
    bytes: Zeroizing<Vec<u8>>,
    /// Whether it may be shorter than [`MIN_SECRET_BYTES`].
    short: bool,
}

impl Secret {
    /// Makes a secret that may be shorter than 8 bytes. Whoever has seen one delivery can
    /// find such a secret by trying all there are, and then forge others. This is for
    /// published examples, and for headers whose value is not a secret.
    ///
    /// ```
    /// use offhook::{Secret, Truedy};
    ///
    /// assert_eq!(Truedy::new("k3y").unwrap_err().code(), "secret_too_short");
    /// assert!(Truedy::new(Secret::danger_short("k3y")).is_ok());
    /// ```
    pub fn danger_short(secret: impl Into<Secret>) -> Self {
        Secret { short: true, ..secret.into() }
    }

    /// Checks the length of the key, or of the token, that was made of this secret.
    pub(crate) fn check_length(&self, key: &[u8]) -> Result<(), ConfigErrorKind> {
        if self.short || key.len() >= MIN_SECRET_BYTES {
            Ok(())
        } else {
            Err(ConfigErrorKind::SecretTooShort { min_bytes: MIN_SECRET_BYTES })
        }
    }

    /// Returns the bytes of a secret that was handed over as text.
    ///
    /// White space at either end is nearly always the newline of an environment
    /// file. It would make every delivery fail, so it is an error here.
    pub(crate) fn bytes(&self) -> Result<&[u8], ConfigErrorKind> {
        let bytes = self.bytes.as_slice();
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        if bytes.iter().all(blank) {
            Err(ConfigErrorKind::EmptySecret)
        } else if bytes.first().is_some_and(blank) || bytes.last().is_some_and(blank) {
            Err(ConfigErrorKind::SecretWithWhitespace)
        } else {
            Ok(bytes)
        }
    }
}

impl From<Vec<u8>> for Secret {
    fn from(bytes: Vec<u8>) -> Self {
        Secret { bytes: Zeroizing::new(bytes), short: false }
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        text.into_bytes().into()
    }
}

impl From<&[u8]> for Secret {
    fn from(bytes: &[u8]) -> Self {
        bytes.to_vec().into()
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        text.as_bytes().into()
    }
}

impl From<&String> for Secret {
    fn from(text: &String) -> Self {
        text.as_bytes().into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// 8 random bytes take 2^64 attempts. Vendors make longer ones; some publish examples
/// that are hardly longer.
const MIN_SECRET_BYTES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_of_less_than_8_bytes_is_refused_unless_it_is_short_on_purpose() {
        let check = |secret: Secret| secret.check_length(&secret.bytes);
        assert_eq!(check("1234567".into()), Err(ConfigErrorKind::SecretTooShort { min_bytes: 8 }));
        assert_eq!(check("12345678".into()), Ok(()));
        assert_eq!(check(Secret::danger_short("1")), Ok(()));
    }

    #[test]
    fn debug_output_says_only_that_it_is_a_secret() {
        assert_eq!(format!("{:?}", Secret::from("whsec_2b7e1516")), "Secret(..)");
    }

    #[test]
    fn unusable_secrets_are_refused() {
        for empty in ["", " ", "\t\r\n "] {
            assert_eq!(Secret::from(empty).bytes(), Err(ConfigErrorKind::EmptySecret), "{empty:?}");
        }
        for padded in ["abc\n", " abc", "abc\r\n", "\tabc"] {
            assert_eq!(Secret::from(padded).bytes(), Err(ConfigErrorKind::SecretWithWhitespace), "{padded:?}");
        }
        assert_eq!(Secret::from("a b").bytes(), Ok(&b"a b"[..]));
    }
}
