//! The store in the memory of this process.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[cfg(offhook_loom)]
use loom::sync::{Mutex, MutexGuard};
#[cfg(not(offhook_loom))]
use std::sync::{Mutex, MutexGuard};

use hmac::digest::Digest;
use sha2::Sha256;

use crate::idempotency::claim::{Claim, Lease, LeaseToken};
use crate::idempotency::key::{Key, PayloadDigest};
#[cfg(feature = "tracing")]
use crate::idempotency::settings::Readable;
use crate::idempotency::settings::StoreSettings;
use crate::idempotency::store::{BoxFuture, Store, StoreError};

/// The number of records that a [`MemoryStore`] holds at most, by default.
///
/// It is enough for 20 new events each second, for ever, with the store's default retention of
/// 24 h. The records then take less than 256 MiB.
pub const DEFAULT_CAPACITY: usize = 1_750_000;

/// A store in the memory of one process. There is nothing to install, and a restart forgets
/// everything, so a redelivery after it is handled again.
///
/// A full store refuses new events, which are answered with 503 and the time until a record
/// ends. It never forgets an event before its time. From 80 % of its capacity, it warns in the
/// log (`store_filling`).
///
/// For ever, a store sustains its capacity divided by its retention: 20 new events each second
/// by default. A record takes at most 145 bytes, whatever the length of its key, and the
/// records are allocated as they come. A step takes time that grows with the logarithm of the
/// number of records; none of them copies the records or looks through them.
///
/// A record holds 128 bits of a keyed hash of its key, and 128 bits of the payload's digest.
///
/// ```
/// use offhook::idempotency::MemoryStore;
///
/// let store = MemoryStore::new().with_capacity(500_000);
/// assert!(store.is_empty());
/// ```
pub struct MemoryStore {
    records: Mutex<Records>,
    hash: KeyHash,
    settings: StoreSettings,
    time: Time,
}

enum Time {
    Monotonic(Instant),
    Injected(Arc<dyn Fn() -> Duration + Send + Sync>),
}

impl MemoryStore {
    /// Creates an empty store with [`DEFAULT_CAPACITY`] and
    /// [`StoreSettings::for_memory_store`].
    pub fn new() -> Self {
        MemoryStore {
            records: Mutex::new(Records::new(DEFAULT_CAPACITY)),
            hash: KeyHash::random(),
            settings: StoreSettings::for_memory_store(),
            time: Time::Monotonic(Instant::now()),
        }
    }

