//! The wall clock: times of the day, and spans of it, which quiet hours and conditions have in common.

use jiff::{Timestamp, civil, tz::TimeZone};

use crate::{Millis, Time};

/// Reads a time of the day like `22:30`; else what is wrong with it, and advice.
pub(crate) fn wall_time(text: &str) -> Result<civil::Time, (String, String)> {
    let parse = || {
        let (hour, minute) = text.split_once(':')?;
        // Numbers may have a sign, times have none.
        let two_digits = |part: &str| part.len() == 2 && !part.starts_with(['+', '-']);
        let number = |part: &str| two_digits(part).then(|| part.parse().ok()).flatten();
        civil::Time::new(number(hour)?, number(minute)?, 0, 0).ok()
    };
    let help = "write it as `07:00`, from `00:00` to `23:59`";
    parse().ok_or_else(|| (format!("`{text}` is not a time of the day"), help.to_owned()))
}

/// A half-open span of the wall clock; it may reach over midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WallSpan {
    pub from: civil::Time,
    pub to: civil::Time,
}

impl WallSpan {
    /// Returns whether the wall clock of `zone` lies in the span at `at`.
    pub fn contains(self, at: Time, zone: &TimeZone) -> bool {
        let wall = at.in_zone(zone).time();
        if self.from <= self.to { self.from <= wall && wall < self.to } else { self.from <= wall || wall < self.to }
    }

    /// Returns the next moment after `at` at which the wall clock reaches an end of the span, or jumps.
    pub fn next_edge(self, at: Time, zone: &TimeZone) -> Time {
        let wall = at.in_zone(zone).time();
        let day = Millis::new(86_400_000);
        // Exact while the offset stays as it is; where it does not, the jump itself comes first.
        let until = |edge: civil::Time| {
            let ahead = i64::from(millis_of_day(edge)) - i64::from(millis_of_day(wall));
            if ahead > 0 { Millis::new(ahead) } else { Millis::new(ahead + day.get()) }
        };
        let edge = at + until(self.from).min(until(self.to));
        let now = Timestamp::from_millisecond(at.as_millis()).unwrap_or(Timestamp::MAX);
        let jump = zone.following(now).next().map(|transition| Time::from(transition.timestamp()));
        jump.map_or(edge, |jump| if jump > at { jump.min(edge) } else { edge })
    }
}

/// Whole milliseconds: engine times have no finer part.
fn millis_of_day(wall: civil::Time) -> i32 {
    let minutes = i32::from(wall.hour()) * 60 + i32::from(wall.minute());
    (minutes * 60 + i32::from(wall.second())) * 1_000 + i32::from(wall.millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Time {
        text.parse().unwrap()
    }

    #[test]
    fn the_edges_of_a_wall_span_are_found_across_both_clock_changes() {
        let zone = crate::zone("Europe/London").unwrap();
        let night = WallSpan { from: civil::time(22, 0, 0, 0), to: civil::time(1, 30, 0, 0) };
        for (from, edges) in [
            // An ordinary night.
            ("2026-01-10T12:00:00Z", ["2026-01-10T22:00:00Z", "2026-01-11T01:30:00Z"]),
            // 29 March 2026: 01:00 becomes 02:00, so 01:30 never comes: the span ends at the jump.
            ("2026-03-28T22:30:00Z", ["2026-03-29T01:00:00Z", "2026-03-29T21:00:00Z"]),
        ] {
            let mut now = at(from);
            let mut inside = night.contains(now, &zone);
            let mut found = Vec::new();
            while found.len() < edges.len() {
                now = night.next_edge(now, &zone);
                if night.contains(now, &zone) != inside {
                    inside = !inside;
                    found.push(now);
                }
            }
            assert_eq!(found, edges.map(at));
        }
        // 25 October 2026: 02:00 becomes 01:00, so the span holds in both passes of 01:00 to 01:30.
        let edges = ["2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z"];
        let inside = edges.map(|edge| night.contains(at(edge), &zone));
        assert_eq!(inside, [false, true, false]);
    }

    #[test]
    fn an_edge_always_lies_ahead() {
        let zone = crate::zone("Australia/Lord_Howe").unwrap();
        let span = WallSpan { from: civil::time(2, 0, 0, 0), to: civil::time(2, 15, 0, 0) };
        let mut now = at("2026-04-04T00:00:00Z");
        for _ in 0..2_000 {
            let next = span.next_edge(now, &zone);
            assert!(next > now);
            now = next;
        }
    }
}
