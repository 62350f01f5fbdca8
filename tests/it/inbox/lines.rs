//! The log lines of the inbox say everything that helps to find and repair an event, and
//! nothing that is secret.

use std::sync::Arc;
use std::time::Duration;

use offhook::FixedClock;
use offhook::idempotency::HandlerError;
use offhook::inbox::{Dialect, Ended, Filter, Inbox, SqliteInbox, Work};
use offhook_tests::databases::Folder;

use super::common::{Event, NOW, Notes, SECRET, body, delivery, receive, receive_for, sqlite, talkifai, until};
use crate::log::logged;

/// The lines of this crate, without those of the database's driver.
fn lines_of(log: &str) -> Vec<&str> {
    log.lines().filter(|line| line.contains(" offhook: ")).collect()
}

#[track_caller]
fn assert_line(line: &str, parts: &[&str]) {
    for part in parts {
        assert!(line.contains(part), "{part} is not in {line}");
    }
}

const SOURCE: &str = r#"vendor="talkifai" endpoint="""#;
const EVENT: &str = r#"event="call.started" key="call.started:1" call_id="call_1""#;
/// The key in the table has the vendor in it.
const STORED_EVENT: &str = r#"event="call.started" key="talkifai::call.started:1" call_id="call_1" id=1"#;

