//! A second engine, as plain as possible: its state, and the order of one step.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use dag_engine::{
    Acknowledgement, Device, EndedBy, GivenAs, Hold, Id, Input, Millis, Name, Outcome, Refusal, Severity, Silence, Time,
};

use crate::{
    channel::{Channel, Key},
    decision_line::{self, DecisionLine},
    episodes::{Cause, RuleState, TurnedFalse},
    fact::Fact,
    message::Message,
    reports::{Source, WaitingReport},
    rules::Rules,
    trouble::SystemTrouble,
};

/// The state of a device.
#[derive(Clone, Debug)]
pub struct Model {
    pub rules: Rc<Rules>,
    pub device: Device,
    pub now: Time,
    pub facts: BTreeMap<Name, Fact>,
    pub sources: BTreeMap<Name, Source>,
    /// In the order in which they came.
    pub waiting_reports: Vec<WaitingReport>,
    /// The `at` of the last reading applied.
    pub last_at: Option<Time>,
    /// Since when reports wait or a backlog comes in parts.
    pub incomplete_since: Option<Time>,
    /// Edges from now on are by a clock that was not set.
    pub uncertain: bool,
    /// All conditions have to be asked, once the device is complete.
    pub ask_all: bool,
    pub rule_states: BTreeMap<Name, RuleState>,
    pub counts: BTreeMap<Name, u64>,
    /// In the order in which they opened.
    pub incidents: Vec<Incident>,
    pub silences: Vec<MadeSilence>,
    pub troubles: BTreeMap<String, SystemTrouble>,
    /// When a message about each cause was last sent.
    pub trouble_sent_at: BTreeMap<String, Time>,
    /// How many spells of trouble were told to the operators.
    pub trouble_count: u64,
    fresh: bool,
    /// What no decision shows: which rules of the page were reached.
    pub reached: BTreeSet<&'static str>,
    /// The decisions of this step, and its messages.
    pub lines: Vec<DecisionLine>,
    pub messages: Vec<Message>,
}

#[derive(Clone, Debug)]
pub struct Incident {
    pub id: Id,
    pub rule: Name,
    pub number: u64,
    pub severity: Severity,
    pub since: Time,
    pub since_uncertain: bool,
    /// When `since` was reported, if that was late.
    pub since_reported: Option<Time>,
    pub opened_at: Time,
    /// The text of the condition by which it opened.
    pub when: String,
    /// The condition had been true before `since`.
    pub begun_before: bool,
    /// It reopened, or had no answer while it was open.
    pub interrupted: bool,
    pub alerted_at: Option<Time>,
    pub ended: Option<Time>,
    pub ended_uncertain: bool,
    pub ended_reported: Option<Time>,
    pub turned_false: TurnedFalse,
    pub acknowledgement: Option<Acknowledgement>,
    pub snooze: Option<Snooze>,
    /// In the order in which they first fired.
    pub fired_steps: Vec<FiredStep>,
    /// In the order in which they first were told or missed something.
    pub channels: Vec<Channel>,
    /// The reason of the last decision to hold a step.
    pub last_hold: Option<Hold>,
    /// The final messages of all channels are decided.
    pub decided: bool,
}

#[derive(Clone, Debug)]
pub struct Snooze {
    pub until: Time,
    pub given: GivenAs,
    pub made: Time,
}

#[derive(Clone, Debug)]
pub struct MadeSilence {
    pub silence: Silence,
    pub made: Time,
}

/// A step that fired.
#[derive(Clone, Debug)]
pub struct FiredStep {
    pub key: Key,
    pub at: Time,
    /// When it fired or repeated last.
    pub last: Time,
    /// The number of repeats, including those that were collapsed into a later one.
    pub repeat: u32,
}

impl Incident {
    /// Returns whether it ended because its rule is gone.
    pub fn removed(&self) -> bool {
        self.turned_false.by == Some(EndedBy::RuleRemoved)
    }
}

/// The longest time for which missing reports delay decisions.
pub const PATIENCE: Millis = Millis::new(5 * 60_000);

impl Model {
    pub fn new(device: Device, rules: Rc<Rules>) -> Self {
        Model {
            rules,
            device,
            now: Time::MIN,
            facts: BTreeMap::new(),
            sources: BTreeMap::new(),
            waiting_reports: Vec::new(),
            last_at: None,
            incomplete_since: None,
            uncertain: false,
            ask_all: true,
            rule_states: BTreeMap::new(),
            counts: BTreeMap::new(),
            incidents: Vec::new(),
            silences: Vec::new(),
            troubles: BTreeMap::new(),
            trouble_sent_at: BTreeMap::new(),
            trouble_count: 0,
            fresh: true,
            reached: BTreeSet::new(),
            lines: Vec::new(),
            messages: Vec::new(),
        }
    }

