//! The time, worked out from samples of the machine's clocks. Pure, so that years pass in a test.

use std::time::Duration;

use dag_engine::{ClockShift, Id, Millis, Time};

use super::{
    correction::ClockCorrection,
    known_boot::{EarlierShift, KnownBoot, join_boots, shifts_of_boots_ahead},
    machine::{ClockSample, Timesync},
};

/// The smallest jump of the system's clock that counts as setting it, in milliseconds. Less is drift: a time server
/// corrects it by slewing.
const JUMP: i64 = 2_000;

/// The earliest time that can be right: 2026-01-01, before this program was written.
const EARLIEST: Time = Time::from_millis(1_767_225_600_000);

/// Why the time is uncertain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockUncertainty {
    /// The system's clock shows a time before this program was written.
    TooEarly,
    /// The system's clock shows a time that has passed already, by what was noted. One of both is wrong.
    Behind,
    /// The system waits for a time server.
    Unsynchronized,
    /// The last answer of a time server is later than the system's clock.
    SetBack,
}

impl ClockUncertainty {
    /// Returns the reason in words.
    pub const fn describe(self) -> &'static str {
        match self {
            ClockUncertainty::TooEarly => "the system's clock is before 2026: it was not set",
            ClockUncertainty::Behind => {
                "the system's clock is before the last time noted, and no time server is known to have set it"
            }
            ClockUncertainty::Unsynchronized => "no time server has answered since the machine was started",
            ClockUncertainty::SetBack => "the system's clock was set back behind the last answer of a time server",
        }
    }
}

/// The start of a daemon, as the clock needs it.
#[derive(Clone, Debug, Default)]
pub(super) struct DaemonStart {
    /// Its number.
    pub number: u64,
    /// The id of the machine's boot.
    pub boot_id: Option<Id>,
    /// The boots of which there are notes, oldest first.
    pub boots: Vec<KnownBoot>,
    /// The last time ever noted.
    pub last: Option<Time>,
}

/// The last answer of a time server, as it was seen.
#[derive(Clone, Copy, Debug)]
struct ServerAnswer {
    at: Time,
    /// When the machine was started, by the clock that the server has set. `None` where the system's clock was seen
    /// before `at`: it was set back since, and nobody knows which of both is right. So the answer vouches for nothing,
    /// also once that clock has passed it.
    system_began: Option<i64>,
}

/// The time since the clock started, and what is known of the system's clock.
#[derive(Clone, Debug)]
pub(super) struct Reckoning {
    number: u64,
    boot_id: Option<Id>,
    /// When this boot began: at the daemon's first start in it.
    began: Time,
    /// The time for which the machine had been running then.
    since: Duration,
    /// When this daemon was started.
    started: Time,
    /// The earliest time of the system's clock that can be right, unless a time server has set it.
    floor: Time,
    /// When the machine was started, by the system's clock as it was set last. It changes only when that clock is set.
    system_began: i64,
    /// The system's clock can be right.
    credible: bool,
    timesync: Timesync,
    answer: Option<ServerAnswer>,
    /// The boots before this one, oldest first.
    earlier: Vec<KnownBoot>,
}

impl Reckoning {
    pub fn start(sample: ClockSample, start: DaemonStart) -> Reckoning {
        let DaemonStart { number, boot_id, boots: mut earlier, last } = start;
        let after_last = last.map(|last| last + Millis::new(1));
        let resumed = earlier.last().and_then(|newest| resume(newest, boot_id, sample.running, after_last));
        let mut floor = last;
        if let Some((began, since)) = resumed {
            earlier.pop();
            // Where the system's clock is the one of this boot, what was noted by it says nothing about it.
            let now = began + millis(sample.running.saturating_sub(since));
            if now.as_millis().abs_diff(sample.system.as_millis()) <= JUMP.unsigned_abs() {
                floor = earlier.last().map(|boot| boot.last);
            }
        } else if let (Some(newest), Some(last)) = (earlier.last_mut(), last) {
            newest.last = newest.last.max(last);
        }
        let anew = after_last.filter(|after_last| sample.system < *after_last).unwrap_or(sample.system);
        let (began, since) = resumed.unwrap_or((anew, sample.running));
        let mut reckoning = Reckoning {
            number,
            boot_id,
            began,
            since,
            started: began + millis(sample.running.saturating_sub(since)),
            floor: floor.unwrap_or(EARLIEST).max(EARLIEST),
            system_began: system_began(sample),
            credible: false,
            timesync: sample.timesync,
            answer: None,
            earlier,
        };
        reckoning.note_answer(sample);
        reckoning.credible = reckoning.may_be_right(sample);
        reckoning
    }

