//! A claim that its caller may drop.

use std::pin::Pin;
use std::task::{Context, Poll};

use crate::idempotency::claim::Claim;
use crate::idempotency::store::{BoxFuture, Store, StoreError};

/// A claim in a database. If it is dropped on the way, it runs to its end in the
/// background, and is then released: the database may have made it already, and would keep
/// the key until the end of the lease.
pub(super) struct Claiming<S: Store + Clone + 'static> {
    store: S,
    claim: BoxFuture<'static, Result<Claim, StoreError>>,
    on_its_way: bool,
}

impl<S: Store + Clone + 'static> Claiming<S> {
    pub(super) fn new(store: S, claim: BoxFuture<'static, Result<Claim, StoreError>>) -> Self {
        Claiming { store, claim, on_its_way: false }
    }
}

// The store is never pinned.
impl<S: Store + Clone + 'static> Unpin for Claiming<S> {}

impl<S: Store + Clone + 'static> Future for Claiming<S> {
    type Output = Result<Claim, StoreError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = self.claim.as_mut().poll(context);
        self.on_its_way = answer.is_pending();
        answer
    }
}

impl<S: Store + Clone + 'static> Drop for Claiming<S> {
    fn drop(&mut self) {
        // Without a runtime, which is shutting down, the lease ends by itself.
        let (true, Ok(runtime)) = (self.on_its_way, tokio::runtime::Handle::try_current()) else { return };
        let ended = Box::pin(async { Err(StoreError::LeaseLost) });
        let (store, claim) = (self.store.clone(), std::mem::replace(&mut self.claim, ended));
        runtime.spawn(async move {
            if let Ok(Claim::Fresh(lease)) = claim.await {
                let _ = store.release(&lease).await;
            }
        });
    }
}