    /// Applies one input. Its decisions are then in `lines`, its messages in `messages`.
    pub fn step(&mut self, rules: &Rc<Rules>, input: &Input, now: Time) {
        self.lines.clear();
        self.messages.clear();
        if !matches!(input, Input::ClockSet { .. }) {
            self.now = self.now.max(now);
        }
        if self.fresh {
            self.rules = Rc::clone(rules);
            self.fresh = false;
        }
        if self.rules != *rules && self.rules.sources() != rules.sources() {
            self.reload(rules);
        }
        self.apply_input(input, now);
        self.note_incomplete();
        self.apply_overdue_reports();
        self.note_incomplete();
        self.fire_deadlines(self.horizon());
        if self.ask_all && !self.incomplete() {
            self.ask_all(self.now, Cause::Edit);
            self.fire_deadlines(self.horizon());
        }
        if !self.incomplete() {
            self.send_messages();
        } else {
            self.send_final_messages_of_many();
        }
        let now = self.now;
        self.silences.retain(|made| now < made.silence.until);
    }

    fn apply_input(&mut self, input: &Input, now: Time) {
        match input {
            Input::Report(report) => self.report(report),
            Input::Account(device) => {
                if self.device != *device {
                    self.fire_deadlines(self.horizon());
                    self.device = device.clone();
                    self.ask_all_or_later(self.now, Cause::Edit);
                }
            }
            Input::Acknowledge { incident, by } => self.acknowledge(*incident, by),
            Input::Snooze { incident, until, until_given, by } => self.snooze(*incident, *until, *until_given, by),
            Input::Silence(silence) => self.silence(silence),
            Input::Attempted(message) => self.record_attempt(message),
            Input::Delivered(message) => self.record_delivery(message),
            Input::Failed { message, last } => self.record_failure(message, *last),
            Input::Trouble { about, text } => self.trouble_of_host(about, text.as_deref()),
            Input::ClockSet { boot, began, shift_ms, estimated } => {
                self.set_clock(*boot, *began, *shift_ms, *estimated, now);
            }
            Input::RulesChanged | Input::Elapsed => {}
        }
    }

    /// Returns whether reports wait or a backlog comes in parts.
    fn parts_missing(&self) -> bool {
        !self.waiting_reports.is_empty() || self.sources.values().any(|source| source.more)
    }

    /// Notes since when the device has been incomplete.
    pub fn note_incomplete(&mut self) {
        if self.incomplete_since.is_some_and(|since| since + PATIENCE <= self.now) {
            self.sources.values_mut().for_each(|source| source.more = false);
        }
        self.incomplete_since = self.parts_missing().then(|| self.incomplete_since.unwrap_or(self.now));
    }

    pub fn incomplete(&self) -> bool {
        self.incomplete_since.is_some_and(|since| self.now < since + PATIENCE)
    }

    /// Returns the time up to which deadlines may fire, if any may.
    pub fn horizon(&self) -> Option<Time> {
        if self.incomplete() { self.last_at } else { Some(self.now) }
    }

    /// Asks all conditions at `t`. On an incomplete device it asks them at the horizon, or later if there is none.
    pub fn ask_all_or_later(&mut self, t: Time, cause: Cause) {
        if self.incomplete() {
            match self.last_at {
                Some(last) => self.ask_all(last.min(t), cause),
                None => {
                    self.ask_all = true;
                    self.rule_states.values_mut().for_each(|state| state.asked = None);
                }
            }
        } else {
            self.ask_all(t, cause);
        }
    }

    fn ask_all(&mut self, t: Time, cause: Cause) {
        self.ask_all = false;
        for rule in Rc::clone(&self.rules).running() {
            self.ask(rule, t, cause);
        }
    }

    /// Adds a decision, at the moment at which it happened.
    pub fn decide(&mut self, at: Time, rule: Option<&str>, incident: Option<Id>, outcome: &Outcome) {
        self.record(at, rule, incident, decision_line::describe(outcome));
    }

    pub fn record(&mut self, at: Time, rule: Option<&str>, incident: Option<Id>, text: String) {
        self.lines.push(DecisionLine { at, rule: rule.map(Name::new), incident, text });
    }

    pub fn refuse(&mut self, reason: Refusal, subject: &str) {
        self.decide(self.now, None, None, &Outcome::Refused { reason, subject: subject.to_owned() });
    }
}
