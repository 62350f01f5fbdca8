use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};

/// Parses an RFC 3339 time. A time without a zone is UTC. ISO 8601 allows more forms, which
/// no vendor sends.
pub(crate) fn rfc3339(text: &str) -> Option<DateTime<Utc>> {
    // chrono also accepts `t` and a space, which no vendor sends, so they are refused.
    if text.len() > MAX_RFC3339_BYTES || text.as_bytes().get(10) != Some(&b'T') {
        return None;
    }
    if let Some(time) = utc(text.as_bytes()) {
        return Some(time);
    }
    // An offset can move 0000-01-01 or 9999-12-31 outside of the years that RFC 3339 can write.
    let parse = |text: &str| Some(DateTime::parse_from_rfc3339(text).ok()?.to_utc()).filter(is_rfc3339);
    parse(text).or_else(|| {
        let mut zoned = [0; MAX_RFC3339_BYTES.saturating_add(1)];
        let end = text.len();
        zoned.get_mut(..end)?.copy_from_slice(text.as_bytes());
        *zoned.get_mut(end)? = b'Z';
        parse(std::str::from_utf8(zoned.get(..=end)?).ok()?)
    })
}

/// Returns whether RFC 3339 can write the time: a year has four digits.
pub(crate) fn is_rfc3339(time: &DateTime<Utc>) -> bool {
    (0..=9999).contains(&time.year())
}

/// Parses the forms that vendors use: `2026-03-18T14:32:00`, with up to nine decimals or
/// none, and with `Z`, `+00:00` or no zone. A text that it does not parse may still be a
/// time.
fn utc(text: &[u8]) -> Option<DateTime<Utc>> {
    let local = text.strip_suffix(b"Z").or(text.strip_suffix(b"+00:00")).unwrap_or(text);
    let (date, fraction) = local.split_first_chunk::<19>()?;
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', n1, n2, b':', s1, s2] = *date else {
        return None;
    };
    let nanos = match fraction {
        [] => 0,
        [b'.', decimals @ ..] => nanoseconds(decimals)?,
        _ => return None,
    };
    let short = |digits: &[u8]| number(digits)?.try_into().ok();
    let day =
        NaiveDate::from_ymd_opt(number(&[y1, y2, y3, y4])?.try_into().ok()?, short(&[m1, m2])?, short(&[d1, d2])?)?;
    let time = day.and_hms_nano_opt(short(&[h1, h2])?, short(&[n1, n2])?, short(&[s1, s2])?, nanos)?;
    Some(time.and_utc())
}

/// Parses up to 18 digits, which always fit into 64 bits.
#[inline]
pub(crate) fn number(digits: &[u8]) -> Option<i64> {
    if !(1..=18).contains(&digits.len()) {
        return None;
    }
    let (mut number, mut all) = (0_i64, true);
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        all &= digit <= 9;
        number = number.wrapping_mul(10).wrapping_add(digit.into());
    }
    all.then_some(number)
}

/// Parses up to nine decimals of a second, as nanoseconds.
fn nanoseconds(decimals: &[u8]) -> Option<u32> {
    let scale = 10_i64.checked_pow(9_u32.checked_sub(u32::try_from(decimals.len()).ok()?)?)?;
    number(decimals)?.checked_mul(scale)?.try_into().ok()
}

/// Makes a duration of a number of seconds, to the nanosecond. Beyond the twelve digits that
/// [`parse_duration`] accepts, which are 31,000 years, it is exact to the second.
pub(crate) fn from_seconds(seconds: f64) -> Option<TimeDelta> {
    // Beyond 2^53, an f64 cannot tell one second from the next.
    if !(-9_007_199_254_740_992.0..=9_007_199_254_740_992.0).contains(&seconds) {
        return None;
    }
    let whole = seconds.trunc();
    let nanos = if whole.abs() < 1e12 { ((seconds - whole) * 1e9).round() } else { 0.0 };
    #[expect(clippy::cast_possible_truncation, reason = "both are in range, see above")]
    let (whole, nanos) = (whole as i64, nanos as i64);
    TimeDelta::try_seconds(whole)?.checked_add(&TimeDelta::nanoseconds(nanos))
}

/// Parses a duration in the form of Ultravox, which is that of protobuf:
/// `^-?(?:0|[1-9][0-9]{0,11})(?:\.[0-9]{1,9})?s$`.
pub(crate) fn parse_duration(text: &str) -> Option<TimeDelta> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let seconds = unsigned.strip_suffix('s')?;
    let (whole, nanos) = match seconds.split_once('.') {
        Some((whole, decimals)) => (whole, nanoseconds(decimals.as_bytes())?),
        None => (seconds, 0),
    };
    if whole.len() > 12 || (whole.len() > 1 && whole.starts_with('0')) {
        return None;
    }
    let span = TimeDelta::new(number(whole.as_bytes())?, nanos)?;
    if unsigned.len() == text.len() { Some(span) } else { TimeDelta::zero().checked_sub(&span) }
}

