//! What can go wrong, one type per stage.
//!
//! ```
//! use offhook::{Truedy, Verifier};
//!
//! let error = Truedy::new("").unwrap_err();
//! assert_eq!(error.code(), "empty_secret");
//!
//! let headers = [("x-truedy-timestamp", "1773844200")];
//! let error = Truedy::new("whsec_1")?.receive(&headers, "{}").unwrap_err();
//! assert_eq!((error.status(), error.code()), (401, "missing_header"));
//! # Ok::<(), offhook::ConfigError>(())
//! ```

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::time::Duration;

/// A verifier cannot be built. Nothing was received yet.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// The secret is empty or blank.
    EmptySecret,
    /// The secret begins or ends with white space, such as the newline of an
    /// environment file.
    SecretWithWhitespace,
    /// The secret is not what the scheme asks for after its prefix: base64.
    SecretNotBase64,
    /// A header name that HTTP does not allow.
    InvalidHeaderName {
        /// The name as given.
        name: String,
    },
    /// The same header is asked for twice in one set.
    DuplicateHeader {
        /// The name as given.
        name: String,
    },
    /// A set of static headers without a header.
    NoHeader,
    /// A store would forget an event before its vendor stops sending it.
    RetentionTooShort {
        /// The retention as given.
        retention: Duration,
        /// The span over which the vendor retries.
        span: Duration,
    },
    /// A retention of more than ten years.
    RetentionTooLong {
        /// The retention as given.
        retention: Duration,
    },
    /// A lease of less than a millisecond, or one that outlasts the retention.
    LeaseOutOfRange {
        /// The lease as given.
        lease: Duration,
    },
}

impl ConfigError {
    /// A stable name for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            ConfigError::EmptySecret => "empty_secret",
            ConfigError::SecretWithWhitespace => "secret_with_whitespace",
            ConfigError::SecretNotBase64 => "secret_not_base64",
            ConfigError::InvalidHeaderName { .. } => "invalid_header_name",
            ConfigError::DuplicateHeader { .. } => "duplicate_header",
            ConfigError::NoHeader => "no_header",
            ConfigError::RetentionTooShort { .. } => "retention_too_short",
            ConfigError::RetentionTooLong { .. } => "retention_too_long",
            ConfigError::LeaseOutOfRange { .. } => "lease_out_of_range",
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigError::EmptySecret => f.write_str("the secret is empty"),
            ConfigError::SecretWithWhitespace => f.write_str("the secret begins or ends with white space"),
            ConfigError::SecretNotBase64 => f.write_str("the secret is not base64"),
            ConfigError::InvalidHeaderName { name } => write!(f, "`{name}` is not a header name"),
            ConfigError::DuplicateHeader { name } => write!(f, "the header `{name}` is required twice"),
            ConfigError::NoHeader => f.write_str("no header is configured"),
            ConfigError::RetentionTooShort { retention, span } => {
                write!(f, "a retention of {retention:?} is shorter than the vendor's retries, {span:?}")
            }
            ConfigError::RetentionTooLong { retention } => {
                write!(f, "a retention of {retention:?} is longer than ten years")
            }
            ConfigError::LeaseOutOfRange { lease } => {
                write!(f, "a lease of {lease:?} is none, or outlasts the retention")
            }
        }
    }
}

impl Error for ConfigError {}

