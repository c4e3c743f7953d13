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
        self.with_day(at, "%H:%M", self.zoned(at))
    }

    /// Returns the same with seconds: `14:02:30`.
    pub fn time_with_seconds(&self, at: Time) -> String {
        self.with_day(at, "%H:%M:%S", self.zoned(at))
    }

    /// Returns `14:02 to 14:31`, with days if it was not today. It has seconds if [`length`] has them, so that the
    /// difference of the times that are shown is the length that is shown.
    pub fn span(&self, from: Time, to: Time) -> String {
        let format = if seconds(from, to) < SECONDS_UNTIL { "%H:%M:%S" } else { "%H:%M" };
        let (first, last) = (from.in_zone(&self.zone), to.in_zone(&self.zone));
        // Clocks were changed in between: the zones say so, or else the length would seem to be wrong.
        let zones = first.offset() != last.offset() && end_of_calendar(from).is_none();
        let zoned = |at: Time| if zones { Zoned::Always } else { self.zoned(at) };
        let from = match first.date() == last.date() && end_of_calendar(from).is_none() {
            true => self.wall_time(from, format, zoned(from)),
            false => self.with_day(from, format, zoned(from)),
        };
        format!("{from} to {}", self.with_day(to, format, zoned(to)))
    }

    /// Returns two times, each as [`time`](TimeFormatter::time) has it. Both have seconds if they would be the same.
    pub(crate) fn pair(&self, one: Time, other: Time) -> (String, String) {
        match (self.time(one), self.time(other)) {
            (first, second) if first == second => (self.time_with_seconds(one), self.time_with_seconds(other)),
            different => different,
        }
    }

    /// Returns `10 Jan 14:02`. It is the same in every message about that time, whatever the day of the message.
    pub fn stamp(&self, at: Time) -> String {
        if let Some(end) = end_of_calendar(at) {
            return end.to_owned();
        }
        format!("{} {}", at.in_zone(&self.zone).strftime("%-d %b"), self.wall_time(at, "%H:%M", Zoned::WhereTwice))
    }

    /// Returns whether a time needs its zone: on the day on which clocks are changed, one before the change does.
    fn zoned(&self, at: Time) -> Zoned {
        let local = at.in_zone(&self.zone);
        let changed = local.date() == self.now.date() && local.offset() != self.now.offset();
        if changed { Zoned::Always } else { Zoned::WhereTwice }
    }

    fn with_day(&self, at: Time, format: &str, zoned: Zoned) -> String {
        if let Some(end) = end_of_calendar(at) {
            return end.to_owned();
        }
        let local = at.in_zone(&self.zone);
        let wall_time = self.wall_time(at, format, zoned);
        if local.date() == self.now.date() {
            wall_time
        } else if local.year() == self.now.year() {
            format!("{wall_time} on {}", local.strftime("%a %-d %b"))
        } else {
            format!("{wall_time} on {}", local.strftime("%-d %b %Y"))
        }
    }

    fn wall_time(&self, at: Time, format: &str, zoned: Zoned) -> String {
        let local = at.in_zone(&self.zone);
        let twice = self.zone.to_ambiguous_timestamp(local.datetime()).is_ambiguous();
        let suffix = if twice || self.lost || zoned == Zoned::Always {
            local.strftime(" %Z").to_string()
        } else {
            String::new()
        };
        format!("{}{suffix}", local.strftime(format))
    }
}

/// Returns the words for a time at an end of the calendar. What lies beyond the end counts as the end, so that its time
/// of day means nothing.
fn end_of_calendar(at: Time) -> Option<&'static str> {
    match at {
        Time::MIN => Some("1970 or before"),
        Time::MAX => Some("9999 or later"),
        _ => None,
    }
}

/// When a time of day names its zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Zoned {
    Always,
    /// If the hour comes twice on that day.
    WhereTwice,
}

/// Seconds are shown below this length: ten minutes.
const SECONDS_UNTIL: i64 = 600;

/// Returns the whole seconds between two times as they are shown with seconds, both cut to the second: 10:00:00.9 to
/// 10:00:19.1 are 19 seconds.
pub(crate) fn seconds(from: Time, to: Time) -> i64 {
    between(from, to, 1_000)
}

/// Returns the whole units between two times, each of which is cut to the unit first.
fn between(from: Time, to: Time, unit_ms: i64) -> i64 {
    (to.as_millis() / unit_ms - from.as_millis() / unit_ms).max(0)
}

