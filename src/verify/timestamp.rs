use chrono::DateTime;

use crate::time::{self, UnixTime};
use crate::verify::VerifyError;

/// The format of a signed time.
///
/// Parsing is strict: ASCII digits without sign, point, exponent or leading
/// zero, or RFC 3339, where a time without a zone is UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimestampFormat {
    /// Seconds since 1970-01-01T00:00:00Z.
    UnixSeconds,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    UnixMillis,
    /// RFC 3339.
    Rfc3339,
    /// Either of seconds and RFC 3339.
    UnixSecondsOrRfc3339,
}

impl TimestampFormat {
    /// Parses a signed time.
    ///
    /// # Errors
    ///
    /// [`VerifyError::MalformedTimestamp`], or [`VerifyError::TimestampInMilliseconds`]
    /// where the format says seconds.
    pub fn parse(self, text: &str) -> Result<UnixTime, VerifyError> {
        self.parse_bytes(text.as_bytes())
    }

    pub(super) fn parse_bytes(self, text: &[u8]) -> Result<UnixTime, VerifyError> {
        let rfc3339 = || time::rfc3339(std::str::from_utf8(text).ok()?).map(UnixTime::from);
        let seconds = |seconds| match text.len() {
            MILLISECOND_DIGITS => Err(VerifyError::TimestampInMilliseconds),
            _ => Ok((seconds <= MAX_SECONDS).then_some(UnixTime::from_seconds(seconds))),
        };
        match self {
            TimestampFormat::UnixSeconds => unix(text).map(seconds).transpose()?.flatten(),
            TimestampFormat::UnixMillis => unix(text).and_then(DateTime::from_timestamp_millis).map(UnixTime::from),
            TimestampFormat::Rfc3339 => rfc3339(),
            TimestampFormat::UnixSecondsOrRfc3339 => match unix(text) {
                Some(unix) => seconds(unix)?,
                None => rfc3339(),
            },
        }
        .ok_or(VerifyError::MalformedTimestamp)
    }

    /// Returns whether a longer time could begin with this one and the text that follows it.
    /// Its end, in a text that was signed as a whole, is then not certain.
    pub(super) fn may_go_on(time: &[u8], mut next: impl Iterator<Item = u8>) -> bool {
        let (first, second) = (next.next(), next.next());
        let digit = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_digit());
        if time.iter().all(u8::is_ascii_digit) {
            return digit(first);
        }
        // A time with a zone ends with it.
        let zoned = matches!(time, [.., b'Z' | b'z'] | [.., b'+' | b'-', _, _, b':', _, _]);
        let go_on = match first {
            Some(b'Z' | b'z' | b'+' | b'-') => true,
            Some(b'.') => !time.contains(&b'.') && digit(second),
            _ => time.contains(&b'.') && digit(first),
        };
        !zoned && go_on
    }

    #[cfg(feature = "testing")]
    pub(crate) fn format(self, time: DateTime<chrono::Utc>) -> String {
        match self {
            TimestampFormat::UnixSeconds | TimestampFormat::UnixSecondsOrRfc3339 => time.timestamp().to_string(),
            TimestampFormat::UnixMillis => time.timestamp_millis().to_string(),
            TimestampFormat::Rfc3339 => time.to_rfc3339_opts(chrono::SecondsFormat::Micros, false),
        }
    }
}

/// Parses digits without a leading zero.
fn unix(digits: &[u8]) -> Option<i64> {
    if let [b'0', _, ..] = digits { None } else { time::number(digits) }
}

/// Milliseconds have this many digits from 2001 to 2286. Seconds with as many digits
/// would lie in the year 33658 or later.
const MILLISECOND_DIGITS: usize = 13;

/// The end of the year 9999, the last that RFC 3339 can write.
const MAX_SECONDS: i64 = 253_402_300_799;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_may_go_on_where_a_longer_one_begins_with_it() {
        let may_go_on = |time: &str, next: &str| TimestampFormat::may_go_on(time.as_bytes(), next.bytes());
        let (digits, plain, fraction) = ("1773844200", "2026-03-18T14:30:00", "2026-03-18T14:30:00.5");
        for (time, next) in [
            (digits, "0"),
            (plain, "Z"),
            (plain, "z"),
            (plain, "+"),
            (plain, "-"),
            (plain, ".5"),
            (fraction, "5"),
            (fraction, "Z"),
        ] {
            assert!(may_go_on(time, next), "{time} {next}");
        }
        let (zulu, offset) = ("2026-03-18T14:30:00Z", "2026-03-18T14:30:00.5+00:00");
        for (time, next) in [
            (digits, ""),
            (digits, ".5"),
            (digits, "Z"),
            (plain, ""),
            (plain, "5"),
            (plain, "."),
            (plain, ".Z"),
            (fraction, ".5"),
            (fraction, "{"),
            (zulu, "Z"),
            (zulu, ".5"),
            (offset, "5"),
            (offset, "+"),
        ] {
            assert!(!may_go_on(time, next), "{time} {next}");
        }
    }

    #[cfg(feature = "testing")]
    #[test]
    fn a_time_is_written_in_its_format() {
        use TimestampFormat::*;
        let time = DateTime::from_timestamp_millis(1_773_844_200_250).unwrap();
        let written = [UnixSeconds, UnixSecondsOrRfc3339, UnixMillis, Rfc3339].map(|format| format.format(time));
        assert_eq!(written, ["1773844200", "1773844200", "1773844200250", "2026-03-18T14:30:00.250000+00:00"]);
    }

    #[test]
    fn strict() {
        use TimestampFormat::*;
        let unix = |format: TimestampFormat, text: &str| format.parse(text).map(UnixTime::seconds);
        for format in [UnixSeconds, UnixSecondsOrRfc3339] {
            assert_eq!(unix(format, "1773844200"), Ok(1_773_844_200));
            assert_eq!(unix(format, "0"), Ok(0));
            assert_eq!(unix(format, "1773844200000"), Err(VerifyError::TimestampInMilliseconds));
            for text in [
                "",
                "-1",
                "+1773844200",
                "01773844200",
                "1773844200abc",
                "1773844200.5",
                "1.7e9",
                "0x6553F100",
                "1773844200, 1773844200",
                "9223372036854775807",
                "-9223372036854775808",
                "9999999999999999999999999999999999999999",
                "\u{661}\u{667}",
                "0773844200000",
            ] {
                assert_eq!(unix(format, text), Err(VerifyError::MalformedTimestamp), "{text}");
            }
        }
        assert_eq!(unix(UnixMillis, "1773844200999"), Ok(1_773_844_200));
        assert_eq!(unix(UnixSecondsOrRfc3339, "2026-03-18T14:30:00Z"), Ok(1_773_844_200));
        assert_eq!(unix(Rfc3339, "2026-03-18T14:30:00"), Ok(1_773_844_200));
        assert_eq!(unix(Rfc3339, "1773844200"), Err(VerifyError::MalformedTimestamp));
        assert_eq!(unix(UnixSeconds, "2026-03-18T14:30:00Z"), Err(VerifyError::MalformedTimestamp));
    }
}
