//! Two events under one key both run; a redelivery does not. For every vendor and store,
//! and for every way to run a handler.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use offhook::idempotency::{
    Claim, HandlerError, Key, MemoryStore, Once, PayloadDigest, PostgresStore, RedisStore, SqliteStore, Store,
};
use offhook::{Delivery, Event, Verifier, talkifai};
use offhook_tests::databases::{Folder, PgServer, RedisServer};
use offhook_tests::hostile::{Headers, Table};
use offhook_tests::servers::Home;
use offhook_tests::vendors;

use super::common::receive;

/// Runs a handler for each delivery, twice for all of them, and returns the outcomes and
/// how often a handler ran.
trait Run {
    async fn run<E: Event>(&self, delivery: &Delivery<E>, runs: &AtomicUsize) -> &'static str;
}

impl Run for Arc<dyn Store> {
    async fn run<E: Event>(&self, delivery: &Delivery<E>, runs: &AtomicUsize) -> &'static str {
        // The bodies of the table are of any age.
        let once = Once::new(self).handle_stale();
        let handled = once.run(delivery, async |_| {
            runs.fetch_add(1, Ordering::SeqCst);
            Ok(())
        });
        let handled = handled.await;
        assert_eq!(handled.reply().status() / 100, 2, "{handled:?}");
        handled.outcome().code()
    }
}

macro_rules! runs_in_transactions {
    ($store:ty) => {
        impl Run for $store {
            async fn run<E: Event>(&self, delivery: &Delivery<E>, runs: &AtomicUsize) -> &'static str {
                let store = self.clone().handle_stale();
                let handled = store.transact(delivery, async |_, _| {
                    runs.fetch_add(1, Ordering::SeqCst);
                    Ok(())
                });
                let handled = handled.await;
                assert_eq!(handled.reply().status() / 100, 2, "{handled:?}");
                handled.outcome().code()
            }
        }
    };
}

runs_in_transactions!(SqliteStore);
runs_in_transactions!(PostgresStore);

type RunBody<'a> = Box<dyn Fn(Headers, String, &'a AtomicUsize) -> Running<'a> + 'a>;

type Running<'a> = Pin<Box<dyn Future<Output = &'static str> + 'a>>;

/// Runs the deliveries of every vendor at one store.
struct Runner<'a, S>(&'a S, Vec<(&'static str, RunBody<'a>)>);

impl<S: Run> Home for Runner<'_, S> {
    fn route<V>(&mut self, path: &'static str, verifier: V)
    where
        V: Verifier + Clone + 'static,
        V::Event: Send,
    {
        let store = self.0;
        let run = move |headers: Headers, body, runs| -> Running<'_> {
            let delivery = verifier.receive(&headers, body).unwrap();
            Box::pin(async move { store.run(&delivery, runs).await })
        };
        self.1.push((path, Box::new(run)));
    }
}

async fn every_pair(store: &impl Run) {
    let counters: Vec<AtomicUsize> = (0..100).map(|_| AtomicUsize::new(0)).collect();
    let mut unused = counters.iter();
    let mut runner = Runner(store, Vec::new());
    vendors::add_routes(&mut runner);
    for vendor in vendors::ALL {
        let (_, run) = runner.1.iter().find(|(path, _)| *path == vendor.route).unwrap();
        let run = |body: &str, runs| run(Table::new(vendor).signed(body), body.to_owned(), runs);
        for bodies in vendor.both_run {
            let runs = unused.next().unwrap();
            let mut codes = Vec::new();
            for body in bodies.iter().chain(*bodies).chain(bodies.iter().rev()) {
                codes.push(run(body, runs).await);
            }
            let (first, retries) = codes.split_at(bodies.len());
            assert!(first.iter().all(|code| ["handled", "conflict"].contains(code)), "{codes:?} {bodies:?}");
            assert!(retries.iter().all(|code| *code == "duplicate"), "{codes:?} {bodies:?}");
            assert_eq!(runs.load(Ordering::SeqCst), bodies.len(), "{bodies:?}");
        }
        for bodies in vendor.one_runs {
            let runs = unused.next().unwrap();
            for body in bodies.iter().chain(*bodies) {
                run(body, runs).await;
            }
            assert_eq!(runs.load(Ordering::SeqCst), 1, "{bodies:?}");
        }
    }
}

#[tokio::test]
async fn different_events_run_and_redeliveries_do_not_in_memory() {
    every_pair(&(Arc::new(MemoryStore::new()) as Arc<dyn Store>)).await;
}

