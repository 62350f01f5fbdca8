//! The operator's functions.

use std::time::Duration;

use offhook::idempotency::HandlerError;
use offhook::inbox::{Dialect, Filter, Inbox, PrunePolicy, State, Work};

use super::common::{Event, Notes, delivery, receive_for, talkifai, until};
use crate::on_both;

on_both!(
    stats_and_filters_count_what_is_there,
    stats_are_those_of_each_endpoint,
    a_replay_is_marked_and_runs_once,
    a_retry_means_one_event,
    more_than_a_batch_is_listed_replayed_and_pruned,
    prune_and_erase_delete,
);

async fn filled<D: Dialect>(inbox: &Inbox<D>) {
    for id in ["1", "2", "dead"] {
        assert_eq!(inbox.accept(&delivery(id)).await.reply().status(), 200);
    }
    let handler = async |work: &Work<Event>| match work.envelope().id.as_deref() {
        Some("dead") => Err(HandlerError::permanent("never")),
        _ => Ok(()),
    };
    let worker = inbox.worker().vendor(talkifai(), handler);
    worker.run(until(async || inbox.stats().await.unwrap().backlog() == 0)).await;
    assert_eq!(inbox.accept(&delivery("3")).await.reply().status(), 200);
}

async fn stats_and_filters_count_what_is_there<D: Dialect>(inbox: Inbox<D>) {
    assert_eq!(inbox.stats().await.unwrap().oldest_age(), None);
    filled(&inbox).await;
    let stats = inbox.stats().await.unwrap();
    assert_eq!((stats.backlog(), stats.dead(), stats.sources.len()), (1, 1, 1));
    assert_eq!((&*stats.sources[0].vendor, stats.sources[0].waiting), ("talkifai", 1));
    assert!(stats.oldest_age().unwrap() < Duration::from_secs(20));

    let count = async |filter: Filter| inbox.list(&filter).await.unwrap().len();
    let all = Filter::new;
    assert_eq!(count(all()).await, 4);
    assert_eq!(count(all().state(State::Done)).await, 2);
    assert_eq!(count(all().limit(3)).await, 3);
    assert_eq!(count(all().call_id("call_2")).await, 1);
    assert_eq!((count(all().vendor("talkifai")).await, count(all().vendor("truedy")).await), (4, 0));
    assert_eq!((count(all().endpoint("")).await, count(all().endpoint("tenant")).await), (4, 0));
    assert_eq!((count(all().event("call.started")).await, count(all().event("call.ended")).await), (4, 0));
    let page = inbox.list(&all().limit(2)).await.unwrap();
    assert_eq!(count(all().after(page[1].id)).await, 2);
    let time = page[1].received_at;
    let (before, from) = (count(all().received_before(time)).await, count(all().received_from(time)).await);
    assert_eq!((before + from, from >= 3), (4, true));
}

async fn stats_are_those_of_each_endpoint<D: Dialect>(inbox: Inbox<D>) {
    let tenant = talkifai().with_endpoint("tenant");
    for (verifier, id) in [(&talkifai(), "1"), (&tenant, "2"), (&tenant, "3")] {
        assert_eq!(inbox.accept(&receive_for(verifier, id)).await.reply().status(), 200);
    }
    // While the first event of the tenant runs, the others wait. The worker would catch a panic here.
    let notes = Notes::default();
    let handler = async |_: &Work<Event>| {
        let stats = inbox.stats().await.unwrap();
        for source in &stats.sources {
            notes.add(format!("{:?} waiting {} running {}", source.endpoint, source.waiting, source.running));
        }
        notes.add(format!("backlog {} dead {}", stats.backlog(), stats.dead()));
        Err(HandlerError::permanent("never"))
    };
    let worker = inbox.worker().with_concurrency(1).vendor(tenant.clone(), handler);
    worker.run(until(async || inbox.stats().await.unwrap().dead() > 0)).await;
    assert_eq!(notes.all()[..3], ["\"\" waiting 1 running 0", "\"tenant\" waiting 1 running 1", "backlog 3 dead 0"]);
}

