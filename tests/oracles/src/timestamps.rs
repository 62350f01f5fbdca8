//! Signed times, by the text of RFC 3339 and with a calendar of a few lines.

use offhook::VerifyError;
use offhook::verify::TimestampFormat;

pub struct Subject {
    parse: fn(TimestampFormat, &str) -> Result<i64, VerifyError>,
}

pub const CRATE: Subject = Subject { parse: |format, text| format.parse(text).map(|time| time.seconds()) };

/// Reads an offset in the wrong direction.
pub const PLANTED: Subject = Subject {
    parse: |format, text| {
        let turned = match text.split_at_checked(19) {
            Some((date, zone)) if zone.starts_with('-') => format!("{date}{}", zone.replacen('-', "+", 1)),
            _ => text.to_owned(),
        };
        (CRATE.parse)(format, &turned)
    },
};

pub const FORMATS: [TimestampFormat; 4] = [
    TimestampFormat::UnixSeconds,
    TimestampFormat::UnixMillis,
    TimestampFormat::Rfc3339,
    TimestampFormat::UnixSecondsOrRfc3339,
];

/// The first byte chooses the format, and the rest is the text.
pub fn check(subject: &Subject, input: &[u8]) {
    let Some((choice, text)) = input.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let format = FORMATS[usize::from(*choice) % FORMATS.len()];
    assert_eq!((subject.parse)(format, text).ok(), seconds(format, text), "{format:?} {text:?}");
}

/// Returns the seconds since 1970 of a signed time that is written as it must be.
pub fn seconds(format: TimestampFormat, text: &str) -> Option<i64> {
    match format {
        TimestampFormat::UnixSeconds => unix(text, 253_402_300_799),
        // The last time that chrono can hold.
        TimestampFormat::UnixMillis => unix(text, 8_210_266_876_799_999).map(|millis| millis / 1000),
        TimestampFormat::Rfc3339 => rfc3339(text),
        TimestampFormat::UnixSecondsOrRfc3339 => {
            seconds(TimestampFormat::UnixSeconds, text).or_else(|| seconds(TimestampFormat::Rfc3339, text))
        }
        other => panic!("{other:?} is a new format"),
    }
}

/// Digits without a leading zero.
fn unix(text: &str, max: i64) -> Option<i64> {
    let strict = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|number| strict && *number <= max)
}

/// `date-time` of RFC 3339, section 5.6, with a capital `T`, of at most 64 bytes. Without a
/// zone it is UTC.
fn rfc3339(text: &str) -> Option<i64> {
    let digits = |from: usize, count: usize| -> Option<i64> {
        let digits = text.get(from..from + count)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().unwrap())
    };
    let is = |at: usize, byte: u8| (*text.as_bytes().get(at)? == byte).then_some(());
    for (at, byte) in [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')] {
        is(at, byte)?;
    }
    let [year, month, day] = [digits(0, 4)?, digits(5, 2)?, digits(8, 2)?];
    let [hour, minute, second] = [digits(11, 2)?, digits(14, 2)?, digits(17, 2)?];
    if text.len() > 64 || hour > 23 || minute > 59 || second > 60 {
        return None;
    }

    let mut zone = text.get(19..)?;
    if let Some(fraction) = zone.strip_prefix('.') {
        zone = fraction.trim_start_matches(|char: char| char.is_ascii_digit());
        if zone.len() == fraction.len() {
            return None;
        }
    }
    let offset = match zone {
        "" | "Z" | "z" => 0,
        _ => {
            let at = text.len() - zone.len();
            let (hours, minutes) = (digits(at + 1, 2)?, digits(at + 4, 2)?);
            is(at + 3, b':')?;
            if zone.len() != 6 || hours > 23 || minutes > 59 {
                return None;
            }
            match zone.as_bytes()[0] {
                b'+' => hours * 60 + minutes,
                b'-' => -(hours * 60 + minutes),
                _ => return None,
            }
        }
    };

    // A leap second counts as the second before it.
    let time = days(year, month, day)? * 86_400 + hour * 3_600 + (minute - offset) * 60 + second.min(59);
    // From the year 0 to the year 9999.
    (-62_167_219_200..=253_402_300_799).contains(&time).then_some(time)
}

/// Returns the days from 1970-01-01 to a date of the Gregorian calendar, year by year.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = [31, if leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let index = usize::try_from(month - 1).ok()?;
    if !(1..=*lengths.get(index)?).contains(&day) {
        return None;
    }
    let length = |year: i64| if leap(year) { 366 } else { 365 };
    let years = match year < 1970 {
        true => -(year..1970).map(length).sum::<i64>(),
        false => (1970..year).map(length).sum(),
    };
    Some(years + lengths[..index].iter().sum::<i64>() + day - 1)
}
