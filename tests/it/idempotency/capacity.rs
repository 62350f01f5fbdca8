//! A store in memory that fills up says so in time, and a full one says when to come back.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use offhook::idempotency::{Claim, Handled, Key, MemoryStore, Once, Store, StoreError, StoreSettings};

use super::common::{delivery, digest, logged};

/// Returns a store with a lease of 10 s, and its clock in seconds.
fn store(capacity: usize, retention: u64) -> (MemoryStore, Arc<AtomicU64>) {
    let now = Arc::new(AtomicU64::new(0));
    let clock = Arc::clone(&now);
    let settings = StoreSettings::new().danger_with_short_retention(Duration::from_secs(retention));
    let store = MemoryStore::new()
        .with_settings(settings.with_lease(Duration::from_secs(10)).unwrap())
        .with_capacity(capacity)
        .with_time(move || Duration::from_secs(clock.load(Ordering::Relaxed)));
    (store, now)
}

fn key(number: usize) -> Key {
    Key::new("v", "", &number.to_string())
}

/// Claims these keys, and returns the lines that warn of it.
async fn warnings_of_claims(store: &MemoryStore, numbers: Range<usize>) -> Vec<String> {
    let log = logged(async {
        for number in numbers {
            assert!(matches!(store.claim(&key(number), &digest()).await, Ok(Claim::Fresh(_))));
        }
    });
    log.await.lines().filter(|line| line.contains("store_filling")).map(str::to_owned).collect()
}

async fn forget(store: &MemoryStore, numbers: Range<usize>) {
    for number in numbers {
        assert!(store.forget(&key(number)).await.unwrap());
    }
}

async fn handle(store: &MemoryStore, id: &str) -> Handled {
    Once::new(store).run(&delivery(id), async |_| Ok(())).await
}

#[tokio::test]
async fn the_log_warns_once_each_time_that_a_store_becomes_80_percent_full() {
    let (store, _) = store(100, 100);
    assert_eq!(warnings_of_claims(&store, 0..79).await, [""; 0]);
    let lines = warnings_of_claims(&store, 79..100).await;
    let [line] = &lines[..] else { panic!("{lines:?}") };
    for part in ["WARN offhook: ", "records=80", "capacity=100", "retention=1 min 40 s"] {
        assert!(line.contains(part), "{part}: {line}");
    }
    // A store whose fill varies around the limit does not warn each time.
    forget(&store, 0..30).await;
    assert_eq!(warnings_of_claims(&store, 0..20).await, [""; 0]);
    forget(&store, 0..20).await;
    forget(&store, 30..50).await;
    assert_eq!(warnings_of_claims(&store, 0..50).await.len(), 1);
}

#[tokio::test]
async fn a_full_store_answers_with_the_time_until_its_first_record_ends() {
    let (store, now) = store(2, 100);
    assert_eq!(handle(&store, "a").await.outcome().code(), "handled");
    now.store(30, Ordering::Relaxed);
    assert_eq!(handle(&store, "b").await.outcome().code(), "handled");
    for (second, wait) in [(30, 70), (60, 40), (99, 1)] {
        now.store(second, Ordering::Relaxed);
        let error = store.claim(&key(0), &digest()).await.unwrap_err();
        assert!(
            matches!(error, StoreError::Full { retry_after: Some(left) } if left == Duration::from_secs(wait)),
            "{error:?}"
        );
        let reply = handle(&store, "c").await.reply();
        assert_eq!((reply.status(), reply.retry_after_secs()), (503, Some(wait)));
    }
    now.store(100, Ordering::Relaxed);
    assert_eq!(handle(&store, "c").await.outcome().code(), "handled");
}

#[tokio::test]
async fn a_vendor_is_never_asked_to_wait_for_more_than_an_hour() {
    let (store, _) = store(1, 86_400);
    assert_eq!(handle(&store, "a").await.outcome().code(), "handled");
    assert_eq!(handle(&store, "b").await.reply().retry_after_secs(), Some(3_600));
}

#[tokio::test]
async fn a_store_without_room_for_any_record_keeps_the_fixed_wait() {
    let (store, _) = store(0, 100);
    assert_eq!(handle(&store, "a").await.reply().retry_after_secs(), Some(10));
}
