//! The inbox in a SQLite file (feature `sqlite`).

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteConnection, SqlitePool};
use sqlx::{Row as _, SqlStr, TypeInfo as _, ValueRef as _};

use super::base::Inbox;
use super::dialect::{Dialect, Row, Value};
use crate::idempotency::{StoreError, host_time, open_pool};

/// An inbox in a SQLite file: it is durable with nothing to install, and serves the
/// processes of one machine.
///
/// A handler in a transaction holds the file's write lock for as long as it runs: keep it
/// short, because no delivery is accepted meanwhile.
///
/// Times are the host's, as in [`SqliteStore`](crate::idempotency::SqliteStore). If the clock
/// was set back, a process that starts after that waits with a failed event, or with one whose
/// process died, for as much longer. If it was set ahead, it considers the leases of processes
/// that started before ended.
pub type SqliteInbox = Inbox<SqliteDialect>;

impl SqliteInbox {
    /// The statements that create the tables, one list for each version of the schema, for
    /// your own migrations. [`migrate`](Self::migrate) runs them.
    pub const SCHEMA: &'static [&'static [&'static str]] = SCHEMA;

    /// Uses the file of this pool. The pool should wait when the file is locked
    /// (`busy_timeout`) and use a write-ahead log (`journal_mode` WAL).
    pub fn new(pool: SqlitePool) -> Self {
        Inbox::with_dialect(pool, SqliteDialect { time: host_time() })
    }

    /// Opens this file, and creates it if it does not exist. It uses a write-ahead log, and
    /// every commit is on disk before it is answered (`synchronous` FULL).
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be opened.
    pub async fn open(file: impl AsRef<Path>) -> Result<Self, StoreError> {
        Ok(SqliteInbox::new(open_pool(file).await?))
    }

    /// Reads the time, in milliseconds since 1970, from this function: for tests.
    #[must_use]
    pub fn with_time(mut self, time: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        self.dialect = SqliteDialect { time: Arc::new(time) };
        self
    }

    /// Creates the tables, or brings those of an older version of this crate up to date. Those
    /// of a newer version are left alone ([`StoreError::NewerSchema`]).
    ///
    /// # Errors
    ///
    /// Returns an error if the database refuses, for example because the file is read-only.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let mut transaction = self.pool().begin_with(SqliteDialect::BEGIN).await?;
        sqlx::query(VERSIONS).execute(&mut *transaction).await?;
        for statement in self.missing_statements(&mut transaction).await? {
            sqlx::query(statement).execute(&mut *transaction).await?;
        }
        Ok(transaction.commit().await?)
    }
}

/// The words of SQLite, with the inbox's clock.
#[derive(Clone)]
pub struct SqliteDialect {
    time: Arc<dyn Fn() -> i64 + Send + Sync>,
}

impl Dialect for SqliteDialect {
    type Db = sqlx::Sqlite;

    const BEGIN: &'static str = "BEGIN IMMEDIATE";
    const ONE_WRITER: bool = true;
    const SCHEMA: &'static [&'static [&'static str]] = SCHEMA;
    const WORDS: [&'static str; 5] =
        ["$1", "", "SELECT value ->> 0, value ->> 1 FROM json_each($2)", "", "lower(hex(token))"];

    fn base(&self) -> i64 {
        (self.time)()
    }

    async fn rows(connection: &mut SqliteConnection, sql: SqlStr, values: Vec<Value>) -> Result<Vec<Row>, sqlx::Error> {
        let mut query = sqlx::query(sql);
        for value in values {
            query = match value {
                Value::Int(number) => query.bind(number),
                Value::Text(text) => query.bind(text),
                Value::Bytes(bytes) => query.bind(bytes),
            };
        }
        // All rows, because SQLite commits after the last.
        let rows = query.fetch_all(connection).await?;
        rows.iter().map(|row| (0..row.len()).map(|at| cell(row, at)).collect::<Result<_, _>>().map(Row::new)).collect()
    }

    /// Other processes poll.
    async fn announce(_pool: &SqlitePool) {}

    async fn listen(_pool: SqlitePool, _heard: impl Fn() + Send) {}

    fn poll() -> Duration {
        Duration::from_secs(1)
    }

    /// Keeps the connection: no server can go silent.
    fn discard(_connection: PoolConnection<sqlx::Sqlite>) {}
}

fn cell(row: &sqlx::sqlite::SqliteRow, at: usize) -> Result<Value, sqlx::Error> {
    let raw = row.try_get_raw(at)?;
    if raw.is_null() {
        return Ok(Value::Int(None));
    }
    Ok(match raw.type_info().name() {
        "TEXT" => Value::Text(row.try_get(at)?),
        "BLOB" => Value::Bytes(row.try_get(at)?),
        _ => Value::Int(row.try_get(at)?),
    })
}

impl fmt::Debug for SqliteDialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SqliteDialect")
    }
}

const VERSIONS: &str =
    "CREATE TABLE IF NOT EXISTS offhook_inbox_schema (version INTEGER PRIMARY KEY, since INTEGER NOT NULL)";

const SCHEMA: &[&[&str]] = &[&[
    "CREATE TABLE IF NOT EXISTS offhook_inbox (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        version INTEGER NOT NULL,
        vendor TEXT NOT NULL,
        endpoint TEXT NOT NULL,
        event TEXT NOT NULL,
        key TEXT UNIQUE,
        call_id TEXT,
        call_group TEXT,
        stage TEXT,
        place INTEGER NOT NULL,
        body BLOB NOT NULL,
        payload BLOB NOT NULL,
        proof TEXT NOT NULL,
        received_at INTEGER NOT NULL,
        state TEXT NOT NULL DEFAULT 'waiting',
        attempts INTEGER NOT NULL DEFAULT 0,
        replays INTEGER NOT NULL DEFAULT 0,
        due INTEGER NOT NULL,
        token BLOB,
        lease_until INTEGER,
        finished_at INTEGER,
        error TEXT
    )",
    "CREATE UNIQUE INDEX IF NOT EXISTS offhook_inbox_running ON offhook_inbox (call_group) WHERE state = 'running'",
    "CREATE INDEX IF NOT EXISTS offhook_inbox_leases ON offhook_inbox (lease_until) WHERE state = 'running'",
    "CREATE INDEX IF NOT EXISTS offhook_inbox_waiting ON offhook_inbox (due, id) WHERE state = 'waiting'",
    "CREATE INDEX IF NOT EXISTS offhook_inbox_open ON offhook_inbox (call_group, place, id) WHERE finished_at IS NULL",
    "CREATE INDEX IF NOT EXISTS offhook_inbox_dead ON offhook_inbox (call_group, place, id) WHERE state = 'dead'",
    "CREATE INDEX IF NOT EXISTS offhook_inbox_finished ON offhook_inbox (state, finished_at) WHERE finished_at IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS offhook_inbox_call_id ON offhook_inbox (call_id)",
]];
