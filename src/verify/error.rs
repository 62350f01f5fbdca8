use std::borrow::Cow;
use std::fmt;

/// A verifier cannot be built from this configuration. Nothing was received yet.
///
/// The text names the vendor, and which secret or which header is wrong. It never shows
/// a secret.
///
/// ```
/// use offhook::Truedy;
///
/// let error = Truedy::new("whsec_2b7e1516")?.with_secret("whsec_3ad77bb4\n").unwrap_err();
/// assert_eq!(error.code(), "secret_with_whitespace");
/// assert_eq!((error.vendor(), error.secret_index()), (Some("truedy"), Some(1)));
/// assert!(error.to_string().starts_with("truedy: the second secret begins or ends with white space"));
/// # Ok::<(), offhook::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    kind: ConfigErrorKind,
    vendor: Option<&'static str>,
    secret_index: Option<usize>,
    header: Option<Cow<'static, str>>,
}

impl ConfigError {
    // Not `From`, with which a `?` in a closure would no longer know its error's type.
    pub(super) fn new(kind: ConfigErrorKind) -> Self {
        ConfigError { kind, vendor: None, secret_index: None, header: None }
    }

    /// Returns what is wrong.
    pub fn kind(&self) -> &ConfigErrorKind {
        &self.kind
    }

    /// Returns a stable name for logs and metrics.
    pub fn code(&self) -> &'static str {
        self.kind.code()
    }

    /// Returns the vendor whose verifier could not be built, where it is known.
    pub fn vendor(&self) -> Option<&'static str> {
        self.vendor
    }

    /// Returns which secret, or which set of static headers, is wrong, counted from 0 in
    /// the order in which they were added.
    pub fn secret_index(&self) -> Option<usize> {
        self.secret_index
    }

    /// Returns the static header whose value is wrong.
    pub fn header(&self) -> Option<&str> {
        self.header.as_deref()
    }

    pub(crate) fn of_vendor(self, vendor: &'static str) -> Self {
        ConfigError { vendor: Some(vendor), ..self }
    }

    pub(super) fn of_secret(self, index: usize) -> Self {
        ConfigError { secret_index: Some(index), ..self }
    }

    pub(super) fn of_header(self, name: Cow<'static, str>) -> Self {
        ConfigError { header: Some(name), ..self }
    }
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(vendor) = self.vendor {
            write!(f, "{vendor}: ")?;
        }
        if self.kind.is_about_a_secret() {
            match (&self.header, self.secret_index) {
                (Some(header), Some(1..)) => {
                    write!(f, "the value of the header `{header}`, in the {} set, ", self.ordinal())
                }
                (Some(header), _) => write!(f, "the value of the header `{header}` "),
                (None, Some(_)) => write!(f, "the {} secret ", self.ordinal()),
                (None, None) => write!(f, "the secret "),
            }?;
        }
        self.kind.fmt(f)
    }
}

impl ConfigError {
    fn ordinal(&self) -> Cow<'static, str> {
        const ORDINALS: [&str; 5] = ["first", "second", "third", "fourth", "fifth"];
        let index = self.secret_index.unwrap_or_default();
        match ORDINALS.get(index) {
            Some(ordinal) => (*ordinal).into(),
            // Nobody has eleven active secrets.
            None => format!("{}th", index.saturating_add(1)).into(),
        }
    }
}

