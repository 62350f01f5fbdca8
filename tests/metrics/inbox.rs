//! What the metrics of the inbox show.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use offhook::idempotency::HandlerError;
use offhook::inbox::{SqliteInbox, Work};
use offhook::testing::Signer;
use offhook::{Clock, Delivery, FixedClock, SystemClock, TalkifAi, Verifier, talkifai};
use offhook_tests::databases::Folder;

use super::{recorder, unix_now, value};

const SECRET: &str = "inbox_metrics_test_secret";
/// How long the events wait for the first worker, in seconds.
const WAIT: i64 = 90;

fn verifier(endpoint: &str) -> TalkifAi {
    verifier_at(endpoint, 1_768_473_000)
}

/// A verifier whose clock says so many seconds since 1970.
fn verifier_at(endpoint: &str, seconds: i64) -> TalkifAi {
    TalkifAi::new(SECRET).unwrap().with_endpoint(endpoint).with_clock(FixedClock::at_unix(seconds))
}

fn delivery(endpoint: &str, id: &str) -> Delivery<talkifai::Event> {
    receive(&verifier(endpoint), id)
}

fn receive(verifier: &TalkifAi, id: &str) -> Delivery<talkifai::Event> {
    let body = format!(
        r#"{{"id":"{id}","type":"call.started","created":"2026-01-15T10:30:00Z","data":{{"callId":"call_{id}"}}}}"#
    );
    let headers = Signer::new(talkifai::SCHEME, SECRET).unwrap().sign(SystemClock.now(), &body);
    verifier.receive(&headers, body).unwrap()
}

/// Waits until a metric of this endpoint has this value.
async fn until(metric: &str, endpoint: &str, labels: &[&str], expected: f64) {
    for _ in 0..2_000 {
        if value(metric, endpoint, labels) == expected {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{metric} {endpoint} {labels:?} is not {expected}: {}", recorder().render());
}

/// Provokes every alert of the inbox, with events of this endpoint.
pub fn provoke(endpoint: &str) {
    tokio::runtime::Runtime::new().unwrap().block_on(provoked(endpoint));
}

#[test]
fn every_alert_of_the_inbox_has_its_numbers() {
    recorder();
    provoke("inbox");
}

async fn provoked(endpoint: &str) {
    let folder = Folder::new();
    let time = Arc::new(AtomicI64::new(SystemClock.now().timestamp_millis()));
    let clock = Arc::clone(&time);
    let inbox = SqliteInbox::open(folder.path().join("inbox.db")).await.unwrap();
    let inbox = inbox.with_time(move || clock.load(Ordering::Relaxed));
    inbox.migrate().await.unwrap();
    let count = |metric: &str, labels: &[&str]| value(metric, endpoint, labels);
    let gauge = |metric: &str| value(metric, endpoint, &[]);

    // At the door: by what became of the delivery.
    let one = delivery(endpoint, "1");
    for expected in [200, 200] {
        assert_eq!(inbox.accept(&one).await.reply().status(), expected);
    }
    assert_eq!(inbox.clone().with_size_limit(1).accept(&one).await.reply().status(), 503);
    for id in ["2", "3"] {
        assert_eq!(inbox.accept(&delivery(endpoint, id)).await.reply().status(), 200);
    }
    let stale = receive(&verifier_at(endpoint, i64::from(i32::MAX)), "old");
    assert_eq!(inbox.accept(&stale).await.reply().status(), 401);
    let of_door = |outcome: &str, code: &str| {
        let labels = [r#"vendor="talkifai""#, &format!(r#"outcome="{outcome}""#), &format!(r#"code="{code}""#)];
        count("offhook_inbox_deliveries_total", &labels)
    };
    let door =
        [("acknowledged", "stored"), ("acknowledged", "duplicate"), ("refused", "stale"), ("retry", "too_large")];
    assert_eq!(door.map(|(outcome, code)| of_door(outcome, code)), [3.0, 1.0, 1.0, 1.0]);
    // An endpoint that no worker handles is seen all the same.
    let unhandled = format!("{endpoint}-unhandled");
    assert_eq!(inbox.accept(&delivery(&unhandled, "1")).await.reply().status(), 200);

    // The backlog and its age: one event is done, one fails, and one is dead after that.
    time.fetch_add(WAIT * 1_000, Ordering::Relaxed);
    let handler = async |work: &Work<talkifai::Event>| -> Result<(), HandlerError> {
        until("offhook_inbox_backlog", endpoint, &[], 3.0).await;
        match work.envelope().id.as_deref() {
            Some("1") => Err("not yet".into()),
            Some("2") => Err(HandlerError::permanent("never")),
            _ => Ok(()),
        }
    };
    let attempts = "offhook_inbox_attempts_total";
    let all_ended = async {
        for code in ["retry", "dead", "done"] {
            until(attempts, endpoint, &[r#"vendor="talkifai""#, &format!(r#"code="{code}""#)], 1.0).await;
        }
    };
    inbox.worker().vendor(verifier(endpoint), handler).run(all_ended).await;
    assert_eq!(count(attempts, &[]), 3.0);
    assert_eq!(gauge("offhook_inbox_dead"), 0.0);
    assert_eq!(gauge("offhook_inbox_oldest_age_seconds"), WAIT as f64);
    let counted = unix_now() as f64 - gauge("offhook_inbox_counted_timestamp_seconds");
    assert!((0.0..60.0).contains(&counted), "{counted}");
    assert_eq!(value("offhook_inbox_backlog", &unhandled, &[]), 1.0);
    assert_eq!(value("offhook_inbox_oldest_age_seconds", &unhandled, &[]), WAIT as f64);
    assert_eq!(count("offhook_inbox_done_seconds_count", &[]), 1.0);
    assert_eq!(count("offhook_inbox_done_seconds_sum", &[]), WAIT as f64);

    // Two workers count the same rows, and a gauge is not their sum.
    let idle = || inbox.worker().vendor(verifier(endpoint), async |_: &Work<talkifai::Event>| Ok(()));
    let one_is_dead = || until("offhook_inbox_dead", endpoint, &[], 1.0);
    tokio::join!(idle().run(one_is_dead()), idle().run(one_is_dead()));
    assert_eq!((gauge("offhook_inbox_backlog"), gauge("offhook_inbox_dead")), (1.0, 1.0));

    // When the last event is gone, its gauges are zero.
    for call in ["call_1", "call_2", "call_3"] {
        assert!(inbox.erase(call).await.unwrap() > 0);
    }
    idle().run(until("offhook_inbox_dead", endpoint, &[], 0.0)).await;
    assert_eq!((gauge("offhook_inbox_backlog"), gauge("offhook_inbox_oldest_age_seconds")), (0.0, 0.0));
}
