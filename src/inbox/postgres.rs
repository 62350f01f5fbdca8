//! The inbox in PostgreSQL (feature `postgres`).

use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnection, PgListener, PgPool, PgPoolOptions};
use sqlx::{Row as _, SqlStr, TypeInfo as _, ValueRef as _};

use super::base::Inbox;
use super::dialect::{Dialect, Row, Value};
use crate::idempotency::{StoreError, connect_pool};

/// An inbox in PostgreSQL 12 or later: it is as durable as the database, and serves any
/// number of machines. All times are the server's.
///
/// A worker holds one connection of its own, to be woken. The pool should have one connection
/// for each handler that runs in a transaction, and two more.
pub type PostgresInbox = Inbox<PostgresDialect>;

impl PostgresInbox {
    /// The statements that create the tables, one list for each version of the schema, for
    /// your own migrations. [`migrate`](Self::migrate) runs them.
    pub const SCHEMA: &'static [&'static [&'static str]] = SCHEMA;

    /// Uses the database of this pool.
    pub fn new(pool: PgPool) -> Self {
        Inbox::with_dialect(pool, PostgresDialect)
    }

    /// Connects to the database at this URL, with a pool of 10 connections.
    ///
    /// # Errors
    ///
    /// Returns an error if the URL is invalid, or if the database cannot be reached.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Ok(PostgresInbox::new(connect_pool(url).await?))
    }

    /// Creates the tables, or brings those of an older version of this crate up to date. Those
    /// of a newer version are left alone ([`StoreError::NewerSchema`]).
    ///
    /// # Errors
    ///
    /// Returns an error if the database refuses, for example because the role may not create
    /// tables.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let mut transaction = self.pool().begin().await?;
        // Two services that start at the same time would both create the tables.
        sqlx::query("SELECT pg_advisory_xact_lock(16744451)").execute(&mut *transaction).await?;
        sqlx::query(VERSIONS).execute(&mut *transaction).await?;
        for statement in self.missing_statements(&mut transaction).await? {
            sqlx::query(statement).execute(&mut *transaction).await?;
        }
        Ok(transaction.commit().await?)
    }
}

/// The words of PostgreSQL, which ask the server for the time.
#[derive(Clone, Debug)]
pub struct PostgresDialect;

impl Dialect for PostgresDialect {
    type Db = sqlx::Postgres;

    const BEGIN: &'static str = "BEGIN";
    const ONE_WRITER: bool = false;
    const SCHEMA: &'static [&'static [&'static str]] = SCHEMA;
    const WORDS: [&'static str; 5] = [
        "($1 + (extract(epoch from clock_timestamp()) * 1000)::bigint)",
        "FOR UPDATE SKIP LOCKED",
        "SELECT value ->> 0, value ->> 1 FROM json_array_elements($2::json)",
        "FOR UPDATE",
        "encode(token, 'hex')",
    ];

    fn base(&self) -> i64 {
        0
    }

    async fn rows(connection: &mut PgConnection, sql: SqlStr, values: Vec<Value>) -> Result<Vec<Row>, sqlx::Error> {
        let mut query = sqlx::query(sql);
        for value in values {
            query = match value {
                Value::Int(number) => query.bind(number),
                Value::Text(text) => query.bind(text),
                Value::Bytes(bytes) => query.bind(bytes),
            };
        }
        let rows = query.fetch_all(connection).await?;
        rows.iter().map(|row| (0..row.len()).map(|at| cell(row, at)).collect::<Result<_, _>>().map(Row::new)).collect()
    }

    async fn announce(pool: &PgPool) {
        // If it fails, the others poll.
        let _ = sqlx::query("NOTIFY offhook_inbox").execute(pool).await;
    }

    async fn listen(pool: PgPool, heard: impl Fn() + Send) {
        // A pool of its own, because the listener keeps its connection.
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .max_lifetime(None)
            .idle_timeout(None)
            .connect_lazy_with((*pool.connect_options()).clone());
        loop {
            if let Ok(mut listener) = PgListener::connect_with(&pool).await
                && listener.listen("offhook_inbox").await.is_ok()
            {
                heard();
                while listener.recv().await.is_ok() {
                    heard();
                }
            }
            tokio::time::sleep(RECONNECT).await;
        }
    }

    fn poll() -> Duration {
        Duration::from_secs(5)
    }

    /// Closes the connection. A silent one would keep its place in the pool.
    fn discard(connection: PoolConnection<sqlx::Postgres>) {
        drop(connection.detach());
    }
}

fn cell(row: &sqlx::postgres::PgRow, at: usize) -> Result<Value, sqlx::Error> {
    let raw = row.try_get_raw(at)?;
    if raw.is_null() {
        return Ok(Value::Int(None));
    }
    Ok(match raw.type_info().name() {
        "TEXT" => Value::Text(row.try_get(at)?),
        "BYTEA" => Value::Bytes(row.try_get(at)?),
        _ => Value::Int(row.try_get(at)?),
    })
}

const RECONNECT: Duration = Duration::from_secs(1);

const VERSIONS: &str =
    "CREATE TABLE IF NOT EXISTS offhook_inbox_schema (version bigint PRIMARY KEY, since bigint NOT NULL)";

const SCHEMA: &[&[&str]] = &[&[
    r#"CREATE TABLE IF NOT EXISTS offhook_inbox (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        version bigint NOT NULL,
        vendor text NOT NULL,
        endpoint text NOT NULL,
        event text NOT NULL,
        key text COLLATE "C" UNIQUE,
        call_id text,
        call_group text COLLATE "C",
        stage text,
        place bigint NOT NULL,
        body bytea NOT NULL,
        payload bytea NOT NULL,
        proof text NOT NULL,
        received_at bigint NOT NULL,
        state text NOT NULL DEFAULT 'waiting',
        attempts bigint NOT NULL DEFAULT 0,
        replays bigint NOT NULL DEFAULT 0,
        due bigint NOT NULL,
        token bytea,
        lease_until bigint,
        finished_at bigint,
        error text
    )"#,
    "CREATE UNIQUE INDEX IF NOT EXISTS offhook_inbox_running ON offhook_inbox (call_group) WHERE state = 'running'",
    "CREATE INDEX IF NOT EXISTS offhook_inbox_leases ON offhook_inbox (lease_until) WHERE state = 'running'",
    "CREATE INDEX IF NOT EXISTS offhook_inbox_waiting ON offhook_inbox (due, id) WHERE state = 'waiting'",
    "CREATE INDEX IF NOT EXISTS offhook_inbox_open ON offhook_inbox (call_group, place, id) WHERE finished_at IS NULL",
    "CREATE INDEX IF NOT EXISTS offhook_inbox_dead ON offhook_inbox (call_group, place, id) WHERE state = 'dead'",
    "CREATE INDEX IF NOT EXISTS offhook_inbox_finished ON offhook_inbox (state, finished_at) WHERE finished_at IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS offhook_inbox_call_id ON offhook_inbox USING hash (call_id)",
]];
