//! A clock that is set: every time recorded since its boot began moves.

use dag_engine::{Outcome, Time};

use crate::{episodes::Phase, model::Model};

/// A correction of times: those at or after `began` move by `millis`, and none stays after `last`.
#[derive(Clone, Copy)]
struct Shift {
    began: Time,
    millis: i64,
    last: Time,
}

impl Shift {
    fn concerns(self, time: Time) -> bool {
        time >= self.began
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
    pub fn set_clock(&mut self, boot: u64, began: Time, shift_ms: i64, now: Time) {
        let last = if self.now >= began { self.now.moved(shift_ms) } else { self.now };
        let shift = Shift { began, millis: shift_ms, last };
        self.uncertain = false;
        self.move_facts(shift);
        self.move_reports(shift, boot);
        self.move_episodes(shift);
        self.move_messages(shift);
        shift.time(&mut self.now);
        let moved = self.now;
        self.now = moved.max(now);
        self.ask_all_or_later(moved);
        self.decide(self.now, None, None, &Outcome::ClockSet { boot, shift_ms, estimated: false });
    }

    fn move_facts(&mut self, shift: Shift) {
        for fact in self.facts.values_mut() {
            let mut last = Time::MIN;
            for change in &mut fact.changes {
                shift.time(change);
                *change = last.max(*change);
                last = *change;
            }
            shift.time(&mut fact.since);
            fact.since = fact.since.max(last);
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
                waiting.report.uncertain = false;
                shift.times(waiting.report.readings.iter_mut().map(|reading| &mut reading.at));
            }
        }
        shift.times(&mut self.incomplete_since);
    }

    fn move_episodes(&mut self, shift: Shift) {
        for state in self.rule_states.values_mut() {
            shift.time(&mut state.edge);
            // The next moment was found by another clock. It is found again when the condition is asked.
            state.asked = None;
            if let Phase::Pending(wait) | Phase::Closing(wait) = &mut state.phase {
                wait.uncertain &= !shift.concerns(wait.since);
                wait.due = wait.due.moved(shift.by(wait.since));
                shift.time(&mut wait.since);
            }
        }
    }

    fn move_messages(&mut self, shift: Shift) {
        for incident in &mut self.incidents {
            incident.since_uncertain &= !shift.concerns(incident.since);
            incident.ended_uncertain &= incident.ended.is_some_and(|ended| !shift.concerns(ended));
            shift.times([&mut incident.since, &mut incident.opened_at]);
            shift.times(&mut incident.alerted_at);
            shift.times(&mut incident.ended);
            incident.since = incident.ended.map_or(incident.since, |ended| incident.since.min(ended));
            shift.times(incident.acknowledgement.as_mut().map(|given| &mut given.at));
            shift.times(incident.fired_steps.iter_mut().flat_map(|fired| [&mut fired.at, &mut fired.last]));
            for channel in &mut incident.channels {
                shift.times(&mut channel.failing);
                shift.times(&mut channel.last);
                shift.times(channel.firings.iter_mut().map(|(at, _)| at));
            }
            if let Some(snooze) = &mut incident.snooze {
                snooze.until = snooze.until.moved(shift.by(snooze.made));
                shift.time(&mut snooze.made);
            }
        }
        for made in &mut self.silences {
            let by = shift.by(made.made);
            made.silence.from = made.silence.from.moved(by);
            made.silence.until = made.silence.until.moved(by);
            shift.time(&mut made.made);
        }
        shift.times(self.troubles.values_mut().map(|trouble| &mut trouble.since));
        shift.times(self.trouble_sent_at.values_mut());
    }
}
