//! What a record of the store in memory takes, and that no step copies the records.
//!
//! This is one binary of its own, because the counters belong to the whole process.

use std::alloc::System;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use offhook::idempotency::{
    Claim, DEFAULT_CAPACITY, DEFAULT_LEASE, Key, MemoryStore, PayloadDigest, Store, StoreSettings,
};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What the documentation of `MemoryStore` says.
const BYTES_PER_RECORD: usize = 145;

/// A few nodes of a tree, and the futures of a claim and a completion.
const BYTES_PER_STEP: usize = 8 * 1024;

const EVENTS_PER_SECOND: usize = 20;

/// Sends one event each second to a store that remembers `records` seconds, until every record
/// was replaced twice. An event is completed after a minute. Returns the bytes per record.
async fn bytes_per_record(records: u32) -> usize {
    let time = Arc::new(AtomicU64::new(0));
    let clock = Arc::clone(&time);
    let settings = StoreSettings::new().danger_with_short_retention(Duration::from_secs(u64::from(records)));
    let whole = Region::new(ALLOCATOR);
    let store = MemoryStore::new()
        .with_settings(settings.with_lease(DEFAULT_LEASE).unwrap())
        .with_time(move || Duration::from_secs(clock.load(Ordering::Relaxed)));
    let mut handled = VecDeque::with_capacity(60);
    let mut most = 0;
    for second in 0..3 * u64::from(records) {
        time.store(second, Ordering::Relaxed);
        let key = Key::new("vendor", "endpoint", &format!("call.ended:a rather long id of an event: {second}"));
        let step = Region::new(ALLOCATOR);
        let Ok(Claim::Fresh(lease)) = store.claim(&key, &PayloadDigest::of(b"payload")).await else { panic!() };
        handled.push_back(lease);
        if handled.len() == 60 {
            store.complete(&handled.pop_front().unwrap()).await.unwrap();
        }
        let change = step.change();
        most = most.max(change.bytes_allocated).max(change.bytes_deallocated);
    }
    drop(handled);
    let change = whole.change();
    let (held, len) = (change.bytes_allocated - change.bytes_deallocated, store.len());
    assert!(len >= records as usize, "{len} of {records} records");
    eprintln!("{len} records: {} bytes each; the greatest step took {most} bytes", held / len);
    assert!(most <= BYTES_PER_STEP, "a step allocated or freed {most} bytes at {len} records");
    held / len
}

#[tokio::test]
async fn a_record_takes_no_more_than_documented_and_no_step_copies_the_records() {
    for records in [1_000, 20_000] {
        let bytes = bytes_per_record(records).await;
        assert!(bytes <= BYTES_PER_RECORD, "{bytes} bytes for each of {records} records");
    }

    let sustained = EVENTS_PER_SECOND * (MemoryStore::new().retention().unwrap() + DEFAULT_LEASE).as_secs() as usize;
    assert!(sustained <= DEFAULT_CAPACITY, "{sustained} records do not fit in");
    const { assert!(DEFAULT_CAPACITY * BYTES_PER_RECORD <= 256 << 20) };
}

/// The same near the default capacity.
#[tokio::test]
#[ignore = "takes minutes"]
async fn a_full_store_takes_no_more_than_documented() {
    assert!(bytes_per_record(1_740_000).await <= BYTES_PER_RECORD);
}
