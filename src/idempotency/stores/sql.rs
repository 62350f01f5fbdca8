//! What the SQL stores share.

use std::time::Duration;

use crate::idempotency::claim::{Claim, Lease, LeaseToken};
use crate::idempotency::key::{BodyDigest, Key};
use crate::idempotency::store::StoreError;

/// What the statements return: token, body, done, and what is left of it.
pub(super) type Row = (Vec<u8>, Vec<u8>, bool, i64);

/// A record as a claim left or found it.
pub(super) struct Record {
    pub(super) token: Vec<u8>,
    pub(super) body: Vec<u8>,
    pub(super) done: bool,
    /// Of the lease, in milliseconds.
    pub(super) left: i64,
}

impl Record {
    pub(super) fn answer(self, key: &Key, body: &BodyDigest, token: LeaseToken, lease: Duration) -> Claim {
        if self.token == token.as_bytes() {
            return Claim::Fresh(Lease::new(key.clone(), token, lease));
        }
        let retry_after =
            (!self.done).then(|| Duration::from_millis(u64::try_from(self.left).unwrap_or_default().max(1)));
        match retry_after {
            _ if self.body != body.as_bytes() => Claim::Conflict { retry_after },
            Some(retry_after) => Claim::InFlight { retry_after },
            None => Claim::Done,
        }
    }
}

pub(super) fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// One record must have changed.
pub(super) fn changed(rows: u64) -> Result<(), StoreError> {
    if rows == 0 { Err(StoreError::LeaseLost) } else { Ok(()) }
}

/// Ends a step that takes too long. It may happen all the same.
pub(super) async fn within<T>(
    limit: Duration,
    step: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    tokio::time::timeout(limit, step).await.unwrap_or(Err(StoreError::Timeout))
}

pub(super) fn error(error: sqlx::Error) -> StoreError {
    if matches!(error, sqlx::Error::PoolTimedOut) {
        return StoreError::Timeout;
    }
    let Some(database) = error.as_database_error() else { return StoreError::unavailable(error) };
    let no_table = database.message().starts_with("no such table");
    match database.code().as_deref() {
        // Serialization failure, deadlock, lock not available; SQLITE_BUSY, _LOCKED and their kinds.
        Some("40001" | "40P01" | "55P03" | "5" | "261" | "517" | "773" | "6" | "262") => {
            StoreError::Contended(error.into())
        }
        // Disk full, out of memory; SQLITE_FULL.
        Some("53100" | "53200" | "13") => StoreError::Full,
        Some("42P01") => StoreError::NotMigrated(error.into()),
        _ if no_table => StoreError::NotMigrated(error.into()),
        _ => StoreError::unavailable(error),
    }
}