    /// Sets the lease and the retention. A longer retention needs a greater capacity.
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
        self.lock().by_hash.len()
    }

    /// Returns whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn now(&self) -> Moment {
        Moment::at(match &self.time {
            Time::Monotonic(start) => start.elapsed(),
            Time::Injected(time) => time(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Records> {
        // Nothing panics under the lock, so a poisoned one is still consistent.
        self.records.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn claim_now(&self, key: &Key, payload: &PayloadDigest) -> Result<Claim, StoreError> {
        let (now, hash, token) = (self.now(), self.hash.of(key), LeaseToken::unique());
        let mut records = self.lock();
        let answer = records.claim(hash, ShortDigest::of(payload), ShortToken::of(token), now, &self.settings);
        let filling = records.is_filling();
        drop(records);
        if filling {
            self.warn_of_filling();
        }
        Ok(match answer? {
            Answer::Fresh => Claim::Fresh(Lease::new(key.clone(), token, self.settings.lease())),
            Answer::Refused(claim) => claim,
        })
    }

    fn change(&self, lease: &Lease, change: Change) -> Result<(), StoreError> {
        let (now, hash) = (self.now(), self.hash.of(lease.key()));
        self.lock().change(hash, lease, change, now, &self.settings)
    }

    fn warn_of_filling(&self) {
        #[cfg(feature = "tracing")]
        {
            let (records, capacity) = {
                let held = self.lock();
                (held.by_hash.len(), held.capacity)
            };
            tracing::warn!(
                target: "offhook",
                code = "store_filling", records, capacity, retention = %Readable(self.settings.retention()),
                "the store in memory fills up, and will refuse new events when it is full: set a greater capacity"
            );
        }
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
        Box::pin(async move { Ok(self.lock().remove(self.hash.of(key))) })
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
///
/// Both indexes are trees, because a hash table or a vector copies all its records when it
/// grows, and every claim would wait for that.
struct Records {
    by_hash: BTreeMap<Hash, Record>,
    /// The records by the time from which they can be dropped.
    by_end: BTreeSet<(Moment, Hash)>,
    capacity: usize,
    /// Whether the log was told that the store fills up.
    warned: bool,
}

/// A record. There are millions of them, so its size counts.
struct Record {
    token: ShortToken,
    payload: ShortDigest,
    /// The end of the lease, or `None` once the event was handled.
    leased_until: Option<Moment>,
    /// The time from which the record can be dropped.
    end: Moment,
}

enum Answer {
    Fresh,
    Refused(Claim),
}

#[derive(Clone, Copy)]
enum Change {
    Complete,
    Release,
    Extend,
}

impl Records {
    fn new(capacity: usize) -> Self {
        Records { by_hash: BTreeMap::new(), by_end: BTreeSet::new(), capacity, warned: false }
    }

    fn claim(
        &mut self,
        hash: Hash,
        payload: ShortDigest,
        token: ShortToken,
        now: Moment,
        settings: &StoreSettings,
    ) -> Result<Answer, StoreError> {
        if let Some(record) = self.by_hash.get(&hash) {
            if let Some(claim) = record.refusal(payload, now) {
                return Ok(Answer::Refused(claim));
            }
            self.remove(hash);
        }
        self.sweep(now);
        if self.by_hash.len() >= self.capacity {
            let first_end = self.by_end.first().map(|(end, _)| end.since(now));
            return Err(StoreError::Full { retry_after: first_end });
        }
        let until = now.after(settings.lease());
        let end = until.after(settings.retention());
        self.insert(hash, Record { token, payload, leased_until: Some(until), end });
        Ok(Answer::Fresh)
    }

    fn change(
        &mut self,
        hash: Hash,
        lease: &Lease,
        change: Change,
        now: Moment,
        settings: &StoreSettings,
    ) -> Result<(), StoreError> {
        let record = self
            .by_hash
            .get(&hash)
            .filter(|record| record.token == ShortToken::of(lease.token()))
            .ok_or(StoreError::LeaseLost)?;
        if record.leased_until.is_none() {
            return match change {
                Change::Complete => Ok(()),
                Change::Release | Change::Extend => Err(StoreError::LeaseLost),
            };
        }
        let (token, payload) = (record.token, record.payload);
        self.remove(hash);
        match change {
            Change::Release => {}
            Change::Complete => {
                let end = now.after(settings.retention());
                self.insert(hash, Record { token, payload, leased_until: None, end });
            }
            Change::Extend => {
                let until = now.after(lease.ttl());
                let end = until.after(settings.retention());
                self.insert(hash, Record { token, payload, leased_until: Some(until), end });
            }
        }
        Ok(())
    }

    /// Drops a few records whose time is over. Each claim adds one record at most, so they
    /// go faster than they come, and no claim holds the lock for long.
    fn sweep(&mut self, now: Moment) {
        for _ in 0..SWEEP_PER_CLAIM {
            let Some((_, hash)) = self.by_end.first().copied().filter(|(end, _)| *end <= now) else { return };
            self.remove(hash);
        }
    }

    fn insert(&mut self, hash: Hash, record: Record) {
        self.by_end.insert((record.end, hash));
        self.by_hash.insert(hash, record);
    }

    /// Returns whether there was a record.
    fn remove(&mut self, hash: Hash) -> bool {
        match self.by_hash.remove(&hash) {
            Some(record) => self.by_end.remove(&(record.end, hash)),
            None => false,
        }
    }

    /// Returns whether to warn, which is once each time that the store fills up.
    fn is_filling(&mut self) -> bool {
        let is_full = |percent| self.by_hash.len().saturating_mul(100) >= self.capacity.saturating_mul(percent);
        let before = self.warned;
        // Between the two limits, a store that gains and loses records does not warn again.
        self.warned = is_full(WARN_FROM_PERCENT) || (before && is_full(CALM_BELOW_PERCENT));
        self.warned && !before
    }
}

impl Record {
    /// Returns the answer to a claim, or `None` if the record's time is over.
    fn refusal(&self, payload: ShortDigest, now: Moment) -> Option<Claim> {
        let retry_after = match self.leased_until {
            Some(until) if until > now => Some(until.since(now)),
            None if self.end > now => None,
            Some(_) | None => return None,
        };
        Some(match (self.payload == payload, retry_after) {
            (false, retry_after) => Claim::Conflict { retry_after },
            (true, Some(retry_after)) => Claim::InFlight { retry_after },
            (true, None) => Claim::Done,
        })
    }
}

/// A time in nanoseconds since a moment before the first claim. It is never zero, so an
/// `Option` of it takes no more room.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Moment(NonZeroU64);

impl Moment {
    fn at(time: Duration) -> Self {
        Moment(NonZeroU64::MIN).after(time)
    }

    fn after(self, span: Duration) -> Self {
        // 64 bits of nanoseconds are 584 years.
        Moment(self.0.saturating_add(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// Returns the time from then to this moment, or zero if then is later.
    fn since(self, then: Moment) -> Duration {
        Duration::from_nanos(self.0.get().saturating_sub(then.0.get()))
    }
}

/// Hashes keys. The salt is secret and each store has its own, so nobody can choose two keys
/// of one hash.
struct KeyHash {
    salt: [u8; 16],
}

type Hash = [u8; 16];

impl KeyHash {
    fn random() -> Self {
        // The bytes of a token are random, and this one is not used for a lease.
        KeyHash { salt: *LeaseToken::unique().as_bytes() }
    }

    fn of(&self, key: &Key) -> Hash {
        let digest = Sha256::new().chain_update(self.salt).chain_update(key.as_str()).finalize();
        first_bytes(&digest)
    }
}

/// The first half of a payload's digest. Only the vendor can sign two payloads, so nobody
/// else could use a collision.
#[derive(Clone, Copy, PartialEq, Eq)]
struct ShortDigest([u8; 16]);

impl ShortDigest {
    fn of(payload: &PayloadDigest) -> Self {
        ShortDigest(first_bytes(payload.as_bytes()))
    }
}

/// The first half of a token, which is random. It has to differ only from those of the other
/// leases of one key.
#[derive(Clone, Copy, PartialEq, Eq)]
struct ShortToken([u8; 8]);

impl ShortToken {
    fn of(token: LeaseToken) -> Self {
        ShortToken(first_bytes(token.as_bytes()))
    }
}

/// Returns the first `N` bytes of at least as many.
fn first_bytes<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut first = [0; N];
    for (place, byte) in first.iter_mut().zip(bytes) {
        *place = *byte;
    }
    first
}

/// More than one, so that the sweeps keep ahead of the claims.
const SWEEP_PER_CLAIM: usize = 4;

const WARN_FROM_PERCENT: usize = 80;
const CALM_BELOW_PERCENT: usize = 70;

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
        assert!(matches!(claim(&store, "c", ""), Err(StoreError::Full { .. })));
        assert_eq!(claim(&store, "a", "").unwrap(), Claim::Done);
        // The record of "a" ends at 100 s, the one of "b" at 110 s.
        now.store(99, Ordering::Relaxed);
        assert!(matches!(claim(&store, "c", ""), Err(StoreError::Full { .. })));
        now.store(100, Ordering::Relaxed);
        fresh(&store, "c");
        assert_eq!(store.len(), 2);
    }

    #[test]
    fn a_claim_whose_request_is_cancelled_is_released_or_completed() {
        let (store, _now) = with_clock();
        assert!(store.is_empty());
        store.abandon(fresh(&store, "a"));
        assert!(store.is_empty());
        store.complete_later(fresh(&store, "a"));
        assert_eq!(claim(&store, "a", "").unwrap(), Claim::Done);
        assert!(!store.is_empty());
        assert_eq!(Store::retention(&store), Some(Duration::from_secs(100)));
    }

    #[test]
    fn debug_output_shows_the_settings_and_the_number_of_records() {
        let (store, _now) = with_clock();
        fresh(&store, "a");
        let shown = format!("{store:?}");
        assert!(shown.starts_with("MemoryStore { settings: StoreSettings { lease: 10s"), "{shown}");
        assert!(shown.ends_with("len: 1, .. }"), "{shown}");
    }

    #[test]
    fn a_key_is_refused_until_the_lease_or_the_retention_ends() {
        let (store, now) = with_clock();
        let second = Duration::from_secs(1);
        let claim_at = |seconds, body| {
            now.store(seconds, Ordering::Relaxed);
            claim(&store, "a", body).unwrap()
        };
        fresh(&store, "a");
        assert_eq!(claim_at(9, ""), Claim::InFlight { retry_after: second });
        assert_eq!(claim_at(9, "other"), Claim::Conflict { retry_after: Some(second) });
        let Claim::Fresh(lease) = claim_at(10, "") else { panic!("the lease has ended") };
        store.change(&lease, Change::Complete).unwrap();
        assert_eq!(claim_at(109, ""), Claim::Done);
        assert_eq!(claim_at(109, "other"), Claim::Conflict { retry_after: None });
        assert!(matches!(claim_at(110, ""), Claim::Fresh(_)));
    }

    #[test]
    fn a_store_fills_up_at_80_percent_and_again_after_less_than_70() {
        let (store, _now) = with_clock();
        let store = store.with_capacity(10);
        let mut records = store.lock();
        let mut filling_with = |count: usize| {
            while let Some(hash) = records.by_hash.keys().next().copied() {
                records.remove(hash);
            }
            for number in 0..count {
                let record = Record {
                    token: ShortToken([0; 8]),
                    payload: ShortDigest([0; 16]),
                    leased_until: None,
                    end: Moment::at(Duration::from_secs(1)),
                };
                records.insert([u8::try_from(number).unwrap(); 16], record);
            }
            records.is_filling()
        };
        let counts = [0, 7, 8, 9, 8, 7, 8, 6, 7, 8, 10];
        let filling: Vec<_> = counts.into_iter().filter(|count| filling_with(*count)).collect();
        // The log says so the first time, and again only after 6.
        assert_eq!(filling, [8, 8]);
        assert!(records.warned);
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
            assert_eq!(records.by_hash.len(), records.by_end.len());
            assert!(records.by_hash.len() <= 111, "{} records at {round}", records.by_hash.len());
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
