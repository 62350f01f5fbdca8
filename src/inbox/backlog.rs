//! The approximate number of events that wait or run.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The last count, and the events that this process has accepted since.
#[derive(Debug)]
pub(super) struct Backlog {
    limit: u64,
    count: Mutex<Option<Count>>,
}

#[derive(Clone, Copy, Debug)]
struct Count {
    at: Instant,
    events: u64,
}

impl Backlog {
    pub(super) fn new(limit: u64) -> Self {
        Backlog { limit, count: Mutex::new(None) }
    }

    pub(super) fn limit(&self) -> u64 {
        self.limit
    }

    /// Returns whether the limit is reached, or `None` if it is time to count.
    pub(super) fn is_full(&self) -> Option<bool> {
        let count = (*self.lock())?;
        let full = count.events >= self.limit;
        // A delivery is refused on a fresh count only.
        let valid_for = if full { FULL_FOR } else { COUNTED_FOR };
        (count.at.elapsed() < valid_for).then_some(full)
    }

    pub(super) fn counted(&self, events: u64) {
        *self.lock() = Some(Count { at: Instant::now(), events });
    }

    pub(super) fn accepted(&self) {
        if let Some(count) = &mut *self.lock() {
            count.events = count.events.saturating_add(1);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Count>> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const COUNTED_FOR: Duration = Duration::from_secs(10);
const FULL_FOR: Duration = Duration::from_millis(500);
