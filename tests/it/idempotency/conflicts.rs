//! Two events under one key both run; a redelivery does not. For every vendor and store,
//! and for every way to run a handler.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use offhook::idempotency::{
    Claim, HandlerError, Key, MemoryStore, Once, PayloadDigest, PostgresStore, RedisStore, SqliteStore, Store,
};
use offhook::testing::Signer;
use offhook::{
    Clock, Delivery, Event, Salpre, StandardWebhooks, SystemClock, TalkifAi, Truedy, Ultravox, Verifier,
    standard_webhooks, talkifai, truedy, ultravox,
};
use offhook_tests::databases::{Folder, PgServer, RedisServer};

use super::common::receive;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Different events, although their vendor gives them one key.
const BOTH_RUN: &[(&str, &[&str])] = &[
    (
        "truedy",
        &[
            r#"{"event":"batch.status.changed","timestamp":"2026-03-18T14:00:00Z","data":{"id":"b1","batchId":"b1","status":"running"}}"#,
            r#"{"event":"batch.status.changed","timestamp":"2026-03-18T14:01:00Z","data":{"id":"b1","batchId":"b1","status":"paused"}}"#,
            r#"{"event":"batch.status.changed","timestamp":"2026-03-18T14:02:00Z","data":{"id":"b1","batchId":"b1","status":"running"}}"#,
        ],
    ),
    (
        "truedy",
        &[
            r#"{"event":"batch.status.changed","data":{"id":"b2","status":"running"}}"#,
            r#"{"event":"batch.status.changed","data":{"id":"b2","status":"paused"}}"#,
            r#"{"event":"batch.status.changed","data":{"id":"b2","status":"completed"}}"#,
        ],
    ),
    (
        "truedy",
        &[
            r#"{"event":"agent.updated","data":{"id":"a1","name":"one"}}"#,
            r#"{"event":"agent.updated","data":{"id":"a1","name":"two"}}"#,
        ],
    ),
    (
        "truedy",
        &[
            r#"{"event":"voice.training.completed","data":{"voice_id":"v1","version":1}}"#,
            r#"{"event":"voice.training.completed","data":{"voice_id":"v1","version":2}}"#,
        ],
    ),
    (
        "truedy",
        &[
            r#"{"event":"voice.training.failed","data":{"voice_id":"v1","error_message":"noise"}}"#,
            r#"{"event":"voice.training.failed","data":{"voice_id":"v1","error_message":"silence"}}"#,
        ],
    ),
    (
        "truedy",
        &[
            r#"{"event":"call.ended","data":{"call":{"callId":"c1"}}}"#,
            r#"{"event":"call.completed","data":{"call":{"callId":"c1","summary":"Pricing","costUsd":0.21}}}"#,
        ],
    ),
    (
        "truedy",
        &[
            r#"{"event":"call.billed","data":{"call":{"callId":"c2","billingStatus":"BILLING_STATUS_BILLED"}}}"#,
            r#"{"event":"call.billed","data":{"call":{"callId":"c2","billingStatus":"BILLING_STATUS_REFUNDED"}}}"#,
        ],
    ),
    // Undecodable.
    ("truedy", &[r#"{"event":"call.ended","id":"e1","data":[1]}"#, r#"{"event":"call.ended","id":"e1","data":[2]}"#]),
    (
        "talkifai",
        &[
            r#"{"id":"e1","type":"credit.low","data":{"balance":5}}"#,
            r#"{"id":"e1","type":"credit.low","data":{"balance":4}}"#,
        ],
    ),
    (
        "salpre",
        &[
            r#"{"event_type":"call_ended","timestamp_utc":1,"payload":{"call_id":7,"source":"salprebox:SALPRE_A"}}"#,
            r#"{"event_type":"call_ended","timestamp_utc":1,"payload":{"call_id":7,"source":"salprebox:SALPRE_B"}}"#,
        ],
    ),
    (
        "salpre",
        &[
            r#"{"event_type":"call_ringing","timestamp_utc":1,"payload":{"call_id":8,"to":"+905555555555"}}"#,
            r#"{"event_type":"call_ringing","timestamp_utc":1,"payload":{"call_id":8,"to":"+905555555554"}}"#,
        ],
    ),
    (
        "ultravox",
        &[
            r#"{"event":"call.billed","call":{"callId":"c1","billedDuration":"60s"}}"#,
            r#"{"event":"call.billed","call":{"callId":"c1","billedDuration":"0s"}}"#,
        ],
    ),
    ("standard-webhooks", &[r#"{"type":"user.updated","data":{"n":1}}"#, r#"{"type":"user.updated","data":{"n":2}}"#]),
    // Without an id, the body is the key.
    ("truedy", &[r#"{"event":"call.ended","data":{"n":1}}"#, r#"{"event":"call.ended","data":{"n":2}}"#]),
    (
        "salpre",
        &[
            r#"{"event_type":"transcript","payload":{"call":{"id":9},"transcript":"yes"},"timestamp_utc":1}"#,
            r#"{"event_type":"transcript","payload":{"call":{"id":9},"transcript":"yes"},"timestamp_utc":2}"#,
        ],
    ),
];

/// Redeliveries: the payload is the same, and the envelope may have another time.
const ONE_RUNS: &[(&str, &[&str])] = &[
    (
        "truedy",
        &[
            r#"{"event":"call.ended","timestamp":"2026-03-18T14:30:00Z","data":{"id":"x1","call":{"callId":"c"}}}"#,
            r#"{"event":"call.ended","timestamp":"2026-03-18T14:31:00Z","data":{"id":"x1","call":{"callId":"c"}}}"#,
        ],
    ),
    (
        "truedy",
        &[
            r#"{"event":"call.ended","timestamp":"2026-03-18T14:30:00Z","data":{"call_id":"x2"},"id":"e"}"#,
            r#"{ "id":"e", "data": {"call_id":"x2"}, "timestamp":1773844260, "event":"call.completed", "attempt":2}"#,
        ],
    ),
    (
        "truedy",
        &[
            r#"{"event":"batch.status.changed","timestamp":1,"data":{"id":"x3","batch_id":"b","status":"running"}}"#,
            r#"{"event":"batch.status.changed","timestamp":2,"data":{"id":"x3","batch_id":"b","status":"running"}}"#,
        ],
    ),
    (
        "truedy",
        &[
            r#"{"event":"agent.updated","timestamp":1,"data":{"id":"x4"}}"#,
            r#"{"event":"agent.updated","timestamp":2,"data":{"id":"x4"}}"#,
        ],
    ),
    (
        "truedy",
        &[
            r#"{"event":"call.ended","id":"x5","timestamp":1,"data":[1]}"#,
            r#"{"event":"call.ended","id":"x5","timestamp":2,"data":[1]}"#,
        ],
    ),
    (
        "talkifai",
        &[
            r#"{"id":"x1","type":"call.started","created":1,"data":{"callId":"c"}}"#,
            r#"{"id":"x1","type":"call.started","created":2,"data":{"callId":"c"}}"#,
        ],
    ),
    (
        "salpre",
        &[
            r#"{"event_type":"call_ended","timestamp_utc":1,"payload":{"call_id":101}}"#,
            r#"{"event_type":"call_ended","timestamp_utc":2,"payload":{"call_id":101},"is_test":false}"#,
        ],
    ),
    (
        "ultravox",
        &[
            r#"{"event":"call.ended","call":{"callId":"x1"}}"#,
            r#"{"sent":2,"call":{"callId":"x1"},"event":"call.ended"}"#,
        ],
    ),
    ("standard-webhooks", &[r#"{"type":"ping","data":{"n":1}}"#, r#"{"type":"ping","data":{"n":1}}"#]),
];

/// Runs a handler for each delivery, twice for all of them, and returns the outcomes and
/// how often a handler ran.
trait Run {
    async fn run<E: Event>(&self, delivery: &Delivery<E>, runs: &AtomicUsize) -> &'static str;
}

impl Run for Arc<dyn Store> {
    async fn run<E: Event>(&self, delivery: &Delivery<E>, runs: &AtomicUsize) -> &'static str {
        let once = Once::new(self);
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
                let handled = self.transact(delivery, async |_, _| {
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

async fn run_body(store: &impl Run, vendor: &str, id: &str, body: &str, runs: &AtomicUsize) -> &'static str {
    let body = body.to_owned();
    let sign = |scheme| Signer::new(scheme, SECRET).unwrap().sign(SystemClock.now(), &body);
    match vendor {
        "truedy" => {
            let headers = sign(truedy::SCHEME);
            store.run(&Truedy::new(SECRET).unwrap().receive(&headers, body).unwrap(), runs).await
        }
        "talkifai" => {
            let headers = sign(talkifai::SCHEME);
            store.run(&TalkifAi::new(SECRET).unwrap().receive(&headers, body).unwrap(), runs).await
        }
        "ultravox" => {
            let headers = sign(ultravox::SCHEME);
            store.run(&Ultravox::new(SECRET).unwrap().receive(&headers, body).unwrap(), runs).await
        }
        "salpre" => {
            let headers = [("authorization", "Bearer s3cret-t0ken")];
            store.run(&Salpre::bearer("s3cret-t0ken").unwrap().receive(&headers, body).unwrap(), runs).await
        }
        "standard-webhooks" => {
            let signer = Signer::new(standard_webhooks::SCHEME, SECRET).unwrap().with_message_id(id);
            let headers = signer.sign(SystemClock.now(), &body);
            let vendor = StandardWebhooks::<serde_json::Value>::new(SECRET).unwrap();
            store.run(&vendor.receive(&headers, body).unwrap(), runs).await
        }
        _ => panic!("{vendor}"),
    }
}

async fn every_pair(store: &impl Run) {
    for (at, (vendor, bodies)) in BOTH_RUN.iter().enumerate() {
        let runs = AtomicUsize::new(0);
        let mut codes = Vec::new();
        for body in bodies.iter().chain(*bodies).chain(bodies.iter().rev()) {
            codes.push(run_body(store, vendor, &format!("both{at}"), body, &runs).await);
        }
        let (first, retries) = codes.split_at(bodies.len());
        assert!(first.iter().all(|code| ["handled", "conflict"].contains(code)), "{codes:?} {bodies:?}");
        assert!(retries.iter().all(|code| *code == "duplicate"), "{codes:?} {bodies:?}");
        assert_eq!(runs.into_inner(), bodies.len(), "{bodies:?}");
    }
    for (at, (vendor, bodies)) in ONE_RUNS.iter().enumerate() {
        let runs = AtomicUsize::new(0);
        for body in bodies.iter().chain(*bodies) {
            run_body(store, vendor, &format!("one{at}"), body, &runs).await;
        }
        assert_eq!(runs.into_inner(), 1, "{bodies:?}");
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
    receive(&format!(r#"{{"id":"e","type":"call.ended","created":{version},"data":{{"version":{version}}}}}"#))
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
