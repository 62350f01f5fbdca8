//! The store in an SQL database: all of it except the statements, which belong to its
//! [`Dialect`].

use std::fmt;
use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::{Connection as _, Database, Pool, SqlStr, Transaction};

use super::claiming::Claiming;
use crate::event::Event;
use crate::idempotency::claim::{Claim, Lease, LeaseToken};
use crate::idempotency::key::{Key, PayloadDigest};
use crate::idempotency::outcome::{Handled, HandlerError, Outcome};
use crate::idempotency::retention;
use crate::idempotency::settings::StoreSettings;
use crate::idempotency::store::{BoxFuture, Store, StoreError, complete_or_repeat};
use crate::receive::Delivery;
use crate::receive::observe::Handling;

/// A store in an SQL database: [`SqliteStore`](super::SqliteStore) or
/// [`PostgresStore`](super::PostgresStore).
pub struct SqlStore<D: Dialect> {
    pool: Pool<D::Db>,
    pub(super) dialect: D,
    settings: StoreSettings,
    timeout: Duration,
    acknowledge_conflicts: bool,
    retry_undecodable: bool,
    handle_stale: bool,
}

impl<D: Dialect> SqlStore<D> {
    pub(super) fn with_dialect(pool: Pool<D::Db>, dialect: D) -> Self {
        SqlStore {
            pool,
            dialect,
            settings: StoreSettings::new(),
            timeout: DEFAULT_TIMEOUT,
            acknowledge_conflicts: false,
            retry_undecodable: false,
            handle_stale: false,
        }
    }

    /// Sets the lease and the retention.
    #[must_use]
    pub fn with_settings(self, settings: StoreSettings) -> Self {
        SqlStore { settings, ..self }
    }