/// A delivery is not authentic, or not fresh.
///
/// The sender learns nothing but the status; the reason is for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerifyError {
    /// A header that the scheme needs is not there.
    MissingHeader {
        /// Its name.
        header: Cow<'static, str>,
    },
    /// A header that the scheme needs is there more than once.
    RepeatedHeader {
        /// Its name.
        header: Cow<'static, str>,
    },
    /// A header that the scheme needs has no value.
    EmptyHeader {
        /// Its name.
        header: Cow<'static, str>,
    },
    /// A header that the scheme needs is longer than any genuine one.
    HeaderTooLong {
        /// Its name.
        header: Cow<'static, str>,
        /// The most that is accepted, in bytes.
        max_bytes: usize,
    },
    /// A header that the scheme needs holds bytes outside ASCII.
    HeaderNotAscii {
        /// Its name.
        header: Cow<'static, str>,
    },
    /// The signature header does not have the scheme's form.
    MalformedSignature {
        /// Its name.
        header: Cow<'static, str>,
    },
    /// No active secret makes this signature over this delivery.
    SignatureMismatch,
    /// A static header does not hold the configured value.
    TokenMismatch {
        /// Its name.
        header: Cow<'static, str>,
    },
    /// The signed time is not in the scheme's format.
    MalformedTimestamp,
    /// The signed time looks like milliseconds where the scheme says seconds.
    TimestampInMilliseconds,
    /// The signed time is longer ago than the tolerance: a replay, or a clock
    /// that is wrong.
    TimestampTooOld {
        /// Its age, in seconds.
        seconds: u64,
    },
    /// The signed time is further ahead than the tolerance.
    TimestampTooNew {
        /// How far ahead, in seconds.
        seconds: u64,
    },
    /// A maximum age is set, and the event does not say when it happened.
    MissingTimestamp,
    /// The secret given to a plain `verify` function cannot be used.
    Config(ConfigError),
}

impl VerifyError {
    /// The HTTP status for the sender: 401, or 500 for [`VerifyError::Config`].
    pub fn status(&self) -> u16 {
        match self {
            VerifyError::Config(_) => 500,
            _ => 401,
        }
    }

    /// A stable name for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            VerifyError::MissingHeader { .. } => "missing_header",
            VerifyError::RepeatedHeader { .. } => "repeated_header",
            VerifyError::EmptyHeader { .. } => "empty_header",
            VerifyError::HeaderTooLong { .. } => "header_too_long",
            VerifyError::HeaderNotAscii { .. } => "header_not_ascii",
            VerifyError::MalformedSignature { .. } => "malformed_signature",
            VerifyError::SignatureMismatch => "signature_mismatch",
            VerifyError::TokenMismatch { .. } => "token_mismatch",
            VerifyError::MalformedTimestamp => "malformed_timestamp",
            VerifyError::TimestampInMilliseconds => "timestamp_in_milliseconds",
            VerifyError::TimestampTooOld { .. } => "timestamp_too_old",
            VerifyError::TimestampTooNew { .. } => "timestamp_too_new",
            VerifyError::MissingTimestamp => "missing_timestamp",
            VerifyError::Config(error) => error.code(),
        }
    }
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut about = |header: &str, what: &str| write!(f, "the header `{header}` {what}");
        match self {
            VerifyError::MissingHeader { header } => about(header, "is missing"),
            VerifyError::RepeatedHeader { header } => about(header, "is repeated"),
            VerifyError::EmptyHeader { header } => about(header, "is empty"),
            VerifyError::HeaderTooLong { header, max_bytes } => {
                write!(f, "the header `{header}` is longer than {max_bytes} bytes")
            }
            VerifyError::HeaderNotAscii { header } => about(header, "is not ASCII"),
            VerifyError::MalformedSignature { header } => about(header, "does not hold a signature of this scheme"),
            VerifyError::SignatureMismatch => f.write_str("the signature does not match"),
            VerifyError::TokenMismatch { header } => about(header, "does not hold the configured value"),
            VerifyError::MalformedTimestamp => f.write_str("the signed time is not a timestamp of this scheme"),
            VerifyError::TimestampInMilliseconds => {
                f.write_str("the signed time looks like milliseconds; this scheme signs seconds")
            }
            VerifyError::TimestampTooOld { seconds } => {
                write!(f, "signed {seconds} s ago, which is longer than the tolerance")
            }
            VerifyError::TimestampTooNew { seconds } => {
                write!(f, "signed {seconds} s in the future, which is beyond the tolerance")
            }
            VerifyError::MissingTimestamp => f.write_str("a maximum age is set, and the event has no time of its own"),
            VerifyError::Config(error) => error.fmt(f),
        }
    }
}

impl Error for VerifyError {}

impl From<ConfigError> for VerifyError {
    fn from(error: ConfigError) -> Self {
        VerifyError::Config(error)
    }
}
