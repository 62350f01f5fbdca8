//! The store in PostgreSQL (feature `postgres`).

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _};

use super::sql::{DEFAULT_TIMEOUT, Dialect, NewClaim, Record, Row, SqlStore, millis, within};
use crate::idempotency::claim::Lease;
use crate::idempotency::key::Key;
use crate::idempotency::store::StoreError;

/// A store in PostgreSQL 12 or later: it is as durable as the database, and serves any
/// number of machines. All times are the server's.
///
/// With [`transact`](SqlStore::transact) or [`claim_in`](SqlStore::claim_in), effects in
/// the same database happen exactly once.
///
/// ```no_run
/// use offhook::idempotency::{PostgresStore, sqlx};
/// use offhook::{Delivery, Reply, truedy};
///
/// # async fn start() -> Result<(), offhook::idempotency::StoreError> {
/// let store = PostgresStore::connect("postgres://app@localhost/app").await?;
/// store.migrate().await?;
/// # Ok(()) }
///
/// async fn on_truedy(store: &PostgresStore, delivery: Delivery<truedy::Event>) -> Reply {
///     let handled = store.transact(&delivery, async |event, transaction| {
///         if let truedy::Event::CallEnded(ended) = event {
///             sqlx::query("INSERT INTO calls (id) VALUES ($1)")
///                 .bind(ended.call.call_id.as_deref())
///                 .execute(transaction)
///                 .await?;
///         }
///         Ok(())
///     });
///     handled.await.into()
/// }
/// ```
///
/// The pool is one of sqlx 0.9, which is re-exported as
/// [`offhook::idempotency::sqlx`](crate::idempotency::sqlx). For TLS to the server, switch
/// on one of sqlx's `tls-…` features in your own manifest.
pub type PostgresStore = SqlStore<PostgresDialect>;

impl PostgresStore {
    /// The statements that create the table `offhook_deliveries`, for your own migrations.
    /// [`migrate`](Self::migrate) runs them.
    pub const SCHEMA: &'static [&'static str] = &SCHEMA;

    /// Uses the database of this pool. The pool should test a connection before it lends it
    /// (`test_before_acquire`, as it does by default): otherwise a restart of the server
    /// becomes an error for each connection.
    pub fn new(pool: PgPool) -> Self {
        SqlStore::with_dialect(pool, PostgresDialect)
    }

    /// Connects to the database at this URL, with a pool of 10 connections.
    ///
    /// # Errors
    ///
    /// Returns an error if the URL is invalid, or if the database cannot be reached. The error
    /// comes at once, since only one attempt is made.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Ok(PostgresStore::new(connect_pool(url).await?))
    }

    /// Creates the table `offhook_deliveries` if it does not exist.
    ///
    /// # Errors
    ///
    /// Returns an error if the database refuses, for example because the role may not create
    /// tables.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let mut transaction = self.pool().begin().await?;
        // Two services that start at the same time would both create the table.
        sqlx::query("SELECT pg_advisory_xact_lock(16744449)").execute(&mut *transaction).await?;
        for statement in SCHEMA {
            sqlx::query(statement).execute(&mut *transaction).await?;
        }
        Ok(transaction.commit().await?)
    }
}

/// Connects as [`PostgresStore::connect`] says.
pub(crate) async fn connect_pool(url: &str) -> Result<PgPool, StoreError> {
    let options: PgConnectOptions = url.parse().map_err(invalid_url)?;
    // A pool would keep trying until its time is up, and then not say why.
    within(DEFAULT_TIMEOUT, async { options.connect().await?.close().await }).await?;
    Ok(PgPoolOptions::new().acquire_timeout(DEFAULT_TIMEOUT).connect_lazy_with(options))
}

/// Hides the value of an option, which sqlx quotes.
fn invalid_url(error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::Configuration(cause) if cause.is::<sqlx::Error>() => {
            StoreError::unavailable("an option in the URL has an invalid value")
        }
        error => error.into(),
    }
}

/// The statements of PostgreSQL, which ask the server for the time.
#[derive(Clone, Debug)]
pub struct PostgresDialect;

