use std::borrow::Cow;

/// A verifier cannot be built from this configuration. Nothing was received yet.
///
/// ```
/// use offhook::Truedy;
///
/// let error = Truedy::new("").unwrap_err();
/// assert_eq!(error.code(), "empty_secret");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The secret is empty or blank.
    #[error("the secret is empty")]
    EmptySecret,
    /// The secret begins or ends with white space, such as the newline of an
    /// environment file.
    #[error("the secret begins or ends with white space; remove it (is it the newline of an environment file?)")]
    SecretWithWhitespace,
    /// The scheme needs base64 after the secret's prefix.
    #[error("the secret is not base64, which this scheme needs after the secret's prefix")]
    SecretNotBase64,
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

impl ConfigError {
    /// Returns a stable name for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            ConfigError::EmptySecret => "empty_secret",
            ConfigError::SecretWithWhitespace => "secret_with_whitespace",
            ConfigError::SecretNotBase64 => "secret_not_base64",
            ConfigError::InvalidHeaderName { .. } => "invalid_header_name",
            ConfigError::DuplicateHeader { .. } => "duplicate_header",
            ConfigError::NoHeader => "no_header",
            ConfigError::InvalidUrl { .. } => "invalid_url",
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
/// let error = Truedy::new("whsec_1")?.receive(&headers, "{}").unwrap_err();
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
    #[error("the signature does not match: another secret, or another body than the one that was signed")]
    SignatureMismatch,
    /// A static header does not hold the configured value.
    #[error("the header `{header}` does not hold the configured value")]
    TokenMismatch {
        /// The header's name.
        header: Cow<'static, str>,
    },
    /// The signed time is not in the scheme's format.
    #[error("the signed time is not a timestamp of this scheme")]
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
