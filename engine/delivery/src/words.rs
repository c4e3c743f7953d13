//! Times, durations and names as people read them.

use dag_engine::{Millis, Time, zone};
use jiff::{ZonedDateTime, tz::TimeZone};

/// The format of times for one reader: in their own zone, relative to the day on which they read.
#[derive(Debug)]
pub struct TimeFormatter {
    now: ZonedDateTime,
    zone: TimeZone,
    /// The zone is unknown. Times are in UTC and say so.
    lost: bool,
}

impl TimeFormatter {
    /// Returns the format for the zone `name`, at `now`. If there is no such zone, times are in UTC and say so: a
    /// message in the wrong zone is better than none.
    pub fn new(name: &str, now: Time) -> Self {
        let found = zone(name);
        let lost = found.is_err();
        let zone = found.unwrap_or(TimeZone::UTC);
        TimeFormatter { now: now.in_zone(&zone), zone, lost }
    }

    /// Returns `14:02` for a time of the same day, `14:02 on Fri 9 Jan` for one of the same year, and
    /// `14:02 on 9 Jan 2025` for any other.
    pub fn time(&self, at: Time) -> String {
        self.with_day(at, "%H:%M")
    }

    /// Returns the same with seconds: `14:02:30`.
    pub fn time_with_seconds(&self, at: Time) -> String {
        self.with_day(at, "%H:%M:%S")
    }

    /// Returns `14:02 to 14:31`, with seconds if both would be the same, and with days if it was not today.
    pub fn span(&self, from: Time, to: Time) -> String {
        let format = if self.time(from) == self.time(to) { "%H:%M:%S" } else { "%H:%M" };
        let same_day = from.in_zone(&self.zone).date() == to.in_zone(&self.zone).date();
        let first = if same_day { self.wall_time(from, format) } else { self.with_day(from, format) };
        format!("{first} to {}", self.with_day(to, format))
    }

    /// Returns `10 Jan 14:02`. It is the same in every message about that time, whatever the day of the message.
    pub fn stamp(&self, at: Time) -> String {
        format!("{} {}", at.in_zone(&self.zone).strftime("%-d %b"), self.wall_time(at, "%H:%M"))
    }

    fn with_day(&self, at: Time, format: &str) -> String {
        let local = at.in_zone(&self.zone);
        let wall_time = self.wall_time(at, format);
        if local.date() == self.now.date() {
            wall_time
        } else if local.year() == self.now.year() {
            format!("{wall_time} on {}", local.strftime("%a %-d %b"))
        } else {
            format!("{wall_time} on {}", local.strftime("%-d %b %Y"))
        }
    }

    /// Returns the time of day, with the zone if the hour comes twice on that day.
    fn wall_time(&self, at: Time, format: &str) -> String {
        let local = at.in_zone(&self.zone);
        let twice = self.zone.to_ambiguous_timestamp(local.datetime()).is_ambiguous();
        let suffix = if twice || self.lost { local.strftime(" %Z").to_string() } else { String::new() };
        format!("{}{suffix}", local.strftime(format))
    }
}

/// Returns a duration in its two largest units: `16 seconds`, `1 minute 5 seconds`, `29 minutes`, `2 hours 5 minutes`,
/// `3 days`. Seconds are left out from ten minutes on. What is shorter than a second is `less than a second`.
pub(crate) fn length(length: Millis) -> String {
    let seconds = length.get() / 1_000;
    if seconds < 1 {
        return "less than a second".to_owned();
    }
    let (days, hours) = (seconds / 86_400, seconds / 3_600 % 24);
    let (minutes, seconds) = (seconds / 60 % 60, seconds % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => count(seconds, "second"),
        (0, 0, 1..10) => pair(minutes, "minute", seconds, "second"),
        (0, 0, _) => count(minutes, "minute"),
        (0, _, _) => pair(hours, "hour", minutes, "minute"),
        _ => pair(days, "day", hours, "hour"),
    }
}

fn pair(large: i64, large_unit: &str, small: i64, small_unit: &str) -> String {
    let large = count(large, large_unit);
    if small == 0 { large } else { format!("{large} {}", count(small, small_unit)) }
}

