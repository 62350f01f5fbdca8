//! What a worker has claimed and must finish or give back.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::base::Inbox;
use super::claims::Owner;
use super::dialect::Dialect;

/// The events in hand, by their numbers. Dropping this gives them back.
pub(super) struct InHand<D: Dialect> {
    inbox: Inbox<D>,
    owners: Mutex<HashMap<i64, Owner>>,
}

impl<D: Dialect> InHand<D> {
    pub(super) fn new(inbox: Inbox<D>) -> Self {
        InHand { inbox, owners: Mutex::default() }
    }

    /// Adds what was just claimed. An earlier claim of the same event has been lost.
    pub(super) fn add(&self, owner: Owner) {
        self.lock().insert(owner.id, owner);
    }

    pub(super) fn has(&self, owner: Owner) -> bool {
        self.lock().get(&owner.id) == Some(&owner)
    }

    pub(super) fn remove(&self, owner: Owner) {
        let mut owners = self.lock();
        if owners.get(&owner.id) == Some(&owner) {
            owners.remove(&owner.id);
        }
    }

    /// Gives these back, without counting the attempts. If that fails, their leases end.
    pub(super) async fn give_back(&self, owners: Vec<Owner>) {
        if !owners.is_empty() {
            let _ = self.inbox.release(&owners).await;
        }
        owners.into_iter().for_each(|owner| self.remove(owner));
    }

    pub(super) async fn give_all_back(&self) {
        let owners = self.lock().values().copied().collect();
        self.give_back(owners).await;
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<i64, Owner>> {
        self.owners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<D: Dialect> Drop for InHand<D> {
    fn drop(&mut self) {
        let owners: Vec<_> = self.lock().values().copied().collect();
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if !owners.is_empty() {
            let inbox = self.inbox.clone();
            runtime.spawn(async move { inbox.release(&owners).await });
        }
    }
}
