//! The store in a SQLite file (feature `sqlite`).

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sqlx::SqlStr;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

use super::sql::{DEFAULT_TIMEOUT, Dialect, NewClaim, Record, Row, SqlStore, millis};
use crate::idempotency::claim::Lease;
use crate::idempotency::key::Key;
use crate::idempotency::store::StoreError;

/// A store in a SQLite file: it is durable with nothing to install, and serves the
/// processes of one machine.
///
/// With [`transact`](SqlStore::transact) or [`claim_in`](SqlStore::claim_in), effects in
/// the same file happen exactly once.
///
/// ```
/// use offhook::idempotency::SqliteStore;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), offhook::idempotency::StoreError> {
/// # let dir = std::env::temp_dir().join(format!("offhook-doc-{}", std::process::id()));
/// # std::fs::create_dir_all(&dir).unwrap();
/// # let file = dir.join("offhook.db");
/// let store = SqliteStore::open(&file).await?;
/// store.migrate().await?;
/// assert_eq!(store.purge().await?, 0);
/// # drop(store); std::fs::remove_dir_all(dir).unwrap();
/// # Ok(()) }
/// ```
///
/// The pool is one of sqlx 0.9, which is re-exported as
/// [`offhook::idempotency::sqlx`](crate::idempotency::sqlx).
///
/// # Time
///
/// SQLite has no clock but the host's. The store reads it once, when it is created, and
/// counts on from there by the monotonic clock, so a step of the host's clock changes
/// nothing for a running process. There are limits if the clock was set by more than a
/// lease, or if a Linux machine was suspended for longer than that (the monotonic clock
/// does not count the time of a suspension):
///
/// - Two processes that run at the same time, one started before and one after, disagree
///   by that span. The one that is ahead considers the other's leases ended and takes them
///   over while their owner works on. The owner then loses them
///   ([`StoreError::LeaseLost`]). Restart the older process. A single process, and
///   [`transact`](SqlStore::transact), which holds no lease, are not affected.
/// - A lease that was given in the future is what a clock that was set back leaves behind.
///   It is counted from now on instead, so nothing waits for longer than the lease lasts.
/// - A record that outlives its process is remembered for as much longer or shorter as the
///   clock was set back or ahead.
pub type SqliteStore = SqlStore<SqliteDialect>;

impl SqliteStore {
    /// The statements that create the table `offhook_deliveries`, for your own migrations.
    /// [`migrate`](Self::migrate) runs them. A table of an earlier version also needs
    /// `ALTER TABLE offhook_deliveries ADD COLUMN claimed INTEGER NOT NULL DEFAULT 0`.
    pub const SCHEMA: &'static [&'static str] = &SCHEMA;

    /// Uses the file of this pool. The pool should wait when the file is locked
    /// (`busy_timeout`) and use a write-ahead log (`journal_mode` WAL).
    pub fn new(pool: SqlitePool) -> Self {
        SqlStore::with_dialect(pool, SqliteDialect { time: host_time() })
    }

    /// Opens this file, and creates it if it does not exist. It uses a write-ahead log, and
    /// every commit is on disk before it is answered (`synchronous` FULL).
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be opened.
    pub async fn open(file: impl AsRef<Path>) -> Result<Self, StoreError> {
        Ok(SqliteStore::new(open_pool(file).await?))
    }

    /// Creates a database in memory, with the table `offhook_deliveries`: for tests of handlers
    /// that use [`transact`](SqlStore::transact), without a file or a server.
    ///
    /// It has one connection. A step that needs a second one waits until its time is up, for
    /// example a statement on the [`pool`](SqlStore::pool) inside of a transaction. When the
    /// last copy of the store is dropped, everything is gone.
    ///
    /// # Errors
    ///
    /// Returns an error if SQLite fails, for example because there is no memory.
    pub async fn in_memory() -> Result<Self, StoreError> {
        // SQLite deletes the database with its connection, so the pool must never replace it.
        let pool = SqlitePoolOptions::new()
            .min_connections(1)
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .acquire_timeout(DEFAULT_TIMEOUT);
        let store = SqliteStore::new(pool.connect_with(SqliteConnectOptions::new().in_memory(true)).await?);
        store.migrate().await?;
        Ok(store)
    }

    /// Reads the time, in milliseconds since 1970, from this function: for tests.
    #[must_use]
    pub fn with_time(mut self, time: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        self.dialect = SqliteDialect { time: Arc::new(time) };
        self
    }

    /// Creates the table `offhook_deliveries` if it does not exist, and adds the column that
    /// a table of an earlier version lacks. Its records stay.
    ///
    /// # Errors
    ///
    /// Returns an error if the database refuses, for example because the file is read-only.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        // Two services that start at the same time would both add the column.
        let mut transaction = self.pool().begin_with(SqlStr::from_static(SqliteDialect::BEGIN)).await?;
        for statement in SCHEMA {
            sqlx::query(statement).execute(&mut *transaction).await?;
        }
        if sqlx::query_scalar::<_, i64>(HAS_CLAIMED).fetch_one(&mut *transaction).await? == 0 {
            sqlx::query(ADD_CLAIMED).execute(&mut *transaction).await?;
        }
        Ok(transaction.commit().await?)
    }
}

