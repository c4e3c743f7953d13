//! A clock that was wrong and is set: by how much the times move that were recorded by it.

use crate::Time;

/// The times that a clock recorded while it was wrong, and by how much they move once it is set.
///
/// Every time recorded at or after `began` moves by `shift_ms`. Times before are of another boot and stay:
///
/// ```
/// use dag_engine::{ClockShift, Time};
///
/// let shift = ClockShift { began: Time::from_millis(10_000), shift_ms: 3_000 };
/// assert_eq!(shift.apply(Time::from_millis(9_999)), Time::from_millis(9_999));
/// assert_eq!(shift.apply(Time::from_millis(10_000)), Time::from_millis(13_000));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockShift {
    /// When the boot in which the clock was wrong began, by the wrong clock.
    pub began: Time,
    /// The shift in milliseconds: real time less the clock's. Negative where the clock ran ahead.
    pub shift_ms: i64,
}

impl ClockShift {
    /// Returns whether a time was recorded by the wrong clock.
    pub fn concerns(self, at: Time) -> bool {
        at >= self.began
    }

    /// Returns a recorded time as the right clock would have given it. Sums stop at the calendar's ends.
    pub fn apply(self, at: Time) -> Time {
        if self.concerns(at) { at.moved(self.shift_ms) } else { at }
    }
}

/// A [`ClockShift`] over what the engine remembers: nothing of it stays later than the moved last `now`, whatever clock
/// recorded it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecordShift {
    clock: ClockShift,
    /// The shift is an estimate: what moves is uncertain.
    estimated: bool,
    /// The last `now` by the right clock.
    latest: Time,
}

impl RecordShift {
    /// The shift of what was recorded until `last_now`, which is by the wrong clock.
    pub fn new(clock: ClockShift, estimated: bool, last_now: Time) -> Self {
        RecordShift { clock, estimated, latest: clock.apply(last_now) }
    }

    /// The last `now` by the right clock.
    pub fn latest(self) -> Time {
        self.latest
    }

    /// Returns whether a recorded time is uncertain from now on. It was before, if `uncertain`.
    pub fn is_uncertain(self, at: Time, uncertain: bool) -> bool {
        if self.clock.concerns(at) { self.estimated } else { uncertain }
    }

    /// Returns whether what is reported from now on is by a clock that is right.
    pub fn sets_the_clock(self) -> bool {
        !self.estimated
    }

    /// Returns a recorded time as the right clock would have given it.
    pub fn apply(self, at: Time) -> Time {
        self.clock.apply(at).min(self.latest)
    }

    /// Moves recorded times.
    pub fn move_all<'a>(self, times: impl IntoIterator<Item = &'a mut Time>) {
        times.into_iter().for_each(|at| *at = self.apply(*at));
    }

    /// Moves a recorded time, and by as much the times that count from it.
    pub fn move_with<const N: usize>(self, recorded: &mut Time, counting: [&mut Time; N]) {
        let before = recorded.as_millis();
        *recorded = self.apply(*recorded);
        let by = recorded.as_millis().saturating_sub(before);
        for at in counting {
            *at = at.moved(by);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(millis: i64) -> Time {
        Time::from_millis(millis)
    }

    #[test]
    fn a_shift_stops_at_the_ends_of_the_calendar() {
        let ahead = ClockShift { began: t(10), shift_ms: i64::MAX };
        let back = ClockShift { began: t(10), shift_ms: i64::MIN };
        assert_eq!([ahead.apply(t(10)), back.apply(t(10))], [Time::MAX, Time::MIN]);
    }

    #[test]
    fn nothing_recorded_stays_later_than_the_moved_last_now() {
        let shift = RecordShift::new(ClockShift { began: t(100), shift_ms: -50 }, false, t(200));
        assert_eq!(shift.latest(), t(150));
        let (mut since, mut due) = (t(300), t(360));
        shift.move_with(&mut since, [&mut due]);
        assert_eq!((since, due), (t(150), t(210)));
    }
}
