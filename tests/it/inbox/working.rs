//! What is stored is handled: once, in order, again after a failure, and never lost.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use offhook::idempotency::HandlerError;
use offhook::inbox::{Dialect, Filter, Inbox, PostgresInbox, SqliteInbox, State, Work};
use offhook::{Event as _, TalkifAi};
use sqlx::postgres::PgListener;
use tokio::sync::oneshot;

use super::common::{Event, Notes, body, delivery, postgres, receive, receive_for, sqlite, talkifai, until};
use crate::on_both;
use offhook_tests::databases::Folder;

on_both!(
    a_vendor_that_is_not_configured_is_left_out,
    clones_of_a_worker_run_handlers_in_parallel,
    events_of_a_call_run_in_order_and_never_at_the_same_time,
    a_failure_is_tried_again_and_holds_up_its_call_only,
    a_poison_event_is_dead_and_blocks_nothing,
    what_cannot_be_parsed_is_dead_and_can_be_retried,
    a_shutdown_gives_work_back,
    a_shutdown_while_workers_look_for_work_waits_for_nothing,
    a_slow_handler_keeps_its_lease,
);

const MS: Duration = Duration::from_millis(1);

async fn all_in<D: Dialect>(inbox: &Inbox<D>, state: State, count: usize) -> bool {
    inbox.list(&Filter::new().state(state)).await.unwrap().len() == count
}

