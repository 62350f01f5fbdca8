/// The body of a verified delivery could not be parsed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// The body is not UTF-8, which JSON requires
    /// ([RFC 8259, section 8.1](https://www.rfc-editor.org/rfc/rfc8259#section-8.1)).
    #[error("the body is not UTF-8")]
    NotUtf8,
    /// The body is not JSON.
    #[error("the body is not JSON (line {line}, column {column})")]
    NotJson {
        /// The line of the first error, counted from 1.
        line: usize,
        /// The column of the first error, counted from 1; 0 at the start of a line.
        column: usize,
    },
    /// The body is JSON, but not an object.
    #[error("the body is not a JSON object")]
    NotAnObject,
    /// The envelope has no event name or no data.
    #[error("the envelope has no usable `{field}`")]
    MissingField {
        /// The vendor's name of the field.
        field: &'static str,
    },
    /// The envelope has one field twice: two readers could understand two different
    /// events.
    #[error("the envelope has `{field}` twice")]
    RepeatedField {
        /// The vendor's name of the field.
        field: &'static str,
    },
    /// The body is a JSON object of another shape than the parser expects. The
    /// vendors of this crate do not return it; it is for a
    /// [`Verifier::parse`](crate::Verifier::parse) of yours.
    #[error("the body is not {expected}")]
    UnexpectedShape {
        /// What was expected, such as `"a list of events"`.
        expected: &'static str,
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
            ParseError::UnexpectedShape { .. } => "unexpected_shape",
        }
    }

    /// Takes the place from a JSON error, without the text found there.
    pub fn from_json(error: &serde_json::Error) -> Self {
        ParseError::NotJson { line: error.line(), column: error.column() }
    }
}
