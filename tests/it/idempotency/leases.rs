//! SQLite stores with different settings on one file, and files of an earlier version.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use offhook::idempotency::{Claim, Key, Lease, LeaseToken, SqliteStore, Store, StoreSettings, sqlx};

use super::common::digest;
use offhook_tests::databases::Folder;

const START: i64 = 1_773_844_200_000;
const HOUR: i64 = 3_600_000;

/// The table as the version before the column `claimed` made it.
const EARLIER: [&str; 2] = [
    "CREATE TABLE offhook_deliveries (
        key TEXT PRIMARY KEY,
        token BLOB NOT NULL,
        body BLOB NOT NULL,
        done BOOLEAN NOT NULL,
        until INTEGER NOT NULL,
        kept INTEGER NOT NULL
    ) WITHOUT ROWID",
    "CREATE INDEX offhook_deliveries_kept ON offhook_deliveries (kept)",
];

/// A file, and a clock for the stores on it.
struct File {
    folder: Folder,
    clock: Arc<AtomicI64>,
}

impl File {
    fn new() -> Self {
        File { folder: Folder::new(), clock: Arc::new(AtomicI64::new(START)) }
    }

    async fn open(&self, lease: u64) -> SqliteStore {
        let settings = StoreSettings::new().with_lease(Duration::from_secs(lease)).unwrap();
        let clock = Arc::clone(&self.clock);
        let store = SqliteStore::open(self.folder.path().join("offhook.db")).await.unwrap();
        store.with_settings(settings).with_time(move || clock.load(Ordering::Relaxed))
    }
}

fn key(name: &str) -> Key {
    Key::new("leases", "", name)
}

async fn fresh(store: &SqliteStore, name: &str) -> Lease {
    match store.claim(&key(name), &digest()).await.unwrap() {
        Claim::Fresh(lease) => lease,
        other => panic!("{name}: {other:?}"),
    }
}

/// Asserts that the key is claimed for this many more seconds.
async fn held(store: &SqliteStore, name: &str, seconds: u64) {
    let retry_after = Duration::from_secs(seconds);
    assert_eq!(store.claim(&key(name), &digest()).await.unwrap(), Claim::InFlight { retry_after }, "{name}");
}

#[tokio::test]
async fn a_store_with_a_short_lease_leaves_the_long_lease_of_another_as_it_is() {
    let file = File::new();
    let (long, short) = (file.open(600).await, file.open(60).await);
    long.migrate().await.unwrap();
    let lease = fresh(&long, "long").await;
    for passed in [0, 61, 599] {
        file.clock.store(START + passed * 1_000, Ordering::Relaxed);
        held(&short, "long", 600 - passed.unsigned_abs()).await;
    }
    long.extend(&lease).await.unwrap();
    held(&short, "long", 600).await;
    long.complete(&lease).await.unwrap();
    assert_eq!(short.claim(&key("long"), &digest()).await.unwrap(), Claim::Done);
}

#[tokio::test]
async fn a_lease_of_a_clock_that_was_set_back_lasts_as_long_as_it_did_at_first() {
    let file = File::new();
    let (long, short) = (file.open(600).await, file.open(60).await);
    long.migrate().await.unwrap();
    fresh(&long, "long").await;
    fresh(&short, "short").await;
    let extended = fresh(&short, "extended").await;
    file.clock.store(START + HOUR, Ordering::Relaxed);
    short.extend(&extended).await.unwrap();
    short.complete(&fresh(&short, "done").await).await.unwrap();

    file.clock.store(START - HOUR, Ordering::Relaxed);
    held(&short, "long", 600).await;
    held(&long, "short", 60).await;
    held(&long, "extended", 60).await;
    assert_eq!(short.claim(&key("done"), &digest()).await.unwrap(), Claim::Done);
    // They are moved once, and then end.
    file.clock.store(START - HOUR + 60_000, Ordering::Relaxed);
    held(&short, "long", 540).await;
    fresh(&long, "short").await;
    fresh(&long, "extended").await;
}

#[tokio::test]
async fn migrate_adds_the_column_to_a_table_of_an_earlier_version_and_keeps_its_records() {
    let file = File::new();
    let store = file.open(60).await;
    for statement in EARLIER {
        sqlx::query(statement).execute(store.pool()).await.unwrap();
    }
    let rows = [("held", false, 30_000), ("done", true, HOUR), ("ended", false, -1), ("long", false, 600_000)];
    for (name, done, left) in rows {
        sqlx::query(
            "INSERT INTO offhook_deliveries (key, token, body, done, until, kept) VALUES (?, x'01', ?, ?, ?, ?)",
        )
        .bind(key(name).as_str().to_owned())
        .bind(digest().as_bytes().to_vec())
        .bind(done)
        .bind(START + left)
        .bind(START + left)
        .execute(store.pool())
        .await
        .unwrap();
    }
    let lease = Lease::new(key("held"), LeaseToken::from_bytes([1; 16]), Duration::from_secs(60));
    for early in [store.claim(&key("held"), &digest()).await.unwrap_err(), store.extend(&lease).await.unwrap_err()] {
        assert_eq!(early.code(), "store_not_migrated", "{early}");
    }

    // Several services may start at once, and each start migrates again.
    let others = [file.open(60).await, file.open(60).await, file.open(60).await];
    let [a, b, c] = &others;
    tokio::try_join!(a.migrate(), b.migrate(), c.migrate()).unwrap();
    store.migrate().await.unwrap();
    held(&store, "held", 30).await;
    held(&store, "long", 600).await;
    assert_eq!(store.claim(&key("done"), &digest()).await.unwrap(), Claim::Done);
    store.complete(&fresh(&store, "ended").await).await.unwrap();
    fresh(&store, "new").await;
}

#[tokio::test]
async fn the_published_schema_is_the_table_that_migrate_makes() {
    let columns = async |store: &SqliteStore| -> Vec<(String, String, i64, Option<String>, i64)> {
        let query = "SELECT name, type, \"notnull\", dflt_value, pk FROM pragma_table_info('offhook_deliveries')";
        sqlx::query_as(query).fetch_all(store.pool()).await.unwrap()
    };
    let (migrated, published, earlier) = (File::new(), File::new(), File::new());
    let migrated = migrated.open(60).await;
    migrated.migrate().await.unwrap();
    let published = published.open(60).await;
    for statement in SqliteStore::SCHEMA {
        sqlx::query(*statement).execute(published.pool()).await.unwrap();
    }
    let earlier = earlier.open(60).await;
    for statement in EARLIER {
        sqlx::query(statement).execute(earlier.pool()).await.unwrap();
    }
    earlier.migrate().await.unwrap();
    assert_eq!(columns(&migrated).await, columns(&published).await);
    assert_eq!(columns(&migrated).await, columns(&earlier).await);
    fresh(&published, "new").await;
}
