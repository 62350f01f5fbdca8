//! The contract of a store.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use super::claim::{Claim, Lease};
use super::key::{BodyDigest, Key};

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
    fn claim<'a>(&'a self, key: &'a Key, body: &'a BodyDigest) -> BoxFuture<'a, Result<Claim, StoreError>>;

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
}

macro_rules! delegate {
    ($($pointer:ty),*) => {$(
        impl<S: Store + ?Sized> Store for $pointer {
            fn claim<'a>(&'a self, key: &'a Key, body: &'a BodyDigest) -> BoxFuture<'a, Result<Claim, StoreError>> {
                (**self).claim(key, body)
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
        }
    )*};
}

delegate!(&S, Arc<S>, Box<S>);

/// A store did not do its step.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// The store could not be reached, or failed. The step may have happened.
    Unavailable(Box<dyn Error + Send + Sync>),
    /// The store did not answer in time. The step may have happened.
    Timeout,
    /// Others were at the same records; trying again may help.
    Contended(Box<dyn Error + Send + Sync>),
    /// The store has no room for another record.
    Full,
    /// The lease is no longer the caller's: somebody else has claimed the key, or
    /// the record is gone.
    LeaseLost,
    /// The store's tables are not there: call its `migrate()`.
    NotMigrated(Box<dyn Error + Send + Sync>),
    /// The store would drop records when it runs out of memory.
    Evicts {
        /// Redis's `maxmemory-policy`.
        policy: String,
    },
    /// The store answered what it never should.
    UnexpectedAnswer(&'static str),
}

impl StoreError {
    /// Any failure to reach the store.
    pub fn unavailable(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        StoreError::Unavailable(error.into())
    }

    /// A stable name for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            StoreError::Unavailable(_) => "store_unavailable",
            StoreError::Timeout => "store_timeout",
            StoreError::Contended(_) => "store_contended",
            StoreError::Full => "store_full",
            StoreError::LeaseLost => "lease_lost",
            StoreError::NotMigrated(_) => "store_not_migrated",
            StoreError::Evicts { .. } => "store_evicts",
            StoreError::UnexpectedAnswer(_) => "unexpected_answer",
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Unavailable(_) => f.write_str("the store is unavailable"),
            StoreError::Timeout => f.write_str("the store did not answer in time"),
            StoreError::Contended(_) => f.write_str("the store is contended"),
            StoreError::Full => f.write_str("the store is full"),
            StoreError::LeaseLost => f.write_str("the lease was lost"),
            StoreError::NotMigrated(_) => f.write_str("the store's schema is missing; call migrate()"),
            StoreError::Evicts { policy } => {
                write!(f, "the store evicts records (maxmemory-policy {policy}); it must be noeviction")
            }
            StoreError::UnexpectedAnswer(what) => write!(f, "the store answered nonsense: {what}"),
        }
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            StoreError::Unavailable(error) | StoreError::Contended(error) | StoreError::NotMigrated(error) => {
                Some(&**error)
            }
            _ => None,
        }
    }
}