async fn a_retry_means_one_event<D: Dialect>(inbox: Inbox<D>) {
    filled(&inbox).await;
    let ids: Vec<_> = inbox.list(&Filter::new()).await.unwrap().iter().map(|entry| (entry.id, entry.state)).collect();
    let [(first, State::Done), (second, _), (dead, State::Dead), (waiting, State::Waiting)] = ids[..] else {
        panic!("{ids:?}")
    };
    assert!(!inbox.retry(first).await.unwrap(), "it is done");
    assert_eq!(inbox.erase("call_2").await.unwrap(), 1);
    assert!(!inbox.retry(second).await.unwrap(), "it is gone, and the next one is not meant");
    assert!(inbox.retry(waiting).await.unwrap());
    assert_eq!(inbox.stats().await.unwrap().dead(), 1);
    assert!(inbox.retry(dead).await.unwrap());
    assert_eq!((inbox.stats().await.unwrap().dead(), inbox.stats().await.unwrap().backlog()), (0, 2));
}

async fn more_than_a_batch_is_listed_replayed_and_pruned<D: Dialect>(inbox: Inbox<D>) {
    for id in 0..1_100 {
        assert_eq!(inbox.accept(&delivery(&id.to_string())).await.reply().status(), 200);
    }
    let count = async |filter: Filter| inbox.list(&filter).await.unwrap().len();
    assert_eq!((count(Filter::new()).await, count(Filter::new().limit(2_000)).await), (100, 1_100));
    let worker = inbox.worker().vendor(talkifai(), async |_: &Work<Event>| Ok(()));
    worker.run(until(async || inbox.stats().await.unwrap().backlog() == 0)).await;
    assert_eq!(inbox.replay(&Filter::new().limit(1_050)).await.unwrap(), 1_050);
    assert_eq!(count(Filter::new().state(State::Waiting).limit(2_000)).await, 1_050);
    assert_eq!(inbox.replay(&Filter::new()).await.unwrap(), 50);
    let worker = inbox.worker().vendor(talkifai(), async |_: &Work<Event>| Ok(()));
    worker.run(until(async || inbox.stats().await.unwrap().backlog() == 0)).await;
    let policy = PrunePolicy::default().danger_with_short_done(Duration::ZERO);
    assert_eq!(inbox.with_prune_policy(policy).prune().await.unwrap().done, 1_100);
}

async fn a_replay_is_marked_and_runs_once<D: Dialect>(inbox: Inbox<D>) {
    filled(&inbox).await;
    assert_eq!(inbox.replay(&Filter::new()).await.unwrap(), 2, "only what is done");
    assert_eq!(inbox.retry_all(&Filter::new().state(State::Dead)).await.unwrap(), 1);
    let notes = Notes::default();
    let handler = async |work: &Work<Event>| {
        notes.add(format!("{} {} {}", work.envelope().id.as_deref().unwrap(), work.attempt(), work.is_replay()));
        Ok(())
    };
    inbox.worker().vendor(talkifai(), handler).run(until(async || inbox.stats().await.unwrap().backlog() == 0)).await;
    let mut notes = notes.all();
    notes.sort();
    assert_eq!(notes, ["1 1 true", "2 1 true", "3 1 false", "dead 1 false"]);
}

async fn prune_and_erase_delete<D: Dialect>(inbox: Inbox<D>) {
    filled(&inbox).await;
    let pruned = inbox.prune().await.unwrap();
    assert_eq!((pruned.done, pruned.dead), (0, 0));
    assert!(PrunePolicy::default().with_done(Duration::from_secs(60)).is_err());
    let policy = PrunePolicy::default().danger_with_short_done(Duration::ZERO);
    let pruned = inbox.clone().with_prune_policy(policy).prune().await.unwrap();
    assert_eq!((pruned.done, pruned.dead), (2, 0));
    let pruned = inbox.clone().with_prune_policy(policy.with_dead(Duration::ZERO)).prune().await.unwrap();
    assert_eq!((pruned.done, pruned.dead), (0, 1));
    assert_eq!(inbox.erase("call_3").await.unwrap(), 1);
    assert_eq!(inbox.erase("call_3").await.unwrap(), 0);
    assert_eq!(inbox.list(&Filter::new()).await.unwrap(), []);
}