pub(crate) fn format_duration(span: TimeDelta) -> String {
    let sign = if span < TimeDelta::zero() { "-" } else { "" };
    let span = span.abs();
    let (seconds, nanos) = (span.num_seconds(), span.subsec_nanos());
    if nanos == 0 {
        return format!("{sign}{seconds}s");
    }
    let fraction = format!("{nanos:09}");
    format!("{sign}{seconds}.{}s", fraction.trim_end_matches('0'))
}

const MAX_RFC3339_BYTES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_vendors_publish() {
        for (text, expected) in [
            ("2026-03-18T14:32:00.000Z", "2026-03-18T14:32:00+00:00"),
            ("2026-03-03T12:00:00Z", "2026-03-03T12:00:00+00:00"),
            ("2026-01-31T08:35:41.123456", "2026-01-31T08:35:41.123456+00:00"),
            ("2026-03-18T14:30:00.000000+00:00", "2026-03-18T14:30:00+00:00"),
            ("2026-03-18T16:30:00+02:00", "2026-03-18T14:30:00+00:00"),
        ] {
            assert_eq!(rfc3339(text).unwrap().to_rfc3339(), expected);
        }
    }

    proptest::proptest! {
        #[test]
        fn the_fast_parser_agrees_with_chrono(
            text in "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{0,10})?(Z|\\+00:00)?",
        ) {
            let zoned = if text.ends_with('Z') || text.ends_with("+00:00") { text.clone() } else { format!("{text}Z") };
            let long = DateTime::parse_from_rfc3339(&zoned).ok().map(|time| time.to_utc());
            match utc(text.as_bytes()) {
                Some(time) => assert_eq!(Some(time), long),
                // A leap second, or more decimals than nine.
                None => assert!(long.is_none() || text.contains(":60") || zoned.replace("+00:00", "Z").len() > 30, "{text}"),
            }
        }
    }

    #[test]
    fn durations_of_ultravox() {
        for (text, nanos) in [
            ("0s", 0),
            ("120s", 120_000_000_000),
            ("1.5s", 1_500_000_000),
            ("-0.000000001s", -1),
            ("-61.25s", -61_250_000_000),
            ("9000000000.000000001s", 9_000_000_000_000_000_001),
        ] {
            let span = parse_duration(text).unwrap();
            assert_eq!(span.num_nanoseconds(), Some(nanos), "{text}");
            assert_eq!(format_duration(span), text);
        }
        assert_eq!(parse_duration("999999999999s"), TimeDelta::try_seconds(999_999_999_999));
        for text in ["", "s", "1", "01s", "+1s", "1.s", ".5s", "1.0000000000s", "1e3s", "1 s", "1234567890123s", "--1s"]
        {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn seconds_with_a_fraction() {
        assert_eq!(from_seconds(142.5), TimeDelta::try_milliseconds(142_500));
        assert_eq!(from_seconds(-0.25), TimeDelta::try_milliseconds(-250));
        assert_eq!(from_seconds(999_999_999_999.5), TimeDelta::try_milliseconds(999_999_999_999_500));
        assert_eq!(from_seconds(1_000_000_000_000.5), TimeDelta::try_seconds(1_000_000_000_000));
        for wrong in [f64::NAN, f64::INFINITY, -f64::INFINITY, 1e300] {
            assert_eq!(from_seconds(wrong), None);
        }
    }

    #[test]
    fn the_limit_is_the_same_with_a_zone_and_without() {
        for zone in ["", "Z", "+00:00"] {
            let of_length = |length: usize| {
                format!("2026-03-18T14:30:00.{}{zone}", "0".repeat(length - "2026-03-18T14:30:00.".len() - zone.len()))
            };
            assert!(rfc3339(&of_length(64)).is_some(), "{zone}");
            assert!(rfc3339(&of_length(65)).is_none(), "{zone}");
        }
    }

    #[test]
    fn nothing_else() {
        let long = format!("2026-03-18T14:30:00.{}", "0".repeat(80));
        for text in [
            "",
            "Z",
            "1773844200",
            "2026-03-18",
            "2026-03-18 14:30:00Z",
            "2026-02-30T00:00:00Z",
            "2026-03-18T25:00:00Z",
            "+999999999-01-01T00:00:00Z",
            "Wed, 18 Mar 2026 14:30:00 GMT",
            "2026-03-18T14:30:00ZZ",
            "2026-03-18T14:30:00Z ",
            "0000-01-01T00:00:00+23:59",
            "9999-12-31T23:59:59.123456789-23:59",
            &long,
        ] {
            assert_eq!(rfc3339(text), None, "{text}");
        }
    }
}
