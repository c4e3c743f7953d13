//! A clock that was wrong and is set: what was recorded by it moves, and with it what counts from there.

use crate::{
    Outcome, Silence, Time,
    engine::Step,
    state::{Contact, Incident, Phase, Standing},
};

/// By how much the times of one boot move.
#[derive(Clone, Copy)]
pub(crate) struct Shift {
    began: Time,
    millis: i64,
    /// The last `now` by the right clock. Nothing that was recorded is later, by whatever clock it was.
    last: Time,
}

impl Shift {
    /// Whether a time was recorded by the clock that was wrong.
    fn concerns(self, at: Time) -> bool {
        at >= self.began
    }

    /// Where a recorded time really is, as far as is known.
    pub fn of(self, at: Time) -> Time {
        if self.concerns(at) { at.moved(self.millis).min(self.last) } else { at.min(self.last) }
    }

    fn correct(self, at: &mut Time) {
        *at = self.of(*at);
    }

    fn all<'a>(self, times: impl IntoIterator<Item = &'a mut Time>) {
        times.into_iter().for_each(|at| self.correct(at));
    }

    /// Moves a recorded time, and by as much what counts from it.
    fn with<const N: usize>(self, recorded: &mut Time, counting: [&mut Time; N]) {
        let moved = self.of(*recorded);
        let by = moved.as_millis().saturating_sub(recorded.as_millis());
        *recorded = moved;
        for at in counting {
            *at = at.moved(by);
        }
    }
}

impl Step<'_> {
    /// Moves everything that was recorded since `began`, the last `now` too, and goes on at `now` by the right clock.
    pub(crate) fn set_clock(&mut self, boot: u64, began: Time, shift_ms: i64, now: Time) {
        let state = &mut *self.state;
        let last = if state.now >= began { state.now.moved(shift_ms) } else { state.now };
        let shift = Shift { began, millis: shift_ms, last };
        state.facts.shift(shift);
        state.uncertain = false;
        shift.all(state.applied.iter_mut().chain(&mut state.incomplete_since));
        for cursor in state.sources.values_mut() {
            shift.all(cursor.read.values_mut());
        }
        for waiting in &mut state.waiting {
            shift.correct(&mut waiting.at);
            if waiting.report.boot == boot {
                waiting.report.uncertain = false;
                shift.all(waiting.report.readings.iter_mut().map(|reading| &mut reading.at));
            }
        }
        state.rules.values_mut().for_each(|standing| standing.shift(shift));
        state.incidents.iter_mut().for_each(|incident| incident.shift(shift));
        for silenced in &mut state.silences {
            let Silence { from, until, .. } = &mut silenced.silence;
            shift.with(&mut silenced.at, [from, until]);
        }
        for trouble in state.troubles.values_mut() {
            shift.correct(&mut trouble.since);
            shift.all(trouble.last_told.iter_mut().map(|(at, _)| at));
        }
        self.now = now.max(last);
        self.decide(self.now, None, None, Outcome::ClockSet { boot, shift_ms });
        // The moment of the last step is asked about again, by the right clock; then the time since passes.
        self.ask_all(last);
    }
}

impl Standing {
    fn shift(&mut self, shift: Shift) {
        shift.correct(&mut self.edge);
        // What changes by time alone is found anew when the condition is asked.
        self.until = None;
        if let Phase::Pending { since, due, uncertain } | Phase::Closing { since, due, uncertain } = &mut self.phase {
            *uncertain &= !shift.concerns(*since);
            shift.with(since, [due]);
        }
    }
}

impl Incident {
    fn shift(&mut self, shift: Shift) {
        self.since_uncertain &= !shift.concerns(self.since);
        self.ended_uncertain &= !self.ended.is_some_and(|ended| shift.concerns(ended));
        shift.all([&mut self.since, &mut self.opened_at]);
        shift.all(self.alerted_at.iter_mut().chain(&mut self.ended));
        self.since = self.ended.map_or(self.since, |ended| self.since.min(ended));
        shift.all(self.acknowledged.iter_mut().map(|acknowledged| &mut acknowledged.at));
        for fired in &mut self.fired {
            shift.all([&mut fired.at, &mut fired.last]);
        }
        if let Some(snoozed) = &mut self.snoozed {
            shift.with(&mut snoozed.at, [&mut snoozed.until]);
        }
        for told in &mut self.told {
            shift.all(&mut told.heard_at);
            if let Contact::Failing(since) = &mut told.contact {
                shift.correct(since);
            }
        }
    }
}
