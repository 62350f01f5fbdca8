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
use std::time::Duration;

/// A verifier cannot be built. Nothing was received yet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The secret is empty or blank.
    #[error("the secret is empty")]
    EmptySecret,
    /// The secret begins or ends with white space, such as the newline of an
    /// environment file.
    #[error("the secret begins or ends with white space")]
    SecretWithWhitespace,
    /// The secret is not what the scheme asks for after its prefix: base64.
    #[error("the secret is not base64")]
    SecretNotBase64,
    /// A header name that HTTP does not allow.
    #[error("`{name}` is not a header name")]
    InvalidHeaderName {
        /// The name as given.
        name: String,
    },
    /// The same header is asked for twice in one set.
    #[error("the header `{name}` is required twice")]
    DuplicateHeader {
        /// The name as given.
        name: String,
    },
    /// A set of static headers without a header.
    #[error("no header is configured")]
    NoHeader,
    /// A store would forget an event before its vendor stops sending it.
    #[error("a retention of {retention:?} is shorter than the vendor's retries, {span:?}")]
    RetentionTooShort {
        /// The retention as given.
        retention: Duration,
        /// The span over which the vendor retries.
        span: Duration,
    },
    /// A retention of more than ten years.
    #[error("a retention of {retention:?} is longer than ten years")]
    RetentionTooLong {
        /// The retention as given.
        retention: Duration,
    },
    /// A lease of less than a millisecond, or one that outlasts the retention.
    #[error("a lease of {lease:?} is none, or outlasts the retention")]
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

/// A delivery is not authentic, or not fresh.
///
/// The sender learns nothing but the status; the reason is for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// A header that the scheme needs is not there.
    #[error("the header `{header}` is missing")]
    MissingHeader {
        /// Its name.
        header: Cow<'static, str>,
    },
    /// A header that the scheme needs is there more than once.
    #[error("the header `{header}` is repeated")]
    RepeatedHeader {
        /// Its name.
        header: Cow<'static, str>,
    },
    /// A header that the scheme needs has no value.
    #[error("the header `{header}` is empty")]
    EmptyHeader {
        /// Its name.
        header: Cow<'static, str>,
    },
    /// A header that the scheme needs is longer than any genuine one.
    #[error("the header `{header}` is longer than {max_bytes} bytes")]
    HeaderTooLong {
        /// Its name.
        header: Cow<'static, str>,
        /// The most that is accepted, in bytes.
        max_bytes: usize,
    },
    /// A header that the scheme needs holds bytes outside ASCII.
    #[error("the header `{header}` is not ASCII")]
    HeaderNotAscii {
        /// Its name.
        header: Cow<'static, str>,
    },
    /// The signature header does not have the scheme's form.
    #[error("the header `{header}` does not hold a signature of this scheme")]
    MalformedSignature {
        /// Its name.
        header: Cow<'static, str>,
    },
    /// No active secret makes this signature over this delivery.
    #[error("the signature does not match")]
    SignatureMismatch,
    /// A static header does not hold the configured value.
    #[error("the header `{header}` does not hold the configured value")]
    TokenMismatch {
        /// Its name.
        header: Cow<'static, str>,
    },
    /// The signed time is not in the scheme's format.
    #[error("the signed time is not a timestamp of this scheme")]
    MalformedTimestamp,
    /// The signed time looks like milliseconds where the scheme says seconds.
    #[error("the signed time looks like milliseconds; this scheme signs seconds")]
    TimestampInMilliseconds,
    /// The signed time is longer ago than the tolerance: a replay, or a clock
    /// that is wrong.
    #[error("signed {seconds} s ago, which is longer than the tolerance")]
    TimestampTooOld {
        /// Its age, in seconds.
        seconds: u64,
    },
    /// The signed time is further ahead than the tolerance.
    #[error("signed {seconds} s in the future, which is beyond the tolerance")]
    TimestampTooNew {
        /// How far ahead, in seconds.
        seconds: u64,
    },
    /// A maximum age is set, and the event does not say when it happened.
    #[error("a maximum age is set, and the event has no time of its own")]
    MissingTimestamp,
    /// The secret given to a plain `verify` function cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
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

/// An authentic delivery is not an event of its vendor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// The body is not UTF-8, which JSON demands
    /// ([RFC 8259, section 8.1](https://www.rfc-editor.org/rfc/rfc8259#section-8.1)).
    #[error("the body is not UTF-8")]
    NotUtf8,
    /// The body is not JSON.
    #[error("the body is not JSON (line {line}, column {column})")]
    NotJson {
        /// Where it stops being JSON, counted from 1.
        line: usize,
        /// Where it stops being JSON, counted from 1; 0 at a line's beginning.
        column: usize,
    },
    /// The body is JSON, and not an object.
    #[error("the body is not a JSON object")]
    NotAnObject,
    /// The envelope lacks its event name or its data.
    #[error("the envelope has no usable `{field}`")]
    MissingField {
        /// The vendor's name for it.
        field: &'static str,
    },
    /// The envelope says the same thing twice, so that two readers could
    /// understand two different events.
    #[error("the envelope has `{field}` twice")]
    RepeatedField {
        /// The vendor's name for it.
        field: &'static str,
    },
}

impl ParseError {
    /// The HTTP status for the sender: 400.
    pub fn status(&self) -> u16 {
        400
    }

    /// A stable name for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            ParseError::NotUtf8 => "body_not_utf8",
            ParseError::NotJson { .. } => "body_not_json",
            ParseError::NotAnObject => "body_not_an_object",
            ParseError::MissingField { .. } => "missing_field",
            ParseError::RepeatedField { .. } => "repeated_field",
        }
    }

    /// The place of a JSON error, without the text that stands there.
    pub fn from_json(error: &serde_json::Error) -> Self {
        ParseError::NotJson { line: error.line(), column: error.column() }
    }
}

/// A delivery was refused: what [`Verifier::receive`](crate::Verifier::receive) returns.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiveError {
    /// Not authentic, or not fresh.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// Authentic, and not an event.
    #[error(transparent)]
    Parse(#[from] ParseError),
}

impl ReceiveError {
    /// The HTTP status for the sender: 401, 400 or 500.
    pub fn status(&self) -> u16 {
        match self {
            ReceiveError::Verify(error) => error.status(),
            ReceiveError::Parse(error) => error.status(),
        }
    }

    /// A stable name for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            ReceiveError::Verify(error) => error.code(),
            ReceiveError::Parse(error) => error.code(),
        }
    }
}
