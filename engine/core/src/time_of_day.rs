//! A time of the day, as somebody gives it who asks for a silence until 22:00.

use std::{borrow::Cow, fmt, str::FromStr};

use jiff::{civil, tz::TimeZone};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::{Time, wall_clock::wall_time};

/// An hour and a minute of the wall clock, from `00:00` to `23:59`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay(civil::Time);

impl TimeOfDay {
    /// Returns the first moment after `at` at which the wall clock of `zone` shows this time.
    ///
    /// On a day on which clocks skip it, that is as much later as they skip (RFC 5545); where it comes twice, each of
    /// both counts. At the end of the calendar there is none: then it is that end.
    pub fn next_after(self, at: Time, zone: &TimeZone) -> Time {
        let mut day = at.in_zone(zone).date();
        // A zone may skip a day, as Samoa did in 2011.
        for _ in 0..4 {
            let moments = zone.to_ambiguous_timestamp(day.to_datetime(self.0));
            let first = moments.compatible().ok().map(Time::from);
            let second = moments.later().ok().map(Time::from);
            if let Some(moment) = first.into_iter().chain(second).find(|moment| *moment > at) {
                return moment;
            }
            let Ok(next) = day.tomorrow() else { break };
            day = next;
        }
        Time::MAX
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0.hour(), self.0.minute())
    }
}

impl FromStr for TimeOfDay {
    type Err = String;

    /// Reads `22:30`. The error says what is wrong, and what to write.
    fn from_str(text: &str) -> Result<Self, String> {
        wall_time(text).map(TimeOfDay).map_err(|(problem, help)| format!("{problem}: {help}"))
    }
}

impl Serialize for TimeOfDay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TimeOfDay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_such_moment_is_by_the_wall_clock() {
        let london = crate::zone("Europe/London").unwrap();
        let apia = crate::zone("Pacific/Apia").unwrap();
        for (zone, time, at, next) in [
            (&london, "22:00", "2026-01-10T18:00:00Z", "2026-01-10T22:00:00Z"),
            (&london, "22:00", "2026-01-10T22:00:00Z", "2026-01-11T22:00:00Z"),
            (&london, "22:00", "2026-07-10T18:00:00Z", "2026-07-10T21:00:00Z"),
            // It is skipped, and comes twice.
            (&london, "01:30", "2026-03-29T00:00:00Z", "2026-03-29T01:30:00Z"),
            (&london, "01:30", "2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z"),
            (&london, "01:30", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"),
            (&london, "01:30", "2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z"),
            (&apia, "12:00", "2011-12-30T00:00:00Z", "2011-12-30T22:00:00Z"),
            (&london, "23:30", "9999-12-30T21:59:00Z", "9999-12-30T22:00:00Z"),
        ] {
            let time: TimeOfDay = time.parse().unwrap();
            assert_eq!(time.next_after(at.parse().unwrap(), zone), next.parse().unwrap(), "{time} after {at}");
        }
    }

    #[test]
    fn a_time_of_the_day_reads_as_it_is_written() {
        for text in ["00:00", "07:05", "23:59"] {
            assert_eq!(text.parse::<TimeOfDay>().unwrap().to_string(), text);
        }
        assert_eq!(
            "24:00".parse::<TimeOfDay>(),
            Err("`24:00` is not a time of the day: write it as `07:00`, from `00:00` to `23:59`".to_owned())
        );
    }
}
