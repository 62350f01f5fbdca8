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

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts this many events, some time ago.
    fn counted(backlog: &Backlog, events: u64, ago: Duration) {
        backlog.counted(events);
        let mut count = backlog.lock();
        let count = count.as_mut().unwrap();
        count.at = count.at.checked_sub(ago).unwrap();
    }

    #[test]
    fn the_limit_is_reached_by_the_last_count_and_what_was_accepted_since() {
        let backlog = Backlog::new(3);
        assert_eq!((backlog.limit(), backlog.is_full()), (3, None));
        backlog.accepted();
        assert_eq!(backlog.is_full(), None, "nothing was counted");
        backlog.counted(1);
        backlog.accepted();
        assert_eq!(backlog.is_full(), Some(false));
        backlog.accepted();
        assert_eq!(backlog.is_full(), Some(true));
        backlog.counted(4);
        assert_eq!(backlog.is_full(), Some(true));
    }

    #[test]
    fn a_count_is_used_for_a_while_and_shorter_if_it_refuses_deliveries() {
        let backlog = Backlog::new(3);
        counted(&backlog, 2, COUNTED_FOR / 2);
        assert_eq!(backlog.is_full(), Some(false));
        counted(&backlog, 2, COUNTED_FOR);
        assert_eq!(backlog.is_full(), None);
        counted(&backlog, 3, Duration::ZERO);
        assert_eq!(backlog.is_full(), Some(true));
        counted(&backlog, 3, FULL_FOR);
        assert_eq!(backlog.is_full(), None);
    }
}