    /// Returns the time at which the machine has been `running` for this long.
    pub fn at(&self, running: Duration) -> Time {
        self.began + millis(running.saturating_sub(self.since))
    }

    pub fn started(&self) -> Time {
        self.started
    }

    /// Returns the boots to be stored, this one last.
    pub fn boots(&self, running: Duration) -> Vec<KnownBoot> {
        let running_ms = u64::try_from(self.since.as_millis()).unwrap_or(u64::MAX);
        let (began, last) = (Some(self.began), self.at(running));
        let mut boots = self.earlier.clone();
        boots.push(KnownBoot { number: self.number, began, last, id: self.boot_id, running_ms });
        join_boots(&mut boots);
        boots
    }

    pub fn uncertainty(&self) -> Option<ClockUncertainty> {
        match (self.credible, self.timesync) {
            (false, _) if self.floor == EARLIEST => Some(ClockUncertainty::TooEarly),
            (false, _) => Some(ClockUncertainty::Behind),
            (true, Timesync::Waits) => Some(ClockUncertainty::Unsynchronized),
            (true, Timesync::Answered(_)) if self.answer.is_some_and(|answer| answer.system_began.is_none()) => {
                Some(ClockUncertainty::SetBack)
            }
            (true, _) => None,
        }
    }

    /// Follows the system's clock if it was set to a time that can be right. A clock that only ticks on may be as
    /// wrong as before, unless a time server has set it.
    ///
    /// A time server is believed more than what was noted. So earlier boots whose clocks were ahead move as well.
    pub fn look(&mut self, sample: ClockSample) -> Option<ClockCorrection> {
        self.timesync = sample.timesync;
        self.note_answer(sample);
        let was_set = system_began(sample).abs_diff(self.system_began) > JUMP.unsigned_abs();
        if was_set {
            self.system_began = system_began(sample);
        }
        if was_set || self.is_set_by_server(sample) {
            self.credible = self.may_be_right(sample);
        }
        let total_ms = sample.system.as_millis() - self.at(sample.running).as_millis();
        if !self.credible || total_ms.abs() <= JUMP {
            return None;
        }
        let start = self.began.moved(total_ms);
        let mut earlier = Vec::new();
        if self.is_set_by_server(sample) {
            earlier = shifts_of_boots_ahead(&self.earlier, start, JUMP);
            self.floor = self.floor.min(start).max(EARLIEST);
        }
        if !earlier.is_empty() {
            // The time server has decided about them all.
            self.earlier.clear();
        }
        let before_ms = shift_by_earlier(self.began, &earlier);
        let own = ClockShift { began: self.began.moved(before_ms), shift_ms: total_ms - before_ms };
        (self.began, self.started) = (start, self.started.moved(total_ms));
        Some(ClockCorrection { earlier, own, boots: self.boots(sample.running) })
    }

    /// Notes when the machine was started, by the clock that a time server has just set.
    fn note_answer(&mut self, sample: ClockSample) {
        let Timesync::Answered(at) = sample.timesync else { return };
        if at > sample.system + Millis::new(JUMP) {
            self.answer = Some(ServerAnswer { at, system_began: None });
        } else if self.answer.is_none_or(|answer| answer.at != at) {
            self.answer = Some(ServerAnswer { at, system_began: Some(system_began(sample)) });
        }
    }

    /// Returns whether the system's clock is the one that a time server has set: nobody has set it since.
    fn is_set_by_server(&self, sample: ClockSample) -> bool {
        let began = self.answer.and_then(|answer| answer.system_began);
        began.is_some_and(|began| began.abs_diff(system_began(sample)) <= JUMP.unsigned_abs())
    }

    /// The last recorded time may be by a clock that was ahead by less than a jump.
    fn may_be_right(&self, sample: ClockSample) -> bool {
        let floor = if self.is_set_by_server(sample) { EARLIEST } else { self.floor };
        sample.system + Millis::new(JUMP) >= floor
    }
}

