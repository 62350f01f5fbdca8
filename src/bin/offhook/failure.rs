//! How a command ends.

use std::error::Error;
use std::path::Path;

use crate::forms::written::WriteError;

/// A command did what it was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is done, and what was examined was accepted.
    Done,
    /// It is done, and something was refused.
    Refused,
}

/// A command could not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// An argument, a file or a secret cannot be used.
    #[error("{0}")]
    Usage(String),
    /// Something outside the command failed.
    #[error("{0}")]
    Failed(String),
    /// The user pressed Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// Nobody reads the output any more.
    #[error("the output was closed")]
    ClosedOutput,
}

impl Failure {
    /// Adds the file in which something cannot be used.
    pub(crate) fn of(self, file: &Path) -> Self {
        match self {
            Failure::Usage(text) => Failure::Usage(format!("{}: {text}", file.display())),
            other => other,
        }
    }

    /// Creates a failure from what cannot be used and from the error with its causes.
    pub(crate) fn usage(what: &str, error: &dyn Error) -> Self {
        Failure::Usage(format!("{what}: {}", with_causes(error)))
    }

    /// Creates a failure from what failed and from the error with its causes.
    pub(crate) fn failed(what: &str, error: &dyn Error) -> Self {
        Failure::Failed(format!("{what}: {}", with_causes(error)))
    }
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Self {
        Failure::Usage(error.to_string())
    }
}

/// Returns the texts of an error and of its causes. A cause that repeats the text before it is
/// left out.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut texts: Vec<String> = Vec::new();
    for error in std::iter::successors(Some(error), |error| (*error).source()) {
        let text = error.to_string();
        if !texts.last().is_some_and(|last| last.contains(&text)) {
            texts.push(text);
        }
    }
    texts.join(": ")
}