/// What is wrong with a configuration: see [`ConfigError`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigErrorKind {
    /// The secret is empty or blank.
    #[error("is empty")]
    EmptySecret,
    /// The secret begins or ends with white space, such as the newline of an
    /// environment file.
    #[error("begins or ends with white space; remove it (is it the newline of an environment file?)")]
    SecretWithWhitespace,
    /// The scheme needs base64 after the secret's prefix.
    #[error("is not base64, which this scheme needs after the secret's prefix")]
    SecretNotBase64,
    /// The secret is so short that it can be guessed.
    /// [`Secret::danger_short`](crate::Secret::danger_short) accepts it.
    #[error("is shorter than {min_bytes} bytes, and could be guessed")]
    SecretTooShort {
        /// The smallest length that is accepted, in bytes. It is the key's where the
        /// secret is base64.
        min_bytes: usize,
    },
    /// The value of a static header holds characters outside ASCII, which no request
    /// matches.
    #[error("holds characters outside ASCII, so that no request could match it")]
    HeaderValueNotAscii,
    /// The value of a static header holds control characters, which HTTP does not allow.
    #[error("holds control characters, which HTTP does not allow, so that no request could match it")]
    HeaderValueWithControl,
    /// The value of a static header is longer than a request's may be.
    #[error("is longer than the {max_bytes} bytes that are accepted in a request")]
    HeaderValueTooLong {
        /// The greatest length that is accepted, in bytes.
        max_bytes: usize,
    },
    /// HTTP does not allow this header name.
    #[error("`{name}` is not a header name")]
    InvalidHeaderName {
        /// The name as given.
        name: String,
    },
    /// The same header is required twice in one set.
    #[error("the header `{name}` is required twice in one set")]
    DuplicateHeader {
        /// The name as given.
        name: String,
    },
    /// A set of static headers holds no header.
    #[error("no header is configured; at least one is needed")]
    NoHeader,
    /// A public URL cannot be put before a request's target.
    #[error("`{url}` is not a public URL such as `https://hooks.example.com`, without a slash at its end")]
    InvalidUrl {
        /// The URL as given.
        url: String,
    },
}

impl ConfigErrorKind {
    fn code(&self) -> &'static str {
        match self {
            ConfigErrorKind::EmptySecret => "empty_secret",
            ConfigErrorKind::SecretWithWhitespace => "secret_with_whitespace",
            ConfigErrorKind::SecretNotBase64 => "secret_not_base64",
            ConfigErrorKind::SecretTooShort { .. } => "secret_too_short",
            ConfigErrorKind::HeaderValueNotAscii => "header_value_not_ascii",
            ConfigErrorKind::HeaderValueWithControl => "header_value_with_control",
            ConfigErrorKind::HeaderValueTooLong { .. } => "header_value_too_long",
            ConfigErrorKind::InvalidHeaderName { .. } => "invalid_header_name",
            ConfigErrorKind::DuplicateHeader { .. } => "duplicate_header",
            ConfigErrorKind::NoHeader => "no_header",
            ConfigErrorKind::InvalidUrl { .. } => "invalid_url",
        }
    }

    /// Returns whether the text goes on where a secret or a header is named.
    fn is_about_a_secret(&self) -> bool {
        match self {
            ConfigErrorKind::EmptySecret
            | ConfigErrorKind::SecretWithWhitespace
            | ConfigErrorKind::SecretNotBase64
            | ConfigErrorKind::SecretTooShort { .. }
            | ConfigErrorKind::HeaderValueNotAscii
            | ConfigErrorKind::HeaderValueWithControl
            | ConfigErrorKind::HeaderValueTooLong { .. } => true,
            ConfigErrorKind::InvalidHeaderName { .. }
            | ConfigErrorKind::DuplicateHeader { .. }
            | ConfigErrorKind::NoHeader
            | ConfigErrorKind::InvalidUrl { .. } => false,
        }
    }
}

