//! The store in PostgreSQL (feature `postgres`).

use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgConnection, PgPool, PgPoolOptions, PgRow};
use sqlx::query::{Query, QueryAs};

use super::sql;
use crate::delivery::Delivery;
use crate::event::Event;
use crate::idempotency::claim::{Claim, Lease, LeaseToken};
use crate::idempotency::key::{BodyDigest, Key};
use crate::idempotency::once::{Handled, HandlerError, Once, Outcome, caught};
use crate::idempotency::settings::StoreSettings;
use crate::idempotency::store::{BoxFuture, Store, StoreError};

/// Remembers in PostgreSQL 12 or later: as durable as the database, for any
/// number of machines. All times are the server's.
///
/// With [`Once::transact`], or [`claim_in`](Self::claim_in), effects in the same
/// database happen exactly once.
///
/// ```no_run
/// use offhook::idempotency::{Once, PostgresStore};
/// use offhook::{Delivery, Reply, truedy};
///
/// # async fn start() -> Result<(), offhook::idempotency::StoreError> {
/// let store = PostgresStore::connect("postgres://app@localhost/app").await?;
/// store.migrate().await?;
/// # Ok(()) }
///
/// async fn on_truedy(store: &PostgresStore, delivery: Delivery<truedy::Event>) -> Reply {
///     Once::new(store)
///         .transact(&delivery, async |event: &truedy::Event, tx: &mut sqlx::PgConnection| {
///             let truedy::Event::CallEnded(ended) = event else { return Ok(()) };
///             sqlx::query("INSERT INTO calls (id) VALUES ($1)")
///                 .bind(ended.call.call_id.as_deref())
///                 .execute(tx)
///                 .await
///                 .map(drop)
///         })
///         .await
///         .into()
/// }
/// ```
///
/// TLS to the server comes with one of sqlx's `tls-…` features, in your own manifest.
#[derive(Clone, Debug)]
pub struct PostgresStore {
    pool: PgPool,
    settings: StoreSettings,
    timeout: Duration,
}

impl PostgresStore {
    /// In the database of this pool. A pool that recycles connections without
    /// testing them turns a server's restart into errors.
    pub fn new(pool: PgPool) -> Self {
        PostgresStore { pool, settings: StoreSettings::new(), timeout: sql::DEFAULT_TIMEOUT }
    }

    /// In the database at this address, with a pool of 10 connections.
    ///
    /// # Errors
    ///
    /// An address that is none, and a database that cannot be reached.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        let options = PgPoolOptions::new().acquire_timeout(sql::DEFAULT_TIMEOUT);
        Ok(PostgresStore::new(options.connect(url).await.map_err(sql::error)?))
    }

    /// Creates the table `offhook_deliveries`, if it is not there.
    ///
    /// # Errors
    ///
    /// The database's, such as a missing right to create tables.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let mut transaction = self.pool.begin().await.map_err(sql::error)?;
        for statement in MIGRATE {
            sqlx::query(statement).execute(&mut *transaction).await.map_err(sql::error)?;
        }
        transaction.commit().await.map_err(sql::error)
    }

    /// Whether no other transaction is at this key, without waiting for it.
    async fn alone_at(connection: &mut PgConnection, key: &Key) -> Result<bool, StoreError> {
        let query = sqlx::query_scalar("SELECT pg_try_advisory_xact_lock(hashtextextended($1, 16744450))");
        query.bind(key.as_str()).fetch_one(connection).await.map_err(sql::error)
    }

    /// A connection that went silent would keep its place in the pool for as long as
    /// the system waits for an answer, since the pool pings it without a limit.
    fn give_up(connection: PoolConnection<sqlx::Postgres>) {
        drop(connection.detach());
    }

    // The statements ask the server for the time.
    fn timed<'q>(&self, query: Query<'q, sqlx::Postgres, PgArguments>) -> Query<'q, sqlx::Postgres, PgArguments> {
        query
    }

    fn timed_as<'q, T>(
        &self,
        query: QueryAs<'q, sqlx::Postgres, T, PgArguments>,
    ) -> QueryAs<'q, sqlx::Postgres, T, PgArguments>
    where
        T: for<'r> sqlx::FromRow<'r, PgRow>,
    {
        query
    }
}

sql::sql_store!(PostgresStore, sqlx::Postgres, PgConnection, begin: "BEGIN");

const MIGRATE: [&str; 3] = [
    // Two services that start at once would both create it.
    "SELECT pg_advisory_xact_lock(16744449)",
    r#"CREATE TABLE IF NOT EXISTS offhook_deliveries (
        key text COLLATE "C" PRIMARY KEY,
        token bytea NOT NULL,
        body bytea NOT NULL,
        done boolean NOT NULL,
        until bigint NOT NULL,
        kept bigint NOT NULL
    )"#,
    "CREATE INDEX IF NOT EXISTS offhook_deliveries_kept ON offhook_deliveries (kept)",
];

macro_rules! now {
    () => {
        "(extract(epoch from clock_timestamp()) * 1000)::bigint"
    };
}

/// `until` ends a lease or a handled event's retention, `kept` lets a purge have
/// the record; both in milliseconds since 1970. A record whose time is over is
/// taken; any other returns nothing, and is not written.
const CLAIM: &str = concat!(
    "WITH t AS (SELECT ",
    now!(),
    " AS now)
    INSERT INTO offhook_deliveries AS r (key, token, body, done, until, kept)
    SELECT $1, $2, $3, false, t.now + $4, t.now + $4 + $5 FROM t
    ON CONFLICT (key) DO UPDATE SET
        token = EXCLUDED.token, body = EXCLUDED.body, done = false, until = EXCLUDED.until, kept = EXCLUDED.kept
    WHERE r.until <= ",
    now!(),
    " RETURNING token, body, done, $4"
);

const READ: &str = concat!("SELECT token, body, done, until - ", now!(), " FROM offhook_deliveries WHERE key = $1");

const COMPLETE: &str = concat!(
    "UPDATE offhook_deliveries SET
        done = true,
        until = CASE WHEN done THEN until ELSE $3 + ",
    now!(),
    " END,
        kept = CASE WHEN done THEN kept ELSE $3 + ",
    now!(),
    " END
    WHERE key = $1 AND token = $2"
);

const RELEASE: &str = "DELETE FROM offhook_deliveries WHERE key = $1 AND token = $2 AND NOT done";

const EXTEND: &str = concat!(
    "UPDATE offhook_deliveries SET until = $3 + ",
    now!(),
    ", kept = $3 + $4 + ",
    now!(),
    "
    WHERE key = $1 AND token = $2 AND NOT done"
);

const PURGE: &str = concat!(
    "DELETE FROM offhook_deliveries WHERE key IN (
        SELECT key FROM offhook_deliveries WHERE kept <= ",
    now!(),
    "
        ORDER BY kept LIMIT 1000 FOR UPDATE SKIP LOCKED
    )"
);

/// Transactions are expected to be short.
const OTHER_TRANSACTION: Duration = Duration::from_secs(1);
