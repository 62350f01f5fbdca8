use crate::event::ParseError;
use crate::verify::VerifyError;

/// A delivery was refused: the error of [`Verifier::receive`](crate::Verifier::receive).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiveError {
    /// The delivery is not authentic, or not fresh.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// The delivery is authentic, and its body could not be parsed.
    #[error(transparent)]
    Parse(#[from] ParseError),
}

impl ReceiveError {
    /// Returns the HTTP status for the sender: 401, 400 or 500.
    pub fn status(&self) -> u16 {
        match self {
            ReceiveError::Verify(error) => error.status(),
            ReceiveError::Parse(error) => error.status(),
        }
    }

    /// Returns a stable name for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            ReceiveError::Verify(error) => error.code(),
            ReceiveError::Parse(error) => error.code(),
        }
    }
}
