use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;

use crate::web::Rejection;

/// What the extractors spend on bodies that are not verified yet: how long they wait for
/// one, and how many bytes of all of them they hold.
///
/// In axum it is an extension of the request, and in actix-web it is application data.
/// Without it, the default applies: 10 s for each body, and one budget of 8 MiB
/// for the whole process. A clone shares the budget of the original.
///
/// ```
/// use std::time::Duration;
/// use offhook::ReadLimits;
///
/// let limits = ReadLimits::default().with_deadline(Duration::from_secs(3)).with_budget(64 << 20);
/// # #[cfg(feature = "axum")]
/// let router: axum::Router = axum::Router::new().layer(axum::Extension(limits.clone()));
/// // Outside of the closure that makes an `App` for each worker, so that all share the budget.
/// # #[cfg(feature = "actix-web")]
/// let app = move || actix_web::App::new().app_data(limits.clone());
/// ```
#[derive(Clone, Debug)]
pub struct ReadLimits {
    deadline: Duration,
    budget: Arc<Budget>,
}

impl ReadLimits {
    /// Sets how long the whole body may take, from the end of its head. Bytes that arrive
    /// do not extend it. A later body gets 408 ([`Rejection::BodyTimeout`]).
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Self {
        ReadLimits { deadline, ..self }
    }

    /// Sets how many bytes of bodies may be in memory at once, and makes a budget that only
    /// the clones of this value share. The first 16 KiB of each body are not counted. A
    /// body that would exceed the budget gets 503 ([`Rejection::Overloaded`]), unless it is
    /// the only one that is counted.
    #[must_use]
    pub fn with_budget(self, bytes: usize) -> Self {
        ReadLimits { budget: Arc::new(Budget::new(bytes)), ..self }
    }

    /// Starts to receive a body.
    pub(super) fn share(&self) -> Share {
        Share { budget: Arc::clone(&self.budget), received: 0, counted: 0 }
    }

    /// Waits for the whole body.
    pub(super) async fn within<T>(&self, read: impl Future<Output = Result<T, Rejection>>) -> Result<T, Rejection> {
        let body = tokio::time::timeout(self.deadline, read).await;
        body.unwrap_or(Err(Rejection::BodyTimeout { deadline: self.deadline }))
    }

    /// Returns the answer to a body that the budget has no room for. When the deadline has
    /// passed, every body that has a part of the budget now is gone.
    pub(super) fn overloaded(&self) -> Rejection {
        Rejection::Overloaded { retry_after: self.deadline }
    }
}

impl Default for ReadLimits {
    fn default() -> Self {
        static OF_THE_PROCESS: LazyLock<Arc<Budget>> = LazyLock::new(|| Arc::new(Budget::new(DEFAULT_BUDGET)));
        ReadLimits { deadline: DEFAULT_DEADLINE, budget: Arc::clone(&OF_THE_PROCESS) }
    }
}

#[derive(Debug)]
struct Budget {
    bytes: usize,
    used: AtomicUsize,
}

impl Budget {
    fn new(bytes: usize) -> Self {
        Budget { bytes, used: AtomicUsize::new(0) }
    }
}

/// What one body has of the budget, until it is dropped.
pub(super) struct Share {
    budget: Arc<Budget>,
    received: usize,
    counted: usize,
}

impl Share {
    /// Counts bytes that have arrived, and returns whether there is room for them.
    #[must_use]
    pub(super) fn admit(&mut self, bytes: usize) -> bool {
        self.received = self.received.saturating_add(bytes);
        let wanted = self.received.saturating_sub(UNCOUNTED).saturating_sub(self.counted);
        if wanted == 0 {
            return true;
        }
        let grow = |used: usize| {
            let then = used.saturating_add(wanted);
            // A body that is alone is received even if the budget is smaller than the body.
            (then <= self.budget.bytes || used == self.counted).then_some(then)
        };
        let admitted = self.budget.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, grow).is_ok();
        if admitted {
            self.counted = self.counted.saturating_add(wanted);
        }
        admitted
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.counted, Ordering::Relaxed);
    }
}

