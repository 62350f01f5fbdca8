//! The flow around a handler: claim the event, run the handler, record it, answer.

use std::fmt;

use super::claim::{Claim, Lease};
use super::key::{Key, PayloadDigest};
use super::outcome::{Handled, HandlerError, Outcome};
use super::retention;
use super::store::{Store, StoreError, complete_or_repeat};
use crate::event::Event;
use crate::receive::Delivery;
use crate::receive::observe::Handling;

impl<E: Event> Delivery<E> {
    /// Runs the handler if this event has not been handled yet, and returns what became of
    /// the delivery, which is the answer for the vendor as well. This is [`Once::run`] with
    /// the default settings.
    ///
    /// ```no_run
    /// use std::sync::Arc;
    /// use offhook::idempotency::{Handled, Store};
    /// use offhook::{Delivery, truedy};
    ///
    /// async fn on_truedy(store: Arc<dyn Store>, delivery: Delivery<truedy::Event>) -> Handled {
    ///     delivery
    ///         .once(&store, async |event| {
    ///             if let truedy::Event::CallEnded(_ended) = event {
    ///                 std::fs::write("ended", "once")?;
    ///             }
    ///             Ok(())
    ///         })
    ///         .await
    /// }
    /// ```
    pub async fn once(&self, store: &dyn Store, handler: impl AsyncFnOnce(&E) -> Result<(), HandlerError>) -> Handled {
        Once::new(store).run(self, handler).await
    }
}

/// Runs a handler once per event.
///
/// | the store says | handler | record | answer |
/// |---|---|---|---|
/// | fresh | succeeds | completed | the vendor's success status |
/// | fresh | is done, and the request is cancelled then | completed in the background | |
/// | fresh | fails, panics, or the request is cancelled | released | 500, so that the vendor sends the event again |
/// | fresh | fails permanently ([`HandlerError::permanent`]) | completed | the vendor's success status |
/// | fresh | succeeds or fails permanently, and completing fails | claimed until the lease ends | the vendor's success status |
/// | in flight | does not run | | 503 with `Retry-After` |
/// | done | does not run | | the vendor's success status |
/// | conflict | as if the store had been asked about the key together with the payload's digest | | |
/// | nothing, because the event is stale | does not run | | 401, unless [`handle_stale`](Self::handle_stale) is set |
/// | nothing, because it fails | does not run | | 503, unless [`danger_fail_open`](Self::danger_fail_open) is set |
///
/// An event whose data does not fit its type ([`Event::undecodable`]) is handled like any
/// other one, unless [`retry_undecodable`](Self::retry_undecodable) is set.
///
/// A delivery without a [key](Delivery::dedupe_key), such as a vendor's test delivery,
/// always runs the handler, and the store is not asked.
///
/// A *stale* event is one that is older than the store's [retention](Store::retention), which
/// may have forgotten it. Its age counts from the time that is signed outside of the body, or if
/// the scheme signs none (TalkifAI, Salpre) from the [time of the event
/// itself](crate::event::Parsed::occurred_at), and by the clock of the
/// [profile](Delivery::profile). It is either a captured delivery that somebody
/// replays, or one that the vendor's own people send again by hand: the vendor's retries end
/// before the retention does. It is refused as one beyond
/// [`max_age`](crate::Profile::max_age) is, and logged as a warning ([`Outcome::Stale`]). It is
/// not acknowledged, so that a delivery that was sent by hand is seen to have failed.
///
/// The retention counts from the end of the handler, by the store's clock, and the age from a
/// time by the vendor's. So the store may still remember an event that is a little older than
/// the retention, and an event that is not older is never forgotten, unless the vendor's clock
/// is ahead. An event without a time is handled whatever its age is.
///
/// A conflict is another [payload](Delivery::payload) under the key of an event that was
/// handled or is in flight. It is a different event, although the vendor gave it the same
/// id: it is handled under [`Key::with_payload`], so that its redeliveries are duplicates
/// again, and logged as a warning ([`Outcome::Conflict`]). If the record of the first event
/// goes before its time, because its handler failed or was cancelled, a redelivery of the
/// second one finds the key free and is handled again: that is better than losing it. With
/// [`acknowledge_conflicts`](Self::acknowledge_conflicts), it is not handled.
///
/// Work that is done but could not be recorded is acknowledged, because asking the
/// vendor to send the event again would have it handled twice. Another delivery of the
/// event that arrives after the lease has ended is handled again. A transaction
/// (`transact`, on the SQL stores) does not have this gap: without the commit, the work
/// is undone too.
///
/// No async runtime is needed: besides the store, only the handler is awaited.
#[derive(Clone, Copy)]
pub struct Once<'s> {
    store: &'s dyn Store,
    fail_open: bool,
    acknowledge_conflicts: bool,
    retry_undecodable: bool,
    handle_stale: bool,
}