/// Opens a file as [`SqliteStore::open`] says.
pub(crate) async fn open_pool(file: impl AsRef<Path>) -> Result<SqlitePool, StoreError> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT);
    // One connection writes at a time, and the pool is a fairer queue than SQLite.
    let pool = SqlitePoolOptions::new().max_connections(4).acquire_timeout(DEFAULT_TIMEOUT);
    Ok(pool.connect_with(options).await?)
}

/// Returns the host's time in milliseconds since 1970, which the monotonic clock carries on
/// from now.
pub(crate) fn host_time() -> Arc<dyn Fn() -> i64 + Send + Sync> {
    let start = Instant::now();
    let epoch = millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default());
    Arc::new(move || epoch.saturating_add(millis(start.elapsed())))
}

/// The statements of SQLite, with the store's clock.
#[derive(Clone)]
pub struct SqliteDialect {
    time: Arc<dyn Fn() -> i64 + Send + Sync>,
}

impl Dialect for SqliteDialect {
    type Db = sqlx::Sqlite;

    /// IMMEDIATE takes the write lock first: upgrading a read lock fails with SQLITE_BUSY
    /// instead of waiting.
    const BEGIN: &'static str = "BEGIN IMMEDIATE";

    async fn claim(
        &self,
        connection: &mut SqliteConnection,
        claim: &NewClaim<'_>,
    ) -> Result<Option<Record>, sqlx::Error> {
        let query = sqlx::query_as::<_, Row>(CLAIM)
            .bind(claim.key)
            .bind(claim.token)
            .bind(claim.body)
            .bind(claim.lease)
            .bind(claim.retention)
            .bind((self.time)());
        // All rows, although there is at most one: SQLite commits after the last, and only
        // then does a full disk show.
        Ok(query.fetch_all(connection).await?.into_iter().next().map(Record::from))
    }

    async fn read(&self, connection: &mut SqliteConnection, key: &Key) -> Result<Option<Record>, sqlx::Error> {
        let query = sqlx::query_as::<_, Row>(READ).bind(key.as_str()).bind((self.time)());
        Ok(query.fetch_optional(connection).await?.map(Record::from))
    }

    async fn complete(
        &self,
        connection: &mut SqliteConnection,
        lease: &Lease,
        retention: i64,
    ) -> Result<u64, sqlx::Error> {
        let query = sqlx::query(COMPLETE)
            .bind(lease.key().as_str())
            .bind(&lease.token().as_bytes()[..])
            .bind(retention)
            .bind((self.time)());
        Ok(query.execute(connection).await?.rows_affected())
    }

    async fn release(&self, connection: &mut SqliteConnection, lease: &Lease) -> Result<u64, sqlx::Error> {
        let query = sqlx::query(RELEASE).bind(lease.key().as_str()).bind(&lease.token().as_bytes()[..]);
        Ok(query.execute(connection).await?.rows_affected())
    }

    async fn extend(
        &self,
        connection: &mut SqliteConnection,
        lease: &Lease,
        retention: i64,
    ) -> Result<u64, sqlx::Error> {
        let query = sqlx::query(EXTEND)
            .bind(lease.key().as_str())
            .bind(&lease.token().as_bytes()[..])
            .bind(millis(lease.ttl()))
            .bind(retention)
            .bind((self.time)());
        Ok(query.execute(connection).await?.rows_affected())
    }

