//! How long events stay.

use std::time::Duration;

use crate::idempotency::{MIN_RETENTION, SettingsError};

/// How long events stay in the inbox after their end: 14 days if they are done, and 90 days
/// if they are dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrunePolicy {
    pub(super) done: Duration,
    pub(super) dead: Duration,
}

impl Default for PrunePolicy {
    fn default() -> Self {
        PrunePolicy { done: DAY.saturating_mul(14), dead: DAY.saturating_mul(90) }
    }
}

impl PrunePolicy {
    /// Sets how long done events stay.
    ///
    /// # Errors
    ///
    /// Returns an error if that is shorter than a vendor sends a delivery again: the inbox
    /// would refuse the redelivery as too old, or take it for a new event.
    pub fn with_done(self, age: Duration) -> Result<Self, SettingsError> {
        if age < MIN_RETENTION {
            return Err(SettingsError::RetentionTooShort { retention: age, span: MIN_RETENTION });
        }
        Ok(PrunePolicy { done: age, ..self })
    }

    /// Sets how long done events stay, however short that is. **A redelivery that comes later
    /// is refused if it states a time ([`Acceptance::Stale`](super::Acceptance::Stale)), and
    /// handled again if it does not.**
    #[must_use]
    pub fn danger_with_short_done(self, age: Duration) -> Self {
        PrunePolicy { done: age, ..self }
    }

    /// Sets how long dead events stay.
    #[must_use]
    pub fn with_dead(self, age: Duration) -> Self {
        PrunePolicy { dead: age, ..self }
    }
}

const DAY: Duration = Duration::from_secs(86_400);
