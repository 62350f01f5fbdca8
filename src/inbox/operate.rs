//! Looking after the inbox: what is in it, and what is to run again or to go.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::base::Inbox;
use super::dialect::{Dialect, UNEXPECTED, Value};
use super::entry::{Entry, State};
use super::statements::{ERASE, LIST, PRUNE, REPLAY, RETRY, SHOW, STATS};
use super::stored::Stored;
use crate::idempotency::{StoreError, millis};

impl<D: Dialect> Inbox<D> {
    /// Counts the events that wait, run or are dead, by vendor and endpoint.
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails; so do all the functions here.
    pub async fn stats(&self) -> Result<Stats, StoreError> {
        let mut stats = Stats::default();
        for mut row in self.rows(STATS, Vec::new()).await? {
            let (vendor, endpoint, state) = (row.text()?, row.text()?, row.text()?);
            let (count, age) = (row.number()?.unsigned_abs(), row.number()?);
            if stats.sources.last().is_none_or(|last| (&last.vendor, &last.endpoint) != (&vendor, &endpoint)) {
                stats.sources.push(SourceStats { vendor, endpoint, ..SourceStats::default() });
            }
            let Some(source) = stats.sources.last_mut() else { continue };
            match State::of(&state).ok_or(UNEXPECTED)? {
                State::Waiting => source.waiting = count,
                State::Running => source.running = count,
                _ => {
                    source.dead = count;
                    continue;
                }
            }
            let age = Duration::from_millis(u64::try_from(age).unwrap_or_default());
            source.oldest_age = source.oldest_age.max(Some(age));
        }
        Ok(stats)
    }

    /// Lists the events that match, in the order in which they were accepted: the first 100,
    /// or as many as [`Filter::limit`] says.
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails.
    pub async fn list(&self, filter: &Filter) -> Result<Vec<Entry>, StoreError> {
        let limit = filter.limit.unwrap_or(DEFAULT_LIMIT);
        self.rows(LIST, filter.values(filter.after, limit)).await?.iter_mut().map(Entry::read).collect()
    }

    /// Returns an event with its record, or `None` if no event has this number.
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails.
    pub async fn show(&self, id: i64) -> Result<Option<(Entry, Stored)>, StoreError> {
        let rows = self.rows(SHOW, vec![id.into()]).await?;
        rows.into_iter().next().map(|mut row| Entry::read_with_stored(&mut row)).transpose()
    }

    /// Lets a dead event, or one that waits for its next attempt, run now, with all its
    /// attempts. Returns whether there was one with this number.
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails.
    pub async fn retry(&self, id: i64) -> Result<bool, StoreError> {
        let only = Filter { id: Some(id), ..Filter::default() };
        Ok(self.again(RETRY, &only).await? > 0)
    }

    /// Lets the events that match run now, if they are dead or wait for their next attempt,
    /// and returns how many they are.
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails. The events until then run all the same.
    pub async fn retry_all(&self, filter: &Filter) -> Result<u64, StoreError> {
        self.again(RETRY, filter).await
    }

    /// Lets the events that match run again, if they are done, and returns how many they are.
    /// The handler sees that they are replays.
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails. The events until then run all the same.
    pub async fn replay(&self, filter: &Filter) -> Result<u64, StoreError> {
        self.again(REPLAY, filter).await
    }

    /// Works through the events in batches, by their numbers: a replay that is done before the
    /// last batch does not match again.
    async fn again(&self, statement: &'static str, filter: &Filter) -> Result<u64, StoreError> {
        let (mut total, mut after, mut left) = (0_u64, filter.after, filter.limit.unwrap_or(i64::MAX));
        while left > 0 {
            let batch = left.min(BATCH);
            let mut changed: i64 = 0;
            for mut row in self.rows(statement, filter.values(after, batch)).await? {
                after = after.max(row.number()?);
                changed = changed.saturating_add(1);
            }
            total = total.saturating_add(changed.unsigned_abs());
            left = left.saturating_sub(changed);
            if changed > 0 {
                self.wake_workers();
            }
            if changed < batch {
                break;
            }
        }
        Ok(total)
    }

    /// Deletes the events that have been done or dead for as long as the
    /// [policy](Self::with_prune_policy) says, a thousand at a time. Call it now and then.
    ///
    /// A redelivery of an event that is gone is refused if it tells its age, and accepted as new
    /// if it does not ([`accept`](Self::accept)).
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails. The events that were deleted stay deleted.
    pub async fn prune(&self) -> Result<Pruned, StoreError> {
        let done = self.prune_state(State::Done, self.policy.done).await?;
        Ok(Pruned { done, dead: self.prune_state(State::Dead, self.policy.dead).await? })
    }