/// Returns when the boot began in which the machine still is, and for how long it had been running then. `None` where
/// the machine was started anew since.
fn resume(
    newest: &KnownBoot,
    boot_id: Option<Id>,
    running: Duration,
    after_last: Option<Time>,
) -> Option<(Time, Duration)> {
    let began = newest.began.filter(|_| newest.id.is_some() && newest.id == boot_id)?;
    let since = Duration::from_millis(newest.running_ms);
    let now = began + millis(running.checked_sub(since)?);
    // Time never goes back behind what was noted.
    after_last.is_none_or(|after_last| now >= after_last).then_some((began, since))
}

/// Returns by how much the shifts of earlier boots move this one, which began at `began`.
fn shift_by_earlier(began: Time, earlier: &[EarlierShift]) -> i64 {
    let moved = earlier.iter().fold(began, |at, earlier| earlier.shift.apply(at));
    moved.as_millis() - began.as_millis()
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
        start(sample("2026-03-01T12:00:00Z", 0, Timesync::Unknown), last)
    }

    /// The start of boot 7, of which `last` was noted before.
    fn start(sample: ClockSample, last: Option<&str>) -> Reckoning {
        Reckoning::start(sample, DaemonStart { number: 7, last: last.map(time), ..DaemonStart::default() })
    }

    fn answered(at: &str) -> Timesync {
        Timesync::Answered(time(at))
    }

    fn boot(number: u64, began: &str, last: &str) -> KnownBoot {
        KnownBoot { number, began: Some(time(began)), last: time(last), id: None, running_ms: 0 }
    }

    /// Returns the shift of a correction that concerns this boot alone.
    fn own(set: Option<ClockCorrection>) -> Option<ClockShift> {
        set.map(|set| {
            assert_eq!(set.earlier, []);
            set.own
        })
    }

    #[test]
    fn a_clock_that_only_drifts_is_not_set() {
        let mut clock = noon(None);
        for (system, running) in
            [("2026-03-01T12:00:10Z", 10), ("2026-03-01T12:10:01.9Z", 600), ("2026-03-01T12:19:58.1Z", 1_200)]
        {
            assert_eq!(own(clock.look(sample(system, running, Timesync::Unknown))), None, "{system}");
            assert_eq!(clock.uncertainty(), None);
        }
        assert_eq!(clock.at(Duration::from_secs(3_600)), time("2026-03-01T13:00:00Z"));
    }

    #[test]
    fn a_clock_that_is_set_in_either_direction_is_followed() {
        for (system, shift_ms) in [("2026-03-01T15:00:10Z", 10_800_000), ("2026-03-01T09:00:10Z", -10_800_000)] {
            let mut clock = noon(None);
            let set = own(clock.look(sample(system, 10, Timesync::Unknown)));
            assert_eq!(set, Some(ClockShift { began: time("2026-03-01T12:00:00Z"), shift_ms }));
            assert_eq!(clock.at(Duration::from_secs(10)), time(system));
            assert_eq!(clock.started(), time(system) - Millis::new(10_000));
            assert_eq!(clock.look(sample(system, 10, Timesync::Unknown)), None, "once");
        }
    }

    #[test]
    fn an_old_clock_at_boot_goes_on_after_the_last_recorded_time() {
        let last = "2026-03-01T11:00:00Z";
        let mut clock = start(sample("2026-03-01T10:17:01Z", 0, Timesync::Unknown), Some(last));
        assert_eq!(clock.at(Duration::ZERO), time("2026-03-01T11:00:00.001Z"));
        assert_eq!(clock.uncertainty(), Some(ClockUncertainty::Behind));
        // An hour later it passes the last recorded time: it is as wrong as before.
        assert_eq!(clock.look(sample("2026-03-01T11:17:01Z", 3_600, Timesync::Unknown)), None);
        assert_eq!(
            (clock.uncertainty(), clock.at(Duration::from_secs(3_600))),
            (Some(ClockUncertainty::Behind), time("2026-03-01T12:00:00.001Z"))
        );
        // Then it is set.
        let set = own(clock.look(sample("2026-03-04T08:00:00Z", 3_660, Timesync::Unknown))).unwrap();
        assert_eq!(set.began, time("2026-03-01T11:00:00.001Z"));
        assert_eq!((clock.uncertainty(), clock.at(Duration::from_secs(3_660))), (None, time("2026-03-04T08:00:00Z")));
    }

    #[test]
    fn a_machine_without_a_clock_moves_by_decades_when_it_is_set() {
        let mut clock = start(sample("1970-01-01T00:00:05Z", 0, Timesync::Unknown), None);
        assert_eq!(
            (clock.at(Duration::ZERO), clock.uncertainty()),
            (time("1970-01-01T00:00:05Z"), Some(ClockUncertainty::TooEarly))
        );
        let set = own(clock.look(sample("2026-03-01T12:00:00Z", 5, answered("2026-03-01T12:00:00Z")))).unwrap();
        assert_eq!(set.began, time("1970-01-01T00:00:05Z"));
        assert_eq!((clock.started(), clock.uncertainty()), (time("2026-03-01T11:59:55Z"), None));
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
        let mut clock = start(sample("2026-03-01T12:00:00Z", 0, Timesync::Waits), None);
        assert_eq!(clock.uncertainty(), Some(ClockUncertainty::Unsynchronized));
        assert_eq!(
            clock.look(sample("2026-03-01T12:00:30Z", 30, answered("2026-03-01T12:00:29Z"))),
            None,
            "it was right"
        );
        assert_eq!(clock.uncertainty(), None);
    }

    #[test]
    fn a_time_server_is_believed_more_than_what_was_noted() {
        // The last time noted was half an hour ahead.
        let now = sample("2026-03-01T12:00:00Z", 60, answered("2026-03-01T11:59:30Z"));
        let mut clock = start(now, Some("2026-03-01T12:30:00Z"));
        assert_eq!(clock.at(now.running), time("2026-03-01T12:30:00.001Z"));
        let set = own(clock.look(now)).unwrap();
        assert_eq!((set.shift_ms, clock.uncertainty()), (-1_800_001, None));
        assert_eq!(clock.at(now.running), time("2026-03-01T12:00:00Z"));
    }

    #[test]
    fn a_clock_that_somebody_sets_after_the_answer_is_not_the_servers() {
        let mut clock = start(sample("2026-03-01T12:00:00Z", 0, Timesync::Waits), Some("2026-03-01T11:00:00Z"));
        let answer = answered("2026-03-01T12:00:10Z");
        assert_eq!(clock.look(sample("2026-03-01T12:00:20Z", 20, answer)), None);
        // Somebody sets it to 2020, with the answer still there.
        assert_eq!(clock.look(sample("2020-01-01T00:00:00Z", 30, answer)), None);
        assert_eq!(clock.uncertainty(), Some(ClockUncertainty::Behind));
        assert_eq!(clock.look(sample("2020-01-01T01:00:00Z", 3_630, answer)), None, "it is no better an hour later");
        // The server sets it right again.
        let again = answered("2026-03-01T13:00:40Z");
        assert_eq!(clock.look(sample("2026-03-01T13:00:40Z", 3_640, again)), None);
        assert_eq!(clock.uncertainty(), None);
    }

    #[test]
    fn an_answer_that_is_later_than_the_clock_vouches_for_nothing_also_once_the_clock_has_passed_it() {
        // The clock was set back by hand after the answer; and the answer itself was wrong.
        for at in ["2026-03-02T08:00:00Z", "2080-03-01T12:00:00Z"] {
            let last = Some("2026-03-02T09:00:00Z");
            let mut clock = start(sample("2026-02-20T12:00:00Z", 7_200, answered(at)), last);
            assert_eq!(clock.look(sample("2026-02-20T12:00:10Z", 7_210, answered(at))), None, "{at}");
            assert_eq!(
                (clock.at(Duration::from_secs(7_210)), clock.uncertainty()),
                (time("2026-03-02T09:00:10.001Z"), Some(ClockUncertainty::Behind)),
                "{at}"
            );
            let days = 7_200 + 12 * 86_400;
            assert_eq!(clock.look(sample("2026-03-04T12:00:00Z", days, answered(at))), None, "{at}");
            assert_eq!(clock.uncertainty(), Some(ClockUncertainty::Behind), "{at}");
            // The next answer sets it right.
            let next = answered("2026-03-14T12:00:19Z");
            assert!(clock.look(sample("2026-03-14T12:00:20Z", days + 20, next)).is_some(), "{at}");
            assert_eq!(clock.uncertainty(), None, "{at}");

            // Of a clock of which nothing was noted it is not known either.
            let clock = start(sample("2026-02-20T12:00:00Z", 7_200, answered(at)), None);
            assert_eq!(clock.uncertainty(), Some(ClockUncertainty::SetBack), "{at}");
        }
        let within = start(sample("2026-03-01T12:00:00Z", 60, answered("2026-03-01T12:00:02Z")), None);
        assert_eq!(within.uncertainty(), None, "that is drift");
    }

    #[test]
    fn a_bad_answer_of_a_time_server_is_taken_back_with_the_next_one() {
        let mut clock = noon(None);
        let ahead = own(clock.look(sample("2080-03-01T12:00:10Z", 10, answered("2080-03-01T12:00:09Z")))).unwrap();
        let back = own(clock.look(sample("2026-03-01T12:00:20Z", 20, answered("2026-03-01T12:00:19Z")))).unwrap();
        assert_eq!(back.shift_ms, -ahead.shift_ms);
        assert_eq!(clock.started(), time("2026-03-01T12:00:00Z"));
    }

    /// Boot 1 was right, and boots 2 and 3 were in 2066.
    fn boots_in_2066() -> Vec<KnownBoot> {
        vec![
            boot(1, "2026-03-01T08:00:00Z", "2026-03-01T11:00:00Z"),
            boot(2, "2066-07-01T12:00:00Z", "2066-07-01T15:00:00Z"),
            boot(3, "2066-07-01T15:00:00.001Z", "2066-07-01T15:30:00Z"),
        ]
    }

    #[test]
    fn a_time_server_that_answers_hours_after_the_start_moves_the_boots_that_were_ahead() {
        let began = sample("2026-03-02T08:00:00Z", 60, Timesync::Waits);
        let last = boots_in_2066().last().map(|boot| boot.last);
        let begun = DaemonStart { number: 4, boots: boots_in_2066(), last, boot_id: None };
        let mut clock = Reckoning::start(began, begun);
        assert_eq!(clock.at(began.running), time("2066-07-01T15:30:00.001Z"));
        assert_eq!(clock.uncertainty(), Some(ClockUncertainty::Behind));
        // Three hours later.
        assert_eq!(clock.look(sample("2026-03-02T10:59:00Z", 10_800, Timesync::Waits)), None);
        let now = sample("2026-03-02T11:30:00Z", 10_860, answered("2026-03-02T11:29:59Z"));
        let set = clock.look(now).unwrap();
        assert_eq!(set.earlier.iter().map(|earlier| earlier.boot).collect::<Vec<_>>(), [2, 3]);
        let placed = |at: &str| set.apply(time(at)).to_string();
        assert_eq!(placed("2026-03-01T11:00:00Z"), "2026-03-01T11:00:00Z", "boot 1 was right");
        assert_eq!(placed("2066-07-01T12:00:00Z"), "2026-03-02T05:00:00.001Z");
        assert_eq!(placed("2066-07-01T15:00:00Z"), "2026-03-02T08:00:00.001Z");
        assert_eq!(placed("2066-07-01T15:30:00Z"), "2026-03-02T08:30:00Z");
        assert_eq!(placed("2066-07-01T15:30:00.001Z"), "2026-03-02T08:30:00Z", "where this boot began");
        assert_eq!(clock.at(now.running), now.system);
        assert_eq!(set.boots.iter().map(|boot| boot.number).collect::<Vec<_>>(), [4]);
        assert_eq!(set.boots[0].began, Some(time("2026-03-02T08:30:00Z")));
        // Afterwards the owner may set the clock, as ever.
        let by_hand = own(clock.look(sample("2026-03-02T12:00:00Z", 10_860, now.timesync))).unwrap();
        assert_eq!(by_hand.shift_ms, 1_800_000);
    }

    #[test]
    fn without_a_time_server_nothing_goes_back() {
        let now = sample("2026-03-02T08:00:00Z", 60, Timesync::Unknown);
        let last = boots_in_2066().last().map(|boot| boot.last);
        let begun = DaemonStart { number: 4, boots: boots_in_2066(), last, boot_id: None };
        let mut clock = Reckoning::start(now, begun);
        for (system, running) in [("2026-03-02T08:10:00Z", 660), ("2026-03-05T09:00:00Z", 960)] {
            assert_eq!(clock.look(sample(system, running, Timesync::Unknown)), None, "{system}");
        }
        assert_eq!(clock.at(Duration::from_secs(960)), time("2066-07-01T15:45:00.001Z"));
        assert_eq!(clock.uncertainty(), Some(ClockUncertainty::Behind));
    }

    #[test]
    fn a_clock_that_somebody_sets_moves_no_earlier_boot() {
        let boots = vec![boot(1, "2026-03-01T08:00:00Z", "2026-03-01T11:00:00Z")];
        let begun = DaemonStart { number: 2, last: boots.last().map(|boot| boot.last), boots, boot_id: None };
        // Five hours after the start it is set to a time by which the boot would have begun before the last one ended.
        let mut clock = Reckoning::start(sample("1970-01-01T00:00:00Z", 0, Timesync::Unknown), begun);
        let set = own(clock.look(sample("2026-03-01T12:00:00Z", 18_000, Timesync::Unknown))).unwrap();
        assert_eq!(set.began, time("2026-03-01T11:00:00.001Z"));
    }

    #[test]
    fn a_daemon_that_is_started_again_goes_on_with_the_clock_of_this_boot_of_the_machine() {
        let id = Id::parse(&"ab".repeat(16));
        let first = DaemonStart { number: 1, boot_id: id, ..DaemonStart::default() };
        let mut clock = Reckoning::start(sample("2066-07-01T12:00:00Z", 100, Timesync::Unknown), first);
        let boots = clock.boots(Duration::from_secs(3_700));
        assert_eq!(clock.look(sample("2066-07-01T13:00:00Z", 3_700, Timesync::Unknown)), None);

        // It was down for a minute, and a time server answers an hour later.
        let last = boots.last().map(|boot| boot.last);
        let again = |id: Option<Id>| DaemonStart { number: 2, boot_id: id, boots: boots.clone(), last };
        let mut clock = Reckoning::start(sample("2066-07-01T13:01:00Z", 3_760, Timesync::Unknown), again(id));
        let set = clock.look(sample("2026-03-01T14:01:00Z", 7_360, answered("2026-03-01T14:00:59Z")));
        let set = own(set).unwrap();
        assert_eq!((set.began, clock.started()), (time("2066-07-01T12:00:00Z"), time("2026-03-01T13:01:00Z")));
        assert_eq!(set.apply(time("2066-07-01T12:30:00Z")), time("2026-03-01T12:30:00Z"));

        // Had the machine been started anew, the end of the boot before would be an estimate.
        let other = Id::parse(&"cd".repeat(16));
        let mut clock = Reckoning::start(sample("2066-07-01T13:01:00Z", 60, Timesync::Unknown), again(other));
        let set = clock.look(sample("2026-03-01T14:01:00Z", 3_660, answered("2026-03-01T14:00:59Z"))).unwrap();
        assert_eq!(set.apply(time("2066-07-01T13:00:00Z")), time("2026-03-01T13:01:00Z"));
        assert_eq!((set.earlier.len(), set.apply(time("2066-07-01T13:01:00Z"))), (1, time("2026-03-01T13:01:00Z")));
    }

    #[test]
    fn a_clock_that_was_behind_at_boot_still_is_when_the_daemon_starts_again() {
        let id = Id::parse(&"ab".repeat(16));
        let right = boot(1, "2026-03-01T08:00:00Z", "2026-03-01T11:00:00Z");
        let begun = DaemonStart { number: 2, boot_id: id, last: Some(right.last), boots: vec![right] };
        let clock = Reckoning::start(sample("2026-03-01T10:17:00Z", 0, Timesync::Unknown), begun);
        // An hour later the system's clock has passed the end of boot 1. It is as wrong as before.
        let boots = clock.boots(Duration::from_secs(3_600));
        let last = boots.last().map(|boot| boot.last);
        let begun = DaemonStart { number: 3, boot_id: id, boots, last };
        let now = sample("2026-03-01T11:17:30Z", 3_630, Timesync::Unknown);
        let mut clock = Reckoning::start(now, begun);
        assert_eq!(clock.look(now), None);
        let noon = time("2026-03-01T12:00:30.001Z");
        assert_eq!((clock.at(now.running), clock.uncertainty()), (noon, Some(ClockUncertainty::Behind)));
        // Once it is set, what was noted before the restart moves as well.
        let set = own(clock.look(sample("2026-03-04T08:00:00Z", 3_660, Timesync::Unknown))).unwrap();
        assert_eq!((set.began, clock.uncertainty()), (time("2026-03-01T11:00:00.001Z"), None));
    }

    #[test]
    fn a_restart_within_the_drift_leaves_the_time_certain() {
        let clock = noon(Some("2026-03-01T12:00:01.5Z"));
        assert_eq!((clock.at(Duration::ZERO), clock.uncertainty()), (time("2026-03-01T12:00:01.501Z"), None));
    }
}
