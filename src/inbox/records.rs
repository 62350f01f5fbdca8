//! How the ends of attempts are recorded and told.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};

use super::base::{Inbox, Kept};
use super::claims::{Finished, Owner};
use super::dialect::Dialect;
use super::ended::Ended;
use super::entry::Entry;
use super::in_hand::InHand;
use super::observe;
use crate::idempotency::StoreError;

/// What is called when an attempt has ended.
pub(super) type Observer = Arc<dyn Fn(&Entry, &Ended) + Send + Sync>;

/// An event whose handler has succeeded.
pub(super) struct Handled {
    pub(super) owner: Owner,
    pub(super) entry: Entry,
}

/// Where ends are recorded.
pub(super) struct Records<D: Dialect> {
    pub(super) inbox: Inbox<D>,
    pub(super) observer: Option<Observer>,
    pub(super) in_hand: InHand<D>,
    /// Wakes a worker that has nothing to do.
    pub(super) idle: Arc<Notify>,
}

impl<D: Dialect> Records<D> {
    /// Records that events were handled, until nobody can send one. While one statement is
    /// under way, the events for the next one gather: a commit serves all of them.
    pub(super) async fn in_groups(&self, mut handled: mpsc::Receiver<Handled>) {
        let (mut group, kept) = (Vec::new(), Kept::default());
        while handled.recv_many(&mut group, LARGEST_GROUP).await > 0 {
            self.done(&kept, std::mem::take(&mut group)).await;
            if handled.is_empty() {
                drop(kept.take());
            }
        }
    }

    async fn done(&self, kept: &Kept<D>, group: Vec<Handled>) {
        let owners: Vec<_> = group.iter().map(|handled| handled.owner).collect();
        // The answer is by event, so there is one owner for each: the latest.
        let latest: Vec<_> = owners.iter().copied().filter(|owner| self.in_hand.has(*owner)).collect();
        let answer = persistently(|| self.inbox.done(kept, &latest)).await;
        let mut followed = Vec::new();
        for Handled { owner, entry } in &group {
            let ended = match &answer {
                Err(error) => Ended::Unrecorded { error: error.to_string() },
                Ok(finished) => match finished.get(&owner.id).filter(|_| latest.contains(owner)) {
                    None => Ended::LeaseLost,
                    Some(finished) => {
                        if finished.is_followed {
                            followed.push(owner.id);
                        }
                        Ended::Done { after: finished.after }
                    }
                },
            };
            self.tell(entry, &ended);
        }
        self.call_up(kept, &followed).await;
        owners.into_iter().for_each(|owner| self.in_hand.remove(owner));
    }

    /// Records that an event waits for its next attempt.
    pub(super) async fn retry(&self, owner: Owner, entry: &Entry, wait: Duration, error: String) {
        let answer = persistently(|| self.inbox.fail(owner, wait, &error)).await;
        self.tell(
            entry,
            &answer.map_or_else(|store| unrecorded(&error, &store), |()| Ended::Retry { error: error.clone() }),
        );
        self.in_hand.remove(owner);
    }

    /// Records that an event is dead.
    pub(super) async fn dead(&self, owner: Owner, entry: &Entry, error: String) {
        match persistently(|| self.inbox.bury(owner, &error)).await {
            Ok(finished) => self.finished(owner, entry, finished, &Ended::Dead { error }).await,
            Err(store) => {
                self.tell(entry, &unrecorded(&error, &store));
                self.in_hand.remove(owner);
            }
        }
    }

    /// Tells that an event belongs to another worker now.
    pub(super) fn lost(&self, owner: Owner, entry: &Entry) {
        self.tell(entry, &Ended::LeaseLost);
        self.in_hand.remove(owner);
    }

    /// Tells that an event is done or dead, which is recorded, and lets the next one of its
    /// call run.
    pub(super) async fn finished(&self, owner: Owner, entry: &Entry, finished: Finished, ended: &Ended) {
        self.tell(entry, ended);
        if finished.is_followed {
            self.call_up(&Kept::default(), &[owner.id]).await;
        }
        self.in_hand.remove(owner);
    }

    pub(super) async fn call_up(&self, kept: &Kept<D>, ended: &[i64]) {
        if !ended.is_empty() {
            self.inbox.call_up(kept, ended).await;
            self.idle.notify_one();
        }
    }

    /// Tells the log, the metrics and the observer how an attempt ended.
    pub(super) fn tell(&self, entry: &Entry, ended: &Ended) {
        observe::ended(entry, ended);
        if let Some(observer) = &self.observer {
            // The hook has printed a panic, and the worker works on.
            let _ = std::panic::catch_unwind(AssertUnwindSafe(|| observer(entry, ended)));
        }
    }
}

fn unrecorded(error: &str, store: &StoreError) -> Ended {
    Ended::Unrecorded { error: format!("{error}; {store}") }
}

/// Runs a statement. If the database does not answer, it tries again for a while.
async fn persistently<T, F>(statement: impl Fn() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    for pause in PAUSES {
        match statement().await {
            Err(StoreError::Unavailable(_) | StoreError::Timeout | StoreError::Contended(_)) => {
                tokio::time::sleep(pause).await;
            }
            answer => return answer,
        }
    }
    statement().await
}

const PAUSES: [Duration; 3] = [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(2)];

/// How many events are recorded together, while as many may wait.
pub(super) const LARGEST_GROUP: usize = 64;
