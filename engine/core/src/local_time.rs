//! A date, perhaps with a time, by the wall clock of a place that it does not name.

use std::{borrow::Cow, fmt, str::FromStr};

use jiff::{civil, fmt::temporal::Pieces, tz::TimeZone};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::{
    Time, TimeError,
    time::text::{endless, far_year},
};

/// A date and time as a wall clock shows it: `2026-12-01T08:00`, or `2026-12-01` for the beginning of that day.
///
/// ```
/// use dag_engine::{LocalTime, zone};
///
/// let morning: LocalTime = "2026-12-01 08:00".parse()?;
/// assert_eq!(morning.in_zone(&zone("Europe/Paris")?), "2026-12-01T07:00:00Z".parse()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalTime(civil::DateTime);

impl LocalTime {
    /// Returns the moment at which the wall clock of `zone` shows this.
    ///
    /// Where clocks skip it, that is as much later as they skip; where it comes twice, it is the first (RFC 5545). What
    /// lies beyond the calendar counts as its end.
    pub fn in_zone(self, zone: &TimeZone) -> Time {
        let moment = zone.to_ambiguous_timestamp(self.0).compatible();
        moment.map_or_else(|_| Time::from_millis(endless(self.0.date()).unwrap_or_default()), Time::from)
    }
}

impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for LocalTime {
    type Err = TimeError;

    /// Reads a date, or a date and time behind `T` or a space.
    ///
    /// # Errors
    /// It is neither, or it has an offset or a zone: then it is a [`Time`].
    fn from_str(text: &str) -> Result<Self, TimeError> {
        let far = far_year(text);
        let text = far.as_ref().map_or(text, |far| far.text.as_str());
        let pieces = Pieces::parse(text).map_err(|_| TimeError::Form)?;
        if pieces.offset().is_some() || pieces.time_zone_annotation().is_some() {
            return Err(TimeError::Form);
        }
        Ok(LocalTime(match far {
            Some(far) if far.end < 0 => civil::DateTime::MIN,
            Some(_) => civil::DateTime::MAX,
            None => pieces.date().to_datetime(pieces.time().unwrap_or(civil::Time::midnight())),
        }))
    }
}

impl Serialize for LocalTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LocalTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_time_is_by_the_wall_clock() {
        for (zone, text, moment) in [
            ("Europe/London", "2026-12-01", "2026-12-01T00:00:00Z"),
            ("Europe/London", "2026-07-01T08:00", "2026-07-01T07:00:00Z"),
            ("Europe/London", "2026-07-01 08:00:30", "2026-07-01T07:00:30Z"),
            // It is skipped by an hour, by two, by half an hour; it comes twice. An hour is not every gap:
            // github.com/langgenius/dify, pull request 39231.
            ("Europe/London", "2026-03-29T01:30", "2026-03-29T01:30:00Z"),
            ("Antarctica/Troll", "2026-03-29T01:30", "2026-03-29T01:30:00Z"),
            ("Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-03T15:45:00Z"),
            ("Europe/London", "2026-10-25T01:30", "2026-10-25T00:30:00Z"),
            // The whole day was skipped.
            ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z"),
            ("Europe/London", "9999-12-31", "9999-12-30T22:00:00Z"),
            ("Europe/London", "9999-12-31T23:59:60", "9999-12-30T22:00:00Z"),
            ("Europe/London", "12026-12-31", "9999-12-30T22:00:00Z"),
            ("Europe/Paris", "1970-01-01", "1970-01-01T00:00:00Z"),
            ("Europe/London", "1969-12-31", "1970-01-01T00:00:00Z"),
            ("Europe/London", "0001-01-01", "1970-01-01T00:00:00Z"),
            ("Europe/Paris", "-009999-01-01", "1970-01-01T00:00:00Z"),
        ] {
            let local: LocalTime = text.parse().unwrap();
            let zone = crate::zone(zone).unwrap();
            assert_eq!(local.in_zone(&zone), moment.parse().unwrap(), "{text}");
            assert_eq!(local.to_string().parse(), Ok(local), "{text}");
        }
    }

    #[test]
    fn what_has_a_zone_is_no_local_time() {
        for text in ["2026-12-01T08:00Z", "2026-12-01T08:00+01:00", "2026-12-01T08:00[Europe/London]", "08:00", ""] {
            assert_eq!(text.parse::<LocalTime>(), Err(TimeError::Form), "{text}");
        }
    }
}