impl<'s> Once<'s> {
    /// Uses this store.
    pub fn new(store: &'s dyn Store) -> Self {
        Once { store, fail_open: false, acknowledge_conflicts: false, retry_undecodable: false, handle_stale: false }
    }

    /// Runs the handler without a claim when the store fails. A store that is down then
    /// delays no event, and redeliveries are handled twice.
    #[must_use]
    pub fn danger_fail_open(self) -> Self {
        Once { fail_open: true, ..self }
    }

    /// Acknowledges a delivery whose key belongs to an event with another payload, instead
    /// of handling it. While the other event is in flight, the answer is 503 with
    /// `Retry-After`. The log has a warning ([`Outcome::ConflictUnhandled`]).
    ///
    /// **Two events to which the vendor gives one id are then one event, and the second is
    /// lost.** Set this for a vendor that writes one event in different ways.
    #[must_use]
    pub fn acknowledge_conflicts(self) -> Self {
        Once { acknowledge_conflicts: true, ..self }
    }

    /// Answers 500 for an event whose data does not fit its type, without running the handler
    /// and without asking the store. The vendor then sends it again for the length of its
    /// retry span, in which a version that understands the event can be deployed. After
    /// that, **the event is lost**. The log has a warning ([`Outcome::Undecodable`]).
    #[must_use]
    pub fn retry_undecodable(self) -> Self {
        Once { retry_undecodable: true, ..self }
    }

    /// Handles an event that is older than the store's retention like any other one, instead of
    /// refusing it with 401. Set it while a vendor sends old events again on your request.
    ///
    /// **A delivery of TalkifAI or Salpre that somebody captured is then handled again once the
    /// store has forgotten it.**
    #[must_use]
    pub fn handle_stale(self) -> Self {
        Once { handle_stale: true, ..self }
    }

    /// Runs the handler if the event is fresh.
    pub async fn run<E: Event>(
        self,
        delivery: &Delivery<E>,
        handler: impl AsyncFnOnce(&E) -> Result<(), HandlerError>,
    ) -> Handled {
        self.run_with(delivery, async |event: &E, _: &HeldClaim<'_>| handler(event).await).await
    }

    /// Runs the handler if the event is fresh, and lends it the claim, so that a slow
    /// handler can extend its lease.
    pub async fn run_with<E: Event>(
        self,
        delivery: &Delivery<E>,
        handler: impl AsyncFnOnce(&E, &HeldClaim<'_>) -> Result<(), HandlerError>,
    ) -> Handled {
        retention::compared(delivery, self.store.retention());
        let mut handling = Handling::of(delivery);
        let outcome = self.outcome(&mut handling, handler).await;
        Handled::end(handling, outcome)
    }

    async fn outcome<E: Event>(
        &self,
        handling: &mut Handling<'_, E>,
        handler: impl AsyncFnOnce(&E, &HeldClaim<'_>) -> Result<(), HandlerError>,
    ) -> Outcome {
        let delivery = handling.delivery();
        if self.retry_undecodable && delivery.event().undecodable().is_some() {
            return Outcome::Undecodable;
        }
        if !self.handle_stale
            && let Err(too_old) = retention::check_age(delivery, self.store.retention())
        {
            return Outcome::Stale(too_old);
        }
        let mut held = HeldClaim { store: self.store, lease: None, done: false };
        let Some(key) = Key::of(delivery) else {
            let outcome = handling.run(Outcome::of_handler(handler(delivery.event(), &held))).await;
            return if let Outcome::Handled = outcome { Outcome::Unkeyed } else { outcome };
        };
        let (claim, conflict) = match self.claim(&key, &PayloadDigest::of_delivery(delivery)).await {
            Ok(answer) => answer,
            Err(error) if self.fail_open => {
                let outcome = handling.run(Outcome::of_handler(handler(delivery.event(), &held))).await;
                return if let Outcome::Handled = outcome { Outcome::FailedOpen(error) } else { outcome };
            }
            Err(error) => return Outcome::Unclaimed(error),
        };
        match Outcome::of_refused(claim) {
            Ok(lease) => held.lease = Some(lease),
            Err(refused) => return refused,
        }
        // If the request is cancelled, dropping `held` releases the key, or completes it
        // once the handler is done.
        let outcome = handling.run(Outcome::of_handler(handler(delivery.event(), &held))).await;
        held.record(outcome).await.with_conflict(conflict)
    }

    /// Claims the key, or after a conflict the key together with the payload, and returns
    /// whether there was one.
    async fn claim(&self, key: &Key, payload: &PayloadDigest) -> Result<(Claim, bool), StoreError> {
        let claim = self.store.claim(key, payload).await?;
        if self.acknowledge_conflicts || !matches!(claim, Claim::Conflict { .. }) {
            return Ok((claim, false));
        }
        match self.store.claim(&key.with_payload(payload), payload).await? {
            Claim::Conflict { .. } => Err(StoreError::CONFLICT_OF_ITSELF),
            claim => Ok((claim, true)),
        }
    }
}

impl fmt::Debug for Once<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once")
            .field("fail_open", &self.fail_open)
            .field("acknowledge_conflicts", &self.acknowledge_conflicts)
            .field("retry_undecodable", &self.retry_undecodable)
            .field("handle_stale", &self.handle_stale)
            .finish_non_exhaustive()
    }
}

/// The claim under which a handler runs.
pub struct HeldClaim<'s> {
    store: &'s dyn Store,
    lease: Option<Lease>,
    /// Whether the handler is done with the event.
    done: bool,
}

