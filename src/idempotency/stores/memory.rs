//! The store in the memory of this process.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[cfg(offhook_loom)]
use loom::sync::{Mutex, MutexGuard};
#[cfg(not(offhook_loom))]
use std::sync::{Mutex, MutexGuard};

use crate::idempotency::claim::{Claim, Lease, LeaseToken};
use crate::idempotency::key::{Key, PayloadDigest};
use crate::idempotency::settings::StoreSettings;
use crate::idempotency::store::{BoxFuture, Store, StoreError};

/// The number of records that a [`MemoryStore`] holds at most, by default.
pub const DEFAULT_CAPACITY: usize = 100_000;

/// A store in the memory of one process. There is nothing to install, and a restart forgets
/// everything, so a redelivery after it is handled again.
///
/// A full store refuses new events, which are answered with 503. It never forgets an event
/// before its time. A record takes about 400 bytes.
///
/// ```
/// use offhook::idempotency::MemoryStore;
///
/// let store = MemoryStore::new().with_capacity(1_000_000);
/// assert!(store.is_empty());
/// ```
pub struct MemoryStore {
    records: Mutex<Records>,
    settings: StoreSettings,
    time: Time,
}

enum Time {
    Monotonic(Instant),
    Injected(Arc<dyn Fn() -> Duration + Send + Sync>),
}

impl MemoryStore {
    /// Creates an empty store with [`DEFAULT_CAPACITY`] and the default settings.
    pub fn new() -> Self {
        MemoryStore {
            records: Mutex::new(Records::new(DEFAULT_CAPACITY)),
            settings: StoreSettings::new(),
            time: Time::Monotonic(Instant::now()),
        }
    }

    /// Sets the lease and the retention.
    #[must_use]
    pub fn with_settings(self, settings: StoreSettings) -> Self {
        MemoryStore { settings, ..self }
    }

    /// Sets how many records the store holds at most.
    #[must_use]
    pub fn with_capacity(self, capacity: usize) -> Self {
        self.lock().capacity = capacity;
        self
    }

    /// Reads the time, as a span since any fixed moment, from this function: for tests. The
    /// time must not go backwards.
    #[must_use]
    pub fn with_time(self, time: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        MemoryStore { time: Time::Injected(Arc::new(time)), ..self }
    }

    /// Returns the number of records. A record whose time is over counts until a later claim
    /// drops it.
    pub fn len(&self) -> usize {
        self.lock().by_key.len()
    }

