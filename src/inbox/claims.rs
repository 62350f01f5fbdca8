//! The steps of a worker in the database.

use std::collections::HashMap;
use std::time::Duration;

use super::base::{Inbox, Kept};
use super::dialect::{Connection, Dialect, Row, Value};
use super::entry::{Entry, State};
use super::statements::{BURY, CALL_UP, CLAIM, DONE, EXPIRE, EXTEND, FAIL, NEXT, OWNS, RELEASE, RESET_DUE};
use super::stored::Stored;
use crate::idempotency::{LeaseToken, StoreError, millis};

/// How many events a worker wants.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// Any events, which begin at once.
    pub(super) now: usize,
    /// More events, which were never tried.
    pub(super) ahead: usize,
}

impl Wanted {
    const ONE: Self = Wanted { now: 1, ahead: 0 };

    pub(super) fn all(self) -> usize {
        self.now.saturating_add(self.ahead)
    }
}

/// What a worker has found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The events that are now claimed, in the order in which they fell due.
    pub(super) events: Vec<Held>,
    /// How many were put off, because they wait for another one of their call. There may be more.
    pub(super) blocked: usize,
}

impl Found {
    pub(super) fn seen(&self) -> usize {
        self.events.len().saturating_add(self.blocked)
    }
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
    pub(super) id: i64,
    token: LeaseToken,
}

impl Owner {
    fn values(self) -> Vec<Value> {
        vec![self.id.into(), Value::from(&self.token.as_bytes()[..])]
    }
}

impl<D: Dialect> Inbox<D> {
    /// Looks at the next events of these vendors and endpoints, which are in JSON.
    pub(super) async fn claim(
        &self,
        sources: &str,
        lease: Duration,
        dead_blocks: bool,
        wanted: Wanted,
    ) -> Result<Found, StoreError> {
        for wanted in [wanted, Wanted::ONE] {
            let token = LeaseToken::unique();
            let values = vec![
                sources.into(),
                Value::from(&token.as_bytes()[..]),
                millis(lease).into(),
                i64::from(dead_blocks).into(),
                millis(PUT_OFF).into(),
                number(wanted.all()).into(),
                number(wanted.now).into(),
            ];
            match self.rows(CLAIM, values).await {
                // Another worker took an event of one of the calls at the same time.
                Err(StoreError::Unavailable(error)) if is_unique_violation(&*error) => {}
                answer => return found(answer?, token),
            }
        }
        Ok(Found { blocked: 1, ..Found::default() })
    }

    pub(super) async fn extend(&self, owner: Owner, lease: Duration) -> Result<(), StoreError> {
        self.change(EXTEND, owner, vec![millis(lease).into()]).await.map(drop)
    }

    /// Records that events were handled. One that is not in the answer has another owner.
    pub(super) async fn done(&self, kept: &Kept<D>, owners: &[Owner]) -> Result<HashMap<i64, Finished>, StoreError> {
        let rows = self.rows_keeping(kept, DONE, vec![Value::from(&*pairs(owners))]).await?;
        rows.into_iter().map(finished).collect()
    }

    pub(super) async fn done_in(&self, transaction: &mut Connection<D>, owner: Owner) -> Result<Finished, StoreError> {
        let rows = self.rows_on(transaction, DONE, vec![Value::from(&*pairs(&[owner]))]).await?;
        Ok(finished(one(rows)?)?.1)
    }

    /// Lets the next event of each call run now, when these have ended. If that fails, it runs a
    /// little later.
    pub(super) async fn call_up(&self, kept: &Kept<D>, ended: &[i64]) {
        let pairs: Vec<_> = ended.iter().map(|id| (id, "")).collect();
        let pairs = serde_json::to_string(&pairs).unwrap_or_default();
        let _ = self.rows_keeping(kept, CALL_UP, vec![Value::from(&*pairs)]).await;
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
        Ok(finished(self.change(BURY, owner, vec![error.into()]).await?)?.1)
    }

    /// Gives events back, without counting the attempts.
    pub(super) async fn release(&self, owners: &[Owner]) -> Result<(), StoreError> {
        self.rows(RELEASE, vec![Value::from(&*pairs(owners))]).await.map(drop)
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

/// Reads the events that a claim has changed.
fn found(rows: Vec<Row>, token: LeaseToken) -> Result<Found, StoreError> {
    let mut found = Found::default();
    for mut row in rows {
        let entry = Entry::read(&mut row)?;
        if entry.state == State::Running {
            let stored = entry.read_stored(&mut row)?;
            found.events.push(Held { entry, stored, token });
        } else {
            found.blocked = found.blocked.saturating_add(1);
        }
    }
    // PostgreSQL returns them in any order.
    found.events.sort_by_key(|held| (held.entry.due_at, held.entry.id));
    Ok(found)
}

fn finished(mut row: Row) -> Result<(i64, Finished), StoreError> {
    let id = row.number()?;
    let after = Duration::from_millis(u64::try_from(row.number()?).unwrap_or_default());
    Ok((id, Finished { after, is_followed: row.int()?.is_some() }))
}

/// Returns the numbers and tokens in JSON.
fn pairs(owners: &[Owner]) -> String {
    let pair = |owner: &Owner| (owner.id, base16ct::lower::encode_string(owner.token.as_bytes()));
    serde_json::to_string(&owners.iter().map(pair).collect::<Vec<_>>()).unwrap_or_default()
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
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