    /// Sets how long a step may take before it fails: 5 s by default. Keep it below the
    /// time that the vendor waits for an answer.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        SqlStore { timeout, ..self }
    }

    /// Makes [`transact`](Self::transact) acknowledge a delivery whose key belongs to an
    /// event with another payload, instead of handling it, as
    /// [`Once::acknowledge_conflicts`](crate::idempotency::Once::acknowledge_conflicts) does.
    #[must_use]
    pub fn acknowledge_conflicts(self) -> Self {
        SqlStore { acknowledge_conflicts: true, ..self }
    }

    /// Makes [`transact`](Self::transact) answer 500 for an event whose data does not fit its
    /// type, without running the handler, as
    /// [`Once::retry_undecodable`](crate::idempotency::Once::retry_undecodable) does.
    #[must_use]
    pub fn retry_undecodable(self) -> Self {
        SqlStore { retry_undecodable: true, ..self }
    }

    /// Makes [`transact`](Self::transact) handle an event that is older than the retention,
    /// instead of refusing it with 401, as
    /// [`Once::handle_stale`](crate::idempotency::Once::handle_stale) does.
    #[must_use]
    pub fn handle_stale(self) -> Self {
        SqlStore { handle_stale: true, ..self }
    }

    /// Returns the pool, for statements of your own.
    pub fn pool(&self) -> &Pool<D::Db> {
        &self.pool
    }

    /// Runs the handler in one transaction with the event's record, so that its effects
    /// happen **exactly once**, as long as all of them go through that connection.
    ///
    /// | handler | transaction | answer |
    /// |---|---|---|
    /// | succeeds | commits the effects and the record | the vendor's success status |
    /// | fails or panics | is rolled back | 500, so that the vendor sends the event again |
    /// | fails permanently | commits the record without the effects | the vendor's success status |
    /// | succeeds, and the commit fails or gets no answer ([`Outcome::Uncommitted`]) | is committed or rolled back | 503; the next delivery finds out |
    /// | does not run: another transaction has the event | | 503 |
    /// | does not run: the event is older than the retention ([`Outcome::Stale`]) | | 401 |
    ///
    /// An event that was handled before is acknowledged, and one whose key belongs to
    /// another payload is handled under the key together with the payload's digest, as they
    /// are by [`Once`](crate::idempotency::Once). While another transaction has the key, its
    /// payload cannot be seen, so both events get 503 until that transaction ends.
    pub async fn transact<E: Event>(
        &self,
        delivery: &Delivery<E>,
        handler: impl AsyncFnOnce(&E, &mut Connection<D>) -> Result<(), HandlerError>,
    ) -> Handled {
        retention::compared(delivery, Some(self.settings.retention()));
        let mut handling = Handling::of(delivery);
        let outcome = self.transaction(&mut handling, handler).await.unwrap_or_else(Outcome::Unclaimed);
        Handled::end(handling, outcome)
    }

    async fn transaction<E: Event>(
        &self,
        handling: &mut Handling<'_, E>,
        handler: impl AsyncFnOnce(&E, &mut Connection<D>) -> Result<(), HandlerError>,
    ) -> Result<Outcome, StoreError> {
        if self.retry_undecodable && handling.delivery().event().undecodable().is_some() {
            return Ok(Outcome::Undecodable);
        }
        if !self.handle_stale
            && let Err(too_old) = retention::check_age(handling.delivery(), self.retention())
        {
            return Ok(Outcome::Stale(too_old));
        }
        let mut connection = self.acquire().await?;
        let outcome = self.transaction_on(&mut connection, handling, handler).await;
        if let Err(StoreError::Timeout) | Ok(Outcome::Uncommitted(StoreError::Timeout)) = outcome {
            D::discard(connection);
        }
        outcome
    }

    /// Claims the event, runs the handler and finishes the transaction. An error means
    /// that the handler did not run.
    async fn transaction_on<E: Event>(
        &self,
        connection: &mut Connection<D>,
        handling: &mut Handling<'_, E>,
        handler: impl AsyncFnOnce(&E, &mut Connection<D>) -> Result<(), HandlerError>,
    ) -> Result<Outcome, StoreError> {
        // Dropping the transaction rolls it back.
        let mut transaction = within(self.timeout, connection.begin_with(SqlStr::from_static(D::BEGIN))).await?;
        let delivery = handling.delivery();
        let key = Key::of(delivery);
        let mut conflict = false;
        if let Some(key) = &key {
            let payload = PayloadDigest::of_delivery(delivery);
            let mut claim = self.claim_in(&mut transaction, key, &payload).await?;
            conflict = matches!(claim, Claim::Conflict { .. }) && !self.acknowledge_conflicts;
            if conflict {
                claim = self.claim_in(&mut transaction, &key.with_payload(&payload), &payload).await?;
                if let Claim::Conflict { .. } = claim {
                    return Err(StoreError::CONFLICT_OF_ITSELF);
                }
            }
            if let Err(refused) = Outcome::of_refused(claim) {
                return Ok(self.finish(transaction, refused).await);
            }
        }
        let outcome = self.run_in_savepoint(&mut transaction, handling, handler).await?;
        Ok(match self.finish(transaction, outcome).await {
            Outcome::Handled if key.is_none() => Outcome::Unkeyed,
            outcome => outcome.with_conflict(conflict),
        })
    }

    /// Runs the handler in a savepoint, so that the effects of a handler that fails
    /// permanently can be undone without the record.
    async fn run_in_savepoint<E: Event>(
        &self,
        transaction: &mut Connection<D>,
        handling: &mut Handling<'_, E>,
        handler: impl AsyncFnOnce(&E, &mut Connection<D>) -> Result<(), HandlerError>,
    ) -> Result<Outcome, StoreError> {
        let mut savepoint = within(self.timeout, transaction.begin()).await?;
        let outcome = handling.run(Outcome::of_handler(handler(handling.delivery().event(), &mut savepoint))).await;
        let ended = match &outcome {
            Outcome::Handled => within(self.timeout, savepoint.commit()).await,
            Outcome::Rejected(_) => within(self.timeout, savepoint.rollback()).await,
            // The whole transaction is rolled back.
            _ => Ok(()),
        };
        Ok(ended.map_or_else(Outcome::Uncommitted, |()| outcome))
    }

    /// Commits what is to stay, and rolls back the rest.
    async fn finish(&self, transaction: Transaction<'_, D::Db>, outcome: Outcome) -> Outcome {
        match outcome {
            Outcome::Handled | Outcome::Rejected(_) => match within(self.timeout, transaction.commit()).await {
                Ok(()) => outcome,
                Err(error) => Outcome::Uncommitted(error),
            },
            // The connection has failed.
            Outcome::Uncommitted(_) => outcome,
            _ => {
                // Before the answer, so that a retry does not meet what is left of this
                // try. If it fails, the end of the connection rolls back.
                let _ = within(self.timeout, transaction.rollback()).await;
                outcome
            }
        }
    }

    /// Claims and completes the key inside your own transaction, so that the effects and
    /// the record commit together: exactly once. After [`Claim::Fresh`], write the effects
    /// and commit, or roll back to release the key. The lease needs no further step. After
    /// [`Claim::Conflict`], claim [`Key::with_payload`].
    ///
    /// [`transact`](Self::transact) does all of this.
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails. The transaction must then be rolled back.
    pub async fn claim_in(
        &self,
        transaction: &mut Connection<D>,
        key: &Key,
        body: &PayloadDigest,
    ) -> Result<Claim, StoreError> {
        in_time(self.timeout, async {
            if !self.dialect.try_lock_key(transaction, key).await? {
                return Ok(Claim::InFlight { retry_after: OTHER_TRANSACTION });
            }
            let claim = self.claim_on(transaction, key, body).await?;
            if let Claim::Fresh(lease) = &claim {
                self.complete_on(transaction, lease).await?;
            }
            Ok(claim)
        })
        .await
    }

    /// Deletes the records whose time is over, a thousand at a time, and returns how many
    /// there were. Call it now and then: only the size of the table depends on it.
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails. The records that were deleted until then
    /// stay deleted.
    pub async fn purge(&self) -> Result<u64, StoreError> {
        let mut total: u64 = 0;
        loop {
            let deleted = self
                .step(async |connection: &mut Connection<D>| Ok(self.dialect.purge(connection, PURGE_BATCH).await?))
                .await?;
            total = total.saturating_add(deleted);
            if deleted < PURGE_BATCH.unsigned_abs() {
                return Ok(total);
            }
        }
    }

    /// Runs a step on a connection of its own, within the time limit.
    async fn step<T>(
        &self,
        step: impl AsyncFnOnce(&mut Connection<D>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let start = Instant::now();
        let mut connection = self.acquire().await?;
        let left = self.timeout.saturating_sub(start.elapsed());
        let answer = in_time(left, step(&mut connection)).await;
        if let Err(StoreError::Timeout) = answer {
            D::discard(connection);
        }
        answer
    }

    async fn acquire(&self) -> Result<PoolConnection<D::Db>, StoreError> {
        within(self.timeout, self.pool.acquire()).await
    }

    async fn claim_on(
        &self,
        connection: &mut Connection<D>,
        key: &Key,
        body: &PayloadDigest,
    ) -> Result<Claim, StoreError> {
        let token = LeaseToken::unique();
        let claim = NewClaim {
            key: key.as_str(),
            token: token.as_bytes(),
            body: body.as_bytes(),
            lease: millis(self.settings.lease()),
            retention: millis(self.settings.retention()),
        };
        for _ in 0..CLAIM_ATTEMPTS {
            let mut record = self.dialect.claim(connection, &claim).await?;
            if record.is_none() {
                // Not claimed: read the holder for the answer. A race here only changes
                // which refusal is given.
                record = self.dialect.read(connection, key).await?;
            }
            // A record that ended or was released in between is free: try again.
            if let Some(record) = record.filter(|record| record.left > 0) {
                return Ok(record.answer(key, body, token, self.settings.lease()));
            }
        }
        Err(StoreError::Contended("the record came and went".into()))
    }

    async fn complete_on(&self, connection: &mut Connection<D>, lease: &Lease) -> Result<(), StoreError> {
        changed(self.dialect.complete(connection, lease, millis(self.settings.retention())).await?)
    }

    async fn release_on(&self, connection: &mut Connection<D>, lease: &Lease) -> Result<(), StoreError> {
        changed(self.dialect.release(connection, lease).await?)
    }

    async fn extend_on(&self, connection: &mut Connection<D>, lease: &Lease) -> Result<(), StoreError> {
        changed(self.dialect.extend(connection, lease, millis(self.settings.retention())).await?)
    }
}

