//! Faults of the database and wrong clocks. Each gives 503 at the door, loses nothing that was
//! acknowledged, and the worker goes on when the fault is over.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use offhook::idempotency::StoreError;
use offhook::inbox::{Acceptance, DEFAULT_SIZE_LIMIT, Dialect, Filter, Inbox, PostgresInbox, SqliteInbox, State, Work};
use offhook::{Clock, SystemClock};
use offhook_tests::databases::{Folder, HINT, PgServer};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};

use super::common::{Event, body, delivery, postgres, receive, sqlite, talkifai, until};
use crate::on_both;

on_both!(a_body_at_the_limit_is_stored_and_handled);

const MS: Duration = Duration::from_millis(1);

/// Accepts the event with this id. Returns the code and the status of the answer.
async fn accept<D: Dialect>(inbox: &Inbox<D>, id: &str) -> (&'static str, u16) {
    let accepted = inbox.accept(&delivery(id)).await;
    (accepted.acceptance().code(), accepted.reply().status())
}

const STORED: (&str, u16) = ("stored", 200);
const FAILED: (&str, u16) = ("inbox_failed", 503);

async fn count<D: Dialect>(inbox: &Inbox<D>, state: State) -> usize {
    inbox.list(&Filter::new().state(state)).await.map_or(usize::MAX, |entries| entries.len())
}