async fn a_vendor_that_is_not_configured_is_left_out<D: Dialect>(inbox: Inbox<D>) {
    let tenant = talkifai().with_endpoint("tenant");
    let accepted = [inbox.accept(&delivery("1")).await, inbox.accept(&receive_for(&tenant, "1")).await];
    assert_eq!(accepted.map(|accepted| accepted.reply().status()), [200, 200]);
    let notes = Notes::default();
    let handled = |handler: &'static str, work: &Work<Event>| notes.add(format!("{handler}: {:?}", work.endpoint()));
    let worker = |tenant: Option<TalkifAi>| {
        let worker = inbox.worker().vendor(Some(talkifai()), async |work: &Work<Event>| {
            handled("plain", work);
            Ok(())
        });
        worker.vendor(tenant, async |work: &Work<Event>| {
            handled("tenant's", work);
            Ok(())
        })
    };
    worker(None).run(until(async || all_in(&inbox, State::Done, 1).await)).await;
    assert!(all_in(&inbox, State::Waiting, 1).await);
    assert_eq!(inbox.accept(&delivery("2")).await.reply().status(), 200);
    worker(Some(tenant)).run(until(async || all_in(&inbox, State::Done, 3).await)).await;
    let mut notes = notes.all();
    notes.sort();
    assert_eq!(notes, [r#"plain: """#, r#"plain: """#, r#"tenant's: "tenant""#]);
}

async fn clones_of_a_worker_run_handlers_in_parallel<D: Dialect>(inbox: Inbox<D>) {
    for id in ["1", "2"] {
        assert_eq!(inbox.accept(&delivery(id)).await.reply().status(), 200);
    }
    // Each handler blocks its thread until the other has begun.
    let arrived = Arc::new(AtomicU32::new(0));
    let worker = inbox.worker().with_concurrency(1).vendor(talkifai(), async move |_: &Work<Event>| {
        arrived.fetch_add(1, Ordering::SeqCst);
        for _ in 0..10_000 {
            if arrived.load(Ordering::SeqCst) == 2 {
                return Ok(());
            }
            std::thread::sleep(MS);
        }
        Err(HandlerError::permanent("the other handler did not begin"))
    });
    let tasks = [worker.clone(), worker].map(|worker| tokio::spawn(worker.run(std::future::pending())));
    until(async || inbox.stats().await.unwrap().backlog() == 0).await;
    assert!(all_in(&inbox, State::Done, 2).await);
    for task in tasks {
        task.abort();
    }
}

async fn events_of_a_call_run_in_order_and_never_at_the_same_time<D: Dialect>(inbox: Inbox<D>)
where
    Inbox<D>: Clone,
{
    for call in ["a", "b", "c"] {
        for name in ["call.ended", "call.started"] {
            let accepted = inbox.accept(&receive(body(&format!("{call}{name}"), name, call))).await;
            assert_eq!(accepted.reply().status(), 200);
        }
    }
    let (notes, running) = (Notes::default(), [(); 3].map(|()| AtomicU32::new(0)));
    let handler = async |work: &Work<Event>| -> Result<(), HandlerError> {
        let call = work.call_id().unwrap();
        let running = &running[usize::from(call.as_bytes()[0] - b'a')];
        if running.fetch_add(1, Ordering::SeqCst) > 0 {
            // The worker would catch a panic here.
            notes.add(format!("{call} has two events at the same time"));
        }
        tokio::time::sleep(20 * MS).await;
        running.fetch_sub(1, Ordering::SeqCst);
        notes.add(format!("{call} {}", work.event().name()));
        Ok(())
    };
    let one = inbox.worker().vendor(talkifai(), &handler).run(until(async || all_in(&inbox, State::Done, 6).await));
    let two = inbox.worker().vendor(talkifai(), &handler).run(until(async || all_in(&inbox, State::Done, 6).await));
    tokio::join!(one, two);
    for call in ["a", "b", "c"] {
        let of_call: Vec<_> = notes.all().into_iter().filter(|note| note.starts_with(call)).collect();
        assert_eq!(of_call, [format!("{call} call.started"), format!("{call} call.ended")]);
    }
}

async fn a_failure_is_tried_again_and_holds_up_its_call_only<D: Dialect>(inbox: Inbox<D>) {
    for (id, name, call) in [("1", "call.started", "a"), ("2", "call.ended", "a"), ("3", "call.started", "b")] {
        assert_eq!(inbox.accept(&receive(body(id, name, call))).await.reply().status(), 200);
    }
    let notes = Notes::default();
    let handler = async |work: &Work<Event>| {
        notes.add(format!("{} {}", work.key(), work.attempt()));
        let first = work.envelope().id.as_deref() == Some("1") && work.attempt() < 3;
        if first { Err(HandlerError::retry("not yet")) } else { Ok(()) }
    };
    let worker = inbox.worker().vendor(talkifai(), handler).with_backoff(50 * MS, 50 * MS);
    worker.run(until(async || all_in(&inbox, State::Done, 3).await)).await;
    let of_a: Vec<_> = notes.all().into_iter().filter(|note| !note.contains(":3")).collect();
    let started = "talkifai::call.started:1";
    assert_eq!(
        of_a,
        [format!("{started} 1"), format!("{started} 2"), format!("{started} 3"), "talkifai::call.ended:2 1".to_owned()]
    );
}

async fn a_poison_event_is_dead_and_blocks_nothing<D: Dialect>(inbox: Inbox<D>) {
    for (id, name) in [("1", "call.started"), ("2", "call.ended")] {
        assert_eq!(inbox.accept(&receive(body(id, name, "a"))).await.reply().status(), 200);
    }
    assert_eq!(inbox.accept(&delivery("permanent")).await.reply().status(), 200);
    let handler = async |work: &Work<Event>| match work.envelope().id.as_deref() {
        Some("1") => panic!("poison"),
        Some("permanent") => Err(HandlerError::permanent("x".repeat(5_000))),
        _ => Ok(()),
    };
    let worker = inbox.worker().vendor(talkifai(), handler).with_backoff(MS, MS).with_attempts(3);
    worker.run(until(async || all_in(&inbox, State::Dead, 2).await && all_in(&inbox, State::Done, 1).await)).await;
    let dead = inbox.list(&Filter::new().state(State::Dead)).await.unwrap();
    assert_eq!((dead[0].attempts, dead[0].error.as_deref()), (3, Some("the handler panicked: poison")));
    assert_eq!((dead[1].attempts, dead[1].error.as_ref().map(String::len)), (1, Some(2_048)));
}

async fn what_cannot_be_parsed_is_dead_and_can_be_retried<D: Dialect>(inbox: Inbox<D>) {
    assert_eq!(inbox.accept(&delivery("1")).await.reply().status(), 200);
    // A verifier that parses nothing, as if the vendor's events had changed.
    struct Strict(offhook::TalkifAi);
    impl offhook::Verifier for Strict {
        type Event = Event;

        fn profile(&self) -> &offhook::Profile {
            self.0.profile()
        }

        fn check_head(&self, head: &offhook::verify::Head<'_>) -> Result<(), offhook::VerifyError> {
            self.0.check_head(head)
        }

        fn verify(&self, request: &offhook::Request<'_>) -> Result<offhook::Verified, offhook::VerifyError> {
            self.0.verify(request)
        }

        fn parse(&self, _: &offhook::Verified, _: &[u8]) -> Result<offhook::event::Parsed<Event>, offhook::ParseError> {
            Err(offhook::ParseError::UnexpectedShape { expected: "of version 2" })
        }
    }
    let worker = inbox.worker().vendor(Strict(talkifai()), async |_: &Work<Event>| Ok(()));
    worker.run(until(async || all_in(&inbox, State::Dead, 1).await)).await;
    let dead = inbox.list(&Filter::new()).await.unwrap();
    assert_eq!(dead[0].error.as_deref(), Some("the body is not of version 2"));

    assert!(inbox.retry(dead[0].id).await.unwrap());
    let worker = inbox.worker().vendor(talkifai(), async |_: &Work<Event>| Ok(()));
    worker.run(until(async || all_in(&inbox, State::Done, 1).await)).await;
    assert!(!inbox.retry(dead[0].id).await.unwrap(), "a done event is replayed, not retried");
}

async fn a_shutdown_gives_work_back<D: Dialect>(inbox: Inbox<D>) {
    for id in ["quick", "endless"] {
        assert_eq!(inbox.accept(&delivery(id)).await.reply().status(), 200);
    }
    let begun = AtomicU32::new(0);
    let handler = async |work: &Work<Event>| {
        begun.fetch_add(1, Ordering::SeqCst);
        match work.envelope().id.as_deref() {
            Some("quick") => tokio::time::sleep(100 * MS).await,
            _ => std::future::pending().await,
        }
        Ok(())
    };
    let worker = inbox.worker().vendor(talkifai(), handler).with_grace(1_000 * MS);
    worker.run(until(async || begun.load(Ordering::SeqCst) == 2)).await;
    let entries = inbox.list(&Filter::new()).await.unwrap();
    let states: Vec<_> = entries.iter().map(|entry| (entry.state, entry.attempts)).collect();
    assert_eq!(states, [(State::Done, 1), (State::Waiting, 0)]);
}

async fn a_shutdown_while_workers_look_for_work_waits_for_nothing<D: Dialect>(inbox: Inbox<D>) {
    let hour = Duration::from_secs(3_600);
    let worker = inbox.worker().vendor(talkifai(), async |_: &Work<Event>| Ok(())).with_grace(hour);
    // It is ready when the worker has just sent its first statements.
    let run = worker.run(tokio::task::yield_now());
    assert!(tokio::time::timeout(Duration::from_secs(20), run).await.is_ok());
}

async fn a_slow_handler_keeps_its_lease<D: Dialect>(inbox: Inbox<D>) {
    assert_eq!(inbox.accept(&delivery("1")).await.reply().status(), 200);
    let runs = AtomicU32::new(0);
    let handler = async |_: &Work<Event>| {
        runs.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(1_200 * MS).await;
        Ok(())
    };
    let worker = || inbox.worker().vendor(talkifai(), &handler).with_lease(400 * MS);
    let done = || until(async || all_in(&inbox, State::Done, 1).await);
    tokio::join!(worker().run(done()), worker().run(done()));
    assert_eq!(runs.into_inner(), 1);
}

/// A worker of another process would look again by itself, but only after 5 s.
#[tokio::test]
async fn each_accepted_event_is_announced_to_other_processes() {
    let inbox = postgres().await;
    let mut listener = PgListener::connect_with(inbox.pool()).await.unwrap();
    listener.listen("offhook_inbox").await.unwrap();
    for id in ["1", "2"] {
        assert_eq!(inbox.accept(&delivery(id)).await.reply().status(), 200);
        let heard = tokio::time::timeout(Duration::from_secs(20), listener.recv()).await;
        assert_eq!(heard.expect("nothing is announced").unwrap().channel(), "offhook_inbox");
    }
}

/// Another worker may have the event by then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_ends_with_its_lease_if_that_cannot_be_extended() {
    let folder = Folder::new();
    let inbox = sqlite(&folder).await;
    assert_eq!(inbox.accept(&delivery("1")).await.reply().status(), 200);
    let (begins, begun) = oneshot::channel();
    let (alive, ended) = oneshot::channel::<()>();
    let handles = Mutex::new(Some((begins, alive)));
    let pool = inbox.pool().clone();
    let handler = async move |_: &Work<Event>| {
        let (begins, _alive) = handles.lock().unwrap().take().unwrap();
        pool.close().await;
        begins.send(Instant::now()).unwrap();
        std::future::pending().await
    };
    let lease = 900 * MS;
    let task = tokio::spawn(inbox.worker().with_lease(lease).vendor(talkifai(), handler).run(std::future::pending()));
    let begun = begun.await.unwrap();
    assert!(tokio::time::timeout(Duration::from_secs(20), ended).await.is_ok_and(|ended| ended.is_err()));
    // Two attempts to extend it have failed before.
    assert!(begun.elapsed() > lease / 2, "{:?}", begun.elapsed());
    task.abort();
}

/// The effects and the record commit together, on the attempt that succeeds.
macro_rules! transactions {
    ($test:ident, $inbox:ty, $open:expr) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            let folder = Folder::new();
            let inbox: $inbox = $open(&folder).await;
            sqlx::query("CREATE TABLE effects (id TEXT)").execute(inbox.pool()).await.unwrap();
            for id in ["1", "2", "3", "permanent"] {
                assert_eq!(inbox.accept(&delivery(id)).await.reply().status(), 200);
            }
            let worker = inbox
                .worker()
                .vendor_in_transaction(talkifai(), async |work, transaction| {
                    let insert = sqlx::query("INSERT INTO effects VALUES ($1)").bind(work.key());
                    insert.execute(&mut *transaction).await?;
                    match (work.envelope().id.as_deref(), work.attempt()) {
                        (Some("permanent"), _) => Err(HandlerError::permanent("never")),
                        (_, 1) => Err(HandlerError::retry("not yet")),
                        (_, 2) => panic!("a bug"),
                        _ => Ok(()),
                    }
                })
                .with_backoff(MS, MS);
            // The worker can be a task.
            let task = tokio::spawn(worker.run(std::future::pending()));
            until(async || all_in(&inbox, State::Done, 3).await && all_in(&inbox, State::Dead, 1).await).await;
            task.abort();
            let effects: Vec<String> =
                sqlx::query_scalar("SELECT id FROM effects ORDER BY id").fetch_all(inbox.pool()).await.unwrap();
            assert_eq!(effects, ["1", "2", "3"].map(|id| format!("talkifai::call.started:{id}")));
        }
    };
}

