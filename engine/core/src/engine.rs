//! The engine: compiled rules, ready to decide.

use crate::{
    Cause, Decision, Device, Incident, Input, Kind, Ruleset, Runs, State, Time,
    messages::Firing,
    rules::{Reachable, Rule},
    step::Step,
};

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

    /// Returns everybody whom this host may have to tell on `device`, by every channel, each once.
    pub fn receivers(&self, device: &Device) -> Vec<Reachable> {
        self.rules.receivers(self.runs, device)
    }

    /// Applies one input at `now` and returns what was decided, in order.
    ///
    /// Nothing is read but the arguments. `now` never falls: an earlier one counts as the last, except behind
    /// [`Input::ClockSet`]. The host makes the new state and the decisions durable in one transaction before it sends
    /// or acknowledges anything.
    pub fn step(&self, state: &mut State, input: Input, now: Time) -> Vec<Decision> {
        // Until the clock is set it stands where it stood.
        let until_then = if matches!(input, Input::ClockSet { .. }) { state.now } else { now.max(state.now) };
        self.begin(state, until_then).run(input, now)
    }

    pub(crate) fn begin<'a>(&'a self, state: &'a mut State, now: Time) -> Step<'a> {
        Step::begin(&self.rules, self.runs, state, now)
    }

    /// Returns the messages of one kind to `channels`, as if an incident were there.
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
        step.decisions
    }

    /// Returns the messages to the operators about `cause`, as if it were there.
    pub(crate) fn sample_trouble(&self, state: &mut State, now: Time, cause: Cause) -> Vec<Decision> {
        let mut step = self.begin(state, now);
        step.trouble(cause, now);
        step.troubles();
        step.decisions
    }
}
