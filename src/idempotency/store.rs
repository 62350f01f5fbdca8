//! The contract of a store.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::claim::{Claim, Lease};
use super::key::{Key, PayloadDigest};

/// The future of a store's step.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A store remembers which events were handled. It can be used as `Arc<dyn Store>`.
///
/// The suite `offhook::testing::store` (feature `testing`) tests a store for these rules:
///
/// - Each step is atomic: it happens as a whole or not at all, whatever runs concurrently.
/// - Of any number of concurrent claims of one key, one is fresh.
/// - Time is the store's own, never the caller's, so that all machines use one clock.
/// - A step whose answer is lost may have happened.
/// - A store that has no room for a record refuses the claim. It never forgets another
///   record before its time.
pub trait Store: Send + Sync {
    /// Claims the key if it is free.
    ///
    /// A key is free if it is unknown, if it was released or forgotten, if its lease has
    /// ended, or if it was completed longer ago than the retention.
    fn claim<'a>(&'a self, key: &'a Key, payload: &'a PayloadDigest) -> BoxFuture<'a, Result<Claim, StoreError>>;

    /// Records that the event was handled. This is idempotent.
    ///
    /// A lease that has ended can be completed, unless the key was claimed again since.
    /// The error is then [`StoreError::LeaseLost`], and nothing changes.
    fn complete<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Releases the key, so that the next delivery is fresh.
    ///
    /// A record of another lease, or one that is completed, stays as it is. The error is
    /// then [`StoreError::LeaseLost`].
    fn release<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Extends the lease: it lasts from now as long as it lasted at first.
    ///
    /// A record of another lease, or one that is completed, stays as it is. The error is
    /// then [`StoreError::LeaseLost`].
    fn extend<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Forgets the record of a key, whatever its state, and returns whether there was one.
    /// The next delivery is fresh, and an earlier lease is lost.
    ///
    /// This is for an operator: an event that was handled wrongly can then be sent and
    /// handled again. Forgetting an event that is being handled lets it be handled twice.
    fn forget<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool, StoreError>>;

    /// Releases the key in the background, when a request is cancelled. By default, it does
    /// nothing, and the lease ends by itself.
    fn abandon(&self, _lease: Lease) {}

    /// Records in the background that the event was handled, when the request is cancelled
    /// before [`complete`](Self::complete) has answered. By default, it does nothing: the
    /// lease ends by itself, and the event is handled again.
    fn complete_later(&self, _lease: Lease) {}

    /// Returns how long a handled event is remembered, or `None` if that is unknown, as by
    /// default. The log has a warning if a vendor sends a delivery again for longer.
    fn retention(&self) -> Option<Duration> {
        None
    }
}

macro_rules! delegate {
    ($($pointer:ty),*) => {$(
        impl<S: Store + ?Sized> Store for $pointer {
            fn claim<'a>(&'a self, key: &'a Key, payload: &'a PayloadDigest) -> BoxFuture<'a, Result<Claim, StoreError>> {
                (**self).claim(key, payload)
            }

            fn complete<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Result<(), StoreError>> {
                (**self).complete(lease)
            }

            fn release<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Result<(), StoreError>> {
                (**self).release(lease)
            }

            fn extend<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Result<(), StoreError>> {
                (**self).extend(lease)
            }

            fn forget<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool, StoreError>> {
                (**self).forget(key)
            }

            fn abandon(&self, lease: Lease) {
                (**self).abandon(lease);
            }

            fn complete_later(&self, lease: Lease) {
                (**self).complete_later(lease);
            }

            fn retention(&self) -> Option<Duration> {
                (**self).retention()
            }
        }
    )*};
}

delegate!(&S, Arc<S>, Box<S>);

/// Completing is idempotent, so it is repeated once if its answer may be lost.
pub(super) async fn complete_or_repeat(store: &dyn Store, lease: &Lease) -> Result<(), StoreError> {
    match store.complete(lease).await {
        Err(StoreError::Unavailable(_) | StoreError::Contended(_)) => store.complete(lease).await,
        answer => answer,
    }
}