/// A delivery is not authentic, or not fresh.
///
/// The sender gets the status and nothing else; the reason is for the log.
///
/// ```
/// use offhook::{Truedy, Verifier};
///
/// let headers = [("x-truedy-timestamp", "1773844200")];
/// let error = Truedy::new("whsec_2b7e1516")?.receive(&headers, "{}").unwrap_err();
/// assert_eq!((error.status(), error.code()), (401, "missing_header"));
/// assert_eq!(error.to_string(), "the header `x-truedy-signature` is missing");
/// # Ok::<(), offhook::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// A header that the scheme needs is missing.
    #[error("the header `{header}` is missing")]
    MissingHeader {
        /// The header's name.
        header: Cow<'static, str>,
    },
    /// A header that the scheme needs occurs more than once.
    #[error("the header `{header}` is repeated")]
    RepeatedHeader {
        /// The header's name.
        header: Cow<'static, str>,
    },
    /// A header that the scheme needs has no value.
    #[error("the header `{header}` is empty")]
    EmptyHeader {
        /// The header's name.
        header: Cow<'static, str>,
    },
    /// A header that the scheme needs is longer than any genuine one.
    #[error("the header `{header}` is longer than {max_bytes} bytes")]
    HeaderTooLong {
        /// The header's name.
        header: Cow<'static, str>,
        /// The greatest length that is accepted, in bytes.
        max_bytes: usize,
    },
    /// A header that the scheme needs holds bytes outside ASCII.
    #[error("the header `{header}` is not ASCII")]
    HeaderNotAscii {
        /// The header's name.
        header: Cow<'static, str>,
    },
    /// A header does not have the form that it must have.
    #[error("the header `{header}` is malformed")]
    MalformedHeader {
        /// The header's name.
        header: Cow<'static, str>,
    },
    /// The signature header does not have the scheme's form.
    #[error("the header `{header}` does not hold a signature of this scheme")]
    MalformedSignature {
        /// The header's name.
        header: Cow<'static, str>,
    },
    /// No active secret makes this signature over this delivery.
    #[error(
        "the signature does not match; check that the secret is the one of this vendor and this endpoint, \
         and that nothing before offhook changes the body"
    )]
    SignatureMismatch,
    /// A static header does not hold the configured value.
    #[error("the header `{header}` does not hold the configured value")]
    TokenMismatch {
        /// The header's name.
        header: Cow<'static, str>,
    },
    /// The signed time is not in the scheme's format.
    #[error("the signed time is not written as this scheme writes it")]
    MalformedTimestamp,
    /// The signed time looks like milliseconds where the scheme says seconds.
    #[error("the signed time looks like milliseconds; this scheme signs seconds")]
    TimestampInMilliseconds,
    /// The signed time is older than allowed: a replay, or a clock that is wrong.
    #[error("signed {seconds} s ago, which is more than the {limit} s that are allowed")]
    TimestampTooOld {
        /// The age, in seconds.
        seconds: u64,
        /// The greatest age that is allowed, in seconds.
        limit: u64,
    },
    /// The signed time is further in the future than allowed.
    #[error("signed {seconds} s in the future, which is more than the {limit} s that are allowed")]
    TimestampTooNew {
        /// How far in the future, in seconds.
        seconds: u64,
        /// How far is allowed, in seconds.
        limit: u64,
    },
    /// A maximum age is set, and the event does not say when it happened.
    #[error("a maximum age is set, and the event does not say when it happened")]
    MissingTimestamp,
    /// The scheme signs the URL, and the request's target is not known.
    #[error("the scheme signs the URL, and the request's target is not known; hand over the whole request")]
    UnknownUrl,
    /// The secret that was given to a plain `verify` function cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

impl VerifyError {
    /// Returns the HTTP status for the sender: 401, or 500 for [`VerifyError::Config`]
    /// and [`VerifyError::UnknownUrl`], which are the receiver's own mistakes.
    pub fn status(&self) -> u16 {
        match self {
            VerifyError::Config(_) | VerifyError::UnknownUrl => 500,
            _ => 401,
        }
    }

