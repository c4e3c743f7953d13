//! Wall clocks, computed with jiff day by day.

use std::fmt;

use dag_engine::Time;
use jiff::{
    Timestamp, ToSpan,
    civil::{Time as CivilTime, time},
    tz::{AmbiguousOffset, TimeZone},
};

/// A time of the day, to the minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay {
    pub hour: i8,
    pub minute: i8,
}

impl TimeOfDay {
    fn time(self) -> CivilTime {
        time(self.hour, self.minute, 0, 0)
    }
}

impl From<dag_engine::TimeOfDay> for TimeOfDay {
    fn from(time: dag_engine::TimeOfDay) -> Self {
        let text = time.to_string();
        let (hour, minute) = text.split_once(':').unwrap();
        TimeOfDay { hour: hour.parse().unwrap(), minute: minute.parse().unwrap() }
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.hour, self.minute)
    }
}

/// Returns whether `from <= wall clock < to` at `t`, over midnight if `from > to`.
pub fn within(zone: &TimeZone, from: TimeOfDay, to: TimeOfDay, t: Time) -> bool {
    let wall = t.in_zone(zone).time();
    let (from, to) = (from.time(), to.time());
    if from < to { from <= wall && wall < to } else { wall < to || from <= wall }
}

/// The first moment after `t` at which the wall clock comes to one of `clocks`, or is put forward or back.
pub fn next(zone: &TimeZone, clocks: &[TimeOfDay], t: Time) -> Option<Time> {
    let mut moments = Vec::new();
    for clock in clocks {
        // An hour that is passed over has no such moment.
        moments.extend(around(zone, *clock, t).filter(|(_, is_passed_over)| !is_passed_over).map(|(moment, _)| moment));
    }
    let timestamp = Timestamp::from_millisecond(t.as_millis()).ok()?;
    moments.extend(zone.following(timestamp).next().map(|transition| Time::from(transition.timestamp())));
    moments.into_iter().filter(|moment| *moment > t).min()
}

/// The first moment after `t` at which the wall clock shows `clock`, or would if clocks were not just put forward.
pub fn next_such(zone: &TimeZone, clock: TimeOfDay, t: Time) -> Time {
    around(zone, clock, t).map(|(moment, _)| moment).filter(|moment| *moment > t).min().unwrap_or(Time::MAX)
}

/// The moments of the days around `t` at which the wall clock shows `clock`, and whether it is passed over there.
fn around(zone: &TimeZone, clock: TimeOfDay, t: Time) -> impl Iterator<Item = (Time, bool)> {
    let today = t.in_zone(zone).date();
    let days = (-1..=2).filter_map(move |day| today.checked_add(day.days()).ok());
    days.flat_map(move |day| {
        let wall = day.to_datetime(clock.time());
        let (offsets, is_passed_over) = match zone.to_ambiguous_timestamp(wall).offset() {
            AmbiguousOffset::Unambiguous { offset } => (vec![offset], false),
            // An hour that is repeated has two.
            AmbiguousOffset::Fold { before, after } => (vec![before, after], false),
            AmbiguousOffset::Gap { before, .. } => (vec![before], true),
        };
        let moments = offsets.into_iter().filter_map(move |offset| offset.to_timestamp(wall).ok());
        moments.map(move |moment| (Time::from(moment), is_passed_over)).collect::<Vec<_>>()
    })
}
