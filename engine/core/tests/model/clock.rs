//! A clock that is set: every time recorded since its boot began moves.

use std::collections::BTreeSet;

use dag_engine::{GivenAs, Input, Outcome, Time};
use jiff::tz::TimeZone;

use crate::{
    episodes::{Cause, Phase},
    model::Model,
    reasons, wall_clock,
};

/// A correction of times: those at or after `began` move by `millis`, and none stays after `last`.
#[derive(Clone, Copy)]
struct Shift {
    began: Time,
    millis: i64,
    last: Time,
    /// Times that move are uncertain then, else certain.
    estimated: bool,
}

impl Shift {
    fn concerns(self, time: Time) -> bool {
        time >= self.began
    }

    /// Returns whether this time is uncertain from now on, which it was or not.
    fn uncertain(self, time: Time, was: bool) -> bool {
        if self.concerns(time) { self.estimated } else { was }
    }

    /// Returns by how many milliseconds this time moves.
    fn by(self, time: Time) -> i64 {
        let mut moved = time;
        self.time(&mut moved);
        moved.as_millis() - time.as_millis()
    }

    fn time(self, time: &mut Time) {
        if self.concerns(*time) {
            *time = time.moved(self.millis);
        }
        if *time > self.last {
            *time = self.last;
        }
    }

    fn times<'a>(self, times: impl IntoIterator<Item = &'a mut Time>) {
        times.into_iter().for_each(|time| self.time(time));
    }
}

impl Model {
    pub fn set_clock(&mut self, boot: u64, began: Time, shift_ms: i64, estimated: bool, now: Time) {
        let last = if self.now >= began { self.now.moved(shift_ms) } else { self.now };
        let shift = Shift { began, millis: shift_ms, last, estimated };
        self.uncertain &= estimated;
        self.move_facts(shift);
        self.move_reports(shift, boot);
        self.move_episodes(shift);
        self.move_messages(shift);
        self.move_requests(shift);
        shift.time(&mut self.now);
        let moved = self.now;
        self.now = moved.max(now);
        self.ask_all_or_later(moved, Cause::Time);
        self.decide(self.now, None, None, &Outcome::ClockSet { boot, shift_ms, estimated });
    }

    fn move_facts(&mut self, shift: Shift) {
        for fact in self.facts.values_mut() {
            let mut last = Time::MIN;
            for (at, _) in &mut fact.values {
                shift.time(at);
                *at = last.max(*at);
                last = *at;
            }
        }
        shift.times(&mut self.last_at);
    }

    fn move_reports(&mut self, shift: Shift, boot: u64) {
        for source in self.sources.values_mut() {
            shift.times(source.read.values_mut());
        }
        for waiting in &mut self.waiting_reports {
            shift.time(&mut waiting.came);
            if waiting.report.boot == boot {
                waiting.report.uncertain &= shift.estimated;
                shift.times(waiting.report.readings.iter_mut().map(|reading| &mut reading.at));
            }
        }
        shift.times(&mut self.incomplete_since);
    }

    fn move_episodes(&mut self, shift: Shift) {
        for state in self.rule_states.values_mut() {
            shift.times(&mut state.edge);
            shift.times(&mut state.ended);
            // The next moment was found by another clock. It is found again when the condition is asked.
            state.asked = None;
            if let Phase::Pending(wait) | Phase::Closing(wait, _) = &mut state.phase {
                wait.uncertain = shift.uncertain(wait.since, wait.uncertain);
                wait.due = wait.due.moved(shift.by(wait.since));
                shift.time(&mut wait.since);
                shift.times(&mut wait.reported);
            }
        }
    }

    fn move_messages(&mut self, shift: Shift) {
        for incident in &mut self.incidents {
            incident.since_uncertain = shift.uncertain(incident.since, incident.since_uncertain);
            if let Some(ended) = incident.ended {
                incident.ended_uncertain = shift.uncertain(ended, incident.ended_uncertain);
            }
            incident.opened_at = incident.opened_at.moved(shift.by(incident.since)).min(shift.last);
            shift.time(&mut incident.since);
            shift.times(&mut incident.alerted_at);
            shift.times(&mut incident.ended);
            shift.times(&mut incident.since_reported);
            shift.times(&mut incident.ended_reported);
            incident.since = incident.ended.map_or(incident.since, |ended| incident.since.min(ended));
            if let Some(given) = &mut incident.acknowledgement {
                shift.time(&mut given.at);
                shift.times(&mut given.lapsed);
            }
            shift.times(incident.fired_steps.iter_mut().flat_map(|fired| [&mut fired.at, &mut fired.last]));
            for channel in &mut incident.channels {
                shift.times(&mut channel.failing);
                shift.times(&mut channel.last);
                shift.times(channel.firings.iter_mut().map(|(at, _)| at));
            }
        }
        shift.times(self.troubles.values_mut().map(|trouble| &mut trouble.since));
        shift.times(self.trouble_sent_at.values_mut());
    }

    /// Moves snoozes and silences by how they were given.
    fn move_requests(&mut self, shift: Shift) {
        let zone = self.zone();
        for snooze in self.incidents.iter_mut().filter_map(|incident| incident.snooze.as_mut()) {
            let before = snooze.made;
            shift.time(&mut snooze.made);
            snooze.until = moved(snooze.until, snooze.given, (before, snooze.made), &zone, &mut self.reached);
            cut(&mut snooze.until, snooze.made, &mut self.reached);
        }
        for made in &mut self.silences {
            let (silence, before) = (&mut made.silence, made.made);
            let began = silence.from.max(before);
            shift.time(&mut made.made);
            silence.from = moved(silence.from, silence.from_given, (before, made.made), &zone, &mut self.reached);
            let begins = silence.from.max(made.made);
            silence.until = moved(silence.until, silence.until_given, (began, begins), &zone, &mut self.reached);
            cut(&mut silence.until, begins, &mut self.reached);
        }
    }
}

/// Lets nothing end later than ten years after what its end counts from.
fn cut(until: &mut Time, from: Time, reached: &mut BTreeSet<&'static str>) {
    if *until > from + Input::LONGEST_HOLD {
        *until = from + Input::LONGEST_HOLD;
        reached.insert(reasons::CUT);
    }
}

/// Returns when a moment is that was given so, and counts from a time that moved.
fn moved(
    moment: Time,
    given: GivenAs,
    (before, after): (Time, Time),
    zone: &TimeZone,
    reached: &mut BTreeSet<&'static str>,
) -> Time {
    match given {
        GivenAs::Length => moment.moved(after.as_millis() - before.as_millis()),
        GivenAs::TimeOfDay(clock) if before != after => {
            reached.insert(reasons::LATER_TIME_OF_DAY);
            wall_clock::next_such(zone, clock.into(), after)
        }
        GivenAs::TimeOfDay(_) | GivenAs::Date => moment,
    }
}
