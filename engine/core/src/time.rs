//! Points in time and lengths of time, in whole milliseconds.
//!
//! Integers keep every platform on the same answer. Arithmetic saturates, so no input can overflow it.

mod other_words;
pub(crate) mod text;
mod units;

use std::{borrow::Cow, fmt, ops, str::FromStr, time::SystemTime};

use jiff::{Timestamp, ZonedDateTime, tz::TimeZone};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

pub use self::text::TimeError;

use self::units::{LONGEST, UNITS};

/// A point in time: milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
///
/// Written as RFC 3339 in UTC, and read with any offset. A time beyond the calendar is read as its end, and a leap
/// second as the second before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(i64);

impl Time {
    /// The calendar's first moment: the start of 1970. No clock that this engine hears of was set before.
    pub const MIN: Time = Time(0);

    /// The calendar's last moment, in the year 9999.
    pub const MAX: Time = Time(253_402_207_200_000);

    /// From milliseconds since the Unix epoch. What lies beyond the calendar's ends counts as its ends.
    pub const fn from_millis(millis: i64) -> Self {
        if millis < Self::MIN.0 {
            Self::MIN
        } else if millis > Self::MAX.0 {
            Self::MAX
        } else {
            Self(millis)
        }
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Returns how long after `earlier` this is; zero if it is not after it.
    pub const fn since(self, earlier: Time) -> Millis {
        let gone = self.0.saturating_sub(earlier.0);
        Millis(if gone < 0 { 0 } else { gone })
    }

    /// The wall clock of `zone` at this time.
    pub fn in_zone(self, zone: &TimeZone) -> ZonedDateTime {
        self.timestamp().to_zoned_datetime(zone.clone())
    }

    fn timestamp(self) -> Timestamp {
        Timestamp::from_millisecond(self.0).unwrap_or_default()
    }
}

impl Time {
    /// This moment, `shift` milliseconds later; earlier where it is negative.
    pub const fn moved(self, shift: i64) -> Self {
        Self::from_millis(self.0.saturating_add(shift))
    }
}

impl From<Timestamp> for Time {
    fn from(timestamp: Timestamp) -> Self {
        Self::from_millis(timestamp.as_millisecond())
    }
}

/// Times beyond the calendar's ends count as its ends. Nothing reads a clock here: the host does.
impl From<SystemTime> for Time {
    fn from(system: SystemTime) -> Self {
        let since_1970 = system.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self::from_millis(i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX))
    }
}

impl ops::Add<Millis> for Time {
    type Output = Time;
    fn add(self, length: Millis) -> Time {
        Time::from_millis(self.0.saturating_add(length.0))
    }
}

impl ops::Sub<Millis> for Time {
    type Output = Time;
    fn sub(self, length: Millis) -> Time {
        Time::from_millis(self.0.saturating_sub(length.0))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.timestamp().fmt(f)
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Time {
    type Err = TimeError;
    fn from_str(text: &str) -> Result<Self, TimeError> {
        text::read(text).map(Time::from_millis)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// A length of time in milliseconds, never negative.
///
/// People write it as integers with units, largest first: `500ms`, `30s`, `5m`, `1h30m`, `2d`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Millis(i64);

impl Millis {
    /// No time at all.
    pub const ZERO: Millis = Millis(0);

    /// The longest length that a user may write: ten years.
    pub const LONGEST: Millis = Millis(LONGEST);

    /// From a count of milliseconds; a negative one counts as zero.
    pub const fn new(millis: i64) -> Self {
        Self(if millis < 0 { 0 } else { millis })
    }

    /// The count of milliseconds.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// This length `times` over.
    pub const fn times(self, times: u32) -> Self {
        Self(self.0.saturating_mul(times as i64))
    }
}

impl From<Millis> for std::time::Duration {
    fn from(length: Millis) -> Self {
        std::time::Duration::from_millis(length.0.unsigned_abs())
    }
}

/// The reason why a text is not a length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LengthError {
    /// A number without a unit, an unknown unit, or something that is no number.
    #[error("`{0}` is not a duration: write integers with units, like `500ms`, `30s`, `5m`, `1h30m` or `2d`")]
    Form(String),
    /// A length of time in other words: it holds the text, and the same as durations are written here.
    #[error("`{0}` is not a duration: did you mean `{1}`?")]
    OtherWords(String, String),
    /// A number alone.
    #[error("`{0}` has no unit: write `{0}s` for seconds, `{0}m` for minutes or `{0}h` for hours")]
    NoUnit(String),
    /// Units out of order, or one of them twice.
    #[error("`{0}` is not a duration: each unit may stand once, largest first, like `1h30m`")]
    Order(String),
    /// More than ten years.
    #[error("`{0}` is too long: 3660 days is the longest duration")]
    TooLong(String),
    /// A minus sign.
    #[error("`{0}` is negative: durations count forward only")]
    Negative(String),
}

impl FromStr for Millis {
    type Err = LengthError;

    fn from_str(text: &str) -> Result<Self, LengthError> {
        let form = || match other_words::translate(text) {
            Some(meant) => LengthError::OtherWords(text.to_owned(), meant),
            None if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) => {
                LengthError::NoUnit(text.to_owned())
            }
            None => LengthError::Form(text.to_owned()),
        };
        if text.starts_with('-') {
            return Err(LengthError::Negative(text.to_owned()));
        }
        let mut total: i64 = 0;
        let mut smallest = i64::MAX;
        let mut rest = text;
        while !rest.is_empty() {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (number, after) = rest.split_at_checked(digits).ok_or_else(form)?;
            let letters = after.len() - after.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
            let (unit, after) = after.split_at_checked(letters).ok_or_else(form)?;
            let (_, size) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(form)?;
            if *size >= smallest {
                return Err(LengthError::Order(text.to_owned()));
            }
            if digits == 0 {
                return Err(form());
            }
            // More digits than an i64 holds are too long by any unit.
            let count: i64 = number.parse().map_err(|_| LengthError::TooLong(text.to_owned()))?;
            total = total.saturating_add(count.saturating_mul(*size));
            smallest = *size;
            rest = after;
        }
        if smallest == i64::MAX {
            return Err(form());
        }
        if total > LONGEST {
            return Err(LengthError::TooLong(text.to_owned()));
        }
        Ok(Millis(total))
    }
}

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Padded as asked for, so that columns line up.
        f.pad(&units::write(self.0))
    }
}

