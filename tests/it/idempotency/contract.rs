//! Every store keeps the contract: it passes the conformance suite, a race for a key has one winner,
//! and a stale lease changes nothing.

use std::sync::Arc;

use offhook::idempotency::{
    Claim, Lease, LeaseToken, PostgresStore, RedisStore, SqliteStore, Store, StoreError, StoreSettings,
};
use sqlx::postgres::PgPoolOptions;

use super::common::{digest, memory, new_key, short, suite};
use offhook_tests::databases::{Folder, PgServer, RedisServer};

async fn sqlite(folder: &Folder) -> SqliteStore {
    let store = SqliteStore::open(folder.path().join("offhook.db")).await.unwrap();
    store.migrate().await.unwrap();
    store.migrate().await.unwrap();
    store
}

async fn postgres(server: &PgServer) -> PostgresStore {
    let pool = PgPoolOptions::new().max_connections(16).connect(&server.new_database()).await.unwrap();
    let store = PostgresStore::new(pool);
    let (one, two) = tokio::join!(store.migrate(), store.migrate());
    one.unwrap();
    two.unwrap();
    store
}

async fn suite_passes<S: Store + 'static>(store: S) {
    suite().run(&store).await.unwrap();
    let object: Arc<dyn Store> = Arc::new(store);
    // Two runs at the same time must not disturb each other.
    let (one, two) = (suite(), suite());
    let (one, two) = tokio::join!(one.run(&object), two.run(&*object));
    one.unwrap();
    two.unwrap();
}

/// Asserts that one of 64 concurrent claims of a key wins, and that the others get `InFlight`.
async fn races(store: Arc<dyn Store>) {
    for round in 0..1_000 {
        let key = new_key();
        let claimers: Vec<_> = (0..64)
            .map(|_| {
                let (store, key) = (Arc::clone(&store), key.clone());
                tokio::spawn(async move { store.claim(&key, &digest()).await.unwrap() })
            })
            .collect();
        let mut winners = 0;
        for claimer in claimers {
            match claimer.await.unwrap() {
                Claim::Fresh(_) => winners += 1,
                Claim::InFlight { .. } => {}
                other => panic!("{other:?} in round {round}"),
            }
        }
        assert_eq!(winners, 1, "in round {round}");
    }
}

/// Asserts that 10 000 attempts fail, with leases that were lost and with leases that never existed.
async fn fencing(store: Arc<dyn Store>) {
    let lost = |answer: Result<(), StoreError>| assert!(matches!(answer, Err(StoreError::LeaseLost)), "{answer:?}");
    for round in 0..100 {
        let key = new_key();
        let Ok(Claim::Fresh(stale)) = store.claim(&key, &digest()).await else { panic!() };
        store.release(&stale).await.unwrap();
        let Ok(Claim::Fresh(owner)) = store.claim(&key, &digest()).await else { panic!() };
        for attempt in 0..50 {
            let stranger = Lease::new(key.clone(), LeaseToken::unique(), stale.ttl());
            let other = if attempt % 2 == 0 { &stale } else { &stranger };
            lost(store.complete(other).await);
            lost(store.release(other).await);
        }
        if round % 2 == 0 {
            assert!(matches!(store.claim(&key, &digest()).await, Ok(Claim::InFlight { .. })));
            store.complete(&owner).await.unwrap();
        } else {
            store.extend(&owner).await.unwrap();
        }
    }
}

fn long() -> StoreSettings {
    StoreSettings::new()
}

macro_rules! contract {
    ($name:ident, $server:ident = $start:expr, $store:expr, $shown:literal) => {
        mod $name {
            use super::*;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn passes_the_suite() {
                let $server = $start;
                let store = $store.with_settings(short());
                assert_eq!(store.retention(), Some(short().retention()));
                let shown = format!("{:?}", store.clone().with_timeout(std::time::Duration::from_secs(7)));
                assert!(shown.starts_with($shown) && shown.contains("timeout: 7s"), "{shown}");
                suite_passes(store).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn one_of_64_concurrent_claims_wins() {
                let $server = $start;
                races(Arc::new($store.with_settings(long()))).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn a_stale_lease_changes_nothing() {
                let $server = $start;
                fencing(Arc::new($store.with_settings(long()))).await;
            }
        }
    };
}

contract!(sqlite_store, folder = Folder::new(), sqlite(&folder).await, "SqlStore { dialect: SqliteDialect, ");
contract!(
    postgres_store,
    server = PgServer::start(&[]),
    postgres(&server).await,
    "SqlStore { dialect: PostgresDialect, "
);
contract!(
    redis_store,
    server = RedisServer::start(&["--appendfsync", "no"]),
    RedisStore::connect(server.url()).await.unwrap(),
    "RedisStore { settings: StoreSettings { "
);

/// Two services can share one Redis.
#[tokio::test]
async fn redis_keys_have_the_prefix_of_their_store() {
    let server = RedisServer::start(&["--appendfsync", "no"]);
    let store = RedisStore::connect(server.url()).await.unwrap();
    let (billing, crm) = (store.clone().with_prefix("billing:"), store.with_prefix("crm:"));
    assert!(format!("{crm:?}").contains(r#"prefix: "crm:""#), "{crm:?}");
    let key = new_key();
    assert!(matches!(billing.claim(&key, &digest()).await, Ok(Claim::Fresh(_))));
    assert_eq!(server.cli(&["KEYS", "*"]).trim(), format!("billing:{key}"));
    assert!(matches!(crm.claim(&key, &digest()).await, Ok(Claim::Fresh(_))));
    assert!(matches!(billing.claim(&key, &digest()).await, Ok(Claim::InFlight { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_store_keeps_the_contract() {
    suite_passes(memory()).await;
    let store: Arc<dyn Store> = Arc::new(offhook::idempotency::MemoryStore::new());
    races(Arc::clone(&store)).await;
    fencing(store).await;
}

#[tokio::test]
async fn a_purge_deletes_only_expired_records() {
    let folder = Folder::new();
    let server = PgServer::start(&[]);
    let brief = StoreSettings::new()
        .danger_with_short_retention(std::time::Duration::from_millis(50))
        .with_lease(std::time::Duration::from_millis(50))
        .unwrap();
    macro_rules! purges {
        ($store:expr) => {{
            let store = $store;
            let expiring = store.clone().with_settings(brief);
            for at in 0..2_500 {
                let Ok(Claim::Fresh(lease)) = expiring.claim(&new_key(), &digest()).await else { panic!() };
                if at % 2 == 0 {
                    expiring.complete(&lease).await.unwrap();
                }
            }
            let (pending, done) = (new_key(), new_key());
            let Ok(Claim::Fresh(_)) = store.claim(&pending, &digest()).await else { panic!() };
            let Ok(Claim::Fresh(lease)) = store.claim(&done, &digest()).await else { panic!() };
            store.complete(&lease).await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(150)).await;
            assert_eq!(store.purge().await.unwrap(), 2_500);
            assert_eq!(store.purge().await.unwrap(), 0);
            assert!(matches!(store.claim(&pending, &digest()).await, Ok(Claim::InFlight { .. })));
            assert_eq!(store.claim(&done, &digest()).await.unwrap(), Claim::Done);
        }};
    }
    purges!(sqlite(&folder).await);
    purges!(postgres(&server).await);
}
