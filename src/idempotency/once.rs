//! The flow: claim, handle, complete or release, answer.

use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use super::claim::{Claim, Lease};
use super::key::{BodyDigest, Key};
use super::store::{Store, StoreError};
use crate::delivery::Delivery;
use crate::event::Event;
use crate::observe;
use crate::reply::Reply;

/// Handles a delivery once; see [`Once`] for the rules and for more settings.
pub async fn once<S, E, H, F>(store: &S, delivery: &Delivery<E>, handler: H) -> Reply
where
    S: Store + ?Sized,
    E: Event,
    H: AsyncFnOnce(&E) -> Result<(), F>,
    F: Into<HandlerError>,
{
    Once::new(store).run(delivery, handler).await.reply()
}

impl<E: Event> Delivery<E> {
    /// Runs the handler if this event was not handled yet, and says what to
    /// answer; see [`Once`] for the rules and for more settings.
    ///
    /// ```no_run
    /// use std::sync::Arc;
    /// use offhook::idempotency::Store;
    /// use offhook::{Delivery, Reply, truedy};
    ///
    /// async fn on_truedy(store: Arc<dyn Store>, delivery: Delivery<truedy::Event>) -> Reply {
    ///     delivery
    ///         .once(&store, async |event: &truedy::Event| {
    ///             let truedy::Event::CallEnded(_ended) = event else { return Ok(()) };
    ///             std::fs::write("ended", "once")
    ///         })
    ///         .await
    /// }
    /// ```
    pub async fn once<S, H, F>(&self, store: &S, handler: H) -> Reply
    where
        S: Store + ?Sized,
        H: AsyncFnOnce(&E) -> Result<(), F>,
        F: Into<HandlerError>,
    {
        once(store, self, handler).await
    }
}

/// How a handler is run once per event.
///
/// | the store says | handler | record | answer |
/// |---|---|---|---|
/// | fresh | runs, succeeds | completed | the vendor's success status |
/// | fresh | fails, panics, or the request is cancelled | released | 500, so that the vendor sends again |
/// | fresh | fails for good ([`HandlerError::permanent`]) | completed | the vendor's success status |
/// | fresh | succeeds or fails for good, and completing fails | left to its lease | the vendor's success status |
/// | in flight | does not run | | 503 with `Retry-After` |
/// | done | does not run | | the vendor's success status |
/// | conflict with a body in flight | does not run | | 503 with `Retry-After` |
/// | conflict with a handled body | does not run | | the vendor's success status |
/// | nothing: it fails | does not run | | 503, unless [`danger_fail_open`](Self::danger_fail_open) |
///
/// A delivery without a [key](Delivery::dedupe_key), such as a vendor's test,
/// always runs, and no store is asked.
///
/// A conflict is acknowledged because, by the vendor's own rule, it is the event
/// that was handled: refusing it would make the vendor send it until it gives up.
/// [`Outcome::Conflict`] tells the caller, who still holds the delivery.
///
/// Work that could not be recorded is acknowledged, because it is done: to ask the
/// vendor to send it again would be to ask for a double. A delivery that was on
/// its way already, or that somebody sends again, is handled again once the lease
/// has ended. In a transaction (`transact`, on the SQL stores) it is not, since
/// without its commit the work is undone.
///
/// No runtime is needed: the only thing awaited beside the store is the handler.
#[derive(Debug)]
pub struct Once<'s, S: ?Sized> {
    pub(super) store: &'s S,
    pub(super) endpoint: &'s str,
    fail_open: bool,
}

impl<'s, S: Store + ?Sized> Once<'s, S> {
    /// With this store, for the only endpoint of each vendor.
    pub fn new(store: &'s S) -> Self {
        Once { store, endpoint: "", fail_open: false }
    }

    /// Keeps the events of this endpoint apart: for two accounts of one vendor in
    /// one store, whose ids may be equal.
    #[must_use]
    pub fn endpoint(self, endpoint: &'s str) -> Self {
        Once { endpoint, ..self }
    }

    /// Runs the handler without a claim when the store fails: nothing is
    /// delayed by a store that is down, and retries are then handled twice.
    #[must_use]
    pub fn danger_fail_open(self) -> Self {
        Once { fail_open: true, ..self }
    }