#[tokio::test]
async fn different_events_run_and_redeliveries_do_not_in_sqlite() {
    for transact in [false, true] {
        let folder = Folder::new();
        let store = SqliteStore::open(folder.path().join("offhook.db")).await.unwrap();
        store.migrate().await.unwrap();
        if transact { every_pair(&store).await } else { every_pair(&(Arc::new(store) as Arc<dyn Store>)).await }
    }
}

#[tokio::test]
async fn different_events_run_and_redeliveries_do_not_in_postgres() {
    let server = PgServer::start(&[]);
    for transact in [false, true] {
        let store = PostgresStore::connect(&server.new_database()).await.unwrap();
        store.migrate().await.unwrap();
        if transact { every_pair(&store).await } else { every_pair(&(Arc::new(store) as Arc<dyn Store>)).await }
    }
}

#[tokio::test]
async fn different_events_run_and_redeliveries_do_not_in_redis() {
    let server = RedisServer::start(&[]);
    every_pair(&(Arc::new(RedisStore::connect(server.url()).await.unwrap()) as Arc<dyn Store>)).await;
}

fn version(version: u32) -> Delivery<talkifai::Event> {
    let created = format!("2026-01-15T10:30:0{version}Z");
    receive(&format!(r#"{{"id":"e","type":"call.ended","created":"{created}","data":{{"version":{version}}}}}"#))
}

/// The table on `Once`, for an event whose key belongs to another one.
#[tokio::test]
async fn a_conflict_is_handled_by_the_rules_of_its_own_key() {
    let store = MemoryStore::new();
    let delivery = version(2);
    let (key, payload) = (Key::of(&delivery).unwrap(), PayloadDigest::of_delivery(&delivery));
    let first = Once::new(&store).run(&version(1), async |_| Ok(())).await;
    assert_eq!(first.outcome().code(), "handled");

    let seen = std::sync::Mutex::new(None);
    let once = Once::new(&store);
    let failed = once.run(&delivery, async |_| Err(HandlerError::retry("no"))).await;
    assert_eq!((failed.outcome().code(), failed.reply().status()), ("failed", 500));
    let handled = once
        .run_with(&delivery, async |_, held| {
            *seen.lock().unwrap() = held.key().cloned();
            let twin = once.run(&delivery, async |_| panic!("it runs beside itself")).await;
            assert_eq!((twin.outcome().code(), twin.reply().status()), ("in_flight", 503));
            held.extend().await?;
            Ok(())
        })
        .await;
    assert_eq!((handled.outcome().code(), handled.reply().status()), ("conflict", 200));
    assert_eq!(*seen.lock().unwrap(), Some(key.with_payload(&payload)));

    let third = once.run(&version(3), async |_| Err(HandlerError::permanent("no"))).await;
    assert_eq!((third.outcome().code(), third.reply().status()), ("rejected", 200));
    for version in [version(1), delivery, version(3)] {
        assert_eq!(once.run(&version, async |_| panic!("it runs again")).await.outcome().code(), "duplicate");
    }
}

#[tokio::test]
async fn another_event_runs_beside_the_one_that_has_its_key() {
    let (store, delivery) = (MemoryStore::new(), version(2));
    let Ok(Claim::Fresh(_)) = store.claim(&Key::of(&delivery).unwrap(), &PayloadDigest::of(b"another")).await else {
        panic!()
    };
    for code in ["conflict", "duplicate"] {
        assert_eq!(Once::new(&store).run(&delivery, async |_| Ok(())).await.outcome().code(), code);
    }
}

#[tokio::test]
async fn acknowledging_conflicts_is_asked_for_by_name() {
    let store = MemoryStore::new();
    let once = Once::new(&store).acknowledge_conflicts();
    let inner = async |_: &_| {
        let beside = once.run(&version(2), async |_| panic!("it runs")).await;
        assert_eq!((beside.outcome().code(), beside.reply().status()), ("conflict_unhandled", 503));
        assert_eq!(beside.reply().retry_after_secs(), Some(60));
        Ok(())
    };
    assert_eq!(once.run(&version(1), inner).await.outcome().code(), "handled");
    let after = once.run(&version(2), async |_| panic!("it runs")).await;
    assert_eq!((after.outcome().code(), after.reply().status()), ("conflict_unhandled", 200));
    assert_eq!(once.run(&version(1), async |_| panic!("it runs")).await.outcome().code(), "duplicate");

    let folder = Folder::new();
    let store = SqliteStore::open(folder.path().join("offhook.db")).await.unwrap().acknowledge_conflicts();
    store.migrate().await.unwrap();
    for (version, code) in [(version(1), "handled"), (version(2), "conflict_unhandled"), (version(1), "duplicate")] {
        let handled = store.transact(&version, async |_, _| Ok(())).await;
        assert_eq!((handled.outcome().code(), handled.reply().status()), (code, 200));
    }
}
