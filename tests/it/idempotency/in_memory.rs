//! A SQLite store in memory, as a double for `transact` in tests.

use offhook::idempotency::{HandlerError, SqliteStore, sqlx};

use super::common::delivery;

async fn calls(store: &SqliteStore) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM calls").fetch_one(store.pool()).await.unwrap()
}

#[tokio::test]
async fn a_store_in_memory_commits_once_and_rolls_back() {
    let store = SqliteStore::in_memory().await.unwrap();
    sqlx::query("CREATE TABLE calls (id TEXT)").execute(store.pool()).await.unwrap();
    let delivery = delivery("e1");
    for (fails, code, count) in [(true, "failed", 0), (false, "handled", 1), (false, "duplicate", 1)] {
        let handled = store
            .transact(&delivery, async |_, transaction| {
                sqlx::query("INSERT INTO calls VALUES ('c1')").execute(transaction).await?;
                if fails { Err(HandlerError::retry("no")) } else { Ok(()) }
            })
            .await;
        assert_eq!((handled.outcome().code(), calls(&store).await), (code, count));
    }
}

#[tokio::test]
async fn stores_in_memory_share_nothing() {
    let [first, second] = [SqliteStore::in_memory().await.unwrap(), SqliteStore::in_memory().await.unwrap()];
    for store in [&first, &second] {
        let handled = store.transact(&delivery("e1"), async |_, _| Ok(())).await;
        assert_eq!(handled.outcome().code(), "handled");
    }
}

/// SQLite deletes a database in memory with its connection, so the pool must keep that one.
#[tokio::test]
async fn the_pool_keeps_its_only_connection_for_ever() {
    let store = SqliteStore::in_memory().await.unwrap();
    let options = store.pool().options();
    assert_eq!((options.get_max_connections(), options.get_min_connections()), (1, 1));
    assert_eq!((options.get_idle_timeout(), options.get_max_lifetime()), (None, None));
}
