//! Facts to incidents: the table of a rule's life, applied at the times when things happened.

use std::collections::BTreeSet;

use crate::{
    EndedBy, Millis, Name, Outcome, Time, Value,
    asked::Asked,
    rules::Rule,
    script::Hook,
    state::{Incident, Phase, RuleState},
    step::Step,
};

/// The most times that conditions are asked again by time alone within one step: some ten years of a span that begins
/// and ends every day. Beyond that they are asked at the step's end only.
const MOST_EDGES: u32 = 8_192;

/// The longest time after which it is not late to know that a condition turned: reports wait as long for missing ones.
const LATE: Millis = Millis::new(60_000);

/// The longest time by which an end is put back: thirty days, so that few moments have to be looked at.
const LONGEST_BACK: Millis = Millis::new(30 * 86_400_000);

/// The effect of a deadline, in the order in which those of one moment fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Deadline {
    Resolve,
    Open,
    Reevaluate,
}

impl RuleState {
    /// The rule's own next deadline.
    pub fn deadline(&self) -> Option<(Time, Deadline)> {
        let phase = match self.phase {
            Phase::Pending { due, .. } if !self.unanswered => Some((due, Deadline::Open)),
            Phase::Closing { due, .. } if !self.unanswered => Some((due, Deadline::Resolve)),
            _ => None,
        };
        let until = self.until.map(|until| (until, Deadline::Reevaluate));
        phase.into_iter().chain(until).min()
    }

    pub fn next_deadline(&self) -> Option<Time> {
        self.deadline().map(|(at, _)| at)
    }
}

