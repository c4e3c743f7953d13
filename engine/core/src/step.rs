//! One step: an input and a time in, decisions out.

use jiff::tz::TimeZone;

use crate::{
    ClockShift, Decision, Device, Id, Input, Name, Outcome, Refusal, Ruleset, Runs, State, Time, asked::Asked,
    rules::Rule, state::Phase,
};

/// One step while it runs. `episodes.rs` turns facts into incidents, `messages/` incidents into messages.
pub(crate) struct Step<'a> {
    pub rules: &'a Ruleset,
    pub runs: Runs,
    pub state: &'a mut State,
    pub now: Time,
    pub zone: TimeZone,
    pub decisions: Vec<Decision>,
}

impl<'r> Step<'r> {
    pub fn begin(rules: &'r Ruleset, runs: Runs, state: &'r mut State, now: Time) -> Self {
        let zone = rules.zone(&state.device);
        Step { rules, runs, state, now, zone, decisions: Vec::new() }
    }

    /// Applies the input and returns what was decided, in the stages that `SEMANTICS.md` gives under "One step". `now`
    /// is as the host gave it, by a clock that the input may have set.
    pub fn run(mut self, input: Input, now: Time) -> Vec<Decision> {
        self.reload_other_rules();
        self.apply_input(input, now);
        self.apply_overdue_reports();
        self.fire_to_horizon();
        self.ask_conditions_left_open();
        self.decide_messages();
        self.note_next_deadline();
        self.decisions
    }

    /// Reloads where the rules are others than at the last step. Their hash tells: no host can forget to say so.
    fn reload_other_rules(&mut self) {
        let rules = self.rules.hash();
        match self.state.rules_hash.replace(rules) {
            None => self.state.ask_all = true,
            Some(last) if last != rules || self.has_strays() => self.rules_changed(rules),
            Some(_) => {}
        }
    }

    /// Returns whether something is under way of a rule that this host ran until it became another kind of host.
    fn has_strays(&self) -> bool {
        let mut under_way = self.state.rules.iter().filter(|(_, rule_state)| rule_state.phase != Phase::Quiet);
        under_way.any(|(name, _)| self.rules.rule(name).is_some_and(|rule| !self.runs(rule)))
    }

    fn apply_input(&mut self, input: Input, now: Time) {
        match input {
            Input::Report(report) => self.report(report),
            Input::Account(device) => self.account(device),
            Input::Acknowledge { incident, by } => self.acknowledge(incident, by),
            Input::Snooze { incident, until, until_given, by } => self.snooze(incident, until, until_given, by),
            Input::Silence(silence) => self.silence(silence),
            Input::Attempted(message) => drop(self.attempted(&message)),
            Input::Delivered(message) => self.delivered(&message),
            Input::Failed { message, last } => self.failed(&message, last),
            Input::Trouble { about, text } => self.host_trouble(about, text),
            Input::ClockSet { boot, began, shift_ms, estimated } => {
                self.set_clock(boot, ClockShift { began, shift_ms }, estimated, now);
            }
            Input::RulesChanged | Input::Elapsed => {}
        }
        self.state.now = self.now;
    }

    fn account(&mut self, device: Device) {
        if self.state.device != device {
            self.fire_to_horizon();
            self.state.device = device;
            self.zone = self.rules.zone(&self.state.device);
            self.ask_all(self.now, Asked::Edit);
        }
    }

    /// Asks all conditions at `now`, if that was left open until nothing is missing any more.
    fn ask_conditions_left_open(&mut self) {
        if self.state.ask_all && !self.is_incomplete() {
            self.state.ask_all = false;
            self.evaluate_all(self.now, Asked::Edit);
            self.fire_to_horizon();
        }
    }

    /// Decides the messages, unless they wait for missing reports.
    fn decide_messages(&mut self) {
        self.forget_silences();
        if self.is_incomplete() {
            self.make_room_for_readings();
        } else {
            self.messages();
        }
    }

    /// Notes the first moment after `now` at which time alone does something.
    fn note_next_deadline(&mut self) {
        // Only at the very end of the calendar is one not after now: there, time no longer passes.
        let ahead = |at: &Time| *at > self.now;
        let patience = self.next_patience().filter(ahead).min();
        self.state.deadline = if self.is_incomplete() {
            patience
        } else {
            let episodes = self.state.rules.values().filter_map(|rule_state| rule_state.next_deadline());
            let messages = self.next_message().into_iter().chain(self.next_trouble());
            patience.into_iter().chain(episodes).chain(messages).filter(ahead).min()
        };
    }

    /// Asks every condition at `at`; of a device that is incomplete at the time of the last reading applied.
    pub fn ask_all(&mut self, at: Time, asked: Asked) {
        match self.state.applied {
            _ if !self.is_incomplete() => self.evaluate_all(at, asked),
            Some(applied) => self.evaluate_all(applied.min(at), asked),
            None => {
                self.state.ask_all = true;
                // When the old answers may change says nothing of the new ones.
                self.state.rules.values_mut().for_each(|rule_state| rule_state.until = None);
            }
        }
    }

    /// Returns a rule that this host runs. One that runs elsewhere is gone from here.
    pub fn rule(&self, name: &str) -> Option<&'r Rule> {
        self.rules.rule(name).filter(|rule| self.runs(rule))
    }

    /// Returns whether this host runs a rule.
    pub fn runs(&self, rule: &Rule) -> bool {
        self.runs.takes(rule.run_on)
    }

    pub fn decide(&mut self, at: Time, rule: Option<&Name>, incident: Option<Id>, outcome: Outcome) {
        self.decisions.push(Decision { at, rule: rule.cloned(), incident, outcome });
    }

    pub fn refuse(&mut self, reason: Refusal, subject: impl Into<String>) {
        self.decide(self.now, None, None, Outcome::Refused { reason, subject: subject.into() });
    }
}