    /// Runs the handler if the delivery is fresh.
    pub async fn run<E, H, F>(&self, delivery: &Delivery<E>, handler: H) -> Handled
    where
        E: Event,
        H: AsyncFnOnce(&E) -> Result<(), F>,
        F: Into<HandlerError>,
    {
        self.run_with(delivery, async |event: &E, _: &HeldClaim<'_, S>| handler(event).await).await
    }

    /// As [`run`](Self::run), with the lease at hand: to extend it in a handler
    /// that takes long, or for its key.
    pub async fn run_with<E, H, F>(&self, delivery: &Delivery<E>, handler: H) -> Handled
    where
        E: Event,
        H: AsyncFnOnce(&E, &HeldClaim<'_, S>) -> Result<(), F>,
        F: Into<HandlerError>,
    {
        Handled::observed(delivery, self.outcome(delivery, handler).await)
    }

    async fn outcome<E, H, F>(&self, delivery: &Delivery<E>, handler: H) -> Outcome
    where
        E: Event,
        H: AsyncFnOnce(&E, &HeldClaim<'_, S>) -> Result<(), F>,
        F: Into<HandlerError>,
    {
        let mut held = HeldClaim { store: self.store, lease: None };
        let Some(key) = Key::of(delivery, self.endpoint) else {
            return match caught(handler(delivery.event(), &held)).await {
                Some(Ok(())) => Outcome::Unkeyed,
                Some(Err(error)) => error.into().outcome(),
                None => Outcome::Panicked,
            };
        };
        let unclaimed = match self.store.claim(&key, &BodyDigest::of(delivery.body())).await {
            Ok(Claim::Fresh(lease)) => {
                held.lease = Some(lease);
                None
            }
            Ok(Claim::InFlight { retry_after }) => return Outcome::InFlight { retry_after },
            Ok(Claim::Done) => return Outcome::Duplicate,
            Ok(Claim::Conflict { retry_after }) => return Outcome::Conflict { retry_after },
            Err(error) if self.fail_open => Some(error),
            Err(error) => return Outcome::Unclaimed(error),
        };
        // From here on, dropping `held` gives the key up.
        let outcome = match caught(handler(delivery.event(), &held)).await {
            Some(Ok(())) => Outcome::Handled,
            Some(Err(error)) => error.into().outcome(),
            None => Outcome::Panicked,
        };
        if let (Outcome::Handled, Some(error)) = (&outcome, unclaimed) {
            return Outcome::FailedOpen(error);
        }
        let Some(lease) = held.lease.take() else { return outcome };
        match outcome {
            Outcome::Handled | Outcome::Rejected(_) => match self.complete(&lease).await {
                Ok(()) => outcome,
                Err(error) => {
                    let rejected = if let Outcome::Rejected(error) = outcome { Some(error) } else { None };
                    Outcome::Unrecorded { error, rejected }
                }
            },
            failed => {
                // Failing leaves the key to the lease's end, which delays the retry.
                let _ = self.store.release(&lease).await;
                failed
            }
        }
    }

    /// Completing is the same done twice, so a lost answer is asked for once more.
    async fn complete(&self, lease: &Lease) -> Result<(), StoreError> {
        match self.store.complete(lease).await {
            Err(StoreError::Unavailable(_) | StoreError::Contended(_)) => self.store.complete(lease).await,
            answer => answer,
        }
    }
}

/// The claim under which a handler runs.
#[derive(Debug)]
pub struct HeldClaim<'s, S: Store + ?Sized> {
    store: &'s S,
    lease: Option<Lease>,
}

impl<S: Store + ?Sized> HeldClaim<'_, S> {
    /// The lease; `None` where there was no claim: a delivery without a key, or a
    /// store that failed under [`Once::danger_fail_open`].
    pub fn lease(&self) -> Option<&Lease> {
        self.lease.as_ref()
    }

    /// The event's key, for a unique constraint where the effect lands.
    pub fn key(&self) -> Option<&Key> {
        self.lease.as_ref().map(Lease::key)
    }

    /// Starts the lease anew.
    ///
    /// # Errors
    ///
    /// As for [`Store::extend`]. After [`StoreError::LeaseLost`] the event is
    /// somebody else's: stop.
    pub async fn extend(&self) -> Result<(), StoreError> {
        match &self.lease {
            Some(lease) => self.store.extend(lease).await,
            None => Ok(()),
        }
    }
}

impl<S: Store + ?Sized> Drop for HeldClaim<'_, S> {
    fn drop(&mut self) {
        if let Some(lease) = self.lease.take() {
            self.store.abandon(lease);
        }
    }
}

/// The future's output, or nothing if it panics.
pub(super) async fn caught<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    std::future::poll_fn(move |context| {
        // A future that panicked is not polled again.
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(Poll::Ready(output)) => Poll::Ready(Some(output)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(_panic) => Poll::Ready(None),
        }
    })
    .await
}