impl<D: Dialect> Store for SqlStore<D> {
    fn claim<'a>(&'a self, key: &'a Key, body: &'a PayloadDigest) -> BoxFuture<'a, Result<Claim, StoreError>> {
        let (store, key, body) = (self.clone(), key.clone(), *body);
        let claim = async move {
            store.step(async |connection: &mut Connection<D>| store.claim_on(connection, &key, &body).await).await
        };
        Box::pin(Claiming::new(self.clone(), Box::pin(claim)))
    }

    fn complete<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(self.step(async move |connection: &mut Connection<D>| self.complete_on(connection, lease).await))
    }

    fn release<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(self.step(async move |connection: &mut Connection<D>| self.release_on(connection, lease).await))
    }

    fn extend<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(self.step(async move |connection: &mut Connection<D>| self.extend_on(connection, lease).await))
    }

    fn forget<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(
            self.step(async move |connection: &mut Connection<D>| Ok(self.dialect.forget(connection, key).await? > 0)),
        )
    }

    fn abandon(&self, lease: Lease) {
        // Without a runtime, which is shutting down, the lease ends by itself.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let store = self.clone();
            runtime.spawn(async move { store.release(&lease).await });
        }
    }

    fn complete_later(&self, lease: Lease) {
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let store = self.clone();
            runtime.spawn(async move { complete_or_repeat(&store, &lease).await });
        }
    }

    fn retention(&self) -> Option<Duration> {
        Some(self.settings.retention())
    }
}

