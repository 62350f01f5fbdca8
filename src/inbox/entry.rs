//! An event in the inbox, as its operator sees it.

use std::fmt;

use chrono::{DateTime, Utc};

use super::dialect::{Row, UNEXPECTED};
use super::stored::Stored;
use crate::event::Stage;
use crate::idempotency::StoreError;

/// The state of an event in the inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// It waits for a worker, for its next attempt, or for an earlier event of its call.
    Waiting,
    /// A worker handles it.
    Running,
    /// It was handled.
    Done,
    /// It was given up. It is kept, and can be retried.
    Dead,
}

impl State {
    /// Returns the state's name, as the table has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            State::Waiting => "waiting",
            State::Running => "running",
            State::Done => "done",
            State::Dead => "dead",
        }
    }

    pub(super) fn of(name: &str) -> Option<Self> {
        [State::Waiting, State::Running, State::Done, State::Dead].into_iter().find(|state| state.as_str() == name)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An event in the inbox, without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// Its number in the inbox. Later events have higher ones.
    pub id: i64,
    /// Its state.
    pub state: State,
    /// The vendor's name.
    pub vendor: String,
    /// The name of the endpoint.
    pub endpoint: String,
    /// The vendor's name for the event.
    pub event: String,
    /// The key under which it was accepted. After a conflict, it contains the digest of the
    /// payload. `None` if the delivery is never a duplicate.
    pub key: Option<String>,
    /// The id of the call that it belongs to.
    pub call_id: Option<String>,
    /// How many attempts have begun.
    pub attempts: u32,
    /// How often it was replayed.
    pub replays: u32,
    /// When it was accepted.
    pub received_at: DateTime<Utc>,
    /// When a worker looks at it, or might have: when it was accepted, when its next attempt
    /// may begin, or later, while it waits for an earlier event of its call.
    pub due_at: DateTime<Utc>,
    /// When it became done or dead.
    pub finished_at: Option<DateTime<Utc>>,
    /// The text of the last error.
    pub error: Option<String>,
}

impl Entry {
    pub(super) fn read(row: &mut Row) -> Result<Self, StoreError> {
        Ok(Entry {
            id: row.number()?,
            state: State::of(&row.text()?).ok_or(UNEXPECTED)?,
            vendor: row.text()?,
            endpoint: row.text()?,
            event: row.text()?,
            key: row.optional_text()?,
            call_id: row.optional_text()?,
            attempts: u32::try_from(row.number()?).unwrap_or_default(),
            replays: u32::try_from(row.number()?).unwrap_or_default(),
            received_at: time(row.number()?)?,
            due_at: time(row.number()?)?,
            finished_at: row.int()?.map(time).transpose()?,
            error: row.optional_text()?,
        })
    }

    /// Reads an entry and the record that follows it.
    pub(super) fn read_with_stored(row: &mut Row) -> Result<(Self, Stored), StoreError> {
        let entry = Entry::read(row)?;
        let stored = entry.read_stored(row)?;
        Ok((entry, stored))
    }

    /// Reads the record that follows the entry.
    pub(super) fn read_stored(&self, row: &mut Row) -> Result<Stored, StoreError> {
        Ok(Stored {
            version: u16::try_from(row.number()?).map_err(|_| UNEXPECTED)?,
            vendor: self.vendor.clone(),
            endpoint: self.endpoint.clone(),
            event: self.event.clone(),
            key: self.key.clone(),
            call_id: self.call_id.clone(),
            payload: row.bytes()?.try_into().map_err(|_| UNEXPECTED)?,
            proof: serde_json::from_str(&row.text()?).map_err(|_| UNEXPECTED)?,
            stage: row.optional_text()?.and_then(|name| stage(&name)),
            body: row.bytes()?.into(),
            received_at: self.received_at,
        })
    }
}

fn stage(name: &str) -> Option<Stage> {
    serde_json::from_value(name.into()).ok()
}

fn time(millis: i64) -> Result<DateTime<Utc>, StoreError> {
    DateTime::from_timestamp_millis(millis).ok_or(UNEXPECTED)
}
