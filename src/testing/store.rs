//! The suite that every idempotency store passes: those of this crate, and yours.
//!
//! ```
//! use std::time::Duration;
//! use offhook::idempotency::{MemoryStore, StoreSettings};
//! use offhook::testing::store::ConformanceSuite;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! // The suite waits until leases and retentions end, so they are short.
//! let (lease, retention) = (Duration::from_millis(60), Duration::from_millis(120));
//! let settings = StoreSettings::new().danger_with_short_retention(retention).with_lease(lease).unwrap();
//! let store = MemoryStore::new().with_settings(settings);
//! ConformanceSuite::new(lease, retention, |wait| tokio::time::sleep(wait)).run(&store).await.unwrap();
//! # }
//! ```

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use crate::idempotency::{BoxFuture, Claim, Key, Lease, LeaseToken, PayloadDigest, Store, StoreError};

/// Tests a store for the contract of [`Store`].
///
/// The suite can run any number of times on one store, also concurrently. The records that
/// it leaves end by themselves.
pub struct ConformanceSuite {
    lease: Duration,
    retention: Duration,
    sleep: Box<dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync>,
    run: LeaseToken,
}

/// A rule of the contract that a store breaks.
#[derive(Debug)]
#[non_exhaustive]
pub struct Violation {
    /// The rule that is broken.
    pub rule: &'static str,
    /// What the store did instead.
    pub found: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.found)
    }
}

impl std::error::Error for Violation {}

impl ConformanceSuite {
    /// Creates the suite for a store with this lease and this retention. `sleep` is the sleep
    /// function of the async runtime.
    ///
    /// The lease must be long enough for a handful of steps: tens of milliseconds in memory,
    /// hundreds over a network.
    pub fn new<F>(lease: Duration, retention: Duration, sleep: impl Fn(Duration) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        ConformanceSuite {
            lease,
            retention,
            sleep: Box::new(move |wait| Box::pin(sleep(wait))),
            run: LeaseToken::unique(),
        }
    }

    /// Runs the whole suite.
    ///
    /// # Errors
    ///
    /// Returns the first rule that the store breaks.
    pub async fn run<S: Store + ?Sized>(&self, store: &S) -> Result<(), Violation> {
        self.a_fresh_key_is_claimed_once(store).await?;
        self.a_completed_key_is_done(store).await?;
        self.a_released_key_is_fresh(store).await?;
        self.a_forgotten_key_is_fresh(store).await?;
        self.keys_are_apart(store).await?;
        self.another_body_is_a_conflict(store).await?;
        self.a_stranger_changes_nothing(store).await?;
        self.an_ended_lease_is_taken_over(store).await?;
        self.a_late_owner_may_complete(store).await?;
        self.a_lease_can_be_extended(store).await?;
        self.a_handled_event_is_forgotten_after_the_retention(store).await?;
        self.one_of_many_wins(store).await
    }

    fn key(&self, name: &str) -> Key {
        // Each suite has its own keys.
        Key::new("conformance", &format!("{:?}", self.run), name)
    }

    async fn fresh<S: Store + ?Sized>(
        &self,
        store: &S,
        rule: &'static str,
        key: &Key,
        body: &[u8],
    ) -> Result<Lease, Violation> {
        match store.claim(key, &PayloadDigest::of(body)).await {
            Ok(Claim::Fresh(lease)) if lease.key() == key && lease.ttl() == self.lease => Ok(lease),
            other => Err(violation(rule, other)),
        }
    }

    async fn a_fresh_key_is_claimed_once<S: Store + ?Sized>(&self, store: &S) -> Result<(), Violation> {
        const RULE: &str = "of two claims, the first is fresh and the second in flight for at most the lease";
        let key = self.key("once");
        self.fresh(store, RULE, &key, b"a").await?;
        match store.claim(&key, &PayloadDigest::of(b"a")).await {
            Ok(Claim::InFlight { retry_after }) if !retry_after.is_zero() && retry_after <= self.lease => Ok(()),
            other => Err(violation(RULE, other)),
        }
    }

    async fn a_completed_key_is_done<S: Store + ?Sized>(&self, store: &S) -> Result<(), Violation> {
        const RULE: &str = "a completed key is done, completing again changes nothing, and nothing undoes it";
        let key = self.key("done");
        let lease = self.fresh(store, RULE, &key, b"a").await?;
        expect(RULE, store.complete(&lease).await)?;
        expect(RULE, store.complete(&lease).await)?;
        lost(RULE, store.release(&lease).await)?;
        lost(RULE, store.extend(&lease).await)?;
        match store.claim(&key, &PayloadDigest::of(b"a")).await {
            Ok(Claim::Done) => Ok(()),
            other => Err(violation(RULE, other)),
        }
    }