/// The error of a store's step.
///
/// `Display` shows the cause as well, so a log line needs nothing else. The stores of this
/// crate put no address and no password into it.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// The store could not be reached, or failed. The step may have happened.
    Unavailable(Box<dyn Error + Send + Sync>),
    /// The store did not answer in time. The step may have happened.
    Timeout,
    /// A concurrent step touched the same record. The next try may succeed.
    Contended(Box<dyn Error + Send + Sync>),
    /// The store has no room for another record.
    Full {
        /// The time until the store's first record ends and makes room, if the store knows it.
        retry_after: Option<Duration>,
    },
    /// The lease is no longer the caller's: the key was claimed again, or its record is
    /// gone.
    LeaseLost,
    /// The store's table does not exist, or is of an earlier version. Call the store's `migrate()` first.
    NotMigrated(Box<dyn Error + Send + Sync>),
    /// The tables were made by a newer version of this crate.
    NewerSchema {
        /// The version of the tables.
        version: i64,
        /// The newest version that this version of the crate knows.
        known: i64,
    },
    /// The store would drop records when it runs out of memory.
    Evicts {
        /// Redis's `maxmemory-policy`.
        policy: String,
    },
    /// The store gave an answer that it should never give.
    UnexpectedAnswer(&'static str),
}

impl StoreError {
    /// The answer to a claim of a key that contains the digest of the payload.
    pub(super) const CONFLICT_OF_ITSELF: Self =
        StoreError::UnexpectedAnswer("another payload under a key with this payload's digest");

    /// Wraps any failure to reach the store.
    pub fn unavailable(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        StoreError::Unavailable(error.into())
    }

    /// Returns a stable name for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            StoreError::Unavailable(_) => "store_unavailable",
            StoreError::Timeout => "store_timeout",
            StoreError::Contended(_) => "store_contended",
            StoreError::Full { .. } => "store_full",
            StoreError::LeaseLost => "lease_lost",
            StoreError::NotMigrated(_) => "store_not_migrated",
            StoreError::NewerSchema { .. } => "newer_schema",
            StoreError::Evicts { .. } => "store_evicts",
            StoreError::UnexpectedAnswer(_) => "unexpected_answer",
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Unavailable(cause) => write!(f, "the store is unavailable: {cause}"),
            StoreError::Timeout => f.write_str("the store did not answer in time"),
            StoreError::Contended(cause) => write!(f, "a concurrent step touched the same record: {cause}"),
            StoreError::Full { .. } => f.write_str("the store has no room for another record"),
            StoreError::LeaseLost => {
                f.write_str("the lease was lost: the key was claimed again, or its record is gone")
            }
            StoreError::NotMigrated(cause) => {
                write!(
                    f,
                    "the store's table is missing or of an earlier version, call the store's migrate() first: {cause}"
                )
            }
            StoreError::NewerSchema { version, known } => write!(
                f,
                "the tables have version {version}, but this version of offhook knows {known} at most: use a newer one"
            ),
            StoreError::Evicts { policy } => {
                write!(f, "Redis evicts records: set its maxmemory-policy to noeviction, not {policy}")
            }
            StoreError::UnexpectedAnswer(what) => write!(f, "the store gave an unexpected answer: {what}"),
        }
    }
}

// By hand: thiserror cannot show a cause and leave it out of the chain.
impl Error for StoreError {
    /// Returns the first error below the cause that `Display` does not show already.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let (StoreError::Unavailable(cause) | StoreError::Contended(cause) | StoreError::NotMigrated(cause)) = self
        else {
            return None;
        };
        let shown = cause.to_string();
        std::iter::successors(cause.source(), |error| (*error).source())
            .find(|error| !shown.contains(&error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::idempotency::claim::LeaseToken;
    use std::sync::Mutex;

    /// A store of a user's own, whose records have these answers in turn.
    struct Answers(Mutex<Vec<Result<(), StoreError>>>);

    impl Store for Answers {
        fn claim<'a>(&'a self, _: &'a Key, _: &'a PayloadDigest) -> BoxFuture<'a, Result<Claim, StoreError>> {
            Box::pin(async { Ok(Claim::Done) })
        }

        fn complete<'a>(&'a self, _: &'a Lease) -> BoxFuture<'a, Result<(), StoreError>> {
            Box::pin(async { self.0.lock().unwrap().remove(0) })
        }

        fn release<'a>(&'a self, _: &'a Lease) -> BoxFuture<'a, Result<(), StoreError>> {
            Box::pin(async { Ok(()) })
        }

        fn extend<'a>(&'a self, _: &'a Lease) -> BoxFuture<'a, Result<(), StoreError>> {
            Box::pin(async { Ok(()) })
        }

        fn forget<'a>(&'a self, _: &'a Key) -> BoxFuture<'a, Result<bool, StoreError>> {
            Box::pin(async { Ok(false) })
        }
    }

