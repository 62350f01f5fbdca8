//! What is acknowledged is stored, once.

use std::time::Duration;

use offhook::FixedClock;
use offhook::inbox::{Acceptance, Dialect, Filter, Inbox, PrunePolicy};

use super::common::{NOW, body, delivery, receive, receive_by, receive_for, talkifai};
use crate::on_both;

on_both!(
    a_redelivery_is_a_duplicate,
    another_payload_under_the_key_is_another_event,
    an_event_that_may_have_been_pruned_is_refused,
    limits_are_answered_with_503
);

async fn a_redelivery_is_a_duplicate<D: Dialect>(inbox: Inbox<D>) {
    let one = delivery("1");
    for code in ["stored", "duplicate", "duplicate"] {
        let accepted = inbox.accept(&one).await;
        assert_eq!((accepted.acceptance().code(), accepted.reply().status()), (code, 200));
    }
    assert_eq!(one.accept(&inbox).await.status(), 200);
    let [entry] = &inbox.list(&Filter::new()).await.unwrap()[..] else { panic!() };
    assert_eq!((&*entry.vendor, &*entry.event, entry.call_id.as_deref()), ("talkifai", "call.started", Some("call_1")));
    assert_eq!(entry.key.as_deref(), Some("talkifai::call.started:1"));
    let (_, stored) = inbox.show(entry.id).await.unwrap().unwrap();
    assert_eq!(stored.body(), one.body());
    assert!(inbox.show(entry.id + 1).await.unwrap().is_none());
}

async fn another_payload_under_the_key_is_another_event<D: Dialect>(inbox: Inbox<D>) {
    let (one, other) = (receive(body("1", "call.started", "a")), receive(body("1", "call.started", "b")));
    assert_eq!(inbox.accept(&one).await.acceptance().code(), "stored");
    let accepted = inbox.accept(&other).await;
    assert_eq!((accepted.acceptance().code(), accepted.reply().status()), ("conflict", 200));
    assert_eq!(inbox.accept(&other).await.acceptance().code(), "duplicate");
    let [_, entry] = &inbox.list(&Filter::new()).await.unwrap()[..] else { panic!() };
    assert!(entry.key.as_deref().unwrap().starts_with("talkifai::call.started:1%sha256:"));
}

async fn an_event_that_may_have_been_pruned_is_refused<D: Dialect>(inbox: Inbox<D>) {
    let day = 86_400;
    let of_age = |seconds: i64| {
        let later = talkifai().with_clock(FixedClock::at_unix(NOW + seconds));
        receive_for(&later, &format!("aged {seconds}"))
    };
    assert_eq!(inbox.accept(&of_age(14 * day)).await.acceptance().code(), "stored");
    let old = of_age(14 * day + 1);
    let accepted = inbox.accept(&old).await;
    assert!(matches!(accepted.acceptance(), Acceptance::Stale(_)), "{accepted:?}");
    assert_eq!(accepted.reply().status(), 401);
    assert_eq!(inbox.list(&Filter::new()).await.unwrap().len(), 1);
    // The span is that of the policy, and one who wants old events gets them.
    let policy = PrunePolicy::default().with_done(Duration::from_secs(15 * 86_400)).unwrap();
    assert_eq!(inbox.clone().with_prune_policy(policy).accept(&old).await.acceptance().code(), "stored");
    let older = of_age(400 * day);
    assert_eq!(inbox.clone().accept_stale().accept(&older).await.acceptance().code(), "stored");
    // What tells no time is never too old.
    let later = talkifai().with_clock(FixedClock::at_unix(NOW + 400 * day));
    let untimed = body("untimed", "call.started", "a").replace(r#""created":"2026-01-15T10:30:00Z","#, "");
    assert_eq!(inbox.accept(&receive_by(&later, untimed)).await.acceptance().code(), "stored");
}

async fn limits_are_answered_with_503<D: Dialect>(inbox: Inbox<D>) {
    let size = delivery("1").body().len();
    let inbox = inbox.with_size_limit(size).with_backlog_limit(3);
    let accepted = inbox.accept(&delivery("12")).await;
    assert!(matches!(accepted.acceptance(), Acceptance::TooLarge { .. }), "{accepted:?}");
    assert_eq!(accepted.reply().status(), 503);
    for id in ["1", "2", "3"] {
        assert_eq!(inbox.accept(&delivery(id)).await.acceptance().code(), "stored");
    }
    let accepted = inbox.accept(&delivery("4")).await;
    assert!(matches!(accepted.acceptance(), Acceptance::Full { limit: 3 }), "{accepted:?}");
    assert_eq!(accepted.reply().status(), 503);
    // There is room again, and it is seen soon.
    assert_eq!(inbox.erase("call_1").await.unwrap(), 1);
    super::common::until(async || inbox.accept(&delivery("4")).await.reply().status() == 200).await;
    assert_eq!(inbox.list(&Filter::new()).await.unwrap().len(), 3);
}

#[tokio::test]
async fn without_a_database_the_answer_is_503() {
    let inbox = super::common::postgres().await;
    inbox.pool().close().await;
    let accepted = inbox.accept(&delivery("1")).await;
    assert_eq!((accepted.acceptance().code(), accepted.reply().status()), ("inbox_failed", 503));
}

#[tokio::test]
async fn without_its_table_the_error_says_what_to_do() {
    let inbox = offhook::inbox::PostgresInbox::connect(&super::common::database()).await.unwrap();
    let accepted = inbox.accept(&delivery("1")).await;
    let Acceptance::Failed(error) = accepted.acceptance() else { panic!() };
    assert_eq!(error.code(), "store_not_migrated");
}
