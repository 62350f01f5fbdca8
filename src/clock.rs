//! The time by which freshness is judged.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Utc};

use crate::error::VerifyError;

/// How old, and how far ahead of the clock, a signed time may be unless a
/// verifier is told otherwise: 300 s, both ends included.
pub const DEFAULT_TOLERANCE: Tolerance = Tolerance::symmetric(Duration::from_secs(300));

/// A source of the current time.
///
/// ```
/// use offhook::clock::{Clock, FixedClock};
///
/// let clock = FixedClock::at_unix(1_773_844_200);
/// assert_eq!(clock.now().to_rfc3339(), "2026-03-18T14:30:00+00:00");
/// ```
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

/// How far a signed time may be from the receiver's clock.
///
/// Times are compared in whole seconds, and both limits are included: with
/// 300 s, a delivery signed 300 s ago passes and one signed 301 s ago does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tolerance {
    /// The greatest age. A captured delivery can be replayed for this long.
    pub past: Duration,
    /// The furthest ahead, for a sender whose clock is fast.
    pub future: Duration,
}

impl Tolerance {
    /// The same span in both directions.
    pub const fn symmetric(span: Duration) -> Self {
        Tolerance { past: span, future: span }
    }

    /// Both in Unix seconds.
    pub(crate) fn check(&self, signed: i64, now: i64) -> Result<(), VerifyError> {
        let age = now.saturating_sub(signed);
        let beyond = |limit: Duration| age.unsigned_abs() > limit.as_secs();
        if age >= 0 && beyond(self.past) {
            Err(VerifyError::TimestampTooOld { seconds: age.unsigned_abs() })
        } else if age < 0 && beyond(self.future) {
            Err(VerifyError::TimestampTooNew { seconds: age.unsigned_abs() })
        } else {
            Ok(())
        }
    }
}

impl Default for Tolerance {
    fn default() -> Self {
        DEFAULT_TOLERANCE
    }
}

impl From<Duration> for Tolerance {
    fn from(span: Duration) -> Self {
        Tolerance::symmetric(span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_limits_are_included_and_told_apart() {
        let check = |signed| DEFAULT_TOLERANCE.check(signed, 10_000);
        assert_eq!(check(9_700), Ok(()));
        assert_eq!(check(10_300), Ok(()));
        assert_eq!(check(9_699), Err(VerifyError::TimestampTooOld { seconds: 301 }));
        assert_eq!(check(10_301), Err(VerifyError::TimestampTooNew { seconds: 301 }));
    }

    #[test]
    fn extremes_neither_overflow_nor_panic() {
        for (signed, now) in [(i64::MIN, i64::MAX), (i64::MAX, i64::MIN), (0, i64::MIN)] {
            assert!(DEFAULT_TOLERANCE.check(signed, now).is_err());
            assert!(Tolerance::symmetric(Duration::MAX).check(signed, now).is_ok());
        }
    }

    #[test]
    fn the_system_clock_agrees_with_the_host() {
        let host = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let ours = u64::try_from(SystemClock.unix_seconds()).unwrap();
        assert!(ours.abs_diff(host) <= 1);
        assert!(SystemClock.now().timestamp().abs_diff(SystemClock.unix_seconds()) <= 1);
    }
}