#[tokio::test]
async fn a_delivery_at_the_door_has_one_line_with_what_became_of_it() {
    let folder = Folder::new();
    let inbox = sqlite(&folder).await;
    let one = delivery("1");
    let other = receive(body("1", "call.started", "other"));
    let size = format!("body_bytes={}", one.body().len());
    let log = logged(async {
        for _ in 0..2 {
            let _ = inbox.accept(&one).await;
        }
        let _ = inbox.accept(&other).await;
    })
    .await;
    let [stored, duplicate, conflict] = lines_of(&log)[..] else { panic!("{log}") };
    let message = "delivery answered by the inbox";
    assert_line(stored, &["INFO", message, SOURCE, r#"outcome="acknowledged" code="stored""#, EVENT, "id=1", &size]);
    assert_line(duplicate, &["INFO", message, SOURCE, r#"outcome="acknowledged" code="duplicate""#, EVENT, &size]);
    assert!(!duplicate.contains(" id=") && !log.contains("error="), "{log}");
    assert_line(conflict, &["WARN", message, r#"outcome="acknowledged" code="conflict""#, "id=", r#"call_id="other""#]);
}

#[tokio::test]
async fn a_delivery_that_is_not_stored_has_a_warning_with_the_reason() {
    let folder = Folder::new();
    let inbox = sqlite(&folder).await;
    let one = delivery("1");
    let size = one.body().len();
    let log = logged(async {
        let _ = inbox.clone().with_size_limit(size - 1).accept(&one).await;
        let _ = inbox.clone().with_backlog_limit(0).accept(&one).await;
        inbox.pool().close().await;
        let _ = inbox.accept(&one).await;
    })
    .await;
    let [too_large, full, failed] = lines_of(&log)[..] else { panic!("{log}") };
    for (line, code, error) in [
        (too_large, "too_large", format!("the body has {size} bytes, which is more than the limit of {}", size - 1)),
        (full, "backlog_full", "the limit of 0 events that wait or run is reached".to_owned()),
        (failed, "inbox_failed", "pool".to_owned()),
    ] {
        let outcome = format!(r#"outcome="retry" code="{code}""#);
        assert_line(line, &["WARN", SOURCE, &outcome, EVENT, "error=\"", &error]);
    }
}

#[tokio::test]
async fn a_delivery_that_may_have_been_pruned_has_a_warning_with_its_age() {
    let folder = Folder::new();
    let inbox = sqlite(&folder).await;
    let later = talkifai().with_clock(FixedClock::at_unix(NOW + 15 * 86_400));
    let old = receive_for(&later, "1");
    let log = logged(async { drop(inbox.accept(&old).await) }).await;
    let [stale] = lines_of(&log)[..] else { panic!("{log}") };
    assert_line(stale, &["WARN", SOURCE, r#"outcome="refused" code="stale""#, EVENT, "error=\"", "1296000"]);
}

/// Accepts the first event of a call and works until it has ended like this. Returns the log
/// of the worker and the codes that the observer was told.
async fn worked<D: Dialect>(
    inbox: &Inbox<D>,
    ends_with: &str,
    handler: impl AsyncFn(&Work<Event>) -> Result<(), HandlerError>,
) -> (String, Vec<String>) {
    let _ = inbox.accept(&delivery("1")).await;
    let notes = Arc::new(Notes::default());
    let told = Arc::clone(&notes);
    let worker = inbox.worker().vendor(talkifai(), handler).with_attempts(2);
    let worker = worker.with_backoff(Duration::ZERO, Duration::ZERO).with_observer(move |entry, ended: &Ended| {
        assert_eq!(entry.id, 1);
        told.add(ended.code());
        panic!("a bug in the observer stops no worker");
    });
    let log = logged(worker.run(until(async || notes.all().last().is_some_and(|code| code == ends_with)))).await;
    (log, notes.all())
}

#[tokio::test]
async fn an_attempt_that_ended_has_one_line_and_the_observer_is_told() {
    let folder = Folder::new();
    let inbox = sqlite(&folder).await;
    let (log, told) = worked(&inbox, "done", async |work| match work.attempt() {
        1 => Err(HandlerError::retry("the table\nis locked")),
        _ => Ok(()),
    })
    .await;
    let [retry, done] = lines_of(&log)[..] else { panic!("{log}") };
    assert_line(retry, &["WARN", "event not done", SOURCE, r#"code="retry""#, STORED_EVENT, "attempt=1"]);
    // A line break in an error begins no new line.
    assert_line(retry, &[r#"error="the table\nis locked""#]);
    assert_line(done, &["INFO", "event done", SOURCE, r#"code="done""#, STORED_EVENT, "attempt=2 elapsed_ms="]);
    assert!(!done.contains("error="), "{done}");
    assert_eq!(told, ["retry", "done"]);
}

#[tokio::test]
async fn a_dead_event_has_a_line_with_its_last_error() {
    let folder = Folder::new();
    let (log, told) = worked(&sqlite(&folder).await, "dead", async |_| Err("no such customer".into())).await;
    let [_, dead] = lines_of(&log)[..] else { panic!("{log}") };
    assert_line(dead, &["WARN", "event not done", SOURCE, r#"code="dead""#, STORED_EVENT, "attempt=2"]);
    assert_line(dead, &[r#"error="no such customer""#]);
    assert_eq!(told, ["retry", "dead"]);
}

#[tokio::test]
async fn the_line_of_an_error_has_each_of_its_causes_once() {
    let folder = Folder::new();
    let inbox = sqlite(&folder).await;
    let (log, _) = worked(&inbox, "done", async |work| match work.attempt() {
        1 => Err(anyhow::anyhow!("no row").context("the row: no row").context("no customer").into()),
        _ => Ok(()),
    })
    .await;
    assert_line(lines_of(&log)[0], &["WARN", r#"code="retry""#, r#"error="no customer: the row: no row""#]);
}

#[tokio::test]
async fn an_event_that_was_taken_away_has_a_line() {
    let folder = Folder::new();
    let inbox = sqlite(&folder).await;
    let (log, _) = worked(&inbox, "lease_lost", async |_| {
        assert_eq!(inbox.erase("call_1").await.unwrap(), 1);
        Ok(())
    })
    .await;
    let [lost] = lines_of(&log)[..] else { panic!("{log}") };
    assert_line(lost, &["WARN", "event not done", r#"code="lease_lost""#, STORED_EVENT, "attempt=1"]);
}

#[tokio::test]
async fn an_event_that_was_taken_away_from_a_transaction_has_a_line() {
    let folder = Folder::new();
    let inbox = sqlite(&folder).await;
    let _ = inbox.accept(&delivery("1")).await;
    let notes = Arc::new(Notes::default());
    let told = Arc::clone(&notes);
    let worker = inbox.worker().vendor_in_transaction(talkifai(), async |_: &Work<Event>, transaction| {
        sqlx::query("UPDATE offhook_inbox SET token = ''").execute(transaction).await?;
        Ok(())
    });
    let worker = worker.with_observer(move |_, ended: &Ended| told.add(ended.code()));
    let log = logged(worker.run(until(async || !notes.all().is_empty()))).await;
    assert_eq!(notes.all(), ["lease_lost"]);
    let [lost] = lines_of(&log)[..] else { panic!("{log}") };
    assert_line(lost, &["WARN", "event not done", r#"code="lease_lost""#, STORED_EVENT, "attempt=1"]);
}

#[tokio::test]
async fn an_end_that_the_database_does_not_record_has_a_line_with_its_error() {
    let folder = Folder::new();
    let inbox: SqliteInbox = sqlite(&folder).await;
    let (log, _) = worked(&inbox, "unrecorded", async |_| {
        sqlx::query("ALTER TABLE offhook_inbox RENAME TO gone").execute(inbox.pool()).await.unwrap();
        Err("no such customer".into())
    })
    .await;
    let unrecorded = lines_of(&log).into_iter().find(|line| line.contains("unrecorded")).unwrap();
    assert_line(unrecorded, &["WARN", "event not done", STORED_EVENT, "attempt=1", r#"error="no such customer; "#]);
    // The worker goes on, and says once that it has no table.
    let unreachable = lines_of(&log).into_iter().filter(|line| line.contains("cannot reach the inbox"));
    assert!(unreachable.count() <= 1, "{log}");
}

#[tokio::test]
async fn the_worker_says_once_that_it_cannot_reach_the_inbox() {
    let folder = Folder::new();
    let inbox = sqlite(&folder).await;
    inbox.pool().close().await;
    let worker = inbox.worker().vendor(talkifai(), async |_: &Work<Event>| Ok(()));
    let log = logged(worker.run(tokio::time::sleep(Duration::from_millis(1_200)))).await;
    let [line] = lines_of(&log)[..] else { panic!("{log}") };
    assert_line(line, &["WARN", r#"the worker cannot reach the inbox code="store_unavailable" error="#]);
}

#[tokio::test]
async fn the_event_of_a_process_that_died_has_a_line_when_it_is_taken_back() {
    let folder = Folder::new();
    let inbox: SqliteInbox = sqlite(&folder).await;
    let _ = inbox.accept(&delivery("1")).await;
    let claimed = "UPDATE offhook_inbox SET state = 'running', attempts = 1, token = x'00', lease_until = 1";
    sqlx::query(claimed).execute(inbox.pool()).await.unwrap();
    let (log, told) = worked(&inbox, "done", async |_| Ok(())).await;
    let ended = lines_of(&log).into_iter().find(|line| line.contains("lease ended")).unwrap();
    assert_line(ended, &["WARN", "event not done", r#"code="retry""#, STORED_EVENT, "attempt=1", "error=\"the lease"]);
    assert_eq!(told, ["retry", "done"]);
}

#[tokio::test]
async fn a_name_or_a_call_id_as_long_as_a_body_is_cut() {
    let folder = Folder::new();
    let inbox = sqlite(&folder).await;
    let long = "é".repeat(10_000);
    let log = logged(async {
        let _ = inbox.accept(&receive(body("1", &long, &long))).await;
        let worker = inbox.worker().vendor(talkifai(), async |_: &Work<Event>| Ok(()));
        worker.run(until(async || inbox.stats().await.unwrap().backlog() == 0)).await;
    })
    .await;
    let lines = lines_of(&log);
    assert!(lines.len() >= 2 && lines.iter().any(|line| line.contains("event done")), "{log}");
    for line in lines {
        assert!(line.len() < 3_000 && line.contains(&"é".repeat(200)), "{} bytes", line.len());
    }
}

#[tokio::test]
async fn no_line_holds_a_secret_or_a_value_of_the_body() {
    let folder = Folder::new();
    let inbox = sqlite(&folder).await;
    let text = body("1", "call.started", "call_1").replace(r#""data":{"#, r#""data":{"agentId":"marker-value","#);
    let delivery = receive(text);
    let log = logged(async {
        let _ = inbox.accept(&delivery).await;
        let _ = inbox.accept(&delivery).await;
        let _ = inbox.clone().with_size_limit(1).accept(&delivery).await;
        let handler = async |work: &Work<Event>| if work.attempt() == 1 { Err("not yet".into()) } else { Ok(()) };
        let worker = inbox.worker().vendor(talkifai(), handler).with_backoff(Duration::ZERO, Duration::ZERO);
        worker.run(until(async || inbox.stats().await.unwrap().backlog() == 0)).await;
    })
    .await;
    assert_eq!(lines_of(&log).len(), 5, "{log}");
    let [entry] = &inbox.list(&Filter::new()).await.unwrap()[..] else { panic!() };
    for secret in ["marker-value", SECRET, "signature"] {
        assert!(!log.contains(secret), "{secret}: {log}");
        assert!(!format!("{entry:?}").contains(secret), "{secret}: {entry:?}");
    }
}
