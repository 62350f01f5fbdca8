//! Accepting a delivery: one statement stores it and decides the answer.

use super::acceptance::{Acceptance, Accepted};
use super::base::Inbox;
use super::dialect::{Dialect, UNEXPECTED, Value};
use super::observe;
use super::statements::{ACCEPT, ACCEPT_UNPLACED, BACKLOG, PAYLOAD};
use super::stored::Stored;
use crate::event::{Event, Stage};
use crate::idempotency::{Key, PayloadDigest, StoreError, check_age};
use crate::receive::{Delivery, Reply};

impl<E: Event> Delivery<E> {
    /// Stores this delivery in the inbox, and returns the answer for the vendor. This is the
    /// short form of [`Inbox::accept`], which has the rules.
    pub async fn accept<D: Dialect>(&self, inbox: &Inbox<D>) -> Reply {
        inbox.accept(self).await.reply()
    }
}

impl<D: Dialect> Inbox<D> {
    /// Stores a delivery, so that a worker handles it later. What is acknowledged is stored.
    ///
    /// | the inbox has | stored | answer |
    /// |---|---|---|
    /// | no event with this key | yes | the vendor's success status |
    /// | this event | no | the vendor's success status |
    /// | another payload under this key | under the key together with the payload's digest, with a warning | the vendor's success status |
    /// | perhaps had this event, which is older than done events stay | no, with a warning | 401 |
    /// | no room: the body or the backlog is over its limit | no, with a warning | 503 |
    /// | failed | perhaps, with a warning | 503: the redelivery finds out |
    ///
    /// A delivery without a [key](Delivery::dedupe_key) is always stored. Redeliveries are
    /// recognised for as long as the event is in the inbox; see [`prune`](Self::prune).
    ///
    /// The age of an event counts as it does for [`Once`](crate::idempotency::Once): from the
    /// signed time, or from the event's own if none is signed, to the verifier's clock. An event
    /// that is older than done events [stay](Self::with_prune_policy) may have been pruned. It is
    /// no vendor's own redelivery, but a replay, or one that was sent again by hand; it is
    /// refused unless [`accept_stale`](Self::accept_stale) is set.
    pub async fn accept<E: Event>(&self, delivery: &Delivery<E>) -> Accepted {
        let acceptance = self.store(delivery).await.unwrap_or_else(Acceptance::Failed);
        observe::accepted(delivery, &acceptance);
        Accepted::new(acceptance, delivery.acknowledge())
    }

    async fn store<E: Event>(&self, delivery: &Delivery<E>) -> Result<Acceptance, StoreError> {
        let bytes = delivery.body().len();
        if bytes > self.size_limit {
            return Ok(Acceptance::TooLarge { bytes, limit: self.size_limit });
        }
        if !self.accept_stale
            && let Err(too_old) = check_age(delivery, Some(self.policy.done))
        {
            return Ok(Acceptance::Stale(too_old));
        }
        if self.is_full().await? {
            return Ok(Acceptance::Full { limit: self.backlog.limit() });
        }
        let (stored, key) = (Stored::of(delivery), Key::of(delivery));
        let payload = PayloadDigest::of_delivery(delivery);
        for _ in 0..ACCEPT_ATTEMPTS {
            if let Some(id) = self.insert(&stored, key.as_ref()).await? {
                return Ok(Acceptance::Stored { id });
            }
            let Some(key) = &key else { return Err(UNEXPECTED) };
            match self.payload_of(key).await? {
                // The event was pruned in between.
                None => {}
                Some(other) if other != payload.as_bytes() => {
                    let id = self.insert(&stored, Some(&key.with_payload(&payload))).await?;
                    return Ok(id.map_or(Acceptance::Duplicate, |id| Acceptance::Conflict { id }));
                }
                Some(_) => return Ok(Acceptance::Duplicate),
            }
        }
        Err(StoreError::Contended("the event came and went".into()))
    }

    async fn insert(&self, stored: &Stored, key: Option<&Key>) -> Result<Option<i64>, StoreError> {
        let proof = serde_json::to_string(&stored.proof).map_err(StoreError::unavailable)?;
        let place = stored.stage.and_then(Stage::rank).map(i64::from);
        let values = vec![
            i64::from(stored.version).into(),
            stored.vendor().into(),
            stored.endpoint().into(),
            stored.event().into(),
            key.map(Key::as_str).into(),
            stored.call_id().into(),
            stored.call_group().as_deref().into(),
            stored.stage.map(Stage::as_str).into(),
            place.into(),
            Value::from(&stored.body[..]),
            Value::from(&stored.payload[..]),
            proof.as_str().into(),
        ];
        let statement = if place.is_some() { ACCEPT } else { ACCEPT_UNPLACED };
        let rows = self.rows(statement, values).await?;
        let id = rows.into_iter().next().map(|mut row| row.number()).transpose()?;
        if id.is_some() {
            self.backlog.accepted();
            self.wake_workers();
        }
        Ok(id)
    }

    async fn payload_of(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        let rows = self.rows(PAYLOAD, vec![key.as_str().into()]).await?;
        rows.into_iter().next().map(|mut row| row.bytes()).transpose()
    }

    async fn is_full(&self) -> Result<bool, StoreError> {
        if let Some(full) = self.backlog.is_full() {
            return Ok(full);
        }
        let limit = i64::try_from(self.backlog.limit()).unwrap_or(i64::MAX);
        let rows = self.rows(BACKLOG, vec![limit.into()]).await?;
        let count = rows.into_iter().next().ok_or(UNEXPECTED)?.number()?;
        self.backlog.counted(count.unsigned_abs());
        Ok(count >= limit)
    }
}

/// An event that is pruned between two statements makes another attempt necessary.
const ACCEPT_ATTEMPTS: usize = 3;
