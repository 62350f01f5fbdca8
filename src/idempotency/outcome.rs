//! What became of a delivery, and the answer for the vendor.

use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use super::claim::{Claim, Lease};
use super::store::StoreError;
use crate::event::Event;
use crate::receive::Reply;
use crate::receive::observe::{Ending, Handling};
use crate::verify::VerifyError;

/// The outcome of a delivery, with the answer for the vendor.
#[derive(Debug)]
#[must_use = "the vendor waits for its answer"]
pub struct Handled {
    outcome: Outcome,
    success: Reply,
}

impl Handled {
    /// Ends the handling of a delivery, which tells the log and the metrics.
    pub(super) fn end<E: Event>(handling: Handling<'_, E>, outcome: Outcome) -> Self {
        let handled = Handled { outcome, success: handling.delivery().acknowledge() };
        let outcome = &handled.outcome;
        handling.end(&Ending {
            code: outcome.code(),
            answer: match outcome {
                Outcome::Stale(_) => "refused",
                _ if handled.reply() == handled.success => "acknowledged",
                _ => "retry",
            },
            ordinary: outcome.is_ordinary(),
            store: outcome.store_error().map(StoreError::code),
            error: outcome.error(),
        });
        handled
    }

    /// Returns what became of the delivery.
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// Returns the answer for the vendor.
    pub fn reply(&self) -> Reply {
        let reply = match &self.outcome {
            Outcome::Handled
            | Outcome::Unkeyed
            | Outcome::FailedOpen(_)
            | Outcome::Duplicate
            | Outcome::Rejected(_)
            | Outcome::Unrecorded { .. }
            | Outcome::Conflict
            | Outcome::ConflictUnhandled { retry_after: None } => self.success,
            Outcome::Failed(_) | Outcome::Panicked | Outcome::Undecodable => Reply::retry(),
            Outcome::Stale(_) => Reply::refused(),
            Outcome::InFlight { retry_after } | Outcome::ConflictUnhandled { retry_after: Some(retry_after) } => {
                Reply::unavailable((*retry_after).max(SHORTEST_WAIT))
            }
            Outcome::Unclaimed(StoreError::Full { retry_after: Some(retry_after) }) => {
                Reply::unavailable((*retry_after).clamp(SHORTEST_WAIT, LONGEST_WAIT))
            }
            Outcome::Unclaimed(_) => Reply::unavailable(WAIT_FOR_STORE),
            Outcome::Uncommitted(_) => Reply::unavailable(SHORTEST_WAIT),
        };
        reply.with_code(self.outcome.code())
    }
}

impl From<Handled> for Reply {
    fn from(handled: Handled) -> Self {
        handled.reply()
    }
}

/// What became of a delivery.
#[derive(Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// The handler succeeded, and that is recorded.
    Handled,
    /// The handler succeeded. The delivery has no key, so nothing is recorded.
    Unkeyed,
    /// The handler succeeded without a claim, because the store failed and
    /// [`Once::danger_fail_open`](super::Once::danger_fail_open) is set.
    FailedOpen(StoreError),
    /// The event was handled before.
    Duplicate,
    /// Another delivery of the event is being handled.
    InFlight {
        /// The time until the other delivery's lease ends.
        retry_after: Duration,
    },
    /// The handler succeeded, and that is recorded under the event's key together with the
    /// digest of its payload, because the key belongs to an event with another payload.
    Conflict,
    /// The handler did not run, because the key belongs to an event with another payload
    /// and [`Once::acknowledge_conflicts`](super::Once::acknowledge_conflicts) is set.
    ConflictUnhandled {
        /// The time until the lease of the other event ends, while that event is being
        /// handled. `None` if it was handled: this one is acknowledged.
        retry_after: Option<Duration>,
    },
    /// The handler failed. The vendor is asked to send the event again.
    Failed(HandlerError),
    /// The handler failed permanently. The event is acknowledged and recorded.
    Rejected(HandlerError),
    /// The handler panicked. The vendor is asked to send the event again.
    Panicked,
    /// The handler did not run, because the data does not fit the event's type and
    /// [`Once::retry_undecodable`](super::Once::retry_undecodable) is set. The vendor is
    /// asked to send the event again.
    Undecodable,
    /// The handler did not run, because the event is older than the store's retention, so that
    /// the store may have forgotten it. The delivery is refused, unless
    /// [`Once::handle_stale`](super::Once::handle_stale) is set.
    Stale(VerifyError),
    /// The store failed before the handler could run.
    Unclaimed(StoreError),
    /// The handler succeeded or failed permanently, and the store failed to record it.
    /// The event is acknowledged. Another delivery of it that arrives after the lease
    /// has ended is handled again.
    Unrecorded {
        /// The reason why it is not recorded.
        error: StoreError,
        /// The handler's error, if it failed permanently.
        rejected: Option<HandlerError>,
    },
    /// The handler ran in a transaction whose commit failed, or whose commit got no
    /// answer. Either both the effects and the record exist, or neither does. The vendor
    /// is asked to send the event again, and the next delivery finds out.
    Uncommitted(StoreError),
}