    async fn a_released_key_is_fresh<S: Store + ?Sized>(&self, store: &S) -> Result<(), Violation> {
        const RULE: &str = "a released key is fresh, and its old lease is lost";
        let key = self.key("released");
        let first = self.fresh(store, RULE, &key, b"a").await?;
        expect(RULE, store.release(&first).await)?;
        lost(RULE, store.complete(&first).await)?;
        lost(RULE, store.extend(&first).await)?;
        let second = self.fresh(store, RULE, &key, b"b").await?;
        if first.token() == second.token() {
            return Err(Violation { rule: RULE, found: "two claims with one token".into() });
        }
        lost(RULE, store.release(&first).await)?;
        lost(RULE, store.complete(&first).await)?;
        expect(RULE, store.complete(&second).await)
    }

    async fn a_forgotten_key_is_fresh<S: Store + ?Sized>(&self, store: &S) -> Result<(), Violation> {
        const RULE: &str = "a forgotten key is fresh whatever its state was, and its old lease is lost";
        let key = self.key("forget");
        forgets(RULE, store.forget(&key).await, false)?;
        let first = self.fresh(store, RULE, &key, b"a").await?;
        forgets(RULE, store.forget(&key).await, true)?;
        forgets(RULE, store.forget(&key).await, false)?;
        lost(RULE, store.complete(&first).await)?;
        lost(RULE, store.release(&first).await)?;
        lost(RULE, store.extend(&first).await)?;
        let second = self.fresh(store, RULE, &key, b"b").await?;
        lost(RULE, store.complete(&first).await)?;
        expect(RULE, store.complete(&second).await)?;
        forgets(RULE, store.forget(&key).await, true)?;
        lost(RULE, store.complete(&second).await)?;
        self.fresh(store, RULE, &key, b"a").await.map(drop)
    }

    async fn keys_are_apart<S: Store + ?Sized>(&self, store: &S) -> Result<(), Violation> {
        const RULE: &str = "keys differ by every byte, case and trailing spaces among them, up to 255 bytes";
        let long = "k".repeat(200);
        for name in ["k", "K", "k ", "ké", "ke\u{301}", "k'\"\\;--", "k\0", "{k}", "k*", &long] {
            self.fresh(store, RULE, &self.key(name), b"a").await?;
        }
        Ok(())
    }

    async fn another_body_is_a_conflict<S: Store + ?Sized>(&self, store: &S) -> Result<(), Violation> {
        const RULE: &str = "another body under a key in flight or done is a conflict";
        let key = self.key("conflict");
        let lease = self.fresh(store, RULE, &key, b"a").await?;
        match store.claim(&key, &PayloadDigest::of(b"b")).await {
            Ok(Claim::Conflict { retry_after: Some(wait) }) if wait <= self.lease => {}
            other => return Err(violation(RULE, other)),
        }
        expect(RULE, store.complete(&lease).await)?;
        match store.claim(&key, &PayloadDigest::of(b"b")).await {
            Ok(Claim::Conflict { retry_after: None }) => {}
            other => return Err(violation(RULE, other)),
        }
        match store.claim(&key, &PayloadDigest::of(b"a")).await {
            Ok(Claim::Done) => Ok(()),
            other => Err(violation(RULE, other)),
        }
    }

    async fn a_stranger_changes_nothing<S: Store + ?Sized>(&self, store: &S) -> Result<(), Violation> {
        const RULE: &str = "a token that is not the record's changes nothing";
        let key = self.key("stranger");
        let lease = self.fresh(store, RULE, &key, b"a").await?;
        let stranger = Lease::new(key.clone(), LeaseToken::unique(), self.lease);
        lost(RULE, store.complete(&stranger).await)?;
        lost(RULE, store.release(&stranger).await)?;
        lost(RULE, store.extend(&stranger).await)?;
        match store.claim(&key, &PayloadDigest::of(b"a")).await {
            Ok(Claim::InFlight { .. }) => {}
            other => return Err(violation(RULE, other)),
        }
        expect(RULE, store.complete(&lease).await)?;
        lost(RULE, store.release(&stranger).await)?;
        lost(RULE, store.complete(&stranger).await)
    }

    async fn an_ended_lease_is_taken_over<S: Store + ?Sized>(&self, store: &S) -> Result<(), Violation> {
        const RULE: &str = "an ended lease is taken over, also with another body, and its owner changes nothing";
        let key = self.key("ended");
        let stale = self.fresh(store, RULE, &key, b"a").await?;
        self.wait(self.lease).await;
        let owner = self.fresh(store, RULE, &key, b"b").await?;
        lost(RULE, store.complete(&stale).await)?;
        lost(RULE, store.release(&stale).await)?;
        lost(RULE, store.extend(&stale).await)?;
        expect(RULE, store.complete(&owner).await)?;
        lost(RULE, store.complete(&stale).await)?;
        match store.claim(&key, &PayloadDigest::of(b"b")).await {
            Ok(Claim::Done) => Ok(()),
            other => Err(violation(RULE, other)),
        }
    }