    /// Returns a stable name for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            VerifyError::MissingHeader { .. } => "missing_header",
            VerifyError::RepeatedHeader { .. } => "repeated_header",
            VerifyError::EmptyHeader { .. } => "empty_header",
            VerifyError::HeaderTooLong { .. } => "header_too_long",
            VerifyError::HeaderNotAscii { .. } => "header_not_ascii",
            VerifyError::MalformedHeader { .. } => "malformed_header",
            VerifyError::MalformedSignature { .. } => "malformed_signature",
            VerifyError::SignatureMismatch => "signature_mismatch",
            VerifyError::TokenMismatch { .. } => "token_mismatch",
            VerifyError::MalformedTimestamp => "malformed_timestamp",
            VerifyError::TimestampInMilliseconds => "timestamp_in_milliseconds",
            VerifyError::TimestampTooOld { .. } => "timestamp_too_old",
            VerifyError::TimestampTooNew { .. } => "timestamp_too_new",
            VerifyError::MissingTimestamp => "missing_timestamp",
            VerifyError::UnknownUrl => "unknown_url",
            VerifyError::Config(error) => error.code(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::{HeaderTokens, PublicUrl};
    use crate::{Salpre, StandardWebhooks, Truedy, talkifai, truedy};

    #[test]
    fn a_config_error_names_the_vendor_and_the_secret_or_the_header() {
        let secret = "whsec_2b7e1516";
        let blank = |index: usize| {
            let mut truedy = Truedy::new(secret).unwrap();
            for _ in 1..index {
                truedy = truedy.with_secret(secret).unwrap();
            }
            truedy.with_secret(" ").unwrap_err().to_string()
        };
        let tokens = || HeaderTokens::new([("x-a", "long enough"), ("x-b", "long enough")]).unwrap();
        let webhooks = |secret: &str| StandardWebhooks::<()>::new(secret);
        for (text, expected) in [
            (Truedy::new("").unwrap_err().to_string(), "truedy: the first secret is empty"),
            (blank(1), "truedy: the second secret is empty"),
            (blank(5), "truedy: the 6th secret is empty"),
            (truedy::verify("", "1", "2", "").unwrap_err().to_string(), "truedy: the first secret is empty"),
            (webhooks("whsec_?").unwrap_err().to_string(), "standard-webhooks: the first secret is not base64"),
            (
                webhooks("whsec_bG9uZyBlbm91Z2g=")
                    .unwrap()
                    .with_vendor("acme")
                    .with_secret("")
                    .unwrap_err()
                    .to_string(),
                "acme: the second secret is empty",
            ),
            (Salpre::bearer("").unwrap_err().to_string(), "salpre: the value of the header `authorization` is empty"),
            (Salpre::header("x-a", "").unwrap_err().to_string(), "salpre: the value of the header `x-a` is empty"),
            (Salpre::header("x a", "").unwrap_err().to_string(), "salpre: `x a` is not a header name"),
            (
                tokens().with_set([("x-a", "long enough"), ("x-b", "\t")]).unwrap_err().to_string(),
                "the value of the header `x-b`, in the second set, is empty",
            ),
            (
                talkifai::Functions::bearer(" s3cret, long").unwrap_err().to_string(),
                "talkifai: the value of the header `authorization` begins or ends with white space",
            ),
        ] {
            assert!(text.starts_with(expected), "{text}");
        }
    }

    #[test]
    fn a_config_error_holds_the_vendor_the_secret_and_the_header() {
        let parts = |error: ConfigError| (error.vendor(), error.secret_index(), error.header().map(str::to_owned));
        assert_eq!(parts(PublicUrl::base("").unwrap_err()), (None, None, None));
        let truedy = Truedy::new("whsec_2b7e1516").unwrap().with_secret("whsec_3ad77bb4").unwrap();
        assert_eq!(parts(truedy.with_secret("").unwrap_err()), (Some("truedy"), Some(2), None));
        let salpre = Salpre::header("x-a", "").unwrap_err();
        assert_eq!(parts(salpre), (Some("salpre"), Some(0), Some("x-a".to_owned())));
    }

    #[test]
    fn the_mistakes_of_the_receiver_have_the_status_500_and_no_others() {
        assert_eq!(VerifyError::UnknownUrl.status(), 500);
        assert_eq!(VerifyError::Config(ConfigError::new(ConfigErrorKind::EmptySecret)).status(), 500);
        assert_eq!(VerifyError::SignatureMismatch.status(), 401);
        assert_eq!(VerifyError::MissingTimestamp.status(), 401);
    }
}
