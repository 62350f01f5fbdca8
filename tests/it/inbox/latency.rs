//! How soon after it was accepted an event is handled. The times are printed; no test depends on
//! them.

use std::time::{Duration, Instant};

use offhook::inbox::{Dialect, Inbox, PostgresInbox, SqliteInbox, Work};
use offhook_tests::databases::{Folder, PgServer};
use tokio::sync::mpsc;

use super::common::{Event, delivery, sqlite, talkifai};

const EVENTS: usize = 50;

/// Accepts one event after the other in `door`, and waits until a worker of `inside` has begun
/// with it.
async fn measured<D: Dialect>(name: &str, door: Inbox<D>, inside: Inbox<D>) {
    let (started, mut starts) = mpsc::unbounded_channel();
    let worker = inside.worker().vendor(talkifai(), async move |_: &Work<Event>| {
        started.send(Instant::now()).unwrap();
        Ok(())
    });
    let worker = tokio::spawn(worker.run(std::future::pending()));
    let mut times = Vec::new();
    for id in 0..EVENTS {
        // The worker has nothing to do by then.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let delivery = delivery(&id.to_string());
        let accepted = Instant::now();
        assert_eq!(door.accept(&delivery).await.acceptance().code(), "stored");
        let start = tokio::time::timeout(Duration::from_secs(20), starts.recv()).await.unwrap().unwrap();
        times.push(start.duration_since(accepted));
    }
    worker.abort();
    times.sort();
    println!("{name}: median {:.1?}, longest {:.1?}", times[EVENTS / 2], times[EVENTS - 1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_is_handled_soon_after_it_was_accepted_in_sqlite() {
    let folder = Folder::new();
    let inbox: SqliteInbox = sqlite(&folder).await;
    measured("SQLite, accept to start", inbox.clone(), inbox).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_is_handled_soon_after_it_was_accepted_in_postgres() {
    // With fsync, as in earnest.
    let server = PgServer::start(&[]);
    let inbox = PostgresInbox::connect(&server.url()).await.unwrap();
    inbox.migrate().await.unwrap();
    measured("PostgreSQL, accept to start", inbox.clone(), inbox).await;
    // Another inbox, as in another process, hears of it from the server.
    let url = server.new_database();
    let (door, inside) = (PostgresInbox::connect(&url).await.unwrap(), PostgresInbox::connect(&url).await.unwrap());
    door.migrate().await.unwrap();
    measured("PostgreSQL, accept to start in another process", door, inside).await;
}