impl fmt::Debug for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Millis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Millis {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// Times by name as whole milliseconds: shorter than what people read, where many are stored that none reads.
pub(crate) mod map {
    use std::collections::BTreeMap;

    use super::{Deserialize, Deserializer, Serializer, Time};
    use crate::Name;

    pub fn serialize<S: Serializer>(times: &BTreeMap<Name, Time>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(times.iter().map(|(name, time)| (name, time.as_millis())))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<Name, Time>, D::Error> {
        let times = BTreeMap::<Name, i64>::deserialize(deserializer)?;
        Ok(times.into_iter().map(|(name, time)| (name, Time::from_millis(time))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_they_are_written() {
        for (text, millis) in
            [("0s", 0), ("500ms", 500), ("30s", 30_000), ("1h30m", 5_400_000), ("2d", 172_800_000), ("1m0s", 60_000)]
        {
            assert_eq!(text.parse(), Ok(Millis(millis)), "{text}");
        }
        for millis in [0, 1, 999, 1_000, 61_001, 90_061_001] {
            assert_eq!(Millis(millis).to_string().parse(), Ok(Millis(millis)));
        }
    }

    #[test]
    fn what_is_no_duration_is_refused_with_a_reason() {
        for text in ["", "s", "1x", "½h", "1µ", "soon", "5 minuets"] {
            assert_eq!(text.parse::<Millis>(), Err(LengthError::Form(text.into())), "{text}");
        }
        assert_eq!("30".parse::<Millis>(), Err(LengthError::NoUnit("30".into())));
        for text in ["30s1m", "1m1m"] {
            assert_eq!(text.parse::<Millis>(), Err(LengthError::Order(text.into())));
        }
        for text in ["99999d", "99999999999999999999s"] {
            assert_eq!(text.parse::<Millis>(), Err(LengthError::TooLong(text.into())));
        }
        assert_eq!("-5s".parse::<Millis>(), Err(LengthError::Negative("-5s".into())));
    }

    #[test]
    fn system_time_keeps_its_milliseconds_within_the_calendar() {
        let epoch = SystemTime::UNIX_EPOCH;
        let nanos = std::time::Duration::from_nanos(1_500_999_999);
        let era = std::time::Duration::from_secs(300_000_000_000);
        assert_eq!(Time::from(epoch + nanos), Time::from_millis(1_500));
        assert_eq!(Time::from(epoch - nanos), Time::MIN);
        assert_eq!(Time::from(epoch + era), Time::MAX);
    }

    #[test]
    fn time_saturates_instead_of_overflowing() {
        let end = Time::from_millis(i64::MAX) + Millis(1);
        assert_eq!(end, Time::MAX);
        assert_eq!(end.to_string(), "9999-12-30T22:00:00Z");
        assert_eq!(end.to_string().parse::<Time>().unwrap(), end);
        assert_eq!(Time::from_millis(i64::MIN).to_string(), "1970-01-01T00:00:00Z");
    }

    #[test]
    fn a_duration_of_another_program_is_translated() {
        for (text, meant) in [
            ("5min", "5m"),
            ("5 m", "5m"),
            ("5 minutes", "5m"),
            ("1 minute", "1m"),
            ("1.5h", "1h30m"),
            ("0.5s", "500ms"),
            ("90sec", "90s"),
            ("2hrs", "2h"),
            ("2 hours", "2h"),
            ("1d12hours", "1d12h"),
            ("1 hour and 30 minutes", "1h30m"),
            ("1 day, 2 hours", "1d2h"),
            ("5M", "5m"),
            ("30S", "30s"),
            ("1w", "7d"),
            ("1w2d", "9d"),
            ("30 min 1 h", "1h30m"),
            ("00:05:00", "5m"),
            ("01:30:00", "1h30m"),
            ("500 milliseconds", "500ms"),
        ] {
            let refused = text.parse::<Millis>();
            assert_eq!(refused, Err(LengthError::OtherWords(text.into(), meant.into())), "{text}");
            assert!(meant.parse::<Millis>().is_ok(), "{meant}");
        }
        assert_eq!(
            "5min".parse::<Millis>().map_err(|error| error.to_string()),
            Err("`5min` is not a duration: did you mean `5m`?".to_owned())
        );
    }
}