/// A body as far as it has arrived. It grows with what arrives, whatever length is declared.
///
/// A body in one piece, as most are, is not copied. Other pieces are: a sender of single
/// bytes would otherwise have a reference kept for each of them, and each may keep a much
/// larger buffer of the framework. The blocks have one size, because a buffer that doubles
/// leaves as much memory unused as it holds.
#[derive(Default)]
pub(super) struct Buffered {
    first: Bytes,
    blocks: Vec<Vec<u8>>,
    len: usize,
}

impl Buffered {
    pub(super) fn push(&mut self, piece: Bytes) {
        self.len = self.len.saturating_add(piece.len());
        if self.first.is_empty() && self.blocks.is_empty() {
            self.first = piece;
        } else {
            self.detach();
            self.copy(&piece);
        }
    }

    /// Copies the first piece, while more is waited for.
    pub(super) fn detach(&mut self) {
        let first = std::mem::take(&mut self.first);
        self.copy(&first);
    }

    fn copy(&mut self, mut piece: &[u8]) {
        while !piece.is_empty() {
            let Some(block) = self.blocks.last_mut().filter(|block| block.len() < BLOCK) else {
                self.blocks.push(Vec::with_capacity(BLOCK));
                continue;
            };
            let (now, later) = piece.split_at(piece.len().min(BLOCK.saturating_sub(block.len())));
            block.extend_from_slice(now);
            piece = later;
        }
    }

    #[cfg(feature = "actix-web")]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn into_bytes(self) -> Bytes {
        if self.blocks.is_empty() { self.first } else { self.blocks.concat().into() }
    }
}

/// The size of a block, in bytes.
const BLOCK: usize = 16 * 1024;

const DEFAULT_DEADLINE: Duration = Duration::from_secs(10);

const DEFAULT_BUDGET: usize = 8 * 1024 * 1024;

/// A delivery of ordinary size never meets the budget, so nobody who holds it can delay one.
const UNCOUNTED: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_of_each_body_are_not_counted() {
        let limits = ReadLimits::default().with_budget(1);
        let mut shares: Vec<_> = (0..3).map(|_| limits.share()).collect();
        assert!(shares.iter_mut().all(|share| share.admit(UNCOUNTED)));
        assert!(shares[0].admit(1));
        assert!(!shares[1].admit(1));
    }

    #[test]
    fn the_budget_is_8_mib_by_default() {
        let limits = ReadLimits::default();
        let (mut first, mut second) = (limits.share(), limits.share());
        assert!(first.admit(UNCOUNTED + (8 << 20) - 1));
        assert!(second.admit(UNCOUNTED + 1));
        assert!(!second.admit(1));
    }

    #[test]
    fn a_dropped_share_returns_what_it_had() {
        let limits = ReadLimits::default().with_budget(100);
        let (mut first, mut second) = (limits.share(), limits.clone().share());
        assert!(first.admit(UNCOUNTED + 60));
        assert!(second.admit(UNCOUNTED + 40));
        assert!(!second.admit(1));
        drop(first);
        assert!(second.admit(1));
        drop(second);
        assert_eq!(limits.budget.used.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_body_that_is_alone_may_exceed_the_budget() {
        let limits = ReadLimits::default().with_budget(100);
        let mut alone = limits.share();
        assert!(alone.admit(UNCOUNTED + 99));
        assert!(alone.admit(1000));
        let mut other = limits.share();
        assert!(!other.admit(UNCOUNTED + 1));
        drop(alone);
        assert!(other.admit(1));
    }

    #[test]
    fn pieces_of_a_body_are_joined_in_their_order() {
        let whole: Vec<u8> = (0..=250).cycle().take(3 * BLOCK + 7).collect();
        for size in [1, 7, BLOCK - 1, BLOCK, BLOCK + 1, whole.len()] {
            for waits in [false, true] {
                let mut received = Buffered::default();
                for piece in whole.chunks(size) {
                    received.push(Bytes::copy_from_slice(piece));
                    received.push(Bytes::new());
                    if waits {
                        received.detach();
                    }
                }
                assert_eq!(received.len, whole.len());
                assert!(received.into_bytes() == whole, "pieces of {size} bytes");
            }
        }
    }
}
