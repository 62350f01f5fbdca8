//! The steps of a worker in the database.

use std::time::Duration;

use super::base::Inbox;
use super::dialect::{Connection, Dialect, Row, Value};
use super::entry::{Entry, State};
use super::statements::{BURY, CALL_UP, CLAIM, DONE, EXPIRE, EXTEND, FAIL, NEXT, OWNS, RELEASE, RESET_DUE};
use super::stored::Stored;
use crate::idempotency::{LeaseToken, StoreError, millis};

/// What a worker has found.
#[derive(Debug)]
pub(super) enum Found {
    /// An event, which is now claimed.
    Event(Box<Held>),
    /// An event that waits for another one of its call. There may be more.
    Blocked,
    Nothing,
}

/// An event that has ended.
#[derive(Clone, Copy, Debug, Default)]
pub struct Finished {
    /// The time since it was accepted.
    pub(super) after: Duration,
    /// Whether another event of its call is open.
    pub(super) is_followed: bool,
}

/// An event that a worker has claimed.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) entry: Entry,
    pub(super) stored: Stored,
    pub(super) token: LeaseToken,
}

impl Held {
    pub(super) fn owner(&self) -> Owner {
        Owner { id: self.entry.id, token: self.token }
    }
}

/// Who may finish an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    id: i64,
    token: LeaseToken,
}

impl Owner {
    fn values(self) -> Vec<Value> {
        vec![self.id.into(), Value::from(&self.token.as_bytes()[..])]
    }
}

impl<D: Dialect> Inbox<D> {
    /// Looks at the next event of these vendors and endpoints, which are in JSON.
    pub(super) async fn claim(&self, sources: &str, lease: Duration, dead_blocks: bool) -> Result<Found, StoreError> {
        let token = LeaseToken::unique();
        let values = vec![
            sources.into(),
            Value::from(&token.as_bytes()[..]),
            millis(lease).into(),
            i64::from(dead_blocks).into(),
            millis(PUT_OFF).into(),
        ];
        let rows = match self.rows(CLAIM, values).await {
            // Another worker took an event of the same call at the same time.
            Err(StoreError::Unavailable(error)) if is_unique_violation(&*error) => return Ok(Found::Blocked),
            answer => answer?,
        };
        let Some(mut row) = rows.into_iter().next() else { return Ok(Found::Nothing) };
        let entry = Entry::read(&mut row)?;
        if entry.state != State::Running {
            return Ok(Found::Blocked);
        }
        let stored = entry.read_stored(&mut row)?;
        Ok(Found::Event(Box::new(Held { entry, stored, token })))
    }

    pub(super) async fn extend(&self, owner: Owner, lease: Duration) -> Result<(), StoreError> {
        self.change(EXTEND, owner, vec![millis(lease).into()]).await.map(drop)
    }

    /// Records that an event was handled.
    pub(super) async fn done(&self, owner: Owner) -> Result<Finished, StoreError> {
        finished(self.change(DONE, owner, Vec::new()).await?)
    }

    pub(super) async fn done_in(&self, transaction: &mut Connection<D>, owner: Owner) -> Result<Finished, StoreError> {
        finished(one(self.rows_on(transaction, DONE, owner.values()).await?)?)
    }

    /// Lets the next event of a call run now, when this one has ended. If that fails, it runs a
    /// little later.
    pub(super) async fn call_up(&self, ended: i64) {
        let _ = self.rows(CALL_UP, vec![ended.into()]).await;
    }

    /// Returns an error unless the event still belongs to this owner. Nobody else can take it
    /// until the transaction ends.
    pub(super) async fn own_in(&self, transaction: &mut Connection<D>, owner: Owner) -> Result<(), StoreError> {
        one(self.rows_on(transaction, OWNS, owner.values()).await?).map(drop)
    }

    pub(super) async fn fail(&self, owner: Owner, wait: Duration, error: &str) -> Result<(), StoreError> {
        self.change(FAIL, owner, vec![millis(wait).into(), error.into()]).await.map(drop)
    }

    pub(super) async fn bury(&self, owner: Owner, error: &str) -> Result<Finished, StoreError> {
        finished(self.change(BURY, owner, vec![error.into()]).await?)
    }

    /// Gives an event back, without counting the attempt.
    pub(super) async fn release(&self, owner: Owner) -> Result<(), StoreError> {
        self.change(RELEASE, owner, Vec::new()).await.map(drop)
    }

    /// Takes back the events whose lease has ended, and returns them.
    pub(super) async fn expire(&self, sources: &str, attempts: u32) -> Result<Vec<Entry>, StoreError> {
        let values = vec![sources.into(), i64::from(attempts).into(), EXPIRED.into()];
        self.rows(EXPIRE, values).await?.iter_mut().map(Entry::read).collect()
    }

    /// Lets the events run that were accepted before the clock was set back.
    pub(super) async fn reset_due(&self) -> Result<(), StoreError> {
        self.rows(RESET_DUE, vec![millis(PUT_OFF).into()]).await.map(drop)
    }

    /// Returns the time until something falls due.
    pub(super) async fn until_next(&self) -> Result<Option<Duration>, StoreError> {
        let rows = self.rows(NEXT, Vec::new()).await?;
        let wait = rows.into_iter().next().map(|mut row| row.int()).transpose()?.flatten();
        Ok(wait.map(|wait| Duration::from_millis(u64::try_from(wait).unwrap_or_default())))
    }

    async fn change(&self, statement: &'static str, owner: Owner, more: Vec<Value>) -> Result<Row, StoreError> {
        let values = owner.values().into_iter().chain(more).collect();
        one(self.rows(statement, values).await?)
    }
}

/// Turns a change of no row into [`StoreError::LeaseLost`].
fn one(rows: Vec<Row>) -> Result<Row, StoreError> {
    rows.into_iter().next().ok_or(StoreError::LeaseLost)
}

fn finished(mut row: Row) -> Result<Finished, StoreError> {
    let after = Duration::from_millis(u64::try_from(row.number()?).unwrap_or_default());
    Ok(Finished { after, is_followed: row.int()?.is_some() })
}

/// Another worker has just claimed an event of the same call.
fn is_unique_violation(error: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    let database = error.downcast_ref::<sqlx::Error>().and_then(sqlx::Error::as_database_error);
    database.is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

const EXPIRED: &str = "the lease ended: the worker died, or could not reach the database";

/// How long an event that waits for another one of its call is put off, unless it is called up
/// before.
const PUT_OFF: Duration = Duration::from_secs(30);