// Not derived: a derive would require `D::Db: Clone`.
impl<D: Dialect> Clone for SqlStore<D> {
    fn clone(&self) -> Self {
        SqlStore { pool: self.pool.clone(), dialect: self.dialect.clone(), ..*self }
    }
}

impl<D: Dialect> fmt::Debug for SqlStore<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlStore")
            .field("dialect", &self.dialect)
            .field("settings", &self.settings)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// What differs between the databases: the statements, and the care of a connection.
///
/// The trait is not exported, so nobody else can implement it. All spans are in
/// milliseconds.
pub trait Dialect: Clone + fmt::Debug + Send + Sync + 'static {
    /// The driver.
    type Db: Database;

    /// The statement that begins a transaction which will write.
    const BEGIN: &'static str;

    /// Inserts a record, or takes over one whose time is over, and returns it. Returns
    /// `None`, and changes nothing, while the time of another record lasts.
    fn claim(
        &self,
        connection: &mut Connection<Self>,
        claim: &NewClaim<'_>,
    ) -> impl Future<Output = Result<Option<Record>, sqlx::Error>> + Send;

    /// Returns the record of a key.
    fn read(
        &self,
        connection: &mut Connection<Self>,
        key: &Key,
    ) -> impl Future<Output = Result<Option<Record>, sqlx::Error>> + Send;

    /// Marks the lease's record as done, and returns how many there were. A record that is
    /// done already stays as it is, and counts.
    fn complete(
        &self,
        connection: &mut Connection<Self>,
        lease: &Lease,
        retention: i64,
    ) -> impl Future<Output = Result<u64, sqlx::Error>> + Send;

    /// Deletes the lease's record if it is not done, and returns how many there were.
    fn release(
        &self,
        connection: &mut Connection<Self>,
        lease: &Lease,
    ) -> impl Future<Output = Result<u64, sqlx::Error>> + Send;

    /// Extends the lease of its record if that is not done, and returns how many there were.
    fn extend(
        &self,
        connection: &mut Connection<Self>,
        lease: &Lease,
        retention: i64,
    ) -> impl Future<Output = Result<u64, sqlx::Error>> + Send;

    /// Deletes the record of a key, whatever its state, and returns how many there were.
    fn forget(
        &self,
        connection: &mut Connection<Self>,
        key: &Key,
    ) -> impl Future<Output = Result<u64, sqlx::Error>> + Send;

    /// Deletes at most `limit` records whose time is over, and returns how many there were.
    fn purge(
        &self,
        connection: &mut Connection<Self>,
        limit: i64,
    ) -> impl Future<Output = Result<u64, sqlx::Error>> + Send;

    /// Returns whether no other transaction has this key, without waiting for one. The key
    /// is then this transaction's until it ends.
    fn try_lock_key(
        &self,
        transaction: &mut Connection<Self>,
        key: &Key,
    ) -> impl Future<Output = Result<bool, sqlx::Error>> + Send;

    /// Takes a connection that gave no answer in time out of its pool, if it may never
    /// answer again.
    fn discard(connection: PoolConnection<Self::Db>);
}