    async fn a_late_owner_may_complete<S: Store + ?Sized>(&self, store: &S) -> Result<(), Violation> {
        const RULE: &str = "an ended lease that nobody took over can be completed";
        let key = self.key("late");
        let lease = self.fresh(store, RULE, &key, b"a").await?;
        self.wait(self.lease).await;
        expect(RULE, store.complete(&lease).await)?;
        match store.claim(&key, &PayloadDigest::of(b"a")).await {
            Ok(Claim::Done) => Ok(()),
            other => Err(violation(RULE, other)),
        }
    }

    async fn a_lease_can_be_extended<S: Store + ?Sized>(&self, store: &S) -> Result<(), Violation> {
        const RULE: &str = "an extended lease lasts anew";
        let key = self.key("extended");
        let lease = self.fresh(store, RULE, &key, b"a").await?;
        for _ in 0..3 {
            (self.sleep)(part(self.lease, 2, 3)).await;
            expect(RULE, store.extend(&lease).await)?;
        }
        match store.claim(&key, &PayloadDigest::of(b"a")).await {
            Ok(Claim::InFlight { .. }) => {}
            other => return Err(violation(RULE, other)),
        }
        self.wait(self.lease).await;
        self.fresh(store, RULE, &key, b"a").await.map(drop)
    }

    async fn a_handled_event_is_forgotten_after_the_retention<S: Store + ?Sized>(
        &self,
        store: &S,
    ) -> Result<(), Violation> {
        const RULE: &str = "a handled event is remembered for the retention, and not for ever";
        let key = self.key("forgotten");
        let lease = self.fresh(store, RULE, &key, b"a").await?;
        expect(RULE, store.complete(&lease).await)?;
        (self.sleep)(part(self.retention, 2, 3)).await;
        match store.claim(&key, &PayloadDigest::of(b"a")).await {
            Ok(Claim::Done) => {}
            other => return Err(violation(RULE, other)),
        }
        self.wait(part(self.retention, 1, 3)).await;
        self.fresh(store, RULE, &key, b"a").await.map(drop)
    }

    async fn one_of_many_wins<S: Store + ?Sized>(&self, store: &S) -> Result<(), Violation> {
        const RULE: &str = "of many claims at once, one is fresh and the others are in flight";
        for round in 0..8 {
            let key = self.key(&format!("race {round}"));
            let body = PayloadDigest::of(b"a");
            let answers = all((0..64).map(|_| store.claim(&key, &body)).collect()).await;
            let fresh = answers.iter().filter(|answer| matches!(answer, Ok(Claim::Fresh(_)))).count();
            let in_flight = answers.iter().filter(|answer| matches!(answer, Ok(Claim::InFlight { .. }))).count();
            if (fresh, in_flight) != (1, 63) {
                return Err(violation(RULE, answers));
            }
        }
        Ok(())
    }

    /// Waits a little longer, for a store that counts in milliseconds.
    async fn wait(&self, span: Duration) {
        (self.sleep)(span.saturating_add(Duration::from_millis(10))).await;
    }
}

impl fmt::Debug for ConformanceSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConformanceSuite")
            .field("lease", &self.lease)
            .field("retention", &self.retention)
            .finish_non_exhaustive()
    }
}

fn violation(rule: &'static str, found: impl fmt::Debug) -> Violation {
    Violation { rule, found: format!("{found:?}") }
}

fn expect(rule: &'static str, answer: Result<(), StoreError>) -> Result<(), Violation> {
    answer.map_err(|error| violation(rule, error))
}

fn forgets(rule: &'static str, answer: Result<bool, StoreError>, expected: bool) -> Result<(), Violation> {
    match answer {
        Ok(was_there) if was_there == expected => Ok(()),
        other => Err(violation(rule, other)),
    }
}

fn lost(rule: &'static str, answer: Result<(), StoreError>) -> Result<(), Violation> {
    match answer {
        Err(StoreError::LeaseLost) => Ok(()),
        other => Err(violation(rule, other)),
    }
}

fn part(span: Duration, of: u32, whole: u32) -> Duration {
    span.checked_div(whole).unwrap_or_default().saturating_mul(of)
}

/// Polls all futures in turn until every one is done.
async fn all<T>(futures: Vec<BoxFuture<'_, T>>) -> Vec<T> {
    let mut waiting: Vec<Option<Pin<Box<_>>>> = futures.into_iter().map(Some).collect();
    let mut done = Vec::with_capacity(waiting.len());
    poll_fn(|context| {
        for slot in &mut waiting {
            if let Some(Poll::Ready(output)) = slot.as_mut().map(|future| future.as_mut().poll(context)) {
                *slot = None;
                done.push(output);
            }
        }
        if waiting.iter().all(Option::is_none) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    done
}
