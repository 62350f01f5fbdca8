//! An event that is older than the store's retention, so that the store may have forgotten it,
//! is refused, or by a setting handled.

use std::cell::Cell;
use std::time::Duration;

use offhook::idempotency::{HandlerError, MemoryStore, Once, SqliteStore, Store, StoreSettings};
use offhook::testing::Signer;
use offhook::{
    Delivery, Event, FixedClock, Salpre, StandardWebhooks, TalkifAi, Tolerance, Truedy, UnixTime, Verifier, talkifai,
    truedy,
};

use super::common::logged;

const SECRET: &str = "whsec_c3RhbGVzdGFsZQ==";
const NOW: i64 = 1_773_844_200;
const RETENTION: i64 = 72 * 3_600;

fn talkifai(age: i64) -> Delivery<talkifai::Event> {
    let created = UnixTime::from_seconds(NOW - age).to_datetime().unwrap().to_rfc3339();
    talkifai_with(&format!(r#","created":"{created}""#))
}

fn talkifai_with(time: &str) -> Delivery<talkifai::Event> {
    let body = format!(r#"{{"id":"evt_1","type":"call.ended"{time},"data":{{"callId":"c1"}}}}"#);
    let headers = Signer::new(talkifai::SCHEME, SECRET).unwrap().sign(chrono::DateTime::UNIX_EPOCH, &body);
    TalkifAi::new(SECRET).unwrap().with_clock(FixedClock::at_unix(NOW)).receive(&headers, body).unwrap()
}

fn salpre(age: i64, is_test: bool) -> Delivery<impl Event> {
    let time = NOW - age;
    let body = format!(
        r#"{{"event_type":"call_ended","timestamp_utc":{time},"payload":{{"call_id":1}},"is_test":{is_test}}}"#
    );
    let salpre = Salpre::bearer("s3cret-t0ken").unwrap().with_clock(FixedClock::at_unix(NOW));
    salpre.receive(&[("authorization", "Bearer s3cret-t0ken")], body).unwrap()
}

/// A delivery of an event that is a week old.
fn truedy_signed(age: i64) -> Delivery<impl Event> {
    let occurred = UnixTime::from_seconds(NOW - 7 * 86_400).to_datetime().unwrap().to_rfc3339();
    let body = format!(
        r#"{{"event":"call.ended","id":"evt_1","timestamp":"{occurred}","data":{{"call":{{"callId":"c1"}}}}}}"#
    );
    let signed_at = UnixTime::from_seconds(NOW - age).to_datetime().unwrap();
    let headers = Signer::new(truedy::SCHEME, SECRET).unwrap().sign(signed_at, &body);
    let truedy = Truedy::new(SECRET).unwrap().with_clock(FixedClock::at_unix(NOW));
    let truedy = truedy.with_tolerance(Tolerance::symmetric(Duration::MAX));
    let delivery = truedy.receive(&headers, body).unwrap();
    assert!(delivery.parsed().occurred_at().is_some());
    delivery
}

fn standard_webhooks() -> Delivery<impl Event> {
    let body = r#"{"type":"user.created","timestamp":"2020-01-01T00:00:00Z","data":{}}"#;
    let signed_at = UnixTime::from_seconds(NOW).to_datetime().unwrap();
    let headers = Signer::new(offhook::standard_webhooks::SCHEME, SECRET).unwrap().sign(signed_at, body);
    let vendor = StandardWebhooks::<serde_json::Value>::new(SECRET).unwrap().with_clock(FixedClock::at_unix(NOW));
    vendor.receive(&headers, body).unwrap()
}

type Seen = (&'static str, u16, u32);

const HANDLED: Seen = ("handled", 200, 1);
const REFUSED: Seen = ("stale", 401, 0);

fn count(runs: &Cell<u32>) -> Result<(), HandlerError> {
    runs.set(runs.get() + 1);
    Ok(())
}

/// Runs the delivery by `once` and by `transact`, each with a store that knows no event, and
/// returns what became of it, the status, and how often the handler ran.
async fn seen(delivery: &Delivery<impl Event>, handle_stale: bool) -> [Seen; 2] {
    let (store, runs) = (MemoryStore::new(), Cell::new(0));
    let once = if handle_stale { Once::new(&store).handle_stale() } else { Once::new(&store) };
    let handled = once.run(delivery, async |_| count(&runs)).await;
    let by_once = (handled.outcome().code(), handled.reply().status(), runs.take());

    let store = SqliteStore::in_memory().await.unwrap();
    let store = if handle_stale { store.handle_stale() } else { store };
    let handled = store.transact(delivery, async |_, _| count(&runs)).await;
    [by_once, (handled.outcome().code(), handled.reply().status(), runs.get())]
}

#[tokio::test]
async fn an_event_of_a_vendor_that_signs_no_time_is_refused_once_it_is_older_than_the_retention() {
    assert_eq!(MemoryStore::new().retention(), Some(Duration::from_secs(RETENTION.unsigned_abs())));
    for (age, expected) in [(RETENTION + 1, REFUSED), (RETENTION, HANDLED), (0, HANDLED), (-RETENTION - 1, HANDLED)] {
        assert_eq!(seen(&talkifai(age), false).await, [expected; 2], "TalkifAI, {age} s");
        assert_eq!(seen(&salpre(age, false), false).await, [expected; 2], "Salpre, {age} s");
    }
}

#[tokio::test]
async fn a_replay_after_the_retention_does_not_run_the_handler_again() {
    let settings = StoreSettings::new().danger_with_short_retention(Duration::from_millis(1));
    let (store, runs) = (MemoryStore::new().with_settings(settings), Cell::new(0));
    let fresh = talkifai(0).once(&store, async |_| count(&runs)).await;
    assert_eq!(fresh.outcome().code(), "handled");
    tokio::time::sleep(Duration::from_millis(5)).await;
    let replayed = talkifai(1).once(&store, async |_| count(&runs)).await;
    assert_eq!((replayed.outcome().code(), runs.get()), ("stale", 1));
}

#[tokio::test]
async fn by_the_setting_it_is_handled() {
    for delivery in [talkifai(RETENTION + 1), talkifai(RETENTION * 100)] {
        assert_eq!(seen(&delivery, true).await, [HANDLED; 2]);
    }
    assert_eq!(seen(&salpre(RETENTION + 1, false), true).await, [HANDLED; 2]);
}

#[tokio::test]
async fn an_old_event_that_the_vendor_signed_just_now_is_no_replay() {
    let ok = |success| [("handled", success, 1); 2];
    assert_eq!(seen(&truedy_signed(0), false).await, ok(204));
    assert_eq!(seen(&truedy_signed(RETENTION), false).await, ok(204));
    assert_eq!(seen(&truedy_signed(RETENTION + 1), false).await, [REFUSED; 2]);
    assert_eq!(seen(&truedy_signed(RETENTION + 1), true).await, ok(204));
    assert_eq!(seen(&standard_webhooks(), false).await, ok(204));
}

#[tokio::test]
async fn an_event_without_a_time_and_a_test_are_handled_as_before() {
    let untimed = talkifai_with("");
    assert_eq!(untimed.parsed().occurred_at(), None);
    assert_eq!(seen(&untimed, false).await, [HANDLED; 2]);
    assert_eq!(seen(&salpre(RETENTION + 1, true), false).await, [("unkeyed", 200, 1); 2]);
}

#[tokio::test]
async fn the_log_warns_with_the_age_and_the_retention() {
    let delivery = talkifai(RETENTION + 60);
    let store = SqliteStore::in_memory().await.unwrap();
    let lines = logged(async {
        let _ = delivery.once(&MemoryStore::new(), async |_| Ok(())).await;
        let _ = store.transact(&delivery, async |_, _| Ok(())).await;
    })
    .await;
    assert_eq!(lines.lines().count(), 2, "{lines}");
    for line in lines.lines() {
        for part in [
            "WARN offhook: delivery handled",
            r#"outcome="refused" code="stale" event="call.ended" key="call.ended:evt_1""#,
            r#"error="signed 259260 s ago, which is more than the 259200 s that are allowed""#,
        ] {
            assert!(line.contains(part), "{part}: {line}");
        }
    }
}