impl Step<'_> {
    /// Sets a fact at `at` and moves the rules that read it.
    pub(crate) fn set_fact(&mut self, name: &Name, value: Option<Value>, at: Time) {
        let known = self.state.facts.set(name, value, at);
        let asked = if known && value.is_none() { Asked::Lost } else { Asked::Reading };
        // Only these can answer differently: what changes by time alone has a deadline of its own.
        for position in self.rules.readers.get(name).into_iter().flatten() {
            if let Some(rule) = self.rules.rules.get(*position) {
                self.evaluate(rule, at, asked);
            }
        }
        if known != value.is_some() {
            self.sensor(name, known, at);
        }
    }

    /// Fires every deadline up to the horizon.
    pub(crate) fn fire_to_horizon(&mut self) {
        if let Some(horizon) = self.horizon() {
            self.fire_deadlines(horizon);
        }
    }

    /// Fires every deadline up to and including `until`, in order of time.
    pub(crate) fn fire_deadlines(&mut self, until: Time) {
        let mut asked_again = 0;
        let due = self.state.rules.iter().filter_map(|(name, rule_state)| {
            let (at, deadline) = rule_state.deadline().filter(|(at, _)| *at <= until)?;
            // The state of a rule that is gone has no deadline: `rules_changed` put it to rest.
            Some((at, deadline, *self.rules.positions.get(name)?))
        });
        let mut due: BTreeSet<(Time, Deadline, usize)> = due.collect();
        while let Some((at, deadline, position)) = due.pop_first() {
            let Some(rule) = self.rules.rules.get(position) else { continue };
            match deadline {
                // Behind a clock that jumped by decades lie more edges of the wall clock than are worth asking about.
                Deadline::Reevaluate if asked_again >= MOST_EDGES => self.evaluate(rule, until, Asked::Time),
                Deadline::Reevaluate => {
                    asked_again += 1;
                    self.evaluate(rule, at, Asked::Time);
                }
                Deadline::Open => {
                    let phase = self.state.rules.get(&rule.name).map(|rule_state| rule_state.phase);
                    let Some(Phase::Pending { since, uncertain, reported, .. }) = phase else { continue };
                    self.open(rule, since, at, uncertain, reported);
                }
                Deadline::Resolve => {
                    let phase = self.state.rules.get(&rule.name).map(|rule_state| rule_state.phase);
                    let Some(Phase::Closing { since, uncertain, .. }) = phase else { continue };
                    self.resolve(&rule.name, since, at, uncertain);
                }
            }
            // A deadline moves its own rule only, which may have the next one already.
            let next = self.state.rules.get(&rule.name).and_then(RuleState::deadline);
            due.extend(next.filter(|(at, _)| *at <= until).map(|(at, deadline)| (at, deadline, position)));
        }
    }

    pub(crate) fn evaluate_all(&mut self, at: Time, asked: Asked) {
        for rule in &self.rules.rules {
            self.evaluate(rule, at, asked);
        }
    }

    /// Asks the condition at `at` and moves the rule by the table.
    fn evaluate(&mut self, rule: &Rule, at: Time, asked: Asked) {
        if !self.runs(rule) {
            if let Some(rule_state) = self.state.rules.get_mut(&rule.name) {
                rule_state.until = None;
            }
            return;
        }
        let t = self.not_before_edge(rule, at, asked);
        let answer = rule.when.answer(&self.state.facts, t, &self.zone);
        let rule_state = match self.state.rules.get_mut(&rule.name) {
            Some(rule_state) => rule_state,
            None if answer.holds == Some(true) || answer.until.is_some() => {
                self.state.rules.entry(rule.name.clone()).or_default()
            }
            None => return,
        };
        rule_state.until = answer.until;
        let phase = rule_state.phase;
        let Some(holds) = answer.holds else {
            let news = !rule_state.unanswered && phase != Phase::Quiet;
            rule_state.unanswered = phase != Phase::Quiet;
            if news {
                if phase == Phase::Open {
                    self.interrupt(rule);
                }
                self.about(rule, t, Outcome::NoAnswer);
            }
            return;
        };
        rule_state.unanswered = false;
        let uncertain = self.state.uncertain;
        match (phase, holds) {
            (Phase::Quiet, true) => {
                let last_ended = rule_state.ended.unwrap_or(Time::MIN);
                let since = rule.when.true_since(&self.state.facts, t, &self.zone).max(last_ended);
                let reported = self.known_late(t, asked);
                let wait = self.wait(rule, Hook::OpenAfter, rule.open_after, since);
                let due = since + wait;
                self.move_to(&rule.name, Phase::Pending { since, due, uncertain, reported }, since);
                if wait == Millis::ZERO {
                    return self.open(rule, since, since, uncertain, reported);
                }
                self.about(rule, since, Outcome::Pending { due });
            }
            (Phase::Pending { since, .. }, false) => {
                self.move_to(&rule.name, Phase::Quiet, t);
                self.about(rule, t, Outcome::Dip { since });
            }
            (Phase::Open, false) => self.close(rule, t, asked),
            (Phase::Closing { since, .. }, true) => {
                self.move_to(&rule.name, Phase::Open, t);
                self.interrupt(rule);
                if let Some(incident) = self.state.open_incident(&rule.name) {
                    (incident.ended_by, incident.ended_reported) = (None, None);
                    incident.facts_at_end.clear();
                }
                self.about(rule, t, Outcome::Reopened { clear_since: since });
            }
            _ => {}
        }
    }

    /// The condition of an open incident became false at `t`.
    fn close(&mut self, rule: &Rule, t: Time, asked: Asked) {
        self.note_end(rule, t, asked);
        let uncertain = self.state.uncertain;
        // Had it been known in time, no incident had opened: it is over as a dip is.
        let is_dip = self.state.open_incident(&rule.name).is_some_and(|incident| t < incident.opened_at);
        let wait = if is_dip { Millis::ZERO } else { self.wait(rule, Hook::CloseAfter, rule.close_after, t) };
        let due = t + wait;
        self.move_to(&rule.name, Phase::Closing { since: t, due, uncertain }, t);
        if wait == Millis::ZERO {
            return self.resolve(&rule.name, t, t, uncertain);
        }
        self.about(rule, t, Outcome::Closing { due });
    }

    /// Returns when a condition is asked that is to be asked at `at`. An end is put back first that something else than a
    /// reading is about to bring, where a late reading shows that the condition was false before.
    fn not_before_edge(&mut self, rule: &Rule, at: Time, asked: Asked) -> Time {
        let Some(rule_state) = self.state.rules.get(&rule.name) else { return at };
        let edge = rule_state.edge;
        let Phase::Closing { since: closing, .. } = rule_state.phase else { return at.max(edge) };
        if asked != Asked::Reading || closing <= at {
            return at.max(edge);
        }
        let Some(incident) = self.state.open_incident(&rule.name) else { return edge };
        let from = at.max(incident.since);
        if incident.ended_by.is_some()
            && from < closing
            && closing.since(from) <= LONGEST_BACK
            && rule.when.is_false_between(&self.state.facts, from, closing, &self.zone)
        {
            self.close(rule, from, Asked::Reading);
            return from;
        }
        edge
    }

    /// Notes what made the condition of an open incident false at `t`, and what it read then.
    fn note_end(&mut self, rule: &Rule, t: Time, asked: Asked) {
        let facts = &self.state.facts;
        let ended_by = match asked {
            Asked::Lost => Some(EndedBy::LostSensor),
            Asked::Edit => Some(EndedBy::Edit),
            Asked::Time if rule.when.reads_a_change_at(facts, t) => None,
            Asked::Time => rule.when.was_moved_by_clock(facts, t, &self.zone).then_some(EndedBy::Clock),
            Asked::Reading => None,
        };
        let facts_at_end = rule.when.values_at(facts, t);
        let ended_reported = self.known_late(t, asked);
        if let Some(incident) = self.state.open_incident(&rule.name) {
            (incident.ended_by, incident.facts_at_end, incident.ended_reported) =
                (ended_by, facts_at_end, ended_reported);
        }
    }

    /// Notes that the condition of an open incident did not hold all the time, as far as it was seen.
    fn interrupt(&mut self, rule: &Rule) {
        if let Some(incident) = self.state.open_incident(&rule.name) {
            incident.interrupted = true;
        }
    }

    /// Returns when it became known that a condition turned at `t`, if that was late.
    fn known_late(&self, t: Time, asked: Asked) -> Option<Time> {
        (asked != Asked::Edit && t + LATE < self.now).then_some(self.now)
    }

    /// Puts a rule into a phase. `edge` is when its condition turned.
    pub(crate) fn move_to(&mut self, rule: &Name, phase: Phase, edge: Time) {
        if let Some(rule_state) = self.state.rules.get_mut(rule) {
            rule_state.phase = phase;
            rule_state.edge = edge;
        }
    }

    /// Puts a rule into a phase that it enters though its condition does not turn.
    fn enter(&mut self, rule: &Name, phase: Phase) {
        if let Some(rule_state) = self.state.rules.get_mut(rule) {
            rule_state.phase = phase;
        }
    }

    fn open(&mut self, rule: &Rule, since: Time, opened_at: Time, uncertain: bool, reported: Option<Time>) {
        self.enter(&rule.name, Phase::Open);
        let Some(rule_state) = self.state.rules.get_mut(&rule.name) else { return };
        rule_state.count += 1;
        let number = rule_state.count;
        let mut incident = Incident::new(&self.state.device, &rule.name, rule.severity, number, since, opened_at);
        incident.condition = Some(rule.when.id);
        (incident.since_uncertain, incident.since_reported) = (uncertain, reported);
        incident.begun_before = rule.when.true_since(&self.state.facts, since, &self.zone) < since;
        self.state.incidents.push(incident);
        self.about(rule, opened_at, Outcome::Opened { since });
    }

    fn resolve(&mut self, rule: &Name, ended: Time, at: Time, uncertain: bool) {
        self.enter(rule, Phase::Quiet);
        if let Some(rule_state) = self.state.rules.get_mut(rule) {
            rule_state.ended = Some(ended);
        }
        let Some(incident) = self.state.open_incident(rule) else { return };
        incident.ended = Some(ended);
        // Clocks that were set may have moved its end before its beginning.
        incident.since = incident.since.min(ended);
        incident.ended_uncertain = uncertain;
        let (id, since, by) = (incident.id, incident.since, incident.ended_by);
        self.decide(at, Some(rule), Some(id), Outcome::Resolved { since, ended, by });
    }

    /// Ends what is under way of a rule that is gone.
    pub(crate) fn put_to_rest(&mut self, rule: &Name) {
        match self.state.rules.get(rule).map(|rule_state| rule_state.phase) {
            Some(Phase::Pending { since, .. }) => {
                self.enter(rule, Phase::Quiet);
                self.decide(self.now, Some(rule), None, Outcome::Dip { since });
            }
            Some(Phase::Open | Phase::Closing { .. }) => {
                if let Some(incident) = self.state.open_incident(rule) {
                    (incident.ended_by, incident.ended_reported) = (Some(EndedBy::RuleRemoved), None);
                    incident.facts_at_end.clear();
                }
                self.resolve(rule, self.now, self.now, self.state.uncertain);
            }
            _ => {}
        }
    }

    /// A decision about a rule, and its incident if it has one.
    pub(crate) fn about(&mut self, rule: &Rule, at: Time, outcome: Outcome) {
        let phase = self.state.rules.get(&rule.name).map(|rule_state| rule_state.phase);
        let has_one = matches!(phase, Some(Phase::Open | Phase::Closing { .. }));
        let incident = if has_one { self.state.open_incident(&rule.name).map(|incident| incident.id) } else { None };
        self.decide(at, Some(&rule.name), incident, outcome);
    }
}