impl Outcome {
    /// Runs the handler to its end, which may be a panic.
    pub(super) async fn of_handler(handler: impl Future<Output = Result<(), HandlerError>>) -> Self {
        match caught(handler).await {
            Ok(Ok(())) => Outcome::Handled,
            Ok(Err(error)) if error.is_permanent() => Outcome::Rejected(error),
            Ok(Err(error)) => Outcome::Failed(error),
            Err(_panic) => Outcome::Panicked,
        }
    }

    /// Returns the lease of a fresh claim, or else the outcome. A conflict is one that is
    /// not to be handled.
    pub(super) fn of_refused(claim: Claim) -> Result<Lease, Self> {
        match claim {
            Claim::Fresh(lease) => Ok(lease),
            Claim::InFlight { retry_after } => Err(Outcome::InFlight { retry_after }),
            Claim::Done => Err(Outcome::Duplicate),
            Claim::Conflict { retry_after } => Err(Outcome::ConflictUnhandled { retry_after }),
        }
    }

    /// Returns the outcome of an event that was claimed under its key and its payload.
    pub(super) fn with_conflict(self, conflict: bool) -> Self {
        if conflict && matches!(self, Outcome::Handled) { Outcome::Conflict } else { self }
    }

    /// Returns a stable name for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Outcome::Handled => "handled",
            Outcome::Unkeyed => "unkeyed",
            Outcome::FailedOpen(_) => "failed_open",
            Outcome::Duplicate => "duplicate",
            Outcome::InFlight { .. } => "in_flight",
            Outcome::Conflict => "conflict",
            Outcome::ConflictUnhandled { .. } => "conflict_unhandled",
            Outcome::Failed(_) => "failed",
            Outcome::Rejected(_) => "rejected",
            Outcome::Panicked => "panicked",
            Outcome::Undecodable => "undecodable",
            Outcome::Stale(_) => "stale",
            Outcome::Unclaimed(_) => "unclaimed",
            Outcome::Unrecorded { .. } => "unrecorded",
            Outcome::Uncommitted(_) => "uncommitted",
        }
    }

    /// Returns the error that is the reason, if there is one.
    fn error(&self) -> Option<&dyn fmt::Display> {
        match self {
            Outcome::Failed(error) | Outcome::Rejected(error) | Outcome::Unrecorded { rejected: Some(error), .. } => {
                Some(error)
            }
            Outcome::Stale(error) => Some(error),
            other => other.store_error().map(|error| error as &dyn fmt::Display),
        }
    }

    /// Returns whether nothing went wrong.
    fn is_ordinary(&self) -> bool {
        matches!(self, Outcome::Handled | Outcome::Unkeyed | Outcome::Duplicate | Outcome::InFlight { .. })
    }

    /// Returns the store's error, if that is the reason.
    pub fn store_error(&self) -> Option<&StoreError> {
        match self {
            Outcome::FailedOpen(error)
            | Outcome::Unclaimed(error)
            | Outcome::Unrecorded { error, .. }
            | Outcome::Uncommitted(error) => Some(error),
            _ => None,
        }
    }
}

/// The error of a handler.
///
/// Every error converts into one that asks for a retry, so `?` works in a handler on any
/// error, on a boxed error and on a text.
///
/// ```
/// use offhook::idempotency::HandlerError;
///
/// fn book(call: Option<&str>) -> Result<(), HandlerError> {
///     let call = call.ok_or_else(|| HandlerError::permanent("the event names no call"))?;
///     std::fs::read(format!("/nonexistent/{call}"))?;
///     Ok(())
/// }
/// assert!(book(None).unwrap_err().is_permanent());
/// assert!(!book(Some("c1")).unwrap_err().is_permanent());
/// ```
#[derive(Debug)]
pub struct HandlerError {
    error: Box<dyn Error + Send + Sync>,
    permanent: bool,
}

impl HandlerError {
    /// Asks the vendor to send the event again.
    pub fn retry(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        HandlerError { error: error.into(), permanent: false }
    }

    /// Says that the next try would fail too. The event is acknowledged and recorded as
    /// handled.
    pub fn permanent(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        HandlerError { error: error.into(), permanent: true }
    }

    /// Returns whether the next try would fail too.
    pub fn is_permanent(&self) -> bool {
        self.permanent
    }

    /// Returns the error itself.
    pub fn error(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.error
    }
}

impl fmt::Display for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

// `HandlerError` is not an `Error`: this impl would overlap with `From<T> for T`.
impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for HandlerError {
    fn from(error: E) -> Self {
        HandlerError::retry(error)
    }
}

/// Returns the future's output, or the panic.
pub(crate) async fn caught<T>(future: impl Future<Output = T>) -> std::thread::Result<T> {
    let mut future = pin!(future);
    std::future::poll_fn(move |context| {
        // A future that panicked is not polled again.
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(panic) => Poll::Ready(Err(panic)),
        }
    })
    .await
}

/// Leaves a handler that is nearly done some time to finish.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

/// A vendor that waited for longer could give the event up. Records may also be released
/// before the first one ends.
const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);

/// About the time that a store takes to restart or fail over.
const WAIT_FOR_STORE: Duration = Duration::from_secs(10);
