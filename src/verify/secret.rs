//! Secrets, kept out of logs and wiped from memory.

use std::fmt;

use zeroize::Zeroizing;

use crate::verify::ConfigErrorKind;

/// A signing secret or an access token.
///
/// It is made from text or bytes, shows nothing in `Debug`, is wiped from
/// memory when dropped, and cannot be cloned, compared or serialised.
/// Functions that need a secret take `impl Into<Secret>`, so a `String` will do.
///
/// ```
/// use offhook::Secret;
///
/// let secret = Secret::from("whsec_live_1234");
/// assert_eq!(format!("{secret:?}"), "Secret(..)");
/// ```
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Returns the bytes of a secret that was handed over as text.
    ///
    /// White space at either end is nearly always the newline of an environment
    /// file. It would make every delivery fail, so it is an error here.
    pub(crate) fn bytes(&self) -> Result<&[u8], ConfigErrorKind> {
        let bytes = self.0.as_slice();
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
        Secret(Zeroizing::new(bytes))
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

#[cfg(test)]
mod tests {
    use super::*;

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