impl Dialect for PostgresDialect {
    type Db = sqlx::Postgres;

    const BEGIN: &'static str = "BEGIN";

    async fn claim(&self, connection: &mut PgConnection, claim: &NewClaim<'_>) -> Result<Option<Record>, sqlx::Error> {
        let query = sqlx::query_as::<_, Row>(CLAIM)
            .bind(claim.key)
            .bind(claim.token)
            .bind(claim.body)
            .bind(claim.lease)
            .bind(claim.retention);
        Ok(query.fetch_optional(connection).await?.map(Record::from))
    }

    async fn read(&self, connection: &mut PgConnection, key: &Key) -> Result<Option<Record>, sqlx::Error> {
        let query = sqlx::query_as::<_, Row>(READ).bind(key.as_str());
        Ok(query.fetch_optional(connection).await?.map(Record::from))
    }

    async fn complete(&self, connection: &mut PgConnection, lease: &Lease, retention: i64) -> Result<u64, sqlx::Error> {
        let query =
            sqlx::query(COMPLETE).bind(lease.key().as_str()).bind(&lease.token().as_bytes()[..]).bind(retention);
        Ok(query.execute(connection).await?.rows_affected())
    }

    async fn release(&self, connection: &mut PgConnection, lease: &Lease) -> Result<u64, sqlx::Error> {
        let query = sqlx::query(RELEASE).bind(lease.key().as_str()).bind(&lease.token().as_bytes()[..]);
        Ok(query.execute(connection).await?.rows_affected())
    }

    async fn extend(&self, connection: &mut PgConnection, lease: &Lease, retention: i64) -> Result<u64, sqlx::Error> {
        let query = sqlx::query(EXTEND)
            .bind(lease.key().as_str())
            .bind(&lease.token().as_bytes()[..])
            .bind(millis(lease.ttl()))
            .bind(retention);
        Ok(query.execute(connection).await?.rows_affected())
    }

    async fn forget(&self, connection: &mut PgConnection, key: &Key) -> Result<u64, sqlx::Error> {
        Ok(sqlx::query(FORGET).bind(key.as_str()).execute(connection).await?.rows_affected())
    }

    async fn purge(&self, connection: &mut PgConnection, limit: i64) -> Result<u64, sqlx::Error> {
        Ok(sqlx::query(PURGE).bind(limit).execute(connection).await?.rows_affected())
    }

    async fn try_lock_key(&self, transaction: &mut PgConnection, key: &Key) -> Result<bool, sqlx::Error> {
        let query = sqlx::query_scalar("SELECT pg_try_advisory_xact_lock(hashtextextended($1, 16744450))");
        query.bind(key.as_str()).fetch_one(transaction).await
    }

    /// Closes the connection. A silent one would keep its place in the pool for as long as
    /// the system waits for an answer, because the pool pings it without a limit.
    fn discard(connection: PoolConnection<sqlx::Postgres>) {
        drop(connection.detach());
    }
}

const SCHEMA: [&str; 2] = [
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

/// `until` is the end of a lease, or of a handled event's retention. `kept` is the time
/// from which a purge may delete the record. Both are in milliseconds since 1970. A record
/// whose time is over is taken over; any other one returns no row and is not written.
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

const FORGET: &str = "DELETE FROM offhook_deliveries WHERE key = $1";

const PURGE: &str = concat!(
    "DELETE FROM offhook_deliveries WHERE key IN (
        SELECT key FROM offhook_deliveries WHERE kept <= ",
    now!(),
    "
        ORDER BY kept LIMIT $1 FOR UPDATE SKIP LOCKED
    )"
);

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(url: &str) -> String {
        url.parse::<PgConnectOptions>().map_err(invalid_url).unwrap_err().to_string()
    }

    #[test]
    fn an_error_of_a_url_names_what_is_wrong_and_no_value_of_an_option() {
        assert_eq!(
            error_of("postgres://localhost/app?sslmode=hunter2"),
            "the store is unavailable: an option in the URL has an invalid value"
        );
        assert!(error_of("localhost/app").contains("relative URL without a base"));
    }
}
