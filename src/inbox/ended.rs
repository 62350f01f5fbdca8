//! How an attempt ended.

use std::time::Duration;

/// How an attempt at an event ended, as the [worker](super::Worker) has recorded it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// The event is done.
    Done {
        /// The time since it was accepted.
        after: Duration,
    },
    /// The event waits for its next attempt.
    Retry {
        /// Why the attempt failed.
        error: String,
    },
    /// The event is dead.
    Dead {
        /// Why the last attempt failed.
        error: String,
    },
    /// The event did not belong to this attempt any more: another worker has it, or it is gone.
    /// Nothing was recorded, unless the database had recorded the end without an answer.
    LeaseLost,
    /// The database did not record the end. If it has not happened all the same, the event
    /// runs again when its lease ends.
    Unrecorded {
        /// The error of the attempt, if it failed, and that of the database.
        error: String,
    },
}

impl Ended {
    /// Returns a stable name for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Ended::Done { .. } => "done",
            Ended::Retry { .. } => "retry",
            Ended::Dead { .. } => "dead",
            Ended::LeaseLost => "lease_lost",
            Ended::Unrecorded { .. } => "unrecorded",
        }
    }

    /// Returns the text of the error, which is at most 2,048 bytes of the handler's own.
    pub fn error(&self) -> Option<&str> {
        match self {
            Ended::Done { .. } | Ended::LeaseLost => None,
            Ended::Retry { error } | Ended::Dead { error } | Ended::Unrecorded { error } => Some(error),
        }
    }
}