    async fn forget(&self, connection: &mut SqliteConnection, key: &Key) -> Result<u64, sqlx::Error> {
        Ok(sqlx::query(FORGET).bind(key.as_str()).execute(connection).await?.rows_affected())
    }

    async fn purge(&self, connection: &mut SqliteConnection, limit: i64) -> Result<u64, sqlx::Error> {
        Ok(sqlx::query(PURGE).bind((self.time)()).bind(limit).execute(connection).await?.rows_affected())
    }

    /// Only one transaction can write, so no other one has the key.
    async fn try_lock_key(&self, _transaction: &mut SqliteConnection, _key: &Key) -> Result<bool, sqlx::Error> {
        Ok(true)
    }

    /// Keeps the connection: no server can go silent, and it may be the only connection to
    /// a database in memory.
    fn discard(_connection: PoolConnection<sqlx::Sqlite>) {}
}

impl fmt::Debug for SqliteDialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SqliteDialect")
    }
}

const SCHEMA: [&str; 2] = [
    "CREATE TABLE IF NOT EXISTS offhook_deliveries (
        key TEXT PRIMARY KEY,
        token BLOB NOT NULL,
        body BLOB NOT NULL,
        done BOOLEAN NOT NULL,
        until INTEGER NOT NULL,
        kept INTEGER NOT NULL,
        claimed INTEGER NOT NULL DEFAULT 0
    ) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS offhook_deliveries_kept ON offhook_deliveries (kept)",
];

/// Brings a table of an earlier version to the current form. Its leases were claimed at an
/// unknown time, so they are not moved.
const ADD_CLAIMED: &str = "ALTER TABLE offhook_deliveries ADD COLUMN claimed INTEGER NOT NULL DEFAULT 0";

const HAS_CLAIMED: &str = "SELECT count(*) FROM pragma_table_info('offhook_deliveries') WHERE name = 'claimed'";

/// `claimed` is the time at which the lease was given or last extended. `until` is the end of
/// a lease, or of a handled event's retention. `kept` is the time from which a purge may
/// delete the record. All are in milliseconds since 1970. A record whose time is over is
/// taken over. Any other one returns no row and is not written, except that a lease which
/// was given in the future is moved: it lasts from now, as long as it lasted at first.
const CLAIM: &str = "INSERT INTO offhook_deliveries AS r (key, token, body, done, claimed, until, kept)
    VALUES (?1, ?2, ?3, false, ?6, ?6 + ?4, ?6 + ?4 + ?5)
    ON CONFLICT (key) DO UPDATE SET
        token = CASE WHEN r.until <= ?6 THEN excluded.token ELSE r.token END,
        body = CASE WHEN r.until <= ?6 THEN excluded.body ELSE r.body END,
        done = false,
        claimed = ?6,
        until = CASE WHEN r.until <= ?6 THEN excluded.until ELSE r.until - r.claimed + ?6 END,
        kept = CASE WHEN r.until <= ?6 THEN excluded.kept ELSE r.kept - r.claimed + ?6 END
    WHERE r.until <= ?6 OR (NOT r.done AND r.claimed > ?6)
    RETURNING token, body, done, until - ?6";

const READ: &str = "SELECT token, body, done, until - ?2 FROM offhook_deliveries WHERE key = ?1";

const COMPLETE: &str = "UPDATE offhook_deliveries SET
        done = true,
        until = CASE WHEN done THEN until ELSE ?4 + ?3 END,
        kept = CASE WHEN done THEN kept ELSE ?4 + ?3 END
    WHERE key = ?1 AND token = ?2";

const RELEASE: &str = "DELETE FROM offhook_deliveries WHERE key = ?1 AND token = ?2 AND NOT done";

const EXTEND: &str = "UPDATE offhook_deliveries SET claimed = ?5, until = ?5 + ?3, kept = ?5 + ?3 + ?4
    WHERE key = ?1 AND token = ?2 AND NOT done";

const FORGET: &str = "DELETE FROM offhook_deliveries WHERE key = ?1";

const PURGE: &str = "DELETE FROM offhook_deliveries WHERE key IN (
        SELECT key FROM offhook_deliveries WHERE kept <= ?1 ORDER BY kept LIMIT ?2
    )";

/// Shorter than the limit of a step, so that the error says what it waited for.
const BUSY_TIMEOUT: Duration = Duration::from_secs(4);
