//! What became of a delivery at the door, and the answer for the vendor.

use std::time::Duration;

use crate::idempotency::StoreError;
use crate::receive::Reply;
use crate::verify::VerifyError;

/// The outcome of accepting a delivery, with the answer for the vendor.
#[derive(Debug)]
#[must_use = "the vendor waits for its answer"]
pub struct Accepted {
    acceptance: Acceptance,
    success: Reply,
}

impl Accepted {
    pub(super) fn new(acceptance: Acceptance, success: Reply) -> Self {
        Accepted { acceptance, success }
    }

    /// Returns what became of the delivery.
    pub fn acceptance(&self) -> &Acceptance {
        &self.acceptance
    }

    /// Returns the answer for the vendor.
    pub fn reply(&self) -> Reply {
        match self.acceptance {
            Acceptance::Stored { .. } | Acceptance::Duplicate | Acceptance::Conflict { .. } => self.success,
            Acceptance::Stale(_) => Reply::refused(),
            Acceptance::TooLarge { .. } | Acceptance::Full { .. } | Acceptance::Failed(_) => Reply::unavailable(WAIT),
        }
    }
}

impl From<Accepted> for Reply {
    fn from(accepted: Accepted) -> Self {
        accepted.reply()
    }
}

/// What became of a delivery at the door of the inbox.
#[derive(Debug)]
#[non_exhaustive]
pub enum Acceptance {
    /// It is stored.
    Stored {
        /// Its number in the inbox.
        id: i64,
    },
    /// It was stored before.
    Duplicate,
    /// It is stored under its key together with the digest of its payload, because the key
    /// belongs to an event with another payload.
    Conflict {
        /// Its number in the inbox.
        id: i64,
    },
    /// It is older than done events stay, so it may be an event that was pruned, and
    /// [`Inbox::accept_stale`](super::Inbox::accept_stale) is not set.
    Stale(VerifyError),
    /// Its body is over the limit.
    TooLarge {
        /// The size of the body, in bytes.
        bytes: usize,
        /// The limit, in bytes.
        limit: usize,
    },
    /// Too many events wait.
    Full {
        /// The limit.
        limit: u64,
    },
    /// The database failed. The delivery may be stored.
    Failed(StoreError),
}

impl Acceptance {
    /// Returns a stable name for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Acceptance::Stored { .. } => "stored",
            Acceptance::Duplicate => "duplicate",
            Acceptance::Conflict { .. } => "conflict",
            Acceptance::Stale(_) => "stale",
            Acceptance::TooLarge { .. } => "too_large",
            Acceptance::Full { .. } => "backlog_full",
            Acceptance::Failed(_) => "inbox_failed",
        }
    }

    /// Returns the name of the answer: `acknowledged`, `refused`, or `retry` if the vendor is to
    /// send the delivery again.
    #[cfg(any(feature = "tracing", feature = "metrics"))]
    pub(super) fn outcome(&self) -> &'static str {
        match self {
            Acceptance::Stored { .. } | Acceptance::Duplicate | Acceptance::Conflict { .. } => "acknowledged",
            Acceptance::Stale(_) => "refused",
            Acceptance::TooLarge { .. } | Acceptance::Full { .. } | Acceptance::Failed(_) => "retry",
        }
    }

    #[cfg(feature = "tracing")]
    pub(super) fn id(&self) -> Option<i64> {
        match self {
            Acceptance::Stored { id } | Acceptance::Conflict { id } => Some(*id),
            _ => None,
        }
    }

    #[cfg(feature = "tracing")]
    pub(super) fn error(&self) -> Option<String> {
        match self {
            Acceptance::TooLarge { bytes, limit } => {
                Some(format!("the body has {bytes} bytes, which is more than the limit of {limit}"))
            }
            Acceptance::Full { limit } => Some(format!("the limit of {limit} events that wait or run is reached")),
            Acceptance::Stale(error) => Some(error.to_string()),
            Acceptance::Failed(error) => Some(error.to_string()),
            _ => None,
        }
    }
}

/// About the time that a database takes to restart or fail over.
const WAIT: Duration = Duration::from_secs(10);
