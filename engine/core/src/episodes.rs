//! Facts to incidents: the table of a rule's life, worked at the times when things happened.

use std::collections::BTreeSet;

use crate::{
    EndedBy, Id, Millis, Name, Outcome, Reading, Refusal, Report, Time,
    engine::Step,
    rules::Rule,
    script::Hook,
    state::{Cursor, Incident, Phase, Standing},
};

/// A report may not hold more readings than this.
pub(crate) const LONGEST_REPORT: usize = 10_000;

/// How often conditions are asked again by time alone within one step: some ten years of a span that begins and ends
/// every day. Beyond that they are asked at the step's end only.
const MOST_EDGES: u32 = 8_192;

/// What a deadline does, in the order in which those of one moment fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Deadline {
    Resolve,
    Open,
    Reevaluate,
}

impl Standing {
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
    /// Applies the readings of a report that are new, each at its own time.
    pub(crate) fn report(&mut self, report: Report) {
        if report.readings.len() > LONGEST_REPORT {
            return self.refuse(Refusal::TooManyReadings, report.source);
        }
        let cursor = self.state.sources.get(&report.source).copied().unwrap_or(Cursor { boot: report.boot, last: 0 });
        if report.boot < cursor.boot {
            return self.refuse(Refusal::OlderBoot, report.source);
        }
        let last = if report.boot == cursor.boot { cursor.last } else { 0 };
        // Readings that were applied before are resent on purpose and decide nothing.
        let seen = usize::try_from(last.saturating_add(1).saturating_sub(report.first)).unwrap_or(usize::MAX);
        let count = u64::try_from(report.readings.len()).unwrap_or(u64::MAX);
        // A report without readings says nothing about which were applied.
        let reached = if count == 0 { last } else { last.max(report.first.saturating_add(count - 1)) };
        for reading in report.readings.into_iter().skip(seen) {
            self.reading(reading);
        }
        let cursor = Cursor { boot: report.boot, last: reached };
        match self.state.sources.get_mut(&report.source) {
            Some(known) => *known = cursor,
            None => drop(self.state.sources.insert(report.source, cursor)),
        }
    }

    fn reading(&mut self, reading: Reading) {
        let Some(kind) = self.rules.fact(&reading.fact) else {
            return self.refuse(Refusal::UnknownFact, reading.fact);
        };
        if reading.value.is_some_and(|value| !kind.holds(value)) {
            return self.refuse(Refusal::WrongValue, reading.fact);
        }
        let before = self.state.facts.get(&reading.fact).map(|fact| fact.at);
        let at = reading.at.min(self.now).max(before.unwrap_or(reading.at.min(self.now)));
        self.pass_deadlines(at);
        self.state.facts.set(&reading.fact, reading.value, at);
        // Only these can answer differently: what changes by time alone has a deadline of its own.
        for at_position in self.rules.readers.get(&reading.fact).into_iter().flatten() {
            if let Some(rule) = self.rules.rules.get(*at_position) {
                self.evaluate(rule, at);
            }
        }
    }

    /// Fires every deadline up to and including `until`, in order of time.
    pub(crate) fn pass_deadlines(&mut self, until: Time) {
        let mut asked_again = 0;
        let due = self.state.rules.iter().filter_map(|(name, standing)| {
            let (at, deadline) = standing.deadline().filter(|(at, _)| *at <= until)?;
            // A standing without its rule has no deadline: `rules_changed` put it to rest.
            Some((at, deadline, *self.rules.positions.get(name)?))
        });
        let mut due: BTreeSet<(Time, Deadline, usize)> = due.collect();
        while let Some((at, deadline, position)) = due.pop_first() {
            let Some(rule) = self.rules.rules.get(position) else { continue };
            match deadline {
                // Behind a clock that jumped by decades lie more edges of the wall clock than are worth asking about.
                Deadline::Reevaluate if asked_again >= MOST_EDGES => self.evaluate(rule, until),
                Deadline::Reevaluate => {
                    asked_again += 1;
                    self.evaluate(rule, at);
                }
                Deadline::Open => {
                    let phase = self.state.rules.get(&rule.name).map(|standing| standing.phase);
                    let Some(Phase::Pending { since, .. }) = phase else { continue };
                    self.open(rule, since, at);
                }
                Deadline::Resolve => {
                    let phase = self.state.rules.get(&rule.name).map(|standing| standing.phase);
                    let Some(Phase::Closing { since, .. }) = phase else { continue };
                    self.resolve(&rule.name, since, at, None);
                }
            }
            // A deadline moves its own rule only, which may have the next one already.
            let next = self.state.rules.get(&rule.name).and_then(Standing::deadline);
            due.extend(next.filter(|(at, _)| *at <= until).map(|(at, deadline)| (at, deadline, position)));
        }
    }

    pub(crate) fn evaluate_all(&mut self, at: Time) {
        for rule in &self.rules.rules {
            self.evaluate(rule, at);
        }
    }

