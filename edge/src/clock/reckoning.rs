//! The time, worked out from samples of the machine's clocks. Pure, so that years pass in a test.

use std::time::Duration;

use dag_engine::{ClockShift, Millis, Time};

use super::machine::{ClockSample, Timesync};

/// The smallest jump of the system's clock that counts as setting it, in milliseconds. Less is drift: a time server
/// corrects it by slewing.
const JUMP: i64 = 2_000;

/// The earliest time that can be right: 2026-01-01, before this program was written.
const EARLIEST: Time = Time::from_millis(1_767_225_600_000);

/// Why the time is uncertain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockUncertainty {
    /// The system's clock shows a time that has passed already.
    Behind,
    /// The system waits for a time server.
    Unsynchronized,
}

impl ClockUncertainty {
    /// Returns the reason in words.
    pub const fn describe(self) -> &'static str {
        match self {
            ClockUncertainty::Behind => "the system's clock is behind: it was not set since the machine was started",
            ClockUncertainty::Unsynchronized => "no time server has answered since the machine was started",
        }
    }
}

/// The time since the clock started, and what is known of the system's clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reckoning {
    began: Time,
    /// The time for which the machine had been running then.
    since: Duration,
    /// The earliest time of the system's clock that can be right.
    floor: Time,
    /// When the machine was started, by the system's clock as it was set last. It changes only when that clock is set.
    system_began: i64,
    /// The system's clock can be right.
    credible: bool,
    timesync: Timesync,
}

impl Reckoning {
    pub fn start(sample: ClockSample, last: Option<Time>) -> Reckoning {
        let after_last = last.map(|last| last + Millis::new(1));
        let began = after_last.filter(|after_last| sample.system < *after_last).unwrap_or(sample.system);
        let floor = last.unwrap_or(EARLIEST).max(EARLIEST);
        let (system_began, timesync) = (system_began(sample), sample.timesync);
        let reckoning = Reckoning { began, since: sample.running, floor, system_began, credible: false, timesync };
        Reckoning { credible: reckoning.may_be_right(sample.system), ..reckoning }
    }

    /// Returns the time at which the machine has been `running` for this long.
    pub fn at(&self, running: Duration) -> Time {
        self.began + millis(running.saturating_sub(self.since))
    }

    pub fn began(&self) -> Time {
        self.began
    }

    pub fn uncertainty(&self) -> Option<ClockUncertainty> {
        match (self.credible, self.timesync) {
            (false, _) => Some(ClockUncertainty::Behind),
            (true, Timesync::Waits) => Some(ClockUncertainty::Unsynchronized),
            (true, _) => None,
        }
    }

    /// Follows the system's clock if it was set to a time that can be right. A clock that only ticks on may be as
    /// wrong as before, unless a time server has set it.
    pub fn look(&mut self, sample: ClockSample) -> Option<ClockShift> {
        self.timesync = sample.timesync;
        let was_set = system_began(sample).abs_diff(self.system_began) > JUMP.unsigned_abs();
        if was_set {
            self.system_began = system_began(sample);
        }
        if was_set || sample.timesync == Timesync::Done {
            self.credible = self.may_be_right(sample.system);
        }
        let shift_ms = sample.system.as_millis() - self.at(sample.running).as_millis();
        if !self.credible || shift_ms.abs() <= JUMP {
            return None;
        }
        let shift = ClockShift { began: self.began, shift_ms };
        self.began = shift.apply(self.began);
        Some(shift)
    }

    /// The last recorded time may be by a clock that was ahead by less than a jump.
    fn may_be_right(&self, system: Time) -> bool {
        system + Millis::new(JUMP) >= self.floor
    }
}

fn system_began(sample: ClockSample) -> i64 {
    sample.system.as_millis() - millis(sample.running).get()
}

