//! A second engine, as slow and as plain as it can be: its state, and the order of one step.

use std::{collections::BTreeMap, rc::Rc};

use dag_engine::{Device, Hold, Id, Input, Millis, Name, Outcome, Refusal, Severity, Silence, Time};

use crate::{
    episodes::Standing,
    fact::Fact,
    messages::{Channel, Key},
    reports::{Source, Waiting},
    rules::Rules,
    said::{self, Message, Said},
    trouble::Trouble,
};

/// All that is remembered of a device.
#[derive(Clone, Debug)]
pub struct Model {
    pub rules: Rc<Rules>,
    pub device: Device,
    pub now: Time,
    pub facts: BTreeMap<Name, Fact>,
    pub sources: BTreeMap<Name, Source>,
    /// In the order in which they came.
    pub waiting: Vec<Waiting>,
    /// The `at` of the last reading applied.
    pub last_at: Option<Time>,
    /// Since when reports wait or a backlog comes in parts.
    pub incomplete_since: Option<Time>,
    /// Edges from now on are by a clock that was not set.
    pub uncertain: bool,
    /// All conditions have to be asked, once the device is complete.
    pub ask_all: bool,
    pub standings: BTreeMap<Name, Standing>,
    pub counts: BTreeMap<Name, u64>,
    /// In the order in which they opened.
    pub incidents: Vec<Incident>,
    pub silences: Vec<MadeSilence>,
    pub troubles: BTreeMap<String, Trouble>,
    /// When a message about each cause was last sent.
    pub troubles_told: BTreeMap<String, Time>,
    /// How many system tellings there were.
    pub tellings: u64,
    fresh: bool,
    /// What this step decided, and what it tells.
    pub said: Vec<Said>,
    pub told: Vec<Message>,
}

#[derive(Clone, Debug)]
pub struct Incident {
    pub id: Id,
    pub rule: Name,
    pub number: u64,
    pub severity: Severity,
    pub since: Time,
    pub since_uncertain: bool,
    pub opened_at: Time,
    pub alerted_at: Option<Time>,
    pub ended: Option<Time>,
    pub ended_uncertain: bool,
    /// It ended because its rule is gone.
    pub removed: bool,
    pub acknowledgement: Option<Acknowledgement>,
    pub snooze: Option<Snooze>,
    /// In the order in which they first fired.
    pub fired: Vec<Fired>,
    /// In the order in which they first were told or missed something.
    pub channels: Vec<Channel>,
    /// What was last decided to be held.
    pub held: Option<Hold>,
    /// The last words of all channels are decided.
    pub decided: bool,
}

#[derive(Clone, Debug)]
pub struct Acknowledgement {
    pub by: String,
    pub at: Time,
    pub number: u32,
    pub holds: bool,
}

#[derive(Clone, Debug)]
pub struct Snooze {
    pub until: Time,
    pub made: Time,
}

#[derive(Clone, Debug)]
pub struct MadeSilence {
    pub silence: Silence,
    pub made: Time,
}

/// A step that fired.
#[derive(Clone, Debug)]
pub struct Fired {
    pub key: Key,
    pub at: Time,
    /// When it fired or repeated last.
    pub last: Time,
    /// How many repeats there were, those that another stood for too.
    pub repeat: u32,
}

/// For how long a device may be incomplete.
pub const PATIENCE: Millis = Millis::new(5 * 60_000);

impl Model {
    pub fn new(device: Device, rules: Rc<Rules>) -> Self {
        Model {
            rules,
            device,
            now: Time::MIN,
            facts: BTreeMap::new(),
            sources: BTreeMap::new(),
            waiting: Vec::new(),
            last_at: None,
            incomplete_since: None,
            uncertain: false,
            ask_all: true,
            standings: BTreeMap::new(),
            counts: BTreeMap::new(),
            incidents: Vec::new(),
            silences: Vec::new(),
            troubles: BTreeMap::new(),
            troubles_told: BTreeMap::new(),
            tellings: 0,
            fresh: true,
            said: Vec::new(),
            told: Vec::new(),
        }
    }

    /// Takes one input over. What it decides lies in `said` and `told`.
    pub fn step(&mut self, rules: &Rc<Rules>, input: &Input, now: Time) {
        self.said.clear();
        self.told.clear();
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
        self.take(input, now);
        self.note_incomplete();
        self.apply_overdue_reports();
        self.note_incomplete();
        self.fire_deadlines(self.horizon());
        if self.ask_all && !self.incomplete() {
            self.ask_all(self.now);
            self.fire_deadlines(self.horizon());
        }
        if !self.incomplete() {
            self.send_messages();
        } else {
            self.send_last_words_of_many();
        }
        let now = self.now;
        self.silences.retain(|made| now < made.silence.until);
    }

    fn take(&mut self, input: &Input, now: Time) {
        match input {
            Input::Report(report) => self.report(report),
            Input::Account(device) => {
                if self.device != *device {
                    self.fire_deadlines(self.horizon());
                    self.device = device.clone();
                    self.ask_all_or_later(self.now);
                }
            }
            Input::Acknowledge { incident, by } => self.acknowledge(*incident, by),
            Input::Snooze { incident, until, by } => self.snooze(*incident, *until, by),
            Input::Silence(silence) => self.silence(silence),
            Input::Attempted(message) => self.attempted(message),
            Input::Delivered(message) => self.delivered(message),
            Input::Failed { message, last } => self.failed(message, *last),
            Input::Trouble { about, text } => self.trouble_of_host(about, text.as_deref()),
            Input::ClockSet { boot, began, shift_ms } => self.set_clock(*boot, *began, *shift_ms, now),
            Input::RulesChanged | Input::Elapsed => {}
        }
    }

    /// Whether reports wait or a backlog comes in parts.
    fn parts_missing(&self) -> bool {
        !self.waiting.is_empty() || self.sources.values().any(|source| source.more)
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

    /// Up to when deadlines fire; none where nothing may.
    pub fn horizon(&self) -> Option<Time> {
        if self.incomplete() { self.last_at } else { Some(self.now) }
    }

    /// All conditions are asked at `t`; of an incomplete device at the horizon, or later where there is none.
    pub fn ask_all_or_later(&mut self, t: Time) {
        if self.incomplete() {
            match self.last_at {
                Some(last) => self.ask_all(last.min(t)),
                None => {
                    self.ask_all = true;
                    self.standings.values_mut().for_each(|standing| standing.asked = None);
                }
            }
        } else {
            self.ask_all(t);
        }
    }

    fn ask_all(&mut self, t: Time) {
        self.ask_all = false;
        for rule in Rc::clone(&self.rules).running() {
            self.ask(rule, t);
        }
    }

    /// Decides something, at the moment at which it happened.
    pub fn decide(&mut self, at: Time, rule: Option<&str>, incident: Option<Id>, outcome: &Outcome) {
        self.say(at, rule, incident, said::words(outcome));
    }

    pub fn say(&mut self, at: Time, rule: Option<&str>, incident: Option<Id>, what: String) {
        self.said.push(Said { at, rule: rule.map(Name::new), incident, what });
    }

    pub fn refuse(&mut self, reason: Refusal, subject: &str) {
        self.decide(self.now, None, None, &Outcome::Refused { reason, subject: subject.to_owned() });
    }
}
