//! Points in time as texts: RFC 3339, and what people and other programs write beyond the calendar.

use jiff::{Timestamp, civil, fmt::temporal::Pieces};

/// The reason why a text is not a point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// It is not written as RFC 3339 has it, or there is no such date or time of the day.
    #[error(
        "this is no time: write its date, time and zone, like `2026-01-10T18:00:00Z` or `2026-01-10T18:00:00+01:00`"
    )]
    Form,
    /// A date or a time of the day without an offset from UTC.
    #[error("this time has no zone: add `Z` for UTC or an offset, as in `2026-01-10T18:00:00+01:00`")]
    NoZone,
}

/// Reads a time with its offset, and returns the milliseconds from 1970 to it. Those of a year beyond what can be
/// counted are the most or the least.
pub(super) fn read(text: &str) -> Result<i64, TimeError> {
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Ok(timestamp.as_millisecond());
    }
    let far = far_year(text);
    let text = far.as_ref().map_or(text, |far| far.text.as_str());
    let pieces = Pieces::parse(text).map_err(|_| TimeError::Form)?;
    if pieces.time().is_none() || pieces.to_numeric_offset().is_none() {
        return Err(TimeError::NoZone);
    }
    // The first and the last days that can be written cannot all be counted: an offset moves them by up to a day.
    far.as_ref().map(|far| far.end).or_else(|| endless(pieces.date())).ok_or(TimeError::Form)
}

/// Returns the most or the least milliseconds for a date of the first or the last year that can be written; `None` for
/// others.
pub(crate) fn endless(date: civil::Date) -> Option<i64> {
    match date.year() {
        9_999.. => Some(i64::MAX),
        ..=-9_999 => Some(i64::MIN),
        _ => None,
    }
}

/// A time of a year beyond those that can be read.
pub(crate) struct FarYear {
    /// The same of a year that can be read, which has a 29 February too.
    pub text: String,
    /// The most milliseconds for a year after 9999, the least for one before -9999.
    pub end: i64,
}

/// Returns what stands for a time with a year of more than four digits; `None` where it has none.
pub(crate) fn far_year(text: &str) -> Option<FarYear> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (year, rest) = unsigned.split_once('-')?;
    if !year.bytes().all(|b| b.is_ascii_digit()) || year.trim_start_matches('0').len() <= 4 {
        return None;
    }
    Some(match text.starts_with('-') {
        true => FarYear { text: format!("-009996-{rest}"), end: i64::MIN },
        false => FarYear { text: format!("9996-{rest}"), end: i64::MAX },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Time;

    fn parsed(text: &str) -> Result<Time, TimeError> {
        text.parse()
    }

    #[test]
    fn a_time_beyond_the_calendar_counts_as_its_end() {
        for (text, end) in [
            ("9999-12-30T22:00:00Z", Time::MAX),
            ("9999-12-30T22:00:00.001Z", Time::MAX),
            ("9999-12-31T00:00:00Z", Time::MAX),
            ("9999-12-31T23:59:59Z", Time::MAX),
            ("9999-12-31T23:59:59.999999999Z", Time::MAX),
            ("9999-12-31T23:59:60Z", Time::MAX),
            ("9999-12-31T23:59:59-23:59", Time::MAX),
            ("9999-12-31 23:59:59+00:00", Time::MAX),
            ("10000-01-01T00:00:00Z", Time::MAX),
            ("+012026-01-10T18:00:00Z", Time::MAX),
            ("+99999999999999999999-02-29T18:00:00+01:00", Time::MAX),
            ("1970-01-01T00:00:00Z", Time::MIN),
            ("1969-12-31T23:59:59.999Z", Time::MIN),
            ("1969-12-31T00:00:00Z", Time::MIN),
            ("1970-01-01T00:30:00+01:00", Time::MIN),
            ("0001-01-01T00:00:00Z", Time::MIN),
            ("0000-01-01T00:00:00Z", Time::MIN),
            ("-000001-01-01T00:00:00Z", Time::MIN),
            ("-009999-01-01T00:00:00Z", Time::MIN),
            ("-009999-12-31T23:59:60Z", Time::MIN),
            ("-123456-02-29T00:00:00Z", Time::MIN),
        ] {
            assert_eq!(parsed(text), Ok(end), "{text}");
            let json = format!("\"{text}\"");
            assert_eq!(serde_json::from_str::<Time>(&json).unwrap(), end, "{text}");
        }
    }

    /// A leap second must not be earlier than the second before it: github.com/time-rs/time, issue 404.
    #[test]
    fn a_leap_second_is_the_second_before_it() {
        for (leap, before) in [
            ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z"),
            ("1990-12-31T15:59:60-08:00", "1990-12-31T15:59:59-08:00"),
        ] {
            assert_eq!(parsed(leap), parsed(before), "{leap}");
            assert!(parsed(leap).is_ok());
        }
    }

    #[test]
    fn what_is_no_time_is_refused_with_a_reason() {
        for text in [
            "",
            "tomorrow",
            "9999",
            "9999-13-01T00:00:00Z",
            "9999-12-32T00:00:00Z",
            "9999-12-31T24:00:00Z",
            "9999-12-31T23:59:61Z",
            "2026-02-30T00:00:00Z",
            "12026-02-30T00:00:00Z",
            "99999-",
            "-",
            "+",
            "2026-01-10T18:00:00+99:00",
            "١٢٣٤٥-01-01T00:00:00Z",
        ] {
            assert_eq!(parsed(text), Err(TimeError::Form), "{text}");
        }
        for text in ["2026-01-10", "9999-12-31", "10000-01-01", "9999-12-31T23:59:59", "2026-01-10 18:00"] {
            assert_eq!(parsed(text), Err(TimeError::NoZone), "{text}");
        }
        assert_eq!(
            serde_json::from_str::<Time>("\"9999-12-31\"").map_err(|error| error.to_string()),
            Err("this time has no zone: add `Z` for UTC or an offset, as in `2026-01-10T18:00:00+01:00`".to_owned())
        );
    }
}
