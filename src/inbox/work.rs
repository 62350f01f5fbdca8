//! What a handler gets.

use std::fmt;
use std::ops::Deref;

use super::entry::Entry;
use crate::receive::Delivery;

/// One attempt at a delivery: what a [worker](super::Worker) hands to its handler. It
/// dereferences to the [`Delivery`].
pub struct Work<E> {
    delivery: Delivery<E>,
    id: i64,
    key: String,
    attempt: u32,
    replay: bool,
}

impl<E> Work<E> {
    pub(super) fn new(delivery: Delivery<E>, entry: &Entry) -> Self {
        // No key has a `%` before a letter that is no hexadecimal digit.
        let key = entry.key.clone().unwrap_or_else(|| format!("%row:{}", entry.id));
        Work { delivery, id: entry.id, key, attempt: entry.attempts, replay: entry.replays > 0 }
    }

    /// Returns the delivery, parsed by the code of today.
    pub fn delivery(&self) -> &Delivery<E> {
        &self.delivery
    }

    /// Returns its number in the inbox.
    pub fn id(&self) -> i64 {
        self.id
    }

    /// Returns the text for a unique constraint in the table of the effect. It is the same in
    /// every attempt and in a replay.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns the number of this attempt, counted from 1.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Returns whether the event was done before, and runs again on request.
    pub fn is_replay(&self) -> bool {
        self.replay
    }
}

impl<E> Deref for Work<E> {
    type Target = Delivery<E>;

    fn deref(&self) -> &Self::Target {
        &self.delivery
    }
}

impl<E> fmt::Debug for Work<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work")
            .field("delivery", &self.delivery)
            .field("id", &self.id)
            .field("attempt", &self.attempt)
            .field("replay", &self.replay)
            .finish_non_exhaustive()
    }
}
