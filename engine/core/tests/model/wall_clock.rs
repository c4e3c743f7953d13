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
    let today = t.in_zone(zone).date();
    let mut moments = Vec::new();
    for day in -1..=2 {
        let date = today.checked_add(day.days()).ok()?;
        for clock in clocks {
            let wall = date.to_datetime(clock.time());
            // An hour that is passed over has no such moment, one that is repeated has two.
            let offsets = match zone.to_ambiguous_timestamp(wall).offset() {
                AmbiguousOffset::Unambiguous { offset } => vec![offset],
                AmbiguousOffset::Fold { before, after } => vec![before, after],
                AmbiguousOffset::Gap { .. } => vec![],
            };
            moments.extend(offsets.into_iter().filter_map(|offset| offset.to_timestamp(wall).ok()).map(Time::from));
        }
    }
    let timestamp = Timestamp::from_millisecond(t.as_millis()).ok()?;
    moments.extend(zone.following(timestamp).next().map(|transition| Time::from(transition.timestamp())));
    moments.into_iter().filter(|moment| *moment > t).min()
}
