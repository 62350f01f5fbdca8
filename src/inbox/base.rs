//! The inbox itself: its settings, and how it runs a statement.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::Pool;
use sqlx::pool::PoolConnection;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::backlog::Backlog;
use super::dialect::{Connection, Dialect, Row, UNEXPECTED, Value};
use super::statements::{Statements, UPGRADED, VERSION};
use crate::idempotency::{DEFAULT_TIMEOUT, StoreError, in_time, within};

/// An inbox in an SQL database: `SqliteInbox` (feature `sqlite`) or `PostgresInbox` (feature
/// `postgres`). Cloning is cheap, and clones share everything.
pub struct Inbox<D: Dialect> {
    pool: Pool<D::Db>,
    pub(super) dialect: D,
    timeout: Duration,
    pub(super) size_limit: usize,
    pub(super) backlog: Arc<Backlog>,
    statements: Arc<Statements>,
    wake: Arc<Wake>,
}

impl<D: Dialect> Inbox<D> {
    pub(super) fn with_dialect(pool: Pool<D::Db>, dialect: D) -> Self {
        Inbox {
            pool,
            dialect,
            timeout: DEFAULT_TIMEOUT,
            size_limit: DEFAULT_SIZE_LIMIT,
            backlog: Arc::new(Backlog::new(DEFAULT_BACKLOG_LIMIT)),
            statements: Arc::default(),
            wake: Arc::default(),
        }
    }

    /// Sets how long a statement may take before it fails: 5 s by default. Keep it below the
    /// time that the vendor waits for an answer.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Inbox { timeout, ..self }
    }

    /// Sets the size in bytes of the largest body that is accepted: 2 MiB by default. A
    /// larger one is answered with 503, so that it is not lost while you raise the limit.
    #[must_use]
    pub fn with_size_limit(self, bytes: usize) -> Self {
        Inbox { size_limit: bytes, ..self }
    }

    /// Sets how many events may wait or run: 1,000,000 by default. Beyond that, deliveries
    /// are answered with 503. The count is taken now and then, so the limit is approximate.
    #[must_use]
    pub fn with_backlog_limit(self, events: u64) -> Self {
        Inbox { backlog: Arc::new(Backlog::new(events)), ..self }
    }

    /// Returns the pool, for statements of your own.
    pub fn pool(&self) -> &Pool<D::Db> {
        &self.pool
    }

    /// Runs one statement on a connection of its own, within the time limit.
    pub(super) async fn rows(&self, statement: &'static str, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        self.rows_keeping(&Kept::default(), statement, values).await
    }

    /// Runs one statement within the time limit. It keeps the connection for the next one,
    /// unless the statement fails.
    pub(super) async fn rows_keeping(
        &self,
        kept: &Kept<D>,
        statement: &'static str,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        let mut connection = match kept.take() {
            Some(connection) => connection,
            None => self.acquire().await?,
        };
        let answer = self.rows_on(&mut connection, statement, values).await;
        match answer {
            Ok(_) => kept.keep(connection),
            Err(StoreError::Timeout) => D::discard(connection),
            Err(_) => {}
        }
        answer
    }

    /// Runs one statement on this connection. The statement's first value is added.
    pub(super) async fn rows_on(
        &self,
        connection: &mut Connection<D>,
        statement: &'static str,
        mut values: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        values.insert(0, self.dialect.base().into());
        within(self.timeout, D::rows(connection, self.statements.finished::<D>(statement), values)).await
    }

    pub(super) async fn acquire(&self) -> Result<PoolConnection<D::Db>, StoreError> {
        within(self.timeout, self.pool.acquire()).await
    }

    /// Awaits a call of the driver within the time limit.
    pub(super) async fn in_time<T>(&self, call: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, StoreError> {
        in_time(self.timeout, async { Ok(call.await?) }).await
    }

    /// Returns the statements of the schema's versions that the database does not have yet,
    /// and records that it has them.
    pub(super) async fn missing_statements(
        &self,
        transaction: &mut Connection<D>,
    ) -> Result<Vec<&'static str>, StoreError> {
        let mut rows = self.rows_on(transaction, VERSION, Vec::new()).await?;
        let version = rows.first_mut().ok_or(UNEXPECTED)?.number()?;
        let known = i64::try_from(D::SCHEMA.len()).unwrap_or(i64::MAX);
        if version > known {
            return Err(StoreError::NewerSchema { version, known });
        }
        let mut missing = Vec::new();
        for (number, statements) in (1_i64..).zip(D::SCHEMA).filter(|(number, _)| *number > version) {
            missing.extend_from_slice(statements);
            self.rows_on(transaction, UPGRADED, vec![number.into()]).await?;
        }
        Ok(missing)
    }

    /// Wakes the workers of this process at once, and those of others soon.
    pub(super) fn wake_workers(&self) {
        self.wake.local.send_replace(());
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let mut announcements = self.wake.announcements();
        announcements.is_due = true;
        // The task of a runtime that has stopped is finished, too.
        if announcements.task.as_ref().is_none_or(JoinHandle::is_finished) {
            announcements.task = Some(runtime.spawn(announce::<D>(self.pool.clone(), Arc::clone(&self.wake))));
        }
    }

    /// Calls `heard` whenever there may be something to do.
    pub(super) async fn listen(self, heard: impl Fn()) {
        let mut local = self.wake.local.subscribe();
        while local.changed().await.is_ok() {
            heard();
        }
    }
}