/// `Store`, the claim inside a transaction and the flow around it, for one database.
macro_rules! sql_store {
    ($store:ident, $database:ty, $connection:ty, begin: $begin:expr) => {
        impl $store {
            /// A step on a connection of its own, within the time limit.
            async fn step<T>(
                &self,
                step: impl AsyncFnOnce(&mut $connection) -> Result<T, StoreError>,
            ) -> Result<T, StoreError> {
                let start = Instant::now();
                let mut connection = self.acquire().await?;
                let limit = self.timeout.saturating_sub(start.elapsed());
                let answer = sql::within(limit, step(&mut connection)).await;
                if let Err(StoreError::Timeout) = answer {
                    Self::give_up(connection);
                }
                answer
            }

            async fn acquire(&self) -> Result<PoolConnection<$database>, StoreError> {
                sql::within(self.timeout, async { self.pool.acquire().await.map_err(sql::error) }).await
            }

            async fn claim_on(
                &self,
                connection: &mut $connection,
                key: &Key,
                body: &BodyDigest,
            ) -> Result<Claim, StoreError> {
                let token = LeaseToken::unique();
                for _ in 0..sql::CLAIM_ATTEMPTS {
                    let query = sqlx::query_as(CLAIM)
                        .bind(key.as_str())
                        .bind(&token.as_bytes()[..])
                        .bind(&body.as_bytes()[..])
                        .bind(sql::millis(self.settings.lease()))
                        .bind(sql::millis(self.settings.retention()));
                    // All rows, though there is one at most: SQLite commits after the last,
                    // and only then does a full disk show.
                    let rows = self.timed_as(query).fetch_all(&mut *connection).await.map_err(sql::error)?;
                    let mut found: Option<sql::Row> = rows.into_iter().next();
                    if found.is_none() {
                        // Taken: who has it decides nothing, so it may be read after the fact.
                        let query = self.timed_as(sqlx::query_as(READ).bind(key.as_str()));
                        found = query.fetch_optional(&mut *connection).await.map_err(sql::error)?;
                    }
                    // A record that ended or was released in between is free again.
                    let Some((token_now, body_now, done, left)) = found.filter(|(.., left)| *left > 0) else {
                        continue;
                    };
                    let record = sql::Record { token: token_now, body: body_now, done, left };
                    return Ok(record.answer(key, body, token, self.settings.lease()));
                }
                Err(StoreError::Contended("the record came and went".into()))
            }

            async fn complete_on(&self, connection: &mut $connection, lease: &Lease) -> Result<(), StoreError> {
                let query = sqlx::query(COMPLETE)
                    .bind(lease.key().as_str())
                    .bind(&lease.token().as_bytes()[..])
                    .bind(sql::millis(self.settings.retention()));
                let done = self.timed(query).execute(connection).await.map_err(sql::error)?;
                sql::changed(done.rows_affected())
            }

            /// Claims and completes the key inside the caller's own transaction, so
            /// that effects and record commit together: exactly once. After
            /// [`Claim::Fresh`], write the effects and commit; roll back to give
            /// the key up. The lease needs no further step.
            ///
            /// [`Once::transact`] does all of it.
            ///
            /// # Errors
            ///
            /// The transaction must then be rolled back.
            pub async fn claim_in(
                &self,
                transaction: &mut $connection,
                key: &Key,
                body: &BodyDigest,
            ) -> Result<Claim, StoreError> {
                sql::within(self.timeout, async {
                    if !Self::alone_at(&mut *transaction, key).await? {
                        return Ok(Claim::InFlight { retry_after: OTHER_TRANSACTION });
                    }
                    let claim = self.claim_on(&mut *transaction, key, body).await?;
                    if let Claim::Fresh(lease) = &claim {
                        self.complete_on(transaction, lease).await?;
                    }
                    Ok(claim)
                })
                .await
            }

            /// Drops the records whose time is over, a thousand at a time, and says
            /// how many there were. For a job that runs now and then: nothing depends
            /// on it but the size of the table.
            ///
            /// # Errors
            ///
            /// The database's. What was dropped until then stays dropped.
            pub async fn purge(&self) -> Result<u64, StoreError> {
                let mut total: u64 = 0;
                loop {
                    let purge = async |connection: &mut $connection| {
                        let done = self.timed(sqlx::query(PURGE)).execute(connection).await.map_err(sql::error)?;
                        Ok(done.rows_affected())
                    };
                    let dropped = self.step(purge).await?;
                    total = total.saturating_add(dropped);
                    if dropped < sql::PURGE_BATCH {
                        return Ok(total);
                    }
                }
            }

            /// How long a step may take before it fails: 5 s unless told otherwise.
            /// Keep it below the time that the vendor waits for an answer.
            #[must_use]
            pub fn with_timeout(self, timeout: Duration) -> Self {
                $store { timeout, ..self }
            }

            /// Lease and retention.
            #[must_use]
            pub fn with_settings(self, settings: StoreSettings) -> Self {
                $store { settings, ..self }
            }

            /// The pool, for the caller's own statements.
            pub fn pool(&self) -> &sqlx::Pool<$database> {
                &self.pool
            }
        }

        impl Store for $store {
            fn claim<'a>(&'a self, key: &'a Key, body: &'a BodyDigest) -> BoxFuture<'a, Result<Claim, StoreError>> {
                Box::pin(
                    self.step(async move |connection: &mut $connection| self.claim_on(connection, key, body).await),
                )
            }

            fn complete<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Result<(), StoreError>> {
                Box::pin(self.step(async move |connection: &mut $connection| self.complete_on(connection, lease).await))
            }

            fn release<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Result<(), StoreError>> {
                Box::pin(self.step(async move |connection: &mut $connection| {
                    let query = sqlx::query(RELEASE).bind(lease.key().as_str()).bind(&lease.token().as_bytes()[..]);
                    sql::changed(query.execute(connection).await.map_err(sql::error)?.rows_affected())
                }))
            }

            fn extend<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Result<(), StoreError>> {
                Box::pin(self.step(async move |connection: &mut $connection| {
                    let query = sqlx::query(EXTEND)
                        .bind(lease.key().as_str())
                        .bind(&lease.token().as_bytes()[..])
                        .bind(sql::millis(lease.ttl()))
                        .bind(sql::millis(self.settings.retention()));
                    sql::changed(self.timed(query).execute(connection).await.map_err(sql::error)?.rows_affected())
                }))
            }

            fn abandon(&self, lease: Lease) {
                // Without a runtime (it is shutting down), the lease ends by itself.
                if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                    let store = self.clone();
                    runtime.spawn(async move { store.release(&lease).await });
                }
            }
        }

        impl Once<'_, $store> {
            /// Runs the handler inside one transaction with the record: **exactly
            /// once**, as long as all its effects go through that connection.
            ///
            /// A handler that fails or panics is rolled back and answered with 500;
            /// one that fails for good is rolled back, recorded and acknowledged. A
            /// commit that fails, or whose answer is lost, is answered with 503
            /// ([`Outcome::Uncommitted`]): the next delivery finds out. While one
            /// transaction is at an event, the others are answered with 503.
            pub async fn transact<E, H, F>(&self, delivery: &Delivery<E>, handler: H) -> Handled
            where
                E: Event,
                H: AsyncFnOnce(&E, &mut $connection) -> Result<(), F>,
                F: Into<HandlerError>,
            {
                let outcome = self.transaction(delivery, handler).await.unwrap_or_else(Outcome::Unclaimed);
                Handled::observed(delivery, outcome)
            }

            async fn transaction<E, H, F>(&self, delivery: &Delivery<E>, handler: H) -> Result<Outcome, StoreError>
            where
                E: Event,
                H: AsyncFnOnce(&E, &mut $connection) -> Result<(), F>,
                F: Into<HandlerError>,
            {
                let mut connection = self.store.acquire().await?;
                let outcome = self.transaction_on(&mut connection, delivery, handler).await;
                let error = outcome.as_ref().map_or_else(Some, Outcome::store_error);
                if let Some(StoreError::Timeout) = error {
                    $store::give_up(connection);
                }
                outcome
            }

            async fn transaction_on<E, H, F>(
                &self,
                connection: &mut $connection,
                delivery: &Delivery<E>,
                handler: H,
            ) -> Result<Outcome, StoreError>
            where
                E: Event,
                H: AsyncFnOnce(&E, &mut $connection) -> Result<(), F>,
                F: Into<HandlerError>,
            {
                use sqlx::Connection;
                let store = self.store;
                // Dropping it rolls back.
                let begin = async { connection.begin_with($begin).await.map_err(sql::error) };
                let mut transaction = sql::within(store.timeout, begin).await?;
                let key = Key::of(delivery, self.endpoint);
                if let Some(key) = &key {
                    match store.claim_in(&mut transaction, key, &BodyDigest::of(delivery.body())).await? {
                        Claim::Fresh(_) => {}
                        Claim::InFlight { retry_after } => return Ok(Outcome::InFlight { retry_after }),
                        Claim::Done => return Ok(Outcome::Duplicate),
                        Claim::Conflict { retry_after } => return Ok(Outcome::Conflict { retry_after }),
                    }
                }
                let savepoint = async { transaction.begin().await.map_err(sql::error) };
                let mut effects = sql::within(store.timeout, savepoint).await?;
                let outcome = match caught(handler(delivery.event(), &mut effects)).await {
                    None => {
                        drop(effects);
                        Err(Outcome::Panicked)
                    }
                    Some(Ok(())) => {
                        let keep = async { effects.commit().await.map_err(sql::error) };
                        if let Err(error) = sql::within(store.timeout, keep).await {
                            return Ok(Outcome::Uncommitted(error));
                        }
                        Ok(if key.is_some() { Outcome::Handled } else { Outcome::Unkeyed })
                    }
                    Some(Err(error)) => match error.into().outcome() {
                        rejected @ Outcome::Rejected(_) => {
                            let undo = async { effects.rollback().await.map_err(sql::error) };
                            if let Err(error) = sql::within(store.timeout, undo).await {
                                return Ok(Outcome::Uncommitted(error));
                            }
                            Ok(rejected)
                        }
                        failed => {
                            drop(effects);
                            Err(failed)
                        }
                    },
                };
                let outcome = match outcome {
                    Ok(outcome) => outcome,
                    Err(undone) => {
                        // Before the answer, so that a retry does not meet what is left of
                        // this try. If it fails, the connection's end rolls back.
                        let rollback = async { transaction.rollback().await.map_err(sql::error) };
                        let _ = sql::within(store.timeout, rollback).await;
                        return Ok(undone);
                    }
                };
                let commit = async { transaction.commit().await.map_err(sql::error) };
                Ok(match sql::within(store.timeout, commit).await {
                    Ok(()) => outcome,
                    Err(error) => Outcome::Uncommitted(error),
                })
            }
        }
    };
}
pub(super) use sql_store;

/// More than one is needed only when a record goes between two statements.
pub(super) const CLAIM_ATTEMPTS: usize = 5;

/// Also in the statements.
pub(super) const PURGE_BATCH: u64 = 1_000;

pub(super) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);
