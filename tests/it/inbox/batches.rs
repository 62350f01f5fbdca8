//! Events that are claimed and recorded together do not affect each other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use offhook::inbox::{Dialect, Filter, Inbox, State, Work};
use tokio::sync::Barrier;

use super::common::{Event, Notes, body, delivery, postgres, receive, talkifai, until};
use crate::on_both;

on_both!(
    a_batch_has_the_first_event_of_each_call,
    what_was_claimed_ahead_is_given_back_at_the_shutdown,
    what_was_claimed_ahead_is_given_back_if_the_worker_is_dropped,
    what_was_claimed_ahead_is_given_back_if_the_handlers_become_slow,
);

const MS: Duration = Duration::from_millis(1);

async fn count<D: Dialect>(inbox: &Inbox<D>, state: State) -> usize {
    inbox.list(&Filter::new().state(state)).await.unwrap().len()
}

async fn a_batch_has_the_first_event_of_each_call<D: Dialect>(inbox: Inbox<D>) {
    for name in ["call.ended", "call.started"] {
        for call in ["a", "b", "c"] {
            let accepted = inbox.accept(&receive(body(&format!("{call}{name}"), name, call))).await;
            assert_eq!(accepted.reply().status(), 200);
        }
    }
    let worker = inbox.worker().vendor(talkifai(), async |_: &Work<Event>| std::future::pending().await);
    let worker = tokio::spawn(worker.run(std::future::pending()));
    until(async || count(&inbox, State::Running).await == 3).await;
    tokio::time::sleep(100 * MS).await;
    let running = inbox.list(&Filter::new().state(State::Running)).await.unwrap();
    let running: Vec<_> = running.iter().map(|entry| (entry.call_id.as_deref().unwrap(), &*entry.event)).collect();
    assert_eq!(running, ["a", "b", "c"].map(|call| (call, "call.started")));
    worker.abort();
}

/// Stores events, and handles them fast until more of them are claimed than are handled.
/// Returns a worker whose only handler is stuck from then on.
async fn with_a_stock<D: Dialect>(inbox: &Inbox<D>) -> (tokio::task::JoinHandle<()>, tokio::sync::oneshot::Sender<()>) {
    for id in 0..200 {
        assert_eq!(inbox.accept(&delivery(&id.to_string())).await.reply().status(), 200);
    }
    let stuck = Arc::new(AtomicBool::new(false));
    let (sees, looks) = (Arc::clone(&stuck), inbox.clone());
    let worker = inbox.worker().with_concurrency(1).with_grace(50 * MS);
    let worker = worker.vendor(talkifai(), async move |work: &Work<Event>| {
        // The events after this one, of which none is being recorded.
        let running = looks.list(&Filter::new().state(State::Running)).await?;
        if running.iter().any(|entry| entry.id > work.id()) {
            sees.store(true, Ordering::SeqCst);
            return std::future::pending().await;
        }
        Ok(())
    });
    let (shutdown, is_down) = tokio::sync::oneshot::channel();
    let worker = tokio::spawn(worker.run(async { drop(is_down.await) }));
    until(async || stuck.load(Ordering::SeqCst)).await;
    (worker, shutdown)
}

/// Checks that nothing runs, and that only what is done has counted an attempt.
async fn check_given_back<D: Dialect>(inbox: &Inbox<D>) {
    for entry in inbox.list(&Filter::new()).await.unwrap() {
        match entry.state {
            State::Done => assert_eq!(entry.attempts, 1),
            State::Waiting => assert_eq!(entry.attempts, 0),
            state => panic!("{} is {state}", entry.id),
        }
    }
    assert!(count(inbox, State::Waiting).await > 1);
}

async fn what_was_claimed_ahead_is_given_back_at_the_shutdown<D: Dialect>(inbox: Inbox<D>) {
    let (worker, shutdown) = with_a_stock(&inbox).await;
    shutdown.send(()).unwrap();
    worker.await.unwrap();
    check_given_back(&inbox).await;
}

async fn what_was_claimed_ahead_is_given_back_if_the_worker_is_dropped<D: Dialect>(inbox: Inbox<D>) {
    let (worker, _shutdown) = with_a_stock(&inbox).await;
    worker.abort();
    until(async || count(&inbox, State::Running).await == 0).await;
    check_given_back(&inbox).await;
}

async fn what_was_claimed_ahead_is_given_back_if_the_handlers_become_slow<D: Dialect>(inbox: Inbox<D>) {
    let (worker, shutdown) = with_a_stock(&inbox).await;
    // The event of the handler that is stuck.
    until(async || count(&inbox, State::Running).await == 1).await;
    shutdown.send(()).unwrap();
    worker.await.unwrap();
    check_given_back(&inbox).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_was_taken_away_does_not_affect_those_that_are_recorded_with_it() {
    let inbox = postgres().await;
    for id in 0..8 {
        assert_eq!(inbox.accept(&delivery(&id.to_string())).await.reply().status(), 200);
    }
    let (codes, runs, together) = (Arc::new(Notes::default()), AtomicU32::new(0), Barrier::new(8));
    let (noted, pool) = (Arc::clone(&codes), inbox.pool().clone());
    let worker = inbox.worker().with_observer(move |entry, ended| noted.add(format!("{} {}", entry.id, ended.code())));
    let worker = worker.vendor(talkifai(), async |work: &Work<Event>| {
        if work.id() == 4 {
            sqlx::query("UPDATE offhook_inbox SET token = '' WHERE id = 4").execute(&pool).await?;
        }
        runs.fetch_add(1, Ordering::SeqCst);
        together.wait().await;
        Ok(())
    });
    worker.run(until(async || codes.all().len() == 8)).await;
    let mut codes = codes.all();
    codes.sort();
    let expected = (1..=8).map(|id| format!("{id} {}", if id == 4 { "lease_lost" } else { "done" }));
    assert_eq!(codes, expected.collect::<Vec<_>>());
    assert_eq!((count(&inbox, State::Done).await, runs.into_inner()), (7, 8));
}