transactions!(effects_in_sqlite_commit_once, SqliteInbox, sqlite);
transactions!(effects_in_postgres_commit_once, PostgresInbox, in_postgres);

async fn in_postgres(_: &Folder) -> PostgresInbox {
    postgres().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_effect_is_undone_if_the_event_was_taken_away() {
    let inbox = postgres().await;
    sqlx::query("CREATE TABLE effects (id TEXT)").execute(inbox.pool()).await.unwrap();
    assert_eq!(inbox.accept(&delivery("1")).await.reply().status(), 200);
    // The row goes with the transaction's own connection, as if it had never been its own.
    let worker = inbox.worker().with_lease(500 * MS);
    let worker = worker.vendor_in_transaction(talkifai(), async |work, transaction| {
        sqlx::query("INSERT INTO effects VALUES ('1')").execute(&mut *transaction).await?;
        if work.attempt() == 1 {
            sqlx::query("UPDATE offhook_inbox SET token = ''").execute(transaction).await?;
        }
        Ok(())
    });
    worker.run(until(async || all_in(&inbox, State::Done, 1).await)).await;
    let effects: i64 = sqlx::query_scalar("SELECT count(*) FROM effects").fetch_one(inbox.pool()).await.unwrap();
    assert_eq!(effects, 1);
}
