//! The store in a SQLite file (feature `sqlite`).

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sqlx::pool::PoolConnection;
use sqlx::query::{Query, QueryAs};
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteRow, SqliteSynchronous,
};

use super::sql;
use crate::delivery::Delivery;
use crate::event::Event;
use crate::idempotency::claim::{Claim, Lease, LeaseToken};
use crate::idempotency::key::{BodyDigest, Key};
use crate::idempotency::once::{Handled, HandlerError, Once, Outcome, caught};
use crate::idempotency::settings::StoreSettings;
use crate::idempotency::store::{BoxFuture, Store, StoreError};

/// Remembers in a file: durable with nothing to install, for the processes of one
/// machine.
///
/// With [`Once::transact`], or [`claim_in`](Self::claim_in), effects in the same
/// file happen exactly once.
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
/// # Time
///
/// SQLite has no clock but the host's. It is read once, when the store is made,
/// and counted on from there by the monotonic clock, so that a step of the host's
/// clock changes nothing for a running process. Its limits, where the clock was
/// set, or a Linux machine was suspended (which the monotonic clock does not
/// count), by more than a lease:
///
/// - Two processes that run at once, one started before and one after, disagree by
///   that span. The one that is ahead takes the other's leases for ended, and takes
///   them over while their owner works on, who then loses them
///   ([`StoreError::LeaseLost`]). Start the older one anew. One process at a time,
///   and [`Once::transact`], which holds no lease, are not concerned.
/// - A lease that ends later than any lease given now could, which is what a clock
///   that was set back leaves behind, is cut to one: nothing waits for longer.
/// - A record that outlives its process is remembered for as much longer or shorter
///   as the clock was set back or ahead.
#[derive(Clone)]
pub struct SqliteStore {
    pool: SqlitePool,
    settings: StoreSettings,
    timeout: Duration,
    time: Arc<dyn Fn() -> i64 + Send + Sync>,
}

impl SqliteStore {
    /// In the file of this pool, which should wait when the file is locked
    /// (`busy_timeout`) and write ahead (`journal_mode` WAL).
    pub fn new(pool: SqlitePool) -> Self {
        let start = Instant::now();
        let epoch = sql::millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default());
        let time = Arc::new(move || epoch.saturating_add(sql::millis(start.elapsed())));
        SqliteStore { pool, settings: StoreSettings::new(), timeout: sql::DEFAULT_TIMEOUT, time }
    }

    /// In this file, which is created if it is not there: WAL, and every commit on
    /// disk before it is answered (`synchronous` FULL).
    ///
    /// # Errors
    ///
    /// A file that cannot be opened.
    pub async fn open(file: impl AsRef<Path>) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT);
        // One at a time writes, and waiting in the pool is fairer than in SQLite.
        let pool = SqlitePoolOptions::new().max_connections(4).acquire_timeout(sql::DEFAULT_TIMEOUT);
        Ok(SqliteStore::new(pool.connect_with(options).await.map_err(sql::error)?))
    }

    /// Takes the time, in milliseconds since 1970, from elsewhere: for tests.
    #[must_use]
    pub fn with_time(self, time: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        SqliteStore { time: Arc::new(time), ..self }
    }

    /// Creates the table `offhook_deliveries`, if it is not there.
    ///
    /// # Errors
    ///
    /// The database's, such as a file that is read-only.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        for statement in MIGRATE {
            sqlx::query(statement).execute(&self.pool).await.map_err(sql::error)?;
        }
        Ok(())
    }

    /// SQLite lets one transaction write.
    async fn alone_at(_connection: &mut SqliteConnection, _key: &Key) -> Result<bool, StoreError> {
        Ok(true)
    }

    /// No server can go silent, and the connection may be the only one to a database
    /// in memory.
    fn give_up(_connection: PoolConnection<sqlx::Sqlite>) {}

    fn timed<'q>(&self, query: Query<'q, sqlx::Sqlite, SqliteArguments>) -> Query<'q, sqlx::Sqlite, SqliteArguments> {
        query.bind((self.time)())
    }

    fn timed_as<'q, T>(
        &self,
        query: QueryAs<'q, sqlx::Sqlite, T, SqliteArguments>,
    ) -> QueryAs<'q, sqlx::Sqlite, T, SqliteArguments>
    where
        T: for<'r> sqlx::FromRow<'r, SqliteRow>,
    {
        query.bind((self.time)())
    }
}

// A transaction that first reads and then writes could not wait for a lock.
sql::sql_store!(SqliteStore, sqlx::Sqlite, SqliteConnection, begin: "BEGIN IMMEDIATE");

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore").field("settings", &self.settings).finish_non_exhaustive()
    }
}

const MIGRATE: [&str; 2] = [
    "CREATE TABLE IF NOT EXISTS offhook_deliveries (
        key TEXT PRIMARY KEY,
        token BLOB NOT NULL,
        body BLOB NOT NULL,
        done BOOLEAN NOT NULL,
        until INTEGER NOT NULL,
        kept INTEGER NOT NULL
    ) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS offhook_deliveries_kept ON offhook_deliveries (kept)",
];

/// `until` ends a lease or a handled event's retention, `kept` lets a purge have
/// the record; both in milliseconds since 1970. A record whose time is over is
/// taken; any other returns nothing, and is not written. A lease that ends too
/// late is cut.
const CLAIM: &str = "INSERT INTO offhook_deliveries AS r (key, token, body, done, until, kept)
    VALUES (?1, ?2, ?3, false, ?6 + ?4, ?6 + ?4 + ?5)
    ON CONFLICT (key) DO UPDATE SET
        token = CASE WHEN r.until <= ?6 THEN excluded.token ELSE r.token END,
        body = CASE WHEN r.until <= ?6 THEN excluded.body ELSE r.body END,
        done = false,
        until = excluded.until,
        kept = excluded.kept
    WHERE r.until <= ?6 OR (NOT r.done AND r.until > excluded.until)
    RETURNING token, body, done, ?4";

const READ: &str = "SELECT token, body, done, until - ?2 FROM offhook_deliveries WHERE key = ?1";

const COMPLETE: &str = "UPDATE offhook_deliveries SET
        done = true,
        until = CASE WHEN done THEN until ELSE ?4 + ?3 END,
        kept = CASE WHEN done THEN kept ELSE ?4 + ?3 END
    WHERE key = ?1 AND token = ?2";

const RELEASE: &str = "DELETE FROM offhook_deliveries WHERE key = ?1 AND token = ?2 AND NOT done";

const EXTEND: &str = "UPDATE offhook_deliveries SET until = ?5 + ?3, kept = ?5 + ?3 + ?4
    WHERE key = ?1 AND token = ?2 AND NOT done";

const PURGE: &str = "DELETE FROM offhook_deliveries WHERE key IN (
        SELECT key FROM offhook_deliveries WHERE kept <= ?1 ORDER BY kept LIMIT 1000
    )";

/// Below the limit of a step, so that the error says what it waited for.
const BUSY_TIMEOUT: Duration = Duration::from_secs(4);

const OTHER_TRANSACTION: Duration = Duration::from_secs(1);