// Not derived: a derive would require `D::Db: Clone`.
impl<D: Dialect> Clone for Inbox<D> {
    fn clone(&self) -> Self {
        Inbox {
            pool: self.pool.clone(),
            dialect: self.dialect.clone(),
            backlog: Arc::clone(&self.backlog),
            statements: Arc::clone(&self.statements),
            wake: Arc::clone(&self.wake),
            ..*self
        }
    }
}

impl<D: Dialect> fmt::Debug for Inbox<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").field("dialect", &self.dialect).field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

/// A connection for statements that follow each other at once. PostgreSQL plans a statement
/// for each connection, and the pool gives another one each time.
pub(super) struct Kept<D: Dialect>(Mutex<Option<PoolConnection<D::Db>>>);

impl<D: Dialect> Kept<D> {
    pub(super) fn take(&self) -> Option<PoolConnection<D::Db>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn keep(&self, connection: PoolConnection<D::Db>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection);
    }
}

// Not derived: a derive would require `D: Default`.
impl<D: Dialect> Default for Kept<D> {
    fn default() -> Self {
        Kept(Mutex::new(None))
    }
}

/// How the workers hear that there is something to do.
#[derive(Default)]
struct Wake {
    local: watch::Sender<()>,
    announcements: Mutex<Announcements>,
}

impl Wake {
    fn announcements(&self) -> std::sync::MutexGuard<'_, Announcements> {
        self.announcements.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The announcements to other processes.
#[derive(Default)]
struct Announcements {
    /// Whether something was accepted since the last one began.
    is_due: bool,
    task: Option<JoinHandle<()>>,
}

/// Announces until nothing more is due. An announcement costs PostgreSQL a commit and is not
/// part of the statement that accepts, so that one serves all deliveries of a short time.
async fn announce<D: Dialect>(pool: Pool<D::Db>, wake: Arc<Wake>) {
    loop {
        {
            let mut announcements = wake.announcements();
            if !announcements.is_due {
                announcements.task = None;
                return;
            }
            announcements.is_due = false;
        }
        D::announce(&pool).await;
        tokio::time::sleep(BETWEEN_ANNOUNCEMENTS).await;
    }
}

const BETWEEN_ANNOUNCEMENTS: Duration = Duration::from_millis(10);

/// The size of the largest body that an inbox accepts by default, in bytes.
pub const DEFAULT_SIZE_LIMIT: usize = 2 * 1024 * 1024;

/// How many events may wait or run by default.
pub const DEFAULT_BACKLOG_LIMIT: u64 = 1_000_000;
