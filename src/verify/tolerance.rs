use std::time::Duration;

use crate::verify::VerifyError;

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
    /// 300 s in both directions, which is what a verifier has by default.
    pub const DEFAULT: Tolerance = Tolerance::symmetric(Duration::from_secs(300));

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

    #[test]
    fn both_limits_are_included_and_told_apart() {
        let check = |signed| Tolerance::DEFAULT.check(signed, 10_000);
        assert_eq!(check(9_700), Ok(()));
        assert_eq!(check(10_300), Ok(()));
        assert_eq!(check(9_699), Err(VerifyError::TimestampTooOld { seconds: 301 }));
        assert_eq!(check(10_301), Err(VerifyError::TimestampTooNew { seconds: 301 }));
    }

    #[test]
    fn extremes_neither_overflow_nor_panic() {
        for (signed, now) in [(i64::MIN, i64::MAX), (i64::MAX, i64::MIN), (0, i64::MIN)] {
            assert!(Tolerance::DEFAULT.check(signed, now).is_err());
            assert!(Tolerance::symmetric(Duration::MAX).check(signed, now).is_ok());
        }
    }
}
