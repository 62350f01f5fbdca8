//! How long an event that failed waits for its next attempt.

use std::time::Duration;

/// Doubles `first` with every failed attempt, up to `longest`, and takes between half and
/// all of it, so that events that failed together do not come back together.
///
/// `attempt` counts from 1, and `random` is any number.
pub(super) fn backoff(attempt: u32, first: Duration, longest: Duration, random: u16) -> Duration {
    let doubled = 2_u32.checked_pow(attempt.saturating_sub(1)).and_then(|factor| first.checked_mul(factor));
    let whole = doubled.unwrap_or(longest).min(longest);
    let half = whole.div_f64(2.0);
    half.saturating_add(half.mul_f64(f64::from(random) / f64::from(u16::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_secs(10);
    const LONGEST: Duration = Duration::from_secs(3_600);

    #[test]
    fn the_wait_doubles_up_to_the_longest() {
        let wait = |attempt| backoff(attempt, FIRST, LONGEST, u16::MAX).as_secs();
        assert_eq!([1, 2, 3, 9, 10, 40, u32::MAX].map(wait), [10, 20, 40, 2_560, 3_600, 3_600, 3_600]);
    }

    #[test]
    fn the_wait_is_at_least_half() {
        assert_eq!(backoff(1, FIRST, LONGEST, 0), FIRST / 2);
        let middle = backoff(1, FIRST, LONGEST, u16::MAX / 2);
        assert!(middle > FIRST / 2 && middle < FIRST, "{middle:?}");
    }
}