impl HeldClaim<'_> {
    /// Returns the lease. It is `None` if there was no claim: for a delivery without a
    /// key, and after a store failed under [`Once::danger_fail_open`].
    pub fn lease(&self) -> Option<&Lease> {
        self.lease.as_ref()
    }

    /// Returns the key that was claimed, for a unique constraint in the table of the effect.
    /// After a conflict, it contains the digest of the payload.
    pub fn key(&self) -> Option<&Key> {
        self.lease.as_ref().map(Lease::key)
    }

    /// Extends the lease: it lasts from now as long as it lasted at first.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Store::extend`]. After [`StoreError::LeaseLost`], another
    /// delivery is handling the event, and the handler should stop.
    pub async fn extend(&self) -> Result<(), StoreError> {
        match &self.lease {
            Some(lease) => self.store.extend(lease).await,
            None => Ok(()),
        }
    }

    /// Completes the event if the handler is done with it, and releases it otherwise.
    async fn record(mut self, outcome: Outcome) -> Outcome {
        self.done = matches!(outcome, Outcome::Handled | Outcome::Rejected(_));
        let Some(lease) = &self.lease else { return outcome };
        let recorded = match self.done {
            true => complete_or_repeat(self.store, lease).await,
            false => {
                // If this fails, the key stays claimed until its lease ends: the retry
                // comes late, and is not lost.
                let _ = self.store.release(lease).await;
                Ok(())
            }
        };
        self.lease = None;
        match recorded {
            Ok(()) => outcome,
            Err(error) => {
                let rejected = if let Outcome::Rejected(error) = outcome { Some(error) } else { None };
                Outcome::Unrecorded { error, rejected }
            }
        }
    }
}

impl Drop for HeldClaim<'_> {
    fn drop(&mut self) {
        match self.lease.take() {
            Some(lease) if self.done => self.store.complete_later(lease),
            Some(lease) => self.store.abandon(lease),
            None => {}
        }
    }
}

impl fmt::Debug for HeldClaim<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldClaim").field("lease", &self.lease).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::idempotency::MemoryStore;

    #[test]
    fn debug_output_shows_the_settings_and_the_lease() {
        let store = MemoryStore::new();
        assert_eq!(
            format!("{:?}", Once::new(&store).danger_fail_open().retry_undecodable()),
            "Once { fail_open: true, acknowledge_conflicts: false, retry_undecodable: true, handle_stale: false, .. }"
        );
        let held = HeldClaim { store: &store, lease: None, done: false };
        assert_eq!(format!("{held:?}"), "HeldClaim { lease: None, .. }");
    }
}