    /// Returns whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn now(&self) -> Duration {
        match &self.time {
            Time::Monotonic(start) => start.elapsed(),
            Time::Injected(time) => time(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Records> {
        // Nothing panics under the lock, so a poisoned one is still consistent.
        self.records.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn claim_now(&self, key: &Key, body: &PayloadDigest) -> Result<Claim, StoreError> {
        let now = self.now();
        self.lock().claim(key, body, LeaseToken::unique(), now, &self.settings)
    }

    fn change(&self, lease: &Lease, change: Change) -> Result<(), StoreError> {
        let now = self.now();
        self.lock().change(lease, change, now, &self.settings)
    }
}

impl Store for MemoryStore {
    fn claim<'a>(&'a self, key: &'a Key, body: &'a PayloadDigest) -> BoxFuture<'a, Result<Claim, StoreError>> {
        Box::pin(async move { self.claim_now(key, body) })
    }

    fn complete<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move { self.change(lease, Change::Complete) })
    }

    fn release<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move { self.change(lease, Change::Release) })
    }

    fn extend<'a>(&'a self, lease: &'a Lease) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move { self.change(lease, Change::Extend) })
    }

    fn forget<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move { Ok(self.lock().remove(key)) })
    }

    fn abandon(&self, lease: Lease) {
        // A lease that is already lost needs no release.
        let _ = self.change(&lease, Change::Release);
    }

    fn complete_later(&self, lease: Lease) {
        let _ = self.change(&lease, Change::Complete);
    }

    fn retention(&self) -> Option<Duration> {
        Some(self.settings.retention())
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        MemoryStore::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("settings", &self.settings)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

/// All records. It takes `now` as an argument and reads no clock.
struct Records {
    by_key: HashMap<Key, Record>,
    /// The keys by the time from which their record can be dropped. A sequence number
    /// separates equal times.
    by_end: BTreeMap<(Duration, u64), Key>,
    sequence: u64,
    capacity: usize,
}

struct Record {
    token: LeaseToken,
    body: PayloadDigest,
    state: State,
    end: (Duration, u64),
}

#[derive(Clone, Copy)]
enum State {
    InFlight { until: Duration },
    Done { until: Duration },
}

#[derive(Clone, Copy)]
enum Change {
    Complete,
    Release,
    Extend,
}

impl Records {
    fn new(capacity: usize) -> Self {
        Records { by_key: HashMap::new(), by_end: BTreeMap::new(), sequence: 0, capacity }
    }

    fn claim(
        &mut self,
        key: &Key,
        body: &PayloadDigest,
        token: LeaseToken,
        now: Duration,
        settings: &StoreSettings,
    ) -> Result<Claim, StoreError> {
        if let Some(record) = self.by_key.get(key) {
            let same = record.body == *body;
            match record.state {
                State::InFlight { until } if until > now => {
                    let retry_after = until.saturating_sub(now);
                    return Ok(if same {
                        Claim::InFlight { retry_after }
                    } else {
                        Claim::Conflict { retry_after: Some(retry_after) }
                    });
                }
                State::Done { until } if until > now => {
                    return Ok(if same { Claim::Done } else { Claim::Conflict { retry_after: None } });
                }
                State::InFlight { .. } | State::Done { .. } => {
                    self.remove(key);
                }
            }
        }
        self.sweep(now);
        if self.by_key.len() >= self.capacity {
            return Err(StoreError::Full);
        }
        let until = now.saturating_add(settings.lease());
        let kept = until.saturating_add(settings.retention());
        self.insert(key.clone(), token, *body, State::InFlight { until }, kept);
        Ok(Claim::Fresh(Lease::new(key.clone(), token, settings.lease())))
    }

    fn change(
        &mut self,
        lease: &Lease,
        change: Change,
        now: Duration,
        settings: &StoreSettings,
    ) -> Result<(), StoreError> {
        let key = lease.key();
        let record =
            self.by_key.get(key).filter(|record| record.token == lease.token()).ok_or(StoreError::LeaseLost)?;
        let body = record.body;
        match (record.state, change) {
            (State::Done { .. }, Change::Complete) => return Ok(()),
            (State::Done { .. }, Change::Release | Change::Extend) => return Err(StoreError::LeaseLost),
            (State::InFlight { .. }, _) => {
                self.remove(key);
            }
        }
        match change {
            Change::Release => {}
            Change::Complete => {
                let until = now.saturating_add(settings.retention());
                self.insert(key.clone(), lease.token(), body, State::Done { until }, until);
            }
            Change::Extend => {
                let until = now.saturating_add(lease.ttl());
                let kept = until.saturating_add(settings.retention());
                self.insert(key.clone(), lease.token(), body, State::InFlight { until }, kept);
            }
        }
        Ok(())
    }

    /// Drops a few records whose time is over. Each claim adds one record at most, so they
    /// go faster than they come, and no claim holds the lock for long.
    fn sweep(&mut self, now: Duration) {
        for _ in 0..SWEEP_PER_CLAIM {
            let Some(first) = self.by_end.first_entry().filter(|first| first.key().0 <= now) else { return };
            let key = first.remove();
            self.by_key.remove(&key);
        }
    }

    fn insert(&mut self, key: Key, token: LeaseToken, body: PayloadDigest, state: State, kept: Duration) {
        self.sequence = self.sequence.wrapping_add(1);
        let end = (kept, self.sequence);
        self.by_end.insert(end, key.clone());
        self.by_key.insert(key, Record { token, body, state, end });
    }

    /// Returns whether there was a record.
    fn remove(&mut self, key: &Key) -> bool {
        match self.by_key.remove(key) {
            Some(record) => self.by_end.remove(&record.end).is_some(),
            None => false,
        }
    }
}

/// More than one, so that the sweeps keep ahead of the claims.
const SWEEP_PER_CLAIM: usize = 4;

#[cfg(test)]
#[cfg(not(offhook_loom))]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    fn with_clock() -> (MemoryStore, Arc<AtomicU64>) {
        let now = Arc::new(AtomicU64::new(0));
        let clock = Arc::clone(&now);
        let settings = StoreSettings::new().danger_with_short_retention(Duration::from_secs(100));
        let settings = settings.with_lease(Duration::from_secs(10)).unwrap();
        let store = MemoryStore::new()
            .with_settings(settings)
            .with_time(move || Duration::from_secs(clock.load(Ordering::Relaxed)));
        (store, now)
    }

    fn claim(store: &MemoryStore, key: &str, body: &str) -> Result<Claim, StoreError> {
        store.claim_now(&Key::new("v", "", key), &PayloadDigest::of(body.as_bytes()))
    }

    fn fresh(store: &MemoryStore, key: &str) -> Lease {
        match claim(store, key, "") {
            Ok(Claim::Fresh(lease)) => lease,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_full_store_refuses_and_recovers_when_records_end() {
        let (store, now) = with_clock();
        let store = store.with_capacity(2);
        let first = fresh(&store, "a");
        store.change(&first, Change::Complete).unwrap();
        fresh(&store, "b");
        assert!(matches!(claim(&store, "c", ""), Err(StoreError::Full)));
        assert_eq!(claim(&store, "a", "").unwrap(), Claim::Done);
        // The record of "a" ends at 100 s, the one of "b" at 110 s.
        now.store(99, Ordering::Relaxed);
        assert!(matches!(claim(&store, "c", ""), Err(StoreError::Full)));
        now.store(100, Ordering::Relaxed);
        fresh(&store, "c");
        assert_eq!(store.len(), 2);
    }

    #[test]
    fn a_full_store_still_lets_an_ended_lease_be_taken_over() {
        let (store, now) = with_clock();
        let store = store.with_capacity(1);
        fresh(&store, "a");
        now.store(10, Ordering::Relaxed);
        fresh(&store, "a");
    }

    /// A claim in a full store used to drop every record that had ended, under the lock.
    #[test]
    fn a_claim_drops_no_more_than_a_few_records_even_if_the_store_is_full() {
        let (store, now) = with_clock();
        let store = store.with_capacity(1_000);
        for key in 0..1_000 {
            fresh(&store, &key.to_string());
        }
        now.store(110, Ordering::Relaxed);
        let mut left = store.len();
        while left > 250 {
            fresh(&store, &format!("new {left}"));
            assert_eq!(store.len(), left + 1 - SWEEP_PER_CLAIM);
            left = store.len();
        }
    }

    #[test]
    fn the_sweep_keeps_ahead_and_the_indexes_agree() {
        let (store, now) = with_clock();
        for round in 0..5_000_u64 {
            now.store(round, Ordering::Relaxed);
            let lease = fresh(&store, &round.to_string());
            match round % 4 {
                0 => store.change(&lease, Change::Complete).unwrap(),
                1 => store.change(&lease, Change::Release).unwrap(),
                2 => store.change(&lease, Change::Extend).unwrap(),
                _ => {}
            }
            let records = store.lock();
            assert_eq!(records.by_key.len(), records.by_end.len());
            assert!(records.by_key.len() <= 111, "{} records at {round}", records.by_key.len());
        }
    }
}

/// Every interleaving: `RUSTFLAGS="--cfg offhook_loom" cargo test --lib loom --release`.
#[cfg(test)]
#[cfg(offhook_loom)]
mod loom_tests {
    use super::*;
    use loom::sync::Arc as LoomArc;
    use loom::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
    use loom::thread;

    fn key() -> Key {
        Key::new("v", "", "k")
    }

    fn store() -> LoomArc<MemoryStore> {
        let settings = StoreSettings::new().with_lease(Duration::from_secs(10)).unwrap();
        LoomArc::new(MemoryStore::new().with_settings(settings).with_time(|| Duration::ZERO))
    }

    #[test]
    fn loom_one_of_three_claimers_wins() {
        loom::model(|| {
            let store = store();
            let wins = LoomArc::new(AtomicUsize::new(0));
            let claim = |store: LoomArc<MemoryStore>, wins: LoomArc<AtomicUsize>| {
                move || {
                    if let Ok(Claim::Fresh(_)) = store.claim_now(&key(), &PayloadDigest::of(b"")) {
                        wins.fetch_add(1, Ordering::Relaxed);
                    }
                }
            };
            let threads = [(); 2].map(|()| thread::spawn(claim(store.clone(), wins.clone())));
            claim(store.clone(), wins.clone())();
            for thread in threads {
                thread.join().unwrap();
            }
            assert_eq!(wins.load(Ordering::Relaxed), 1);
        });
    }

    #[test]
    fn loom_a_claimer_beside_a_completion_never_wins() {
        loom::model(|| {
            let store = store();
            let Ok(Claim::Fresh(lease)) = store.claim_now(&key(), &PayloadDigest::of(b"")) else { panic!() };
            let other = {
                let store = store.clone();
                thread::spawn(move || store.claim_now(&key(), &PayloadDigest::of(b"")).unwrap())
            };
            store.change(&lease, Change::Complete).unwrap();
            assert!(matches!(other.join().unwrap(), Claim::InFlight { .. } | Claim::Done));
            assert_eq!(store.claim_now(&key(), &PayloadDigest::of(b"")).unwrap(), Claim::Done);
        });
    }

    #[test]
    fn loom_a_release_frees_the_key_for_one() {
        loom::model(|| {
            let store = store();
            let Ok(Claim::Fresh(lease)) = store.claim_now(&key(), &PayloadDigest::of(b"")) else { panic!() };
            let others = [(); 2].map(|()| {
                let store = store.clone();
                thread::spawn(move || matches!(store.claim_now(&key(), &PayloadDigest::of(b"")), Ok(Claim::Fresh(_))))
            });
            store.change(&lease, Change::Release).unwrap();
            let wins = others.map(|other| usize::from(other.join().unwrap())).iter().sum::<usize>();
            assert!(wins <= 1);
        });
    }

    #[test]
    fn loom_of_a_stale_owner_and_a_new_one_one_completes() {
        loom::model(|| {
            let now = Arc::new(std::sync::atomic::AtomicU64::new(0));
            let clock = now.clone();
            let settings = StoreSettings::new().with_lease(Duration::from_secs(10)).unwrap();
            let store = LoomArc::new(
                MemoryStore::new()
                    .with_settings(settings)
                    .with_time(move || Duration::from_secs(clock.load(Ordering::Relaxed))),
            );
            let Ok(Claim::Fresh(lease)) = store.claim_now(&key(), &PayloadDigest::of(b"")) else { panic!() };
            now.store(10, Ordering::Relaxed);
            let completed = LoomArc::new(AtomicU64::new(0));
            let other = {
                let (store, completed) = (store.clone(), completed.clone());
                thread::spawn(move || {
                    if let Ok(Claim::Fresh(lease)) = store.claim_now(&key(), &PayloadDigest::of(b"")) {
                        store.change(&lease, Change::Complete).unwrap();
                        completed.fetch_add(1, Ordering::Relaxed);
                    }
                })
            };
            if store.change(&lease, Change::Complete).is_ok() {
                completed.fetch_add(1, Ordering::Relaxed);
            }
            other.join().unwrap();
            assert_eq!(completed.load(Ordering::Relaxed), 1);
        });
    }
}
