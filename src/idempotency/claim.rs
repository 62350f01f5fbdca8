//! The answer to a claim, and the lease of a fresh one.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use super::key::Key;

/// The answer to a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Claim {
    /// The caller may handle the event, for as long as the lease lasts.
    Fresh(Lease),
    /// Another delivery of the event is being handled.
    InFlight {
        /// The time until the other delivery's lease ends.
        retry_after: Duration,
    },
    /// The event was handled.
    Done,
    /// Another payload was claimed under the same key. It is another event, so claim this
    /// one under [`Key::with_payload`].
    ///
    /// A payload whose lease has ended without a record is no conflict: it was not handled,
    /// so the new payload is fresh.
    Conflict {
        /// The time until the lease of the other payload ends, while that payload is being
        /// handled. `None` if it was handled.
        retry_after: Option<Duration>,
    },
}

/// The right to handle one event, until the lease ends or the key is claimed again.
///
/// A lease that has ended can still be completed, released and extended, as long as the key
/// was not claimed again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    key: Key,
    token: LeaseToken,
    ttl: Duration,
}

impl Lease {
    /// Creates a lease that lasts for `ttl` from now, by the store's time: for stores.
    pub fn new(key: Key, token: LeaseToken, ttl: Duration) -> Self {
        Lease { key, token, ttl }
    }

    /// Returns the event's key.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Returns the token that identifies this lease.
    pub fn token(&self) -> LeaseToken {
        self.token
    }

    /// Returns how long the lease lasted when it was given or last extended.
    pub fn ttl(&self) -> Duration {
        self.ttl
    }
}

/// Identifies a lease. It is unique, and it is not a secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct LeaseToken([u8; 16]);

impl LeaseToken {
    /// Creates a token that no other claim has.
    pub fn unique() -> Self {
        // The standard library seeds its hash keys from the system's randomness. One state
        // has 64 bits of output, and all states differ, so two of them make 128 bits.
        let half = || RandomState::new().hash_one(std::process::id()).to_be_bytes();
        let mut bytes = [0; 16];
        for (place, byte) in bytes.iter_mut().zip(half().into_iter().chain(half())) {
            *place = byte;
        }
        LeaseToken(bytes)
    }

    /// Creates the token with these bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        LeaseToken(bytes)
    }

    /// Returns the bytes.
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
    fn a_lease_holds_its_key_its_token_and_its_length() {
        let token = LeaseToken::from_bytes([0xa5; 16]);
        let key = Key::new("truedy", "", "call.ended:evt_1");
        let lease = Lease::new(key.clone(), token, Duration::from_secs(60));
        assert_eq!((lease.key(), lease.token(), lease.ttl()), (&key, token, Duration::from_secs(60)));
        assert_eq!(token.as_bytes(), &[0xa5; 16]);
        assert_eq!(format!("{token:?}"), format!("LeaseToken({})", "a5".repeat(16)));
    }

    #[test]
    fn tokens_differ_across_threads() {
        let threads: Vec<_> = (0..8)
            .map(|_| std::thread::spawn(|| (0..10_000).map(|_| LeaseToken::unique()).collect::<Vec<_>>()))
            .collect();
        let all: std::collections::HashSet<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        assert_eq!(all.len(), 80_000);
    }
}
