//! The claim is made in the same transaction as the effects of the handler.

use std::time::Duration;

use offhook::idempotency::{Claim, HandlerError, PostgresStore, SqliteStore, Store, StoreError};
use offhook::{Delivery, talkifai};

use super::common::{delivery, digest, new_key};
use offhook_tests::databases::{Folder, PgServer};

type Event = talkifai::Event;

macro_rules! transactions {
    ($test:ident, $connection:ty, $folder:ident = $start:expr, $store:expr) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            let $folder = $start;
            let store = $store;
            store.migrate().await.unwrap();
            sqlx::query("CREATE TABLE effects (id INTEGER)").execute(store.pool()).await.unwrap();
            let effects = || async {
                sqlx::query_scalar::<_, i64>("SELECT count(*) FROM effects").fetch_one(store.pool()).await.unwrap()
            };
            async fn insert(tx: &mut $connection) -> Result<(), HandlerError> {
                sqlx::query("INSERT INTO effects VALUES (1)").execute(tx).await?;
                Ok(())
            }

            // A failure, a panic, a failed statement and a cancelled request roll the effects back.
            let one = delivery("1");
            let handled = store
                .transact(&one, async |_, tx| {
                    insert(tx).await?;
                    Err(HandlerError::retry("no"))
                })
                .await;
            assert_eq!((handled.outcome().code(), handled.reply().status()), ("failed", 500));
            let handled = store
                .transact(&one, async |_, tx| -> Result<(), HandlerError> {
                    insert(tx).await?;
                    panic!("a bug in a handler")
                })
                .await;
            assert_eq!((handled.outcome().code(), handled.reply().status()), ("panicked", 500));
            let handled = store
                .transact(&one, async |_, tx| {
                    insert(&mut *tx).await?;
                    sqlx::query("INSERT INTO nowhere VALUES (1)").execute(tx).await?;
                    Ok(())
                })
                .await;
            assert_eq!((handled.outcome().code(), handled.reply().status()), ("failed", 500));
            let pending = store.transact(&one, async |_, tx| {
                insert(tx).await?;
                std::future::pending::<Result<(), HandlerError>>().await
            });
            assert!(tokio::time::timeout(Duration::from_millis(100), pending).await.is_err());
            assert_eq!(effects().await, 0);
            // A dropped transaction is rolled back in the background, and holds the key until then.
            for _ in 0..200 {
                let handled = store.transact(&one, async |_, _| Err(HandlerError::retry("not yet"))).await;
                if handled.outcome().code() != "in_flight" {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }

            // An effect is committed together with its record, and only once.
            for (code, total) in [("handled", 1), ("duplicate", 1)] {
                let handled = store.transact(&one, async |_, tx| insert(tx).await).await;
                assert_eq!((handled.outcome().code(), handled.reply().status()), (code, 200));
                assert_eq!(effects().await, total);
            }

            // A permanent error is recorded without its effects, even after a failed statement.
            let two = delivery("2");
            let handled = store
                .transact(&two, async |_, tx| {
                    insert(&mut *tx).await?;
                    let _ = sqlx::query("INSERT INTO nowhere VALUES (1)").execute(tx).await;
                    Err(HandlerError::permanent("never"))
                })
                .await;
            assert_eq!((handled.outcome().code(), handled.reply().status()), ("rejected", 200));
            assert_eq!(effects().await, 1);
            let handled = store.transact(&two, async |_, tx| insert(tx).await).await;
            assert_eq!(handled.outcome().code(), "duplicate");

            // 64 concurrent deliveries have one effect, and each is acknowledged or asked to retry.
            let racers: Vec<_> = (0..64)
                .map(|_| {
                    let store = store.clone();
                    tokio::spawn(async move {
                        let delivery: Delivery<Event> = delivery("3");
                        store.transact(&delivery, async |_, tx| insert(tx).await).await.reply().status()
                    })
                })
                .collect();
            for racer in racers {
                assert!(matches!(racer.await.unwrap(), 200 | 503));
            }
            assert_eq!(effects().await, 2);

            // `claim_in` claims in a transaction of the caller.
            let key = new_key();
            for commit in [false, true] {
                let mut tx = store.pool().begin().await.unwrap();
                assert!(matches!(store.claim_in(&mut tx, &key, &digest()).await, Ok(Claim::Fresh(_))));
                insert(&mut tx).await.unwrap();
                if commit { tx.commit().await.unwrap() } else { tx.rollback().await.unwrap() }
            }
            assert_eq!(effects().await, 3);
            assert_eq!(store.claim(&key, &digest()).await.unwrap(), Claim::Done);
        }
    };
}

transactions!(
    claim_and_effects_commit_together_in_postgres,
    sqlx::PgConnection,
    server = PgServer::start(&[]),
    PostgresStore::connect(&server.url()).await.unwrap()
);
transactions!(
    claim_and_effects_commit_together_in_sqlite,
    sqlx::SqliteConnection,
    folder = Folder::new(),
    SqliteStore::open(folder.path().join("offhook.db")).await.unwrap()
);

#[tokio::test]
async fn a_serialization_failure_gives_503_and_has_no_effect() {
    let server = PgServer::start(&["default_transaction_isolation=serializable"]);
    let store = PostgresStore::connect(&server.url()).await.unwrap();
    store.migrate().await.unwrap();
    sqlx::query("CREATE TABLE effects (id INTEGER)").execute(store.pool()).await.unwrap();
    let handled = store
        .transact(&delivery("1"), async |_, tx| {
            // Each transaction reads what the other writes, so only one of them can be committed.
            sqlx::query("SELECT count(*) FROM effects").execute(&mut *tx).await?;
            let mut other = store.pool().begin().await?;
            sqlx::query("SELECT count(*) FROM effects").execute(&mut *other).await?;
            sqlx::query("INSERT INTO effects VALUES (2)").execute(&mut *other).await?;
            sqlx::query("INSERT INTO effects VALUES (1)").execute(&mut *tx).await?;
            Ok(other.commit().await?)
        })
        .await;
    assert_eq!((handled.outcome().code(), handled.reply().status()), ("uncommitted", 503), "{handled:?}");
    assert_eq!(handled.outcome().store_error().unwrap().code(), "store_contended");
    let ours: i64 =
        sqlx::query_scalar("SELECT count(*) FROM effects WHERE id = 1").fetch_one(store.pool()).await.unwrap();
    assert_eq!(ours, 0);
}

/// At this isolation level, the server may refuse concurrent claims of a key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_claims_at_serializable_isolation_have_one_winner() {
    let server = PgServer::start(&["default_transaction_isolation=serializable"]);
    let store = PostgresStore::connect(&server.url()).await.unwrap();
    store.migrate().await.unwrap();
    let mut contended = 0;
    for round in 0..50 {
        let key = new_key();
        let claimers: Vec<_> = (0..10)
            .map(|_| {
                let (store, key) = (store.clone(), key.clone());
                tokio::spawn(async move { store.claim(&key, &digest()).await })
            })
            .collect();
        let mut owner = None;
        for claimer in claimers {
            match claimer.await.unwrap() {
                Ok(Claim::Fresh(lease)) => assert!(owner.replace(lease).is_none(), "two winners in round {round}"),
                Ok(Claim::InFlight { .. }) => {}
                Err(StoreError::Contended(_)) => contended += 1,
                other => panic!("{other:?}"),
            }
        }
        store.complete(&owner.expect("a winner")).await.unwrap();
        assert_eq!(store.claim(&key, &digest()).await.unwrap(), Claim::Done);
    }
    println!("{contended} of 500 claims were refused as serialization failures");
    assert!(contended > 0);
}
