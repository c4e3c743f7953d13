//! One step: an input and a time in, decisions out.

use jiff::tz::TimeZone;

use crate::{
    Decision, Incident, Input, Kind, Name, Outcome, Refusal, Ruleset, State, Time,
    messages::Firing,
    rules::{Reachable, Rule, RunOn},
};

/// Which rules a host runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runs {
    /// All of them: what tests and simulations do.
    Everything,
    /// Those of a device that decides by itself: `run_on` is `edge` or `anywhere`.
    Standalone,
}

/// Compiled rules, ready to decide. It holds no state of any device.
#[derive(Debug)]
pub struct Engine {
    rules: Ruleset,
    runs: Runs,
}

impl Engine {
    /// An engine that runs every rule.
    pub fn new(rules: Ruleset) -> Self {
        Engine { rules, runs: Runs::Everything }
    }

    /// The same engine, running the rules of one kind of host.
    pub fn running(self, runs: Runs) -> Self {
        Engine { runs, ..self }
    }

    /// The rules.
    pub fn rules(&self) -> &Ruleset {
        &self.rules
    }

    /// Takes one input over at `now` and returns what was decided, in order.
    ///
    /// Nothing is read but the arguments. `now` never falls: an earlier one counts as the last. The host makes the
    /// new state and the decisions durable in one transaction before it sends or acknowledges anything.
    pub fn step(&self, state: &mut State, input: Input, now: Time) -> Vec<Decision> {
        let now = now.max(state.now);
        state.now = now;
        let mut step = self.begin(state, now);
        step.take(input);
        step.out
    }

    fn begin<'a>(&'a self, state: &'a mut State, now: Time) -> Step<'a> {
        let zone = self.rules.zone(&state.device);
        Step { rules: &self.rules, runs: self.runs, state, now, zone, out: Vec::new() }
    }

    /// The messages of one kind to `channels`, as if an incident were there.
    pub(crate) fn sample(
        &self,
        state: &mut State,
        now: Time,
        rule: &Rule,
        incident: &mut Incident,
        kind: Kind,
        channels: Vec<Reachable>,
    ) -> Vec<Decision> {
        let mut step = self.begin(state, now);
        step.tell(Some(rule), incident, kind, Firing { step: 0, repeat: 0 }, channels);
        step.out
    }
}

/// One step while it runs. `episodes.rs` turns facts into incidents, `messages.rs` incidents into messages.
pub(crate) struct Step<'a> {
    pub rules: &'a Ruleset,
    pub runs: Runs,
    pub state: &'a mut State,
    pub now: Time,
    pub zone: TimeZone,
    pub out: Vec<Decision>,
}

impl Step<'_> {
    fn take(&mut self, input: Input) {
        let rules = self.rules.hash();
        let last = self.state.rules_hash.replace(rules);
        if last.is_some_and(|last| last != rules) {
            self.rules_changed(rules);
        }
        match input {
            Input::Report(report) => self.report(report),
            Input::Account(device) => {
                if self.state.device != device {
                    self.pass_deadlines(self.now);
                    self.state.device = device;
                    self.zone = self.rules.zone(&self.state.device);
                    self.evaluate_all(self.now);
                }
            }
            Input::Acknowledge { incident, by } => {
                self.pass_deadlines(self.now);
                self.acknowledge(incident, by);
            }
            Input::Attempted(message) | Input::Delivered(message) => self.attempted(message.notification),
            // A failed attempt may have reached somebody all the same: the lease told of it before.
            Input::Failed { message, last: _ } => self.attempted(message.notification),
            Input::Snooze { .. } | Input::Silence(_) | Input::Trouble { .. } | Input::ClockSet { .. } => {}
            // Other rules are noticed by their hash at any step, so that no host can forget to say so.
            Input::RulesChanged | Input::Elapsed => {}
        }
        self.pass_deadlines(self.now);
        if last.is_none() {
            // To a new device every rule is new, those too that no reading of its first input made anyone ask.
            self.evaluate_all(self.now);
        }
        self.messages();
        self.state.deadline = self.next_deadline();
    }

    /// Whether this host runs a rule.
    pub fn runs(&self, rule: &Rule) -> bool {
        match self.runs {
            Runs::Everything => true,
            Runs::Standalone => rule.run_on != RunOn::Cloud,
        }
    }

    pub fn decide(&mut self, at: Time, rule: Option<&Name>, incident: Option<crate::Id>, outcome: Outcome) {
        self.out.push(Decision { at, rule: rule.cloned(), incident, outcome });
    }

    pub fn refuse(&mut self, reason: Refusal, subject: impl Into<String>) {
        self.decide(self.now, None, None, Outcome::Refused { reason, subject: subject.into() });
    }

    /// The first moment after now at which time alone changes something.
    fn next_deadline(&self) -> Option<Time> {
        let episodes = self.state.rules.values().filter_map(|standing| standing.next_deadline());
        let messages = self.state.incidents.iter().filter_map(|incident| self.next_message(incident));
        // Only at the very end of the calendar is one not after now: there, time no longer passes.
        episodes.chain(messages).filter(|at| *at > self.now).min()
    }
}
