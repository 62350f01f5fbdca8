use chrono::{DateTime, Utc};

/// A point in time: whole seconds since 1970-01-01T00:00:00Z, and nanoseconds.
///
/// It is what verification compares. Unlike a date it needs no calendar, and it
/// can hold any 64-bit number of seconds.
///
/// ```
/// use offhook::UnixTime;
///
/// let time = UnixTime::from_seconds(1_773_844_200);
/// assert_eq!(time.to_datetime().unwrap().to_rfc3339(), "2026-03-18T14:30:00+00:00");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime {
    seconds: i64,
    nanos: u32,
}

impl UnixTime {
    /// The time this many seconds after 1970-01-01T00:00:00Z.
    pub const fn from_seconds(seconds: i64) -> Self {
        UnixTime { seconds, nanos: 0 }
    }

    /// Adds a fraction of a second, in nanoseconds. A second has at most 999,999,999
    /// of them; more count as that many.
    #[must_use]
    pub const fn with_nanos(self, nanos: u32) -> Self {
        UnixTime { nanos: if nanos < 1_000_000_000 { nanos } else { 999_999_999 }, ..self }
    }

    /// The whole seconds since 1970-01-01T00:00:00Z, rounded down.
    pub const fn seconds(self) -> i64 {
        self.seconds
    }

    /// The nanoseconds beyond the whole seconds.
    pub const fn subsec_nanos(self) -> u32 {
        self.nanos
    }

    /// The time as a date; `None` beyond the years that chrono can represent.
    pub fn to_datetime(self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp(self.seconds, self.nanos)
    }
}

impl From<DateTime<Utc>> for UnixTime {
    fn from(time: DateTime<Utc>) -> Self {
        UnixTime::from_seconds(time.timestamp()).with_nanos(time.timestamp_subsec_nanos())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_at_most_999_999_999_nanoseconds() {
        for (given, kept) in [(0, 0), (1, 1), (999_999_999, 999_999_999), (1_000_000_000, 999_999_999)] {
            let time = UnixTime::from_seconds(-7).with_nanos(given);
            assert_eq!((time.seconds(), time.subsec_nanos()), (-7, kept));
        }
    }
}
