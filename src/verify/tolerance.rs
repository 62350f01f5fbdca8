use std::time::Duration;

use crate::time::{Clock, UnixTime};
use crate::verify::VerifyError;

/// How far a signed time may be from the receiver's clock.
///
/// Times are compared in whole seconds, and both limits are included: with
/// 300 s, a delivery that was signed 300 s ago passes and one that was signed 301 s
/// ago does not.
///
/// ```
/// use offhook::{FixedClock, Tolerance, UnixTime, VerifyError};
///
/// let clock = FixedClock::at_unix(10_000);
/// assert!(Tolerance::DEFAULT.check(UnixTime::from_seconds(9_700), &clock).is_ok());
/// assert_eq!(
///     Tolerance::DEFAULT.check(UnixTime::from_seconds(9_699), &clock),
///     Err(VerifyError::TimestampTooOld { seconds: 301, limit: 300 }),
/// );
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tolerance {
    /// The greatest age. A captured delivery can be replayed for this long.
    pub past: Duration,
    /// The furthest into the future, for a sender whose clock is fast.
    pub future: Duration,
}

impl Tolerance {
    /// 300 s in both directions: what a verifier has by default.
    pub const DEFAULT: Tolerance = Tolerance::symmetric(Duration::from_secs(300));

    /// Creates a tolerance of the same span in both directions.
    pub const fn symmetric(span: Duration) -> Self {
        Tolerance { past: span, future: span }
    }

    /// Compares a signed time with the clock.
    ///
    /// # Errors
    ///
    /// [`VerifyError::TimestampTooOld`] and [`VerifyError::TimestampTooNew`].
    pub fn check(&self, signed: UnixTime, clock: &dyn Clock) -> Result<(), VerifyError> {
        let age = clock.unix_seconds().saturating_sub(signed.seconds());
        let (limit, seconds) = (if age < 0 { self.future } else { self.past }.as_secs(), age.unsigned_abs());
        match seconds <= limit {
            true => Ok(()),
            false if age < 0 => Err(VerifyError::TimestampTooNew { seconds, limit }),
            false => Err(VerifyError::TimestampTooOld { seconds, limit }),
        }
    }
}

impl Default for Tolerance {
    fn default() -> Self {
        Tolerance::DEFAULT
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
    use chrono::{DateTime, Utc};

    #[derive(Debug)]
    struct At(i64);

    impl Clock for At {
        fn now(&self) -> DateTime<Utc> {
            DateTime::UNIX_EPOCH
        }

        fn unix_seconds(&self) -> i64 {
            self.0
        }
    }

    #[test]
    fn both_limits_are_included_and_have_errors_of_their_own() {
        let check = |signed| Tolerance::DEFAULT.check(UnixTime::from_seconds(signed), &At(10_000));
        assert_eq!(check(9_700), Ok(()));
        assert_eq!(check(10_300), Ok(()));
        assert_eq!(check(9_699), Err(VerifyError::TimestampTooOld { seconds: 301, limit: 300 }));
        assert_eq!(check(10_301), Err(VerifyError::TimestampTooNew { seconds: 301, limit: 300 }));
    }

    #[test]
    fn each_direction_has_its_own_limit() {
        let tolerance = Tolerance { past: Duration::from_secs(10), future: Duration::from_secs(20) };
        let check = |signed| tolerance.check(UnixTime::from_seconds(signed), &At(100));
        assert_eq!((check(90), check(120)), (Ok(()), Ok(())));
        assert_eq!(check(89), Err(VerifyError::TimestampTooOld { seconds: 11, limit: 10 }));
        assert_eq!(check(121), Err(VerifyError::TimestampTooNew { seconds: 21, limit: 20 }));
        assert_eq!(Tolerance::from(tolerance.past), Tolerance { future: tolerance.past, ..tolerance });
    }

    #[test]
    fn extremes_neither_overflow_nor_panic() {
        for (signed, now) in [(i64::MIN, i64::MAX), (i64::MAX, i64::MIN), (0, i64::MIN)] {
            let signed = UnixTime::from_seconds(signed);
            assert!(Tolerance::DEFAULT.check(signed, &At(now)).is_err());
            assert!(Tolerance::symmetric(Duration::MAX).check(signed, &At(now)).is_ok());
        }
    }
}
