//! One step: an input and a time in, decisions out.

use jiff::tz::TimeZone;

use crate::{
    Cause, ClockShift, Decision, Device, Incident, Input, Kind, Name, Outcome, Refusal, Ruleset, State, Time,
    messages::Firing,
    rules::{Reachable, Rule, RunOn},
    state::Phase,
};

/// Which rules a host runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runs {
    /// All of them: what tests and simulations do.
    Everything,
    /// Those of a device that decides by itself: `run_on` is `edge` or `anywhere`.
    Standalone,
    /// Those of a device that reports to the cloud: `run_on` is `edge`.
    Device,
    /// Those of the cloud: `run_on` is `cloud` or `anywhere`.
    Cloud,
}

impl Runs {
    /// Whether such a host runs a rule that says `run_on`.
    pub(crate) fn takes(self, run_on: RunOn) -> bool {
        match self {
            Runs::Everything => true,
            Runs::Standalone => run_on != RunOn::Cloud,
            Runs::Device => run_on == RunOn::Edge,
            Runs::Cloud => run_on != RunOn::Edge,
        }
    }
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
    /// Nothing is read but the arguments. `now` never falls: an earlier one counts as the last, except behind
    /// [`Input::ClockSet`]. The host makes the new state and the decisions durable in one transaction before it sends or
    /// acknowledges anything.
    pub fn step(&self, state: &mut State, input: Input, now: Time) -> Vec<Decision> {
        // Until the clock is set it stands where it stood.
        let until_then = if matches!(input, Input::ClockSet { .. }) { state.now } else { now.max(state.now) };
        let mut step = self.begin(state, until_then);
        step.take(input, now);
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
        let Some(escalation) = self.rules.escalation(rule) else { return Vec::new() };
        let mut step = self.begin(state, now);
        step.tell(Some(rule), incident, kind, &Firing::first(escalation), channels);
        step.out
    }

    /// The messages to the operators about `cause`, as if it were there.
    pub(crate) fn sample_trouble(&self, state: &mut State, now: Time, cause: Cause) -> Vec<Decision> {
        let mut step = self.begin(state, now);
        step.trouble(cause, now);
        step.troubles();
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

impl<'r> Step<'r> {
    fn take(&mut self, input: Input, now: Time) {
        let rules = self.rules.hash();
        match self.state.rules_hash.replace(rules) {
            None => self.state.ask_all = true,
            // Other rules are noticed by their hash at any step, so that no host can forget to say so.
            Some(last) if last != rules || self.has_strays() => self.rules_changed(rules),
            Some(_) => {}
        }
        match input {
            Input::Report(report) => self.report(report),
            Input::Account(device) => self.account(device),
            Input::Acknowledge { incident, by } => self.acknowledge(incident, by),
            Input::Snooze { incident, until, by } => self.snooze(incident, until, by),
            Input::Silence(silence) => self.silence(silence),
            Input::Attempted(message) => drop(self.attempted(&message)),
            Input::Delivered(message) => self.delivered(&message),
            Input::Failed { message, last } => self.failed(&message, last),
            Input::Trouble { about, text } => self.host_trouble(about, text),
            Input::ClockSet { boot, began, shift_ms } => {
                self.set_clock(boot, ClockShift { began, shift_ms }, now);
            }
            Input::RulesChanged | Input::Elapsed => {}
        }
        self.state.now = self.now;
        self.give_up_missing();
        self.note_missing();
        self.pass_to_horizon();
        if self.state.ask_all && !self.is_incomplete() {
            self.state.ask_all = false;
            self.evaluate_all(self.now);
            self.pass_to_horizon();
        }
        self.forget_silences();
        if self.is_incomplete() {
            self.make_room_for_readings();
        } else {
            self.messages();
        }
        self.state.deadline = self.next_deadline();
    }

    fn account(&mut self, device: Device) {
        if self.state.device != device {
            self.pass_to_horizon();
            self.state.device = device;
            self.zone = self.rules.zone(&self.state.device);
            self.ask_all(self.now);
        }
    }

    /// Asks every condition at `at`; of a device whose reports are missing at the time of the last reading that is there.
    pub fn ask_all(&mut self, at: Time) {
        match self.state.applied {
            _ if !self.is_incomplete() => self.evaluate_all(at),
            Some(applied) => self.evaluate_all(applied.min(at)),
            None => {
                self.state.ask_all = true;
                // What the old answers hang on says nothing of the new ones.
                self.state.rules.values_mut().for_each(|standing| standing.until = None);
            }
        }
    }

    /// Whether something is under way of a rule that this host ran until it became another kind of host.
    fn has_strays(&self) -> bool {
        let mut under_way = self.state.rules.iter().filter(|(_, standing)| standing.phase != Phase::Quiet);
        under_way.any(|(name, _)| self.rules.rule(name).is_some_and(|rule| !self.runs(rule)))
    }

    /// A rule that this host runs. One that runs elsewhere is gone from here.
    pub fn rule(&self, name: &str) -> Option<&'r Rule> {
        self.rules.rule(name).filter(|rule| self.runs(rule))
    }

    /// Whether this host runs a rule.
    pub fn runs(&self, rule: &Rule) -> bool {
        self.runs.takes(rule.run_on)
    }

    pub fn decide(&mut self, at: Time, rule: Option<&Name>, incident: Option<crate::Id>, outcome: Outcome) {
        self.out.push(Decision { at, rule: rule.cloned(), incident, outcome });
    }

    pub fn refuse(&mut self, reason: Refusal, subject: impl Into<String>) {
        self.decide(self.now, None, None, Outcome::Refused { reason, subject: subject.into() });
    }

    /// The first moment after now at which time alone changes something.
    fn next_deadline(&self) -> Option<Time> {
        // Only at the very end of the calendar is one not after now: there, time no longer passes.
        let ahead = |at: &Time| *at > self.now;
        let patience = self.next_patience().filter(ahead).min();
        if self.is_incomplete() {
            return patience;
        }
        let episodes = self.state.rules.values().filter_map(|standing| standing.next_deadline());
        let messages = self.next_message().into_iter().chain(self.next_trouble());
        patience.into_iter().chain(episodes).chain(messages).filter(ahead).min()
    }
}