/// Returns the length between two times in its two largest units: `16 seconds`, `1 minute 5 seconds`, `29 minutes`,
/// `2 hours 5 minutes`, `3 days`. What is shorter than a second is `less than a second`.
///
/// Whoever subtracts the times that a message shows beside it gets the same. Below ten minutes times and lengths have
/// seconds, and from then on both are cut to the minute:
///
/// ```text
/// 14:02:59.000 to 14:04:01.000    14:02:59 to 14:04:01    1 minute 2 seconds
/// 14:02:59.000 to 14:31:01.000    14:02 to 14:31          29 minutes
/// ```
pub(crate) fn length(from: Time, to: Time) -> String {
    if to.since(from) > Millis::LONGEST {
        // A clock that was not set, or a time at an end of the calendar.
        return "more than ten years".to_owned();
    }
    let seconds = match seconds(from, to) {
        ..1 => return "less than a second".to_owned(),
        short @ ..SECONDS_UNTIL => short,
        _ => between(from, to, 60_000) * 60,
    };
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
            ("2026-01-10T14:02:00Z", "2026-01-10T14:07:00Z", "14:02:00 to 14:07:00"),
        ] {
            assert_eq!(formatter.span(t(from), t(to)), told);
        }
    }

    #[test]
    fn a_duration_has_its_two_largest_units() {
        for (millis, told) in [
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
            (316_224_000_000, "3660 days"),
            (316_224_000_001, "more than ten years"),
        ] {
            let from = t("2026-01-10T14:02:00Z");
            assert_eq!(length(from, from + Millis::new(millis)), told);
        }
        assert_eq!(length(t("2026-01-10T14:02:00Z"), t("2026-01-10T14:01:00Z")), "less than a second");
    }

    /// PHP Server Monitor told "down for 1 minute 1 second" between mails of 12:41:07 and 12:44:06:
    /// <https://github.com/phpservermon/phpservermon/issues/994>. Here a reader subtracts, and gets what is told.
    #[test]
    fn a_length_is_the_difference_of_the_times_beside_it() {
        let formatter = TimeFormatter::new("UTC", t("2026-01-10T18:00:00Z"));
        for (from, to, span, told) in [
            ("10:00:00.900", "10:00:19.100", "10:00:00 to 10:00:19", "19 seconds"),
            ("10:00:00.100", "10:00:19.900", "10:00:00 to 10:00:19", "19 seconds"),
            ("10:00:00.100", "10:00:00.900", "10:00:00 to 10:00:00", "less than a second"),
            ("10:00:00.900", "10:00:01.100", "10:00:00 to 10:00:01", "1 second"),
            ("12:41:07.000", "12:44:06.000", "12:41:07 to 12:44:06", "2 minutes 59 seconds"),
            ("14:02:59.000", "14:04:01.000", "14:02:59 to 14:04:01", "1 minute 2 seconds"),
            ("14:02:59.999", "14:12:59.000", "14:02 to 14:12", "10 minutes"),
            ("14:02:59.000", "14:12:58.999", "14:02:59 to 14:12:58", "9 minutes 59 seconds"),
            ("14:02:59.000", "14:31:01.000", "14:02 to 14:31", "29 minutes"),
            ("14:02:01.000", "14:31:59.000", "14:02 to 14:31", "29 minutes"),
            ("14:02:59.000", "16:07:01.000", "14:02 to 16:07", "2 hours 5 minutes"),
        ] {
            let (from, to) = (t(&format!("2026-01-10T{from}Z")), t(&format!("2026-01-10T{to}Z")));
            let shown = if formatter.span(from, to) == span { length(from, to) } else { formatter.span(from, to) };
            assert_eq!(shown, told, "{span}");
        }
    }

    #[test]
    fn a_span_over_a_change_of_clocks_names_the_zones() {
        let formatter = TimeFormatter::new("Europe/London", t("2026-03-29T09:00:00Z"));
        let (from, to) = (t("2026-03-29T00:50:00Z"), t("2026-03-29T01:10:00Z"));
        assert_eq!(formatter.span(from, to), "00:50 GMT to 02:10 BST");
        assert_eq!(length(from, to), "20 minutes");
        assert_eq!((formatter.time(from), formatter.time(to)), ("00:50 GMT".to_owned(), "02:10".to_owned()));
        assert_eq!(formatter.stamp(from), "29 Mar 00:50");
    }

    #[test]
    fn the_ends_of_the_calendar_are_told_as_such() {
        for zone in ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Africa/Monrovia"] {
            let formatter = TimeFormatter::new(zone, t("2026-01-10T18:00:00Z"));
            for (at, told) in [("1969-07-20T20:17:00Z", "1970 or before"), ("9999-12-30T22:00:00Z", "9999 or later")] {
                assert_eq!(formatter.time(t(at)), told);
                assert_eq!(formatter.time_with_seconds(t(at)), told);
                assert_eq!(formatter.stamp(t(at)), told);
            }
            assert_eq!(formatter.span(Time::MIN, Time::MAX), "1970 or before to 9999 or later");
        }
        let formatter = TimeFormatter::new("UTC", t("2026-01-10T18:00:00Z"));
        assert_eq!(formatter.span(Time::MIN, t("2026-01-10T14:31:00Z")), "1970 or before to 14:31");
        assert_eq!(formatter.time(t("1970-01-01T00:03:00Z")), "00:03 on 1 Jan 1970");
        assert_eq!(length(Time::MIN, t("2026-01-10T14:31:00Z")), "more than ten years");
    }

    #[test]
    fn two_times_of_one_minute_are_told_apart() {
        let formatter = TimeFormatter::new("UTC", t("2026-01-10T18:00:00Z"));
        let pair = |one: &str, other: &str| formatter.pair(t(one), t(other));
        assert_eq!(
            pair("2026-01-10T14:02:05Z", "2026-01-10T14:02:40Z"),
            ("14:02:05".to_owned(), "14:02:40".to_owned())
        );
        assert_eq!(pair("2026-01-10T14:02:05Z", "2026-01-10T14:03:00Z"), ("14:02".to_owned(), "14:03".to_owned()));
    }

    #[test]
    fn a_subject_is_one_line() {
        assert_eq!(one_line("Power\r\nBcc: x@example.com \u{7}", 99), "Power Bcc: x@example.com");
        assert_eq!(one_line("ééééé", 4), "ééé…");
        assert_eq!(title("battery-low"), "Battery low");
        assert_eq!(title(""), "");
    }
}