    #[test]
    fn the_retention_of_a_store_is_unknown_by_default() {
        assert_eq!(Answers(Mutex::default()).retention(), None);
    }

    #[tokio::test]
    async fn a_record_whose_answer_may_be_lost_is_repeated_once() {
        let lease = Lease::new(Key::new("v", "", "a"), LeaseToken::unique(), Duration::from_secs(60));
        let lost = || Err(StoreError::unavailable("lost"));
        for (answers, expected) in [
            (vec![Ok(())], Ok(())),
            (vec![lost(), Ok(())], Ok(())),
            (vec![Err(StoreError::Contended("".into())), Ok(())], Ok(())),
            (vec![lost(), lost()], Err("store_unavailable")),
            (vec![Err(StoreError::LeaseLost)], Err("lease_lost")),
            (vec![Err(StoreError::Timeout)], Err("store_timeout")),
        ] {
            let store = Answers(Mutex::new(answers));
            assert_eq!(complete_or_repeat(&store, &lease).await.map_err(|error| error.code()), expected);
            assert!(store.0.lock().unwrap().is_empty());
        }
    }

    #[derive(Debug, thiserror::Error)]
    #[error("cannot connect: {0}")]
    struct Shows(#[source] std::io::Error);

    #[derive(Debug, thiserror::Error)]
    #[error("cannot connect")]
    struct Hides(#[source] std::io::Error);

    #[test]
    fn every_error_has_a_code_and_says_what_happened() {
        let cause = || "cause".into();
        for (error, code, text) in [
            (StoreError::unavailable("cause"), "store_unavailable", "the store is unavailable: cause"),
            (StoreError::Timeout, "store_timeout", "the store did not answer in time"),
            (StoreError::Contended(cause()), "store_contended", "a concurrent step touched the same record: cause"),
            (StoreError::Full { retry_after: None }, "store_full", "the store has no room for another record"),
            (
                StoreError::LeaseLost,
                "lease_lost",
                "the lease was lost: the key was claimed again, or its record is gone",
            ),
            (
                StoreError::NotMigrated(cause()),
                "store_not_migrated",
                "the store's table is missing or of an earlier version, call the store's migrate() first: cause",
            ),
            (
                StoreError::NewerSchema { version: 8, known: 7 },
                "newer_schema",
                "the tables have version 8, but this version of offhook knows 7 at most: use a newer one",
            ),
            (
                StoreError::Evicts { policy: "allkeys-lru".to_owned() },
                "store_evicts",
                "Redis evicts records: set its maxmemory-policy to noeviction, not allkeys-lru",
            ),
            (StoreError::UnexpectedAnswer("what"), "unexpected_answer", "the store gave an unexpected answer: what"),
        ] {
            assert_eq!((error.code(), error.to_string().as_str()), (code, text));
        }
    }

    #[test]
    fn a_cause_is_told_once() {
        let refused = || std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        let chain = |error: &StoreError| {
            std::iter::successors(Some(error as &dyn Error), |error| (*error).source())
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        let plain = "the store is unavailable: connection refused";
        assert_eq!(chain(&StoreError::unavailable(refused())), [plain]);
        let shown = "the store is unavailable: cannot connect: connection refused";
        assert_eq!(chain(&StoreError::unavailable(Shows(refused()))), [shown]);
        let hidden = ["the store is unavailable: cannot connect", "connection refused"];
        assert_eq!(chain(&StoreError::unavailable(Hides(refused()))), hidden);
        assert_eq!(chain(&StoreError::Timeout), ["the store did not answer in time"]);
    }
}
