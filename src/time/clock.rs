//! The clock by which ages are judged.
//!
//! ```
//! use std::time::Duration;
//! use offhook::{Clock, FixedClock, Tolerance, Truedy};
//!
//! let clock = FixedClock::at_unix(1_773_844_200);
//! assert_eq!(clock.now().to_rfc3339(), "2026-03-18T14:30:00+00:00");
//!
//! let tolerance = Tolerance { past: Duration::from_secs(60), future: Duration::from_secs(5) };
//! let truedy = Truedy::new("whsec_first")?.with_clock(clock).with_tolerance(tolerance);
//! # Ok::<(), offhook::ConfigError>(())
//! ```

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Utc};

use super::unix::UnixTime;

/// A source of the current time.
///
/// On `wasm32-unknown-unknown`, the host's clock cannot be read: `SystemTime::now` panics there,
/// and so does [`SystemClock`], which every verifier has at first. Give each verifier a clock
/// that asks the host of the module, with `with_clock`.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Returns the current time.
    fn now(&self) -> DateTime<Utc>;

    /// Returns the current time in whole seconds since 1970-01-01T00:00:00Z.
    fn unix_seconds(&self) -> i64 {
        self.now().timestamp()
    }
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> DateTime<Utc> {
        (**self).now()
    }

    fn unix_seconds(&self) -> i64 {
        (**self).unix_seconds()
    }
}

/// The host's clock. It panics on `wasm32-unknown-unknown`: see [`Clock`].
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        since_epoch().to_datetime().unwrap_or(DateTime::UNIX_EPOCH)
    }

    fn unix_seconds(&self) -> i64 {
        since_epoch().seconds()
    }
}

/// Reads the host's clock. A time before 1970 is negative, rounded down.
fn since_epoch() -> UnixTime {
    let seconds = |since: Duration| i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(after) => UnixTime::from_seconds(seconds(after)).with_nanos(after.subsec_nanos()),
        Err(before) => UnixTime::from_seconds(seconds(before.duration()).saturating_neg().saturating_sub(1)),
    }
}

/// A clock that always shows the same time, for tests and for captured requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FixedClock(DateTime<Utc>);

impl FixedClock {
    /// Creates a clock that shows `time`.
    pub const fn at(time: DateTime<Utc>) -> Self {
        FixedClock(time)
    }

    /// Creates a clock that shows the time `seconds` after 1970-01-01T00:00:00Z, or
    /// the epoch itself if chrono cannot represent that time.
    pub fn at_unix(seconds: i64) -> Self {
        FixedClock(UnixTime::from_seconds(seconds).to_datetime().unwrap_or(DateTime::UNIX_EPOCH))
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

    #[test]
    fn a_shared_clock_tells_what_the_clock_tells() {
        #[derive(Debug)]
        struct Broken;

        impl Clock for Broken {
            fn now(&self) -> DateTime<Utc> {
                DateTime::UNIX_EPOCH
            }

            fn unix_seconds(&self) -> i64 {
                7
            }
        }

        let shared: Arc<dyn Clock> = Arc::new(Broken);
        assert_eq!((shared.now(), shared.unix_seconds()), (DateTime::UNIX_EPOCH, 7));
    }
}