    async fn prune_state(&self, state: State, age: Duration) -> Result<u64, StoreError> {
        let mut total: u64 = 0;
        loop {
            let rows = self.rows(PRUNE, vec![state.as_str().into(), millis(age).into(), BATCH.into()]).await?;
            let deleted = u64::try_from(rows.len()).unwrap_or(u64::MAX);
            total = total.saturating_add(deleted);
            if deleted < BATCH.unsigned_abs() {
                return Ok(total);
            }
        }
    }

    /// Deletes everything that the inbox has about a call, whatever its state, and returns how
    /// many events there were. A handler that runs is not stopped. The database may keep the
    /// bytes on disk until it uses their place again (`VACUUM`).
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails.
    pub async fn erase(&self, call_id: &str) -> Result<u64, StoreError> {
        let rows = self.rows(ERASE, vec![call_id.into()]).await?;
        Ok(u64::try_from(rows.len()).unwrap_or(u64::MAX))
    }
}

/// The events in an inbox that are not done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// The counts for each vendor and endpoint, in the order of their names.
    pub sources: Vec<SourceStats>,
}

impl Stats {
    /// Returns how many events wait or run.
    pub fn backlog(&self) -> u64 {
        self.sources.iter().map(|source| source.waiting.saturating_add(source.running)).fold(0, u64::saturating_add)
    }

    /// Returns how many events are dead.
    pub fn dead(&self) -> u64 {
        self.sources.iter().map(|source| source.dead).fold(0, u64::saturating_add)
    }

    /// Returns the age of the oldest event that waits or runs.
    pub fn oldest_age(&self) -> Option<Duration> {
        self.sources.iter().filter_map(|source| source.oldest_age).max()
    }
}

/// The events of one vendor at one endpoint that are not done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SourceStats {
    /// The vendor's name.
    pub vendor: String,
    /// The name of the endpoint.
    pub endpoint: String,
    /// How many events wait.
    pub waiting: u64,
    /// How many events run.
    pub running: u64,
    /// How many events are dead.
    pub dead: u64,
    /// The age of the oldest event that waits or runs.
    pub oldest_age: Option<Duration>,
}

/// Which events are meant. By default, all are.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    after: i64,
    id: Option<i64>,
    state: Option<State>,
    vendor: Option<String>,
    endpoint: Option<String>,
    event: Option<String>,
    call_id: Option<String>,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
    limit: Option<i64>,
}

impl Filter {
    /// Matches every event.
    pub fn new() -> Self {
        Filter::default()
    }

    /// Matches events with a higher number only: the next page.
    #[must_use]
    pub fn after(self, id: i64) -> Self {
        Filter { after: id, ..self }
    }

    /// Matches events in this state only.
    #[must_use]
    pub fn state(self, state: State) -> Self {
        Filter { state: Some(state), ..self }
    }

    /// Matches events of this vendor only.
    #[must_use]
    pub fn vendor(self, vendor: impl Into<String>) -> Self {
        Filter { vendor: Some(vendor.into()), ..self }
    }

    /// Matches events of this endpoint only.
    #[must_use]
    pub fn endpoint(self, endpoint: impl Into<String>) -> Self {
        Filter { endpoint: Some(endpoint.into()), ..self }
    }

    /// Matches events with this name only.
    #[must_use]
    pub fn event(self, event: impl Into<String>) -> Self {
        Filter { event: Some(event.into()), ..self }
    }

    /// Matches events of this call only.
    #[must_use]
    pub fn call_id(self, call_id: impl Into<String>) -> Self {
        Filter { call_id: Some(call_id.into()), ..self }
    }

    /// Matches events that were accepted at this time or later only.
    #[must_use]
    pub fn received_from(self, time: DateTime<Utc>) -> Self {
        Filter { from: Some(time), ..self }
    }

    /// Matches events that were accepted before this time only.
    #[must_use]
    pub fn received_before(self, time: DateTime<Utc>) -> Self {
        Filter { to: Some(time), ..self }
    }

    /// Matches the first events only.
    #[must_use]
    pub fn limit(self, events: u32) -> Self {
        Filter { limit: Some(events.into()), ..self }
    }

    fn values(&self, after: i64, limit: i64) -> Vec<Value> {
        vec![
            after.into(),
            self.state.map(State::as_str).into(),
            self.vendor.as_deref().into(),
            self.endpoint.as_deref().into(),
            self.event.as_deref().into(),
            self.call_id.as_deref().into(),
            self.from.map(|time| time.timestamp_millis()).into(),
            self.to.map(|time| time.timestamp_millis()).into(),
            limit.into(),
            self.id.into(),
        ]
    }
}

/// How many events a prune has deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pruned {
    /// Events that were done.
    pub done: u64,
    /// Events that were dead.
    pub dead: u64,
}

const BATCH: i64 = 1_000;
const DEFAULT_LIMIT: i64 = 100;