/// A connection to a dialect's database.
pub(super) type Connection<D> = <<D as Dialect>::Db as Database>::Connection;

/// The record that a claim wants to write.
#[derive(Debug)]
pub struct NewClaim<'c> {
    pub(super) key: &'c str,
    pub(super) token: &'c [u8],
    pub(super) body: &'c [u8],
    pub(super) lease: i64,
    pub(super) retention: i64,
}

/// A record that a claim has written or found.
#[derive(Debug)]
pub struct Record {
    token: Vec<u8>,
    body: Vec<u8>,
    done: bool,
    /// The time until the lease or the retention ends.
    left: i64,
}

/// The columns in which the statements return a record.
pub(super) type Row = (Vec<u8>, Vec<u8>, bool, i64);

impl From<Row> for Record {
    fn from((token, body, done, left): Row) -> Self {
        Record { token, body, done, left }
    }
}

impl Record {
    fn answer(self, key: &Key, body: &PayloadDigest, token: LeaseToken, lease: Duration) -> Claim {
        if self.token == token.as_bytes() {
            return Claim::Fresh(Lease::new(key.clone(), token, lease));
        }
        let left = Duration::from_millis(u64::try_from(self.left).unwrap_or_default());
        let retry_after = (!self.done).then_some(left);
        match retry_after {
            _ if self.body != body.as_bytes() => Claim::Conflict { retry_after },
            Some(retry_after) => Claim::InFlight { retry_after },
            None => Claim::Done,
        }
    }
}

pub(crate) fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// Turns a change of no record into [`StoreError::LeaseLost`].
fn changed(records: u64) -> Result<(), StoreError> {
    if records == 0 { Err(StoreError::LeaseLost) } else { Ok(()) }
}

/// Awaits a call of the driver for at most this long.
pub(crate) async fn within<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, StoreError> {
    in_time(limit, async { Ok(call.await?) }).await
}

/// Awaits a step for at most this long. A step that takes longer may happen all the same.
pub(crate) async fn in_time<T>(
    limit: Duration,
    step: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    tokio::time::timeout(limit, step).await.unwrap_or(Err(StoreError::Timeout))
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if matches!(error, sqlx::Error::PoolTimedOut) {
            return StoreError::Timeout;
        }
        let Some(database) = error.as_database_error() else { return StoreError::unavailable(error) };
        // SQLite has one code for all of these. The column is missing in a table of an earlier
        // version.
        let message = database.message();
        let not_migrated = message.starts_with("no such table")
            || message.ends_with("no column named claimed")
            || message.ends_with("no such column: claimed");
        match database.code().as_deref() {
            // PostgreSQL: serialization failure, deadlock, lock not available. SQLite:
            // SQLITE_BUSY, SQLITE_LOCKED and their extended codes.
            Some("40001" | "40P01" | "55P03" | "5" | "261" | "517" | "773" | "6" | "262") => {
                StoreError::Contended(error.into())
            }
            // PostgreSQL: disk full, out of memory. SQLite: SQLITE_FULL.
            Some("53100" | "53200" | "13") => StoreError::Full { retry_after: None },
            Some("42P01") => StoreError::NotMigrated(error.into()),
            _ if not_migrated => StoreError::NotMigrated(error.into()),
            _ => StoreError::unavailable(error),
        }
    }
}

/// A claim needs a second try only if a record goes between two statements.
const CLAIM_ATTEMPTS: usize = 5;

const PURGE_BATCH: i64 = 1_000;

/// Transactions are expected to be short.
const OTHER_TRANSACTION: Duration = Duration::from_secs(1);

pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);
