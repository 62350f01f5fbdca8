//! The time by which freshness is judged.
//!
//! ```
//! use std::time::Duration;
//! use offhook::{Clock, FixedClock, Tolerance, Truedy};
//!
//! let clock = FixedClock::at_unix(1_773_844_200);
//! assert_eq!(clock.now().to_rfc3339(), "2026-03-18T14:30:00+00:00");
//!
//! let tolerance = Tolerance { past: Duration::from_secs(60), future: Duration::from_secs(5) };
//! let truedy = Truedy::new("whsec_1")?.with_clock(clock).with_tolerance(tolerance);
//! # Ok::<(), offhook::ConfigError>(())
//! ```

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Utc};

/// A source of the current time.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The current time.
    fn now(&self) -> DateTime<Utc>;

    /// The current time in whole seconds since 1970-01-01T00:00:00Z.
    fn unix_seconds(&self) -> i64 {
        self.now().timestamp()
    }
}

/// The host's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        let (seconds, nanos) = since_epoch();
        DateTime::from_timestamp(seconds, nanos).unwrap_or(DateTime::UNIX_EPOCH)
    }

    fn unix_seconds(&self) -> i64 {
        since_epoch().0
    }
}

/// Whole seconds, rounded down, and the nanoseconds beyond them.
fn since_epoch() -> (i64, u32) {
    let seconds = |since: Duration| i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(after) => (seconds(after), after.subsec_nanos()),
        Err(before) => (seconds(before.duration()).saturating_neg().saturating_sub(1), 0),
    }
}

/// A clock that stands still, for tests and for verifying captured requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FixedClock(DateTime<Utc>);

impl FixedClock {
    /// Stands at `time`.
    pub const fn at(time: DateTime<Utc>) -> Self {
        FixedClock(time)
    }

    /// Stands at `seconds` after 1970-01-01T00:00:00Z; a time that chrono
    /// cannot express stands at that instant itself.
    pub fn at_unix(seconds: i64) -> Self {
        FixedClock(DateTime::from_timestamp(seconds, 0).unwrap_or(DateTime::UNIX_EPOCH))
    }
}

impl Clock for FixedClock {
    fn now(&self) -> DateTime<Utc> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_clock_agrees_with_the_host() {
        let host = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let ours = u64::try_from(SystemClock.unix_seconds()).unwrap();
        assert!(ours.abs_diff(host) <= 1);
        assert!(SystemClock.now().timestamp().abs_diff(SystemClock.unix_seconds()) <= 1);
    }
}