/// Works in a task until it is aborted.
fn work<D: Dialect>(inbox: &Inbox<D>) -> tokio::task::JoinHandle<()> {
    let worker = inbox.worker().vendor(talkifai(), async |_: &Work<Event>| Ok(()));
    tokio::spawn(worker.with_backoff(MS, MS).run(std::future::pending()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_goes_on_when_postgres_restarts_and_when_it_has_lost_its_data() {
    let mut server = PgServer::start(&[]);
    let inbox = PostgresInbox::connect(&server.url()).await.unwrap().with_timeout(1_000 * MS);
    inbox.migrate().await.unwrap();
    let worker = work(&inbox);
    assert_eq!(accept(&inbox, "1").await, STORED);
    until(async || count(&inbox, State::Done).await == 1).await;

    server.kill();
    assert_eq!(accept(&inbox, "2").await, FAILED);
    server.resume();
    until(async || accept(&inbox, "2").await.1 == 200).await;
    until(async || count(&inbox, State::Done).await == 2).await;

    server.kill();
    server.forget_everything();
    server.resume();
    // What is missing is said, and nothing is acknowledged, until the tables are there again.
    until(async || {
        let accepted = inbox.accept(&delivery("3")).await;
        assert_eq!(accepted.reply().status(), 503);
        format!("{:?}", accepted.acceptance()).contains("NotMigrated")
    })
    .await;
    inbox.migrate().await.unwrap();
    assert_eq!(accept(&inbox, "3").await, STORED);
    until(async || count(&inbox, State::Done).await == 1).await;
    worker.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_only_postgres_accepts_nothing_and_loses_nothing() {
    let server = PgServer::start(&["fsync=off"]);
    let url = server.new_database();
    let name = url.rsplit('/').next().unwrap();
    let inbox = PostgresInbox::connect(&url).await.unwrap();
    inbox.migrate().await.unwrap();
    // A setting of the database holds for new sessions.
    let set = |setting: &str| {
        server.psql("postgres", &format!("ALTER DATABASE {name} {setting}"));
        let end = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
        server.psql("postgres", &end);
    };
    assert_eq!(accept(&inbox, "1").await, STORED);
    set("SET default_transaction_read_only = on");
    until(async || {
        let accepted = inbox.accept(&delivery("2")).await;
        assert_eq!(accepted.reply().status(), 503);
        format!("{:?}", accepted.acceptance()).contains("read-only")
    })
    .await;
    let worker = work(&inbox);
    tokio::time::sleep(100 * MS).await;
    assert_eq!(count(&inbox, State::Waiting).await, 1);
    set("RESET default_transaction_read_only");
    until(async || accept(&inbox, "2").await.1 == 200).await;
    until(async || count(&inbox, State::Done).await == 2).await;
    worker.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_whose_disk_is_full_keeps_what_was_acknowledged_and_is_worked_off_later() {
    let Some(disk) = Folder::on_small_disk(128) else { return };
    let ballast = disk.path().join("ballast");
    let server = PgServer::start_in(disk, &[]);
    let inbox = PostgresInbox::connect(&server.url()).await.unwrap();
    inbox.migrate().await.unwrap();
    assert_eq!(accept(&inbox, "first").await, STORED);
    let full = fill(&ballast).unwrap_err();
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);

    let (mut stored, mut refused) = (1, 0);
    for id in 0..200 {
        let accepted = inbox.accept(&delivery(&format!("{id}{}", "x".repeat(200)))).await;
        match (accepted.acceptance(), accepted.reply().status()) {
            (Acceptance::Stored { .. }, 200) => stored += 1,
            (Acceptance::Failed(StoreError::Full { .. }), 503) => refused += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(refused > 100, "{refused} of 200 were refused");
    assert_eq!(count(&inbox, State::Waiting).await, stored);
    let worker = work(&inbox);
    tokio::time::sleep(100 * MS).await;

    std::fs::remove_file(&ballast).unwrap();
    until(async || accept(&inbox, "last").await == STORED).await;
    until(async || count(&inbox, State::Done).await == stored + 1).await;
    worker.abort();
}

/// Writes a file that takes all the space that is left, and returns why it does not become longer.
fn fill(path: &Path) -> std::io::Result<()> {
    let mut file = std::fs::File::create(path)?;
    loop {
        file.write_all(&[0; 4096])?;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_only_or_locked_sqlite_file_accepts_nothing_and_loses_nothing() {
    let folder = Folder::new();
    let inbox = sqlite(&folder).await;
    assert_eq!(accept(&inbox, "1").await, STORED);
    let options = SqliteConnectOptions::new().filename(folder.path().join("inbox.db"));
    let read_only = SqliteInbox::new(SqlitePoolOptions::new().connect_lazy_with(options.read_only(true)));
    assert_eq!(accept(&read_only, "2").await, FAILED);
    let worker = work(&read_only);
    tokio::time::sleep(100 * MS).await;
    worker.abort();
    assert_eq!(count(&inbox, State::Waiting).await, 1);

    let lock = inbox.pool().begin_with("BEGIN IMMEDIATE").await.unwrap();
    assert_eq!(accept(&inbox.clone().with_timeout(100 * MS), "2").await, FAILED);
    drop(lock);
    let worker = work(&inbox);
    until(async || accept(&inbox, "2").await.1 == 200).await;
    until(async || count(&inbox, State::Done).await == 2).await;
    worker.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_sqlite_file_keeps_what_was_acknowledged_and_is_worked_off_later() {
    let folder = Folder::new();
    drop(sqlite(&folder).await);
    // A page limit fails in the same way as a full disk. It applies to one connection.
    let options = SqliteConnectOptions::new().filename(folder.path().join("inbox.db")).pragma("max_page_count", "1");
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
    let inbox = SqliteInbox::new(pool);
    let (mut stored, mut refused) = (0, 0);
    for id in 0..200 {
        match accept(&inbox, &format!("{id}{}", "x".repeat(200))).await {
            STORED => stored += 1,
            FAILED => refused += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(refused > 100, "{refused} of 200 were refused");
    assert_eq!(count(&inbox, State::Waiting).await, stored);
    let worker = work(&inbox);
    tokio::time::sleep(100 * MS).await;
    sqlx::query("PRAGMA max_page_count = 100000").execute(inbox.pool()).await.unwrap();
    assert_eq!(accept(&inbox, "last").await, STORED);
    until(async || count(&inbox, State::Done).await == stored + 1).await;
    worker.abort();
}

async fn a_body_at_the_limit_is_stored_and_handled<D: Dialect>(inbox: Inbox<D>) {
    let empty = body("1", "call.started", "c").len();
    let of_size = |bytes: usize| receive(" ".repeat(bytes - empty) + &body("1", "call.started", "c"));
    assert_eq!(DEFAULT_SIZE_LIMIT, 2 << 20);
    assert_eq!(inbox.accept(&of_size(DEFAULT_SIZE_LIMIT + 1)).await.acceptance().code(), "too_large");
    let largest = of_size(DEFAULT_SIZE_LIMIT);
    assert_eq!(inbox.accept(&largest).await.acceptance().code(), "stored");
    let runs = AtomicU32::new(0);
    let handler = async |work: &Work<Event>| {
        assert_eq!(work.body(), largest.body());
        runs.fetch_add(1, Ordering::SeqCst);
        Ok(())
    };
    let done = until(async || count(&inbox, State::Done).await == 1);
    inbox.worker().vendor(talkifai(), handler).run(done).await;
    assert_eq!(runs.into_inner(), 1);
}

async fn in_postgres(_: &Folder) -> PostgresInbox {
    postgres().await
}

/// A commit that fails is a failed attempt: its effect is undone, and the next one has it.
macro_rules! failing_commits {
    ($test:ident, $inbox:ty, $open:expr, $create:expr, $broken:expr) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            let folder = Folder::new();
            let inbox: $inbox = $open(&folder).await;
            for statement in $create {
                sqlx::query(statement).execute(inbox.pool()).await.unwrap();
            }
            assert_eq!(accept(&inbox, "1").await, STORED);
            let errors = Arc::new(std::sync::Mutex::new(Vec::new()));
            let seen = Arc::clone(&errors);
            let worker = inbox.worker().with_backoff(MS, MS).with_observer(move |_, ended| {
                seen.lock().unwrap().push((ended.code(), ended.error().map(str::to_owned)));
            });
            let worker = worker.vendor_in_transaction(talkifai(), async |work, transaction| {
                sqlx::query("INSERT INTO effects VALUES ('1')").execute(&mut *transaction).await?;
                if work.attempt() == 1 {
                    // It is checked at the commit only.
                    sqlx::query($broken).execute(transaction).await?;
                }
                Ok(())
            });
            worker.run(until(async || count(&inbox, State::Done).await == 1)).await;
            let effects: Vec<String> =
                sqlx::query_scalar("SELECT id FROM effects").fetch_all(inbox.pool()).await.unwrap();
            assert_eq!(effects, ["1"]);
            let [("retry", Some(error)), ("done", None)] = &errors.lock().unwrap()[..] else { panic!("{errors:?}") };
            assert!(error.starts_with("the transaction failed: "), "{error}");
        }
    };
}

failing_commits!(
    an_effect_whose_commit_fails_happens_in_the_next_attempt_in_sqlite,
    SqliteInbox,
    sqlite,
    [
        "CREATE TABLE parents (id TEXT PRIMARY KEY)",
        "CREATE TABLE effects (id TEXT)",
        "CREATE TABLE children (id TEXT REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED)"
    ],
    "INSERT INTO children VALUES ('nobody')"
);
failing_commits!(
    an_effect_whose_commit_fails_happens_in_the_next_attempt_in_postgres,
    PostgresInbox,
    in_postgres,
    ["CREATE TABLE effects (id TEXT UNIQUE DEFERRABLE INITIALLY DEFERRED)"],
    "INSERT INTO effects VALUES ('1')"
);

const HOUR: i64 = 3_600_000;

/// An inbox in a file, as a process sees it whose clock is off by this many milliseconds.
async fn with_clock(folder: &Folder, off: i64) -> SqliteInbox {
    let inbox = sqlite(folder).await;
    inbox.with_time(move || SystemClock.now().timestamp_millis() + off)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_was_accepted_before_the_clock_was_set_back_does_not_wait_for_it() {
    let folder = Folder::new();
    assert_eq!(accept(&with_clock(&folder, HOUR).await, "1").await, STORED);
    let inbox = with_clock(&folder, 0).await;
    assert_eq!(accept(&inbox, "2").await, STORED);
    assert_eq!(inbox.stats().await.unwrap().backlog(), 2);
    let worker = work(&inbox);
    until(async || count(&inbox, State::Done).await == 2).await;
    worker.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_stays_single_beside_a_process_whose_clock_is_an_hour_ahead() {
    let folder = Folder::new();
    let (inbox, ahead) = (with_clock(&folder, 0).await, with_clock(&folder, HOUR).await);
    sqlx::query("CREATE TABLE effects (id TEXT)").execute(inbox.pool()).await.unwrap();
    for id in 0..20 {
        assert_eq!(accept(&inbox, &id.to_string()).await, STORED);
    }
    let worker = |inbox: &SqliteInbox| {
        let worker = inbox.worker().vendor_in_transaction(talkifai(), async |work, transaction| {
            sqlx::query("INSERT INTO effects VALUES ($1)").bind(work.key()).execute(transaction).await?;
            tokio::time::sleep(20 * MS).await;
            Ok(())
        });
        tokio::spawn(worker.with_backoff(MS, MS).run(std::future::pending()))
    };
    let tasks = [worker(&inbox), worker(&ahead)];
    until(async || count(&inbox, State::Done).await == 20).await;
    for task in tasks {
        task.abort();
    }
    let effects: i64 = sqlx::query_scalar("SELECT count(*) FROM effects").fetch_one(inbox.pool()).await.unwrap();
    assert_eq!(effects, 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lease_of_a_process_whose_clock_is_behind_looks_ended_and_its_late_record_changes_nothing() {
    let folder = Folder::new();
    let (behind, inbox) = (with_clock(&folder, -HOUR).await, with_clock(&folder, 0).await);
    assert_eq!(accept(&behind, "1").await, STORED);
    let (runs, codes) = (Arc::new(AtomicI64::new(0)), Arc::new(super::common::Notes::default()));
    let (counted, noted) = (Arc::clone(&runs), Arc::clone(&codes));
    // The first handler ends when the second worker has handled the event.
    let watched = inbox.clone();
    let slow = behind.worker().with_observer(move |_, ended| noted.add(ended.code()));
    let slow = slow.vendor(talkifai(), async move |_: &Work<Event>| {
        counted.fetch_add(1, Ordering::SeqCst);
        while count(&watched, State::Done).await != 1 {
            tokio::time::sleep(10 * MS).await;
        }
        Ok(())
    });
    let slow = tokio::spawn(slow.run(std::future::pending()));
    until(async || count(&inbox, State::Running).await == 1).await;
    let fast = work(&inbox);
    until(async || !codes.all().is_empty()).await;
    assert_eq!((codes.all(), runs.load(Ordering::SeqCst)), (vec!["lease_lost".to_owned()], 1));
    let [entry] = &inbox.list(&Filter::new()).await.unwrap()[..] else { panic!() };
    assert_eq!((entry.state, entry.attempts), (State::Done, 2));
    slow.abort();
    fast.abort();
}

/// Starts a server whose clock is an hour off, and opens an inbox in it.
async fn on_wrong_clock(offset: &str) -> (PgServer, PostgresInbox) {
    let server = PgServer::start_with_clock(offset);
    let inbox = PostgresInbox::connect(&server.url()).await.unwrap();
    inbox.migrate().await.unwrap();
    assert_off(&inbox, offset).await;
    (server, inbox)
}

async fn assert_off(inbox: &PostgresInbox, offset: &str) {
    let theirs: i64 = sqlx::query_scalar("SELECT extract(epoch FROM clock_timestamp())::bigint")
        .fetch_one(inbox.pool())
        .await
        .unwrap();
    let off = theirs - SystemClock.now().timestamp();
    assert!((off - offset.parse::<i64>().unwrap()).abs() < 60, "off by {off}; or libfaketime {HINT}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_whose_clock_is_an_hour_wrong_runs_events_and_keeps_and_ends_leases() {
    for offset in ["+3600", "-3600"] {
        let (server, inbox) = on_wrong_clock(offset).await;
        let lease = 500 * MS;
        // The handler takes longer than a lease, which is extended.
        let runs = Arc::new(AtomicU32::new(0));
        let worker = || {
            let runs = Arc::clone(&runs);
            let worker = inbox.worker().with_lease(lease).vendor(talkifai(), async move |_: &Work<Event>| {
                runs.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(lease * 4).await;
                Ok(())
            });
            tokio::spawn(worker.run(std::future::pending()))
        };
        let workers = [worker(), worker()];
        assert_eq!(accept(&inbox, "1").await, STORED);
        assert_eq!(accept(&inbox, "1").await.0, "duplicate", "{offset}");
        until(async || count(&inbox, State::Done).await == 1).await;
        for worker in workers {
            worker.abort();
        }
        assert_eq!(runs.load(Ordering::SeqCst), 1, "{offset}");

        // The lease of a worker that is gone ends.
        assert_eq!(accept(&inbox, "2").await, STORED);
        let theirs = format!("{}?application_name=gone", server.url());
        tokio::task::spawn_blocking(move || begin_and_stop(&theirs, lease)).await.unwrap();
        let begin = Instant::now();
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'gone'";
        server.psql("postgres", end);
        let worker = work(&inbox);
        until(async || count(&inbox, State::Done).await == 2).await;
        worker.abort();
        assert!(begin.elapsed() < 20 * lease, "{offset}: {:?}", begin.elapsed());
        let attempts: Vec<u32> = inbox.list(&Filter::new()).await.unwrap().iter().map(|entry| entry.attempts).collect();
        assert!(attempts.contains(&1) && attempts.contains(&2), "{offset}: {attempts:?}");
    }
}

/// Begins an event in a runtime that then stands still, as that of a process that was killed. The
/// task that extends the lease stops with it.
fn begin_and_stop(url: &str, lease: Duration) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let inbox = PostgresInbox::connect(url).await.unwrap();
        let never = async |_: &Work<Event>| std::future::pending().await;
        let mut worker =
            Box::pin(inbox.worker().with_lease(lease).vendor(talkifai(), never).run(std::future::pending()));
        tokio::select! {
            () = &mut worker => panic!("it runs for ever"),
            () = until(async || count(&inbox, State::Running).await == 1) => {}
        }
        std::mem::forget(worker);
    });
    std::mem::forget(runtime);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_whose_clock_steps_by_an_hour_loses_nothing() {
    let (server, inbox) = on_wrong_clock("+0").await;
    let codes = Arc::new(super::common::Notes::default());
    let (noted, watched) = (Arc::clone(&codes), inbox.clone());
    // After a step ahead, the lease of a handler looks ended. Its late record changes nothing.
    // Either worker may run the event again.
    let slow = inbox.worker().with_observer(move |_, ended| noted.add(ended.code()));
    let slow = slow.vendor(talkifai(), async move |work: &Work<Event>| {
        while work.attempt() == 1 && count(&watched, State::Done).await != 1 {
            tokio::time::sleep(10 * MS).await;
        }
        Ok(())
    });
    let slow = tokio::spawn(slow.run(std::future::pending()));
    assert_eq!(accept(&inbox, "1").await, STORED);
    until(async || count(&inbox, State::Running).await == 1).await;
    server.set_clock("+3600");
    assert_off(&inbox, "+3600").await;
    let fast = work(&inbox);
    until(async || codes.all().contains(&"lease_lost".to_owned())).await;
    let [entry] = &inbox.list(&Filter::new()).await.unwrap()[..] else { panic!() };
    assert_eq!((entry.state, entry.attempts), (State::Done, 2));
    slow.abort();
    fast.abort();

    // After a step back, an event of the time before it does not wait for that time.
    assert_eq!(accept(&inbox, "2").await, STORED);
    server.set_clock("+0");
    assert_off(&inbox, "+0").await;
    assert_eq!(accept(&inbox, "3").await, STORED);
    let worker = work(&inbox);
    until(async || count(&inbox, State::Done).await == 3).await;
    worker.abort();
}
