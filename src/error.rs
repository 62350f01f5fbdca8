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

/// An authentic delivery is not an event of its vendor.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseError {
    /// The body is not UTF-8, which JSON demands
    /// ([RFC 8259, section 8.1](https://www.rfc-editor.org/rfc/rfc8259#section-8.1)).
    NotUtf8,
    /// The body is not JSON.
    NotJson {
        /// Where it stops being JSON, counted from 1.
        line: usize,
        /// Where it stops being JSON, counted from 1; 0 at a line's beginning.
        column: usize,
    },
    /// The body is JSON, and not an object.
    NotAnObject,
    /// The envelope lacks its event name or its data.
    MissingField {
        /// The vendor's name for it.
        field: &'static str,
    },
    /// The envelope says the same thing twice, so that two readers could
    /// understand two different events.
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

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParseError::NotUtf8 => f.write_str("the body is not UTF-8"),
            ParseError::NotJson { line, column } => write!(f, "the body is not JSON (line {line}, column {column})"),
            ParseError::NotAnObject => f.write_str("the body is not a JSON object"),
            ParseError::MissingField { field } => write!(f, "the envelope has no usable `{field}`"),
            ParseError::RepeatedField { field } => write!(f, "the envelope has `{field}` twice"),
        }
    }
}

impl Error for ParseError {}

/// A delivery was refused: what [`Verifier::receive`](crate::Verifier::receive) returns.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReceiveError {
    /// Not authentic, or not fresh.
    Verify(VerifyError),
    /// Authentic, and not an event.
    Parse(ParseError),
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

impl fmt::Display for ReceiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReceiveError::Verify(error) => error.fmt(f),
            ReceiveError::Parse(error) => error.fmt(f),
        }
    }
}

impl Error for ReceiveError {}

impl From<VerifyError> for ReceiveError {
    fn from(error: VerifyError) -> Self {
        ReceiveError::Verify(error)
    }
}

impl From<ParseError> for ReceiveError {
    fn from(error: ParseError) -> Self {
        ReceiveError::Parse(error)
    }
}