fn count(number: i64, unit: &str) -> String {
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

/// Returns a name as words: `Battery low` for `battery-low`.
pub(crate) fn title(name: &str) -> String {
    let spaced = name.replace(['-', '_'], " ");
    let mut letters = spaced.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// Returns a text as one line without control characters, of at most `most` characters, as a subject must be.
pub(crate) fn one_line(text: &str, most: usize) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let line = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    shortened(&line, most)
}

/// Returns at most `most` characters. The last is `…` if some are missing.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(text: &str) -> Time {
        text.parse().unwrap()
    }

    #[test]
    fn a_time_is_as_short_as_is_clear() {
        let formatter = TimeFormatter::new("Europe/London", t("2026-06-10T13:00:00Z"));
        assert_eq!(formatter.time(t("2026-06-10T13:02:00Z")), "14:02");
        assert_eq!(formatter.time(t("2026-06-09T23:30:00Z")), "00:30");
        assert_eq!(formatter.time(t("2026-06-09T13:02:00Z")), "14:02 on Tue 9 Jun");
        assert_eq!(formatter.time(t("2025-12-09T13:02:00Z")), "13:02 on 9 Dec 2025");
        assert_eq!(formatter.stamp(t("2026-06-10T13:02:00Z")), "10 Jun 14:02");
        assert_eq!(formatter.time_with_seconds(t("2026-06-10T13:02:30Z")), "14:02:30");
        assert_eq!(formatter.time_with_seconds(t("2026-06-10T23:02:30Z")), "00:02:30 on Thu 11 Jun");
    }

    #[test]
    fn an_hour_that_comes_twice_names_its_zone() {
        let formatter = TimeFormatter::new("Europe/London", t("2026-10-25T09:00:00Z"));
        assert_eq!(formatter.time(t("2026-10-25T00:30:00Z")), "01:30 BST");
        assert_eq!(formatter.time(t("2026-10-25T01:30:00Z")), "01:30 GMT");
        assert_eq!(formatter.time(t("2026-10-25T02:30:00Z")), "02:30");
        assert_eq!(formatter.span(t("2026-10-25T00:30:00Z"), t("2026-10-25T01:30:00Z")), "01:30 BST to 01:30 GMT");
    }

    #[test]
    fn an_unknown_zone_gives_utc_and_says_so() {
        assert_eq!(
            TimeFormatter::new("Europe/Lundon", t("2026-06-10T13:00:00Z")).time(t("2026-06-10T13:02:00Z")),
            "13:02 UTC"
        );
    }

    #[test]
    fn a_span_is_as_short_as_is_clear() {
        let formatter = TimeFormatter::new("UTC", t("2026-01-10T18:00:00Z"));
        for (from, to, told) in [
            ("2026-01-10T14:02:00Z", "2026-01-10T14:31:00Z", "14:02 to 14:31"),
            ("2026-01-10T14:02:05Z", "2026-01-10T14:02:21Z", "14:02:05 to 14:02:21"),
            ("2026-01-09T14:02:00Z", "2026-01-09T14:31:00Z", "14:02 to 14:31 on Fri 9 Jan"),
            ("2026-01-09T23:50:00Z", "2026-01-10T00:10:00Z", "23:50 on Fri 9 Jan to 00:10"),
        ] {
            assert_eq!(formatter.span(t(from), t(to)), told);
        }
    }

    #[test]
    fn a_duration_has_its_two_largest_units() {
        for (millis, told) in [
            (-5_000, "less than a second"),
            (0, "less than a second"),
            (999, "less than a second"),
            (1_000, "1 second"),
            (16_999, "16 seconds"),
            (65_000, "1 minute 5 seconds"),
            (120_000, "2 minutes"),
            (1_799_000, "29 minutes"),
            (7_500_000, "2 hours 5 minutes"),
            (86_400_000, "1 day"),
            (273_600_000, "3 days 4 hours"),
        ] {
            assert_eq!(length(Millis::new(millis)), told);
        }
    }

    #[test]
    fn a_subject_is_one_line() {
        assert_eq!(one_line("Power\r\nBcc: x@example.com \u{7}", 99), "Power Bcc: x@example.com");
        assert_eq!(one_line("ééééé", 4), "ééé…");
        assert_eq!(title("battery-low"), "Battery low");
        assert_eq!(title(""), "");
    }
}
