use std::error::Error;
use std::fmt;

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
