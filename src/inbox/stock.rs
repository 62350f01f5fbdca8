//! The events that a worker has claimed and that no handler has begun with.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::claims::{Found, Held, Owner, Wanted};

/// One claim serves all handlers that have nothing to do, and fills the stock. While handlers
/// are fast, it claims ahead: more events than that, because each claim costs a commit.
pub(super) struct Stock {
    events: VecDeque<Held>,
    /// How many events are claimed ahead.
    ahead: usize,
    most_ahead: usize,
    filled: Instant,
    /// Whether the last claim found as many events as it wanted.
    was_filled: bool,
}

impl Stock {
    /// `attempts` is how many an event has. One that has a single one is never claimed ahead:
    /// it would be dead if the process died before a handler began with it.
    pub(super) fn new(attempts: u32) -> Self {
        let most_ahead = if attempts > 1 { MOST_AHEAD } else { 0 };
        Stock { events: VecDeque::new(), ahead: 0, most_ahead, filled: Instant::now(), was_filled: false }
    }

    pub(super) fn take(&mut self) -> Option<Held> {
        self.events.pop_front()
    }

    /// Returns what a claim at this time should find, if so many handlers have nothing to do.
    pub(super) fn wanted(&mut self, idle: usize, now: Instant) -> Wanted {
        let was_used_up_soon = self.was_filled && self.age(now) <= SOON;
        self.ahead =
            if was_used_up_soon { self.ahead.saturating_mul(2).max(FIRST_AHEAD) } else { 0 }.min(self.most_ahead);
        Wanted { now: idle, ahead: self.ahead }
    }

    pub(super) fn fill(&mut self, wanted: Wanted, found: Found, now: Instant) {
        self.was_filled = found.seen() >= wanted.all();
        self.filled = now;
        self.events.extend(found.events);
    }

    /// Takes out everything if it has waited for so long that a lease may end soon, or that
    /// another worker might have begun with it.
    pub(super) fn take_old(&mut self, lease: Duration, now: Instant) -> Vec<Owner> {
        if self.age(now) > lease.div_f64(3.0).min(LONGEST_WAIT) { self.take_all() } else { Vec::new() }
    }

    fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.filled)
    }

    pub(super) fn take_all(&mut self) -> Vec<Owner> {
        self.events.drain(..).map(|held| held.owner()).collect()
    }
}

/// The stock grows while it is used up within this time.
const SOON: Duration = Duration::from_millis(50);
const FIRST_AHEAD: usize = 32;
const MOST_AHEAD: usize = 128;
const LONGEST_WAIT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Returns how many events are claimed ahead, in claims that each find what they want and
    /// are this far apart.
    fn ahead(stock: &mut Stock, apart: Duration) -> [usize; 7] {
        let mut now = Instant::now();
        [(); 7].map(|()| {
            now = now.checked_add(apart).unwrap();
            let wanted = stock.wanted(3, now);
            assert_eq!(wanted.now, 3);
            stock.fill(wanted, Found { blocked: wanted.all(), ..Found::default() }, now);
            wanted.ahead
        })
    }

    #[test]
    fn the_stock_grows_while_it_is_used_up_soon() {
        assert_eq!(ahead(&mut Stock::new(12), 50 * MS), [0, 32, 64, 128, 128, 128, 128]);
        assert_eq!(ahead(&mut Stock::new(12), 51 * MS), [0; 7]);
    }

    #[test]
    fn nothing_is_claimed_ahead_after_a_claim_that_found_less_than_it_wanted() {
        let (mut stock, now) = (Stock::new(12), Instant::now());
        ahead(&mut stock, MS);
        stock.fill(Wanted { now: 3, ahead: 128 }, Found { blocked: 130, ..Found::default() }, now);
        assert_eq!(stock.wanted(3, now).ahead, 0);
    }

    #[test]
    fn an_event_that_has_one_attempt_is_not_claimed_ahead() {
        assert_eq!(ahead(&mut Stock::new(1), MS), [0; 7]);
    }
}