/// A handler did not do its work.
///
/// Every error becomes one that is tried again, so `?` works in a handler.
///
/// ```
/// use offhook::idempotency::HandlerError;
///
/// fn book(call: Option<&str>) -> Result<(), HandlerError> {
///     let call = call.ok_or_else(|| HandlerError::permanent("no call to book"))?;
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
    /// The vendor shall send the event again.
    pub fn retry(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        HandlerError { error: error.into(), permanent: false }
    }

    /// Trying again would fail again: the event is acknowledged and remembered.
    pub fn permanent(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        HandlerError { error: error.into(), permanent: true }
    }

    /// Whether trying again is useless.
    pub fn is_permanent(&self) -> bool {
        self.permanent
    }

    /// What went wrong.
    pub fn error(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.error
    }

    pub(super) fn outcome(self) -> Outcome {
        if self.permanent { Outcome::Rejected(self) } else { Outcome::Failed(self) }
    }
}

impl fmt::Display for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

// It is no `Error` itself, or this would be two impls for it.
impl<E: Error + Send + Sync + 'static> From<E> for HandlerError {
    fn from(error: E) -> Self {
        HandlerError::retry(error)
    }
}

/// What became of a delivery, and what to answer.
#[derive(Debug)]
#[must_use = "the vendor waits for its answer"]
pub struct Handled {
    outcome: Outcome,
    success: Reply,
}

impl Handled {
    pub(super) fn observed<E: Event>(delivery: &Delivery<E>, outcome: Outcome) -> Self {
        observe::handled(delivery, &outcome);
        Handled { outcome, success: delivery.acknowledge() }
    }

    /// What became of it.
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// What to answer.
    pub fn reply(&self) -> Reply {
        match &self.outcome {
            Outcome::Handled
            | Outcome::Unkeyed
            | Outcome::FailedOpen(_)
            | Outcome::Duplicate
            | Outcome::Rejected(_)
            | Outcome::Unrecorded { .. }
            | Outcome::Conflict { retry_after: None } => self.success,
            Outcome::Failed(_) | Outcome::Panicked => Reply::retry(),
            Outcome::InFlight { retry_after } | Outcome::Conflict { retry_after: Some(retry_after) } => {
                Reply::unavailable((*retry_after).max(SHORTEST_WAIT))
            }
            Outcome::Unclaimed(_) => Reply::unavailable(WAIT_FOR_STORE),
            Outcome::Uncommitted(_) => Reply::unavailable(SHORTEST_WAIT),
        }
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
    /// The handler ran and succeeded, and that is recorded.
    Handled,
    /// The handler ran and succeeded; the delivery has no key.
    Unkeyed,
    /// The handler ran and succeeded without a claim, since the store failed and
    /// [`Once::danger_fail_open`] says so.
    FailedOpen(StoreError),
    /// The event was handled before.
    Duplicate,
    /// Somebody is handling the event.
    InFlight {
        /// What is left of their lease.
        retry_after: Duration,
    },
    /// The event's key stands for another body.
    Conflict {
        /// What is left of the lease under which the other body is being
        /// handled; `None` when it was handled.
        retry_after: Option<Duration>,
    },
    /// The handler failed; the vendor is asked to send again.
    Failed(HandlerError),
    /// The handler failed for good; the event is acknowledged and recorded.
    Rejected(HandlerError),
    /// The handler panicked; the vendor is asked to send again.
    Panicked,
    /// The store failed before the handler ran, which it did not.
    Unclaimed(StoreError),
    /// The handler succeeded or failed for good, and the store failed to record it.
    /// The event is acknowledged; if it is delivered once more all the same, after
    /// its lease, it is handled again.
    Unrecorded {
        /// Why it is not recorded.
        error: StoreError,
        /// The handler's error, where it failed for good.
        rejected: Option<HandlerError>,
    },
    /// The handler ran in a transaction whose commit failed, or whose commit's
    /// answer was lost. Effects and record are both there or both gone; the vendor
    /// is asked to send again, which finds out.
    Uncommitted(StoreError),
}

impl Outcome {
    /// A stable name for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Outcome::Handled => "handled",
            Outcome::Unkeyed => "unkeyed",
            Outcome::FailedOpen(_) => "failed_open",
            Outcome::Duplicate => "duplicate",
            Outcome::InFlight { .. } => "in_flight",
            Outcome::Conflict { .. } => "conflict",
            Outcome::Failed(_) => "failed",
            Outcome::Rejected(_) => "rejected",
            Outcome::Panicked => "panicked",
            Outcome::Unclaimed(_) => "unclaimed",
            Outcome::Unrecorded { .. } => "unrecorded",
            Outcome::Uncommitted(_) => "uncommitted",
        }
    }

    /// The store's error, where that is the reason.
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

/// A handler that is nearly done is not asked after at once.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

/// About as long as a store takes to restart or fail over.
const WAIT_FOR_STORE: Duration = Duration::from_secs(10);