    /// Asks the condition at `at` and moves the rule by the table.
    fn evaluate(&mut self, rule: &Rule, at: Time) {
        if !self.runs(rule) {
            if let Some(standing) = self.state.rules.get_mut(&rule.name) {
                standing.until = None;
            }
            return;
        }
        let t = self.state.rules.get(&rule.name).map_or(at, |standing| at.max(standing.edge));
        let answer = rule.when.answer(&self.state.facts, t, &self.zone);
        let standing = match self.state.rules.get_mut(&rule.name) {
            Some(standing) => standing,
            None if answer.holds == Some(true) || answer.until.is_some() => {
                self.state.rules.entry(rule.name.clone()).or_default()
            }
            None => return,
        };
        standing.until = answer.until;
        let phase = standing.phase;
        let Some(holds) = answer.holds else {
            let news = !standing.unanswered && phase != Phase::Quiet;
            standing.unanswered = phase != Phase::Quiet;
            if news {
                self.about(rule, t, Outcome::NoAnswer);
            }
            return;
        };
        standing.unanswered = false;
        match (phase, holds) {
            (Phase::Quiet, true) => {
                let wait = self.wait(rule, Hook::OpenAfter, rule.open_after, t);
                if wait == Millis::ZERO {
                    return self.open(rule, t, t);
                }
                let due = t + wait;
                self.move_to(&rule.name, Phase::Pending { since: t, due }, t);
                self.about(rule, t, Outcome::Pending { due });
            }
            (Phase::Pending { since, .. }, false) => {
                self.move_to(&rule.name, Phase::Quiet, t);
                self.about(rule, t, Outcome::Dip { since });
            }
            (Phase::Open, false) => {
                let wait = self.wait(rule, Hook::CloseAfter, rule.close_after, t);
                if wait == Millis::ZERO {
                    return self.resolve(&rule.name, t, t, None);
                }
                let due = t + wait;
                self.move_to(&rule.name, Phase::Closing { since: t, due }, t);
                self.about(rule, t, Outcome::Closing { due });
            }
            (Phase::Closing { since, .. }, true) => {
                self.move_to(&rule.name, Phase::Open, t);
                self.about(rule, t, Outcome::Reopened { clear_since: since });
            }
            _ => {}
        }
    }

    fn move_to(&mut self, rule: &Name, phase: Phase, edge: Time) {
        if let Some(standing) = self.state.rules.get_mut(rule) {
            standing.phase = phase;
            standing.edge = edge;
        }
    }

    fn open(&mut self, rule: &Rule, since: Time, opened_at: Time) {
        self.move_to(&rule.name, Phase::Open, opened_at);
        let Some(standing) = self.state.rules.get_mut(&rule.name) else { return };
        standing.count += 1;
        let number = standing.count;
        let incident = Incident::new(&self.state.device, rule, number, since, opened_at);
        self.state.incidents.push(incident);
        self.about(rule, opened_at, Outcome::Opened { since });
    }

    fn resolve(&mut self, rule: &Name, ended: Time, at: Time, by: Option<EndedBy>) {
        self.move_to(rule, Phase::Quiet, at);
        let Some(incident) = self.state.open_incident(rule) else { return };
        incident.ended = Some(ended);
        incident.ended_by = by;
        let (id, since) = (incident.id, incident.since);
        self.decide(at, Some(rule), Some(id), Outcome::Resolved { since, ended, by });
    }

    /// Carries every rule's standing over to rules that changed.
    pub(crate) fn rules_changed(&mut self, rules: Id) {
        self.decide(self.now, None, None, Outcome::RulesChanged { rules });
        let removed: Vec<Name> = self
            .state
            .rules
            .keys()
            .filter(|name| !self.rules.rule(name).is_some_and(|rule| self.runs(rule)))
            .cloned()
            .collect();
        for name in removed {
            let phase = self.state.rules.get(&name).map(|standing| standing.phase);
            match phase {
                Some(Phase::Pending { since, .. }) => {
                    self.move_to(&name, Phase::Quiet, self.now);
                    self.decide(self.now, Some(&name), None, Outcome::Dip { since });
                }
                Some(Phase::Open | Phase::Closing { .. }) => {
                    self.resolve(&name, self.now, self.now, Some(EndedBy::RuleRemoved));
                }
                _ => {}
            }
            if let Some(standing) = self.state.rules.get_mut(&name) {
                standing.until = None;
                standing.unanswered = false;
            }
        }
        for rule in &self.rules.rules {
            self.work_out_again(rule);
        }
        self.evaluate_all(self.now);
    }

    /// A deadline counts from when its phase was entered, by the new length; what is overdue happens now.
    fn work_out_again(&mut self, rule: &Rule) {
        let Some(phase) = self.state.rules.get(&rule.name).map(|standing| standing.phase) else { return };
        let phase = match phase {
            Phase::Pending { since, .. } => {
                let due = since + self.wait(rule, Hook::OpenAfter, rule.open_after, since);
                Phase::Pending { since, due: due.max(self.now) }
            }
            Phase::Closing { since, .. } => {
                let due = since + self.wait(rule, Hook::CloseAfter, rule.close_after, since);
                Phase::Closing { since, due: due.max(self.now) }
            }
            other => other,
        };
        if let Some(standing) = self.state.rules.get_mut(&rule.name) {
            standing.phase = phase;
        }
        if let Some(incident) = self.state.open_incident(&rule.name) {
            incident.severity = rule.severity;
        }
    }

    /// A decision about a rule, and its incident if it has one.
    pub(crate) fn about(&mut self, rule: &Rule, at: Time, outcome: Outcome) {
        let incident = self.state.open_incident(&rule.name).map(|incident| incident.id);
        self.decide(at, Some(&rule.name), incident, outcome);
    }
}
