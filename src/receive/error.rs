use std::error::Error;
use std::fmt;

use crate::event::ParseError;
use crate::verify::VerifyError;

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