fn millis(duration: Duration) -> Millis {
    Millis::new(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sample where the machine has been running for so many seconds.
    fn sample(system: &str, running: u64, timesync: Timesync) -> ClockSample {
        ClockSample { system: time(system), running: Duration::from_secs(running), timesync }
    }

    fn time(text: &str) -> Time {
        text.parse().unwrap()
    }

    fn noon(last: Option<&str>) -> Reckoning {
        Reckoning::start(sample("2026-03-01T12:00:00Z", 0, Timesync::Unknown), last.map(time))
    }

    #[test]
    fn a_clock_that_only_drifts_is_not_set() {
        let mut clock = noon(None);
        for (system, running) in
            [("2026-03-01T12:00:10Z", 10), ("2026-03-01T12:10:01.9Z", 600), ("2026-03-01T12:19:58.1Z", 1_200)]
        {
            assert_eq!(clock.look(sample(system, running, Timesync::Unknown)), None, "{system}");
            assert_eq!(clock.uncertainty(), None);
        }
        assert_eq!(clock.at(Duration::from_secs(3_600)), time("2026-03-01T13:00:00Z"));
    }

    #[test]
    fn a_clock_that_is_set_in_either_direction_is_followed() {
        for (system, shift_ms) in [("2026-03-01T15:00:10Z", 10_800_000), ("2026-03-01T09:00:10Z", -10_800_000)] {
            let mut clock = noon(None);
            let set = clock.look(sample(system, 10, Timesync::Unknown));
            assert_eq!(set, Some(ClockShift { began: time("2026-03-01T12:00:00Z"), shift_ms }));
            assert_eq!(clock.at(Duration::from_secs(10)), time(system));
            assert_eq!(clock.began(), time(system) - Millis::new(10_000));
            assert_eq!(clock.look(sample(system, 10, Timesync::Unknown)), None, "once");
        }
    }

    #[test]
    fn an_old_clock_at_boot_goes_on_after_the_last_recorded_time() {
        let last = "2026-03-01T11:00:00Z";
        let mut clock = Reckoning::start(sample("2026-03-01T10:17:01Z", 0, Timesync::Unknown), Some(time(last)));
        assert_eq!(clock.at(Duration::ZERO), time("2026-03-01T11:00:00.001Z"));
        assert_eq!(clock.uncertainty(), Some(ClockUncertainty::Behind));
        // An hour later it passes the last recorded time: it is as wrong as before.
        assert_eq!(clock.look(sample("2026-03-01T11:17:01Z", 3_600, Timesync::Unknown)), None);
        assert_eq!(
            (clock.uncertainty(), clock.at(Duration::from_secs(3_600))),
            (Some(ClockUncertainty::Behind), time("2026-03-01T12:00:00.001Z"))
        );
        // Then it is set.
        let set = clock.look(sample("2026-03-04T08:00:00Z", 3_660, Timesync::Unknown)).unwrap();
        assert_eq!(set.began, time("2026-03-01T11:00:00.001Z"));
        assert_eq!((clock.uncertainty(), clock.at(Duration::from_secs(3_660))), (None, time("2026-03-04T08:00:00Z")));
    }

    #[test]
    fn a_machine_without_a_clock_moves_by_decades_when_it_is_set() {
        let mut clock = Reckoning::start(sample("1970-01-01T00:00:05Z", 0, Timesync::Unknown), None);
        assert_eq!(
            (clock.at(Duration::ZERO), clock.uncertainty()),
            (time("1970-01-01T00:00:05Z"), Some(ClockUncertainty::Behind))
        );
        let set = clock.look(sample("2026-03-01T12:00:00Z", 5, Timesync::Done)).unwrap();
        assert_eq!(set.began, time("1970-01-01T00:00:05Z"));
        assert_eq!((clock.began(), clock.uncertainty()), (time("2026-03-01T11:59:55Z"), None));
    }

    #[test]
    fn a_clock_that_is_set_to_the_past_is_not_followed() {
        let mut clock = noon(Some("2026-03-01T11:59:00Z"));
        assert_eq!(clock.look(sample("2020-01-01T00:00:00Z", 10, Timesync::Unknown)), None);
        assert_eq!(
            (clock.uncertainty(), clock.at(Duration::from_secs(10))),
            (Some(ClockUncertainty::Behind), time("2026-03-01T12:00:10Z"))
        );
        // And back again: it was right all the while.
        assert_eq!(clock.look(sample("2026-03-01T12:00:20Z", 20, Timesync::Unknown)), None);
        assert_eq!(clock.uncertainty(), None);
    }

    #[test]
    fn time_is_uncertain_until_a_time_server_answers() {
        let mut clock = Reckoning::start(sample("2026-03-01T12:00:00Z", 0, Timesync::Waits), None);
        assert_eq!(clock.uncertainty(), Some(ClockUncertainty::Unsynchronized));
        assert_eq!(clock.look(sample("2026-03-01T12:00:30Z", 30, Timesync::Done)), None, "it was right");
        assert_eq!(clock.uncertainty(), None);
    }

    #[test]
    fn a_time_server_vouches_for_a_clock_that_was_behind() {
        let last = time("2026-03-01T12:30:00Z");
        let mut clock = Reckoning::start(sample("2026-03-01T12:00:00Z", 0, Timesync::Done), Some(last));
        assert_eq!(clock.uncertainty(), Some(ClockUncertainty::Behind));
        // The last recorded time was half an hour ahead; now it has passed.
        let set = clock.look(sample("2026-03-01T12:30:00Z", 1_800, Timesync::Done)).unwrap();
        assert_eq!((set.shift_ms, clock.uncertainty()), (-1_800_001, None));
    }

    #[test]
    fn a_restart_within_the_drift_leaves_the_time_certain() {
        let clock = noon(Some("2026-03-01T12:00:01.5Z"));
        assert_eq!((clock.at(Duration::ZERO), clock.uncertainty()), (time("2026-03-01T12:00:01.501Z"), None));
    }
}
