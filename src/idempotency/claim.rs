//! What a claim answers.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use super::key::Key;

/// The answer to a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Claim {
    /// The event is the caller's to handle, for as long as the lease lasts.
    Fresh(Lease),
    /// Somebody is handling it.
    InFlight {
        /// What is left of their lease.
        retry_after: Duration,
    },
    /// It was handled.
    Done,
    /// The key stands for another body.
    ///
    /// A body whose lease ended without a record is no conflict: nothing came of
    /// it, and the new body is fresh.
    Conflict {
        /// What is left of the lease under which the other body is being
        /// handled; `None` when it was handled.
        retry_after: Option<Duration>,
    },
}

/// The right to handle one event, until it ends or somebody else takes it over.
///
/// A lease that has ended can still be completed, released and extended as long
/// as nobody else claimed the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    key: Key,
    token: LeaseToken,
    ttl: Duration,
}

impl Lease {
    /// For stores: a lease that lasts for `ttl` from now, by the store's time.
    pub fn new(key: Key, token: LeaseToken, ttl: Duration) -> Self {
        Lease { key, token, ttl }
    }

    /// The event's key.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// What tells this owner from all others.
    pub fn token(&self) -> LeaseToken {
        self.token
    }

    /// How long the lease lasted when it was given or last extended.
    pub fn ttl(&self) -> Duration {
        self.ttl
    }
}

/// What tells one owner from another. It is unique, and no secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct LeaseToken([u8; 16]);

impl LeaseToken {
    /// A token that no other claim has.
    pub fn unique() -> Self {
        // The standard library seeds its hash keys from the system's randomness.
        // Two states, since one is 64 bits of output and every state differs.
        let half = || RandomState::new().hash_one(std::process::id()).to_be_bytes();
        let mut bytes = [0; 16];
        for (place, byte) in bytes.iter_mut().zip(half().into_iter().chain(half())) {
            *place = byte;
        }
        LeaseToken(bytes)
    }

    /// The token with these bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        LeaseToken(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for LeaseToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LeaseToken({})", base16ct::lower::encode_string(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_across_threads() {
        let threads: Vec<_> = (0..8)
            .map(|_| std::thread::spawn(|| (0..10_000).map(|_| LeaseToken::unique()).collect::<Vec<_>>()))
            .collect();
        let all: std::collections::HashSet<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        assert_eq!(all.len(), 80_000);
    }
}
