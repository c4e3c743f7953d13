//! Facts to incidents: the state machine of a rule.

use std::rc::Rc;

use dag_engine::{EndedBy, Id, Millis, Name, Outcome, Reading, Time, Value, zone};

use crate::{
    condition::World,
    ids,
    model::{Incident, Model},
    rules::Rule,
    script::{Hook, Script},
};

/// The state of a rule on the device.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleState {
    pub phase: Phase,
    /// The time of its last edge.
    pub edge: Time,
    /// When its condition was last asked; none where it has to be asked before time alone may ask it.
    pub asked: Option<Time>,
    pub answer: Option<bool>,
    /// Its lack of an answer was decided already.
    pub no_answer: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    Quiet,
    Pending(Wait),
    Open,
    Closing(Wait),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Wait {
    pub since: Time,
    pub due: Time,
    /// `since` is by a clock that was not set.
    pub uncertain: bool,
}

/// At one moment they fire in this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Deadline {
    Resolve,
    Open,
    Ask,
}

impl RuleState {
    pub fn new() -> Self {
        RuleState { phase: Phase::Quiet, edge: Time::MIN, asked: None, answer: None, no_answer: false }
    }
}

impl Model {
    pub fn rule_state(&mut self, rule: &str) -> &mut RuleState {
        self.rule_states.entry(rule.into()).or_insert_with(RuleState::new)
    }

    /// The rule's incident, while it lasts.
    pub fn incident_of(&mut self, rule: &str) -> Option<&mut Incident> {
        self.incidents.iter_mut().find(|incident| incident.rule == rule && incident.ended.is_none())
    }

    fn id_of(&mut self, rule: &str) -> Option<Id> {
        self.incident_of(rule).map(|incident| incident.id)
    }

    /// Applies a reading of a known fact. `at` is the time that it counts for.
    pub fn set_fact(&mut self, reading: &Reading, at: Time) {
        self.fire_deadlines(Some(at));
        let fact = self.facts.entry(reading.fact.clone()).or_insert_with(crate::fact::Fact::new);
        let was_known = fact.value.is_some();
        fact.set(reading.value, at);
        let known = reading.value.is_some();
        self.last_at = Some(at);
        self.trouble_of_sensor(&reading.fact, was_known, known, at);
        for rule in Rc::clone(&self.rules).running().filter(|rule| rule.when.reads(&reading.fact)) {
            self.ask(rule, at);
        }
    }

    /// Asks a rule's condition at `t`, or at its last edge if that is later, and moves the rule.
    pub fn ask(&mut self, rule: &Rule, t: Time) {
        let t = t.max(self.rule_state(rule.name).edge);
        let answer = self.with_world(|world| rule.when.answer(world, t));
        let state = self.rule_state(rule.name);
        state.asked = Some(t);
        state.answer = answer;
        let Some(answer) = answer else {
            if state.phase != Phase::Quiet && !state.no_answer {
                state.no_answer = true;
                let incident = self.id_of(rule.name);
                self.decide(t, Some(rule.name), incident, &Outcome::NoAnswer);
            }
            return;
        };
        state.no_answer = false;
        match (state.phase.clone(), answer) {
            (Phase::Quiet, true) => self.start_opening(rule, t),
            (Phase::Pending(wait), false) => {
                state.phase = Phase::Quiet;
                state.edge = t;
                self.decide(t, Some(rule.name), None, &Outcome::Dip { since: wait.since });
            }
            (Phase::Open, false) => self.start_closing(rule, t),
            (Phase::Closing(wait), true) => {
                state.phase = Phase::Open;
                state.edge = t;
                let incident = self.id_of(rule.name);
                self.decide(t, Some(rule.name), incident, &Outcome::Reopened { clear_since: wait.since });
            }
            // A deadline that rested counts again, and is the next to fire if it has passed.
            (Phase::Quiet | Phase::Closing(_), false) | (Phase::Pending(_) | Phase::Open, true) => {}
        }
    }

    pub fn with_world<T>(&self, f: impl FnOnce(&World<'_>) -> T) -> T {
        let name = self.device.timezone.as_deref().unwrap_or(self.rules.zone);
        f(&World { facts: &self.facts, zone: &zone(name).unwrap() })
    }

    fn start_opening(&mut self, rule: &Rule, t: Time) {
        let length = self.wait(rule, "open_after", rule.open_after);
        let wait = Wait { since: t, due: t + length, uncertain: self.uncertain };
        if length == Millis::ZERO {
            return self.open(rule, &wait, t);
        }
        self.decide(t, Some(rule.name), None, &Outcome::Pending { due: wait.due });
        let state = self.rule_state(rule.name);
        state.edge = t;
        state.phase = Phase::Pending(wait);
    }

    fn start_closing(&mut self, rule: &Rule, t: Time) {
        let length = self.wait(rule, "close_after", rule.close_after);
        let wait = Wait { since: t, due: t + length, uncertain: self.uncertain };
        if length == Millis::ZERO {
            return self.resolve(rule, &wait, t);
        }
        let incident = self.id_of(rule.name);
        self.decide(t, Some(rule.name), incident, &Outcome::Closing { due: wait.due });
        let state = self.rule_state(rule.name);
        state.edge = t;
        state.phase = Phase::Closing(wait);
    }

    fn open(&mut self, rule: &Rule, wait: &Wait, at: Time) {
        let count = self.counts.entry(rule.name.into()).or_default();
        *count += 1;
        let number = *count;
        let id = ids::incident(&self.device.id, rule.name, number);
        self.incidents.push(Incident {
            id,
            rule: rule.name.into(),
            number,
            severity: rule.severity,
            since: wait.since,
            since_uncertain: wait.uncertain,
            opened_at: at,
            alerted_at: None,
            ended: None,
            ended_uncertain: false,
            removed: false,
            acknowledgement: None,
            snooze: None,
            fired_steps: Vec::new(),
            channels: Vec::new(),
            last_hold: None,
            decided: false,
        });
        let state = self.rule_state(rule.name);
        state.phase = Phase::Open;
        state.edge = at;
        self.decide(at, Some(rule.name), Some(id), &Outcome::Opened { since: wait.since });
    }

    fn resolve(&mut self, rule: &Rule, wait: &Wait, at: Time) {
        let state = self.rule_state(rule.name);
        state.phase = Phase::Quiet;
        state.edge = at;
        self.end(rule.name, wait.since, wait.uncertain, at, None);
    }

    /// Ends the incident of a rule.
    pub fn end(&mut self, rule: &str, ended: Time, uncertain: bool, at: Time, by: Option<EndedBy>) {
        let incident = self.incident_of(rule).unwrap();
        incident.ended = Some(ended);
        incident.since = incident.since.min(ended);
        incident.ended_uncertain = uncertain;
        incident.removed = by.is_some();
        let (id, since) = (incident.id, incident.since);
        self.decide(at, Some(rule), Some(id), &Outcome::Resolved { since, ended, by });
    }

    /// Returns how long a rule waits: the value of its script, or else of the file.
    pub fn wait(&mut self, rule: &Rule, hook: &str, file: Millis) -> Millis {
        if rule.script != Some(Script::Waits) {
            return file;
        }
        match Hook::by(self.facts.get("battery")) {
            Hook::Fails => {
                let incident = self.id_of(rule.name);
                self.record_hook_failure(rule.name, incident, hook);
                file
            }
            Hook::AnswersItsOwn => Millis::new(120_000),
            Hook::LeavesIt => file,
        }
    }

    /// Fires the deadlines up to and including `limit`, the earliest first.
    pub fn fire_deadlines(&mut self, limit: Option<Time>) {
        let Some(limit) = limit else { return };
        let rules = Rc::clone(&self.rules);
        while let Some((at, what, place)) = self.next_of_episodes().filter(|(at, _, _)| *at <= limit) {
            let rule = rules.running().nth(place).unwrap();
            match (what, self.rule_state(rule.name).phase.clone()) {
                (Deadline::Open, Phase::Pending(wait)) => self.open(rule, &wait, at),
                (Deadline::Resolve, Phase::Closing(wait)) => self.resolve(rule, &wait, at),
                _ => self.ask(rule, at),
            }
        }
    }

    /// Returns when the first deadline fires.
    pub fn next_episode(&self) -> Option<Time> {
        self.next_of_episodes().map(|(at, _, _)| at)
    }

    fn next_of_episodes(&self) -> Option<(Time, Deadline, usize)> {
        let mut deadlines = Vec::new();
        for (place, rule) in self.rules.running().enumerate() {
            let Some(state) = self.rule_states.get(rule.name) else { continue };
            match (&state.phase, state.answer) {
                (Phase::Pending(wait), Some(true)) => deadlines.push((wait.due, Deadline::Open, place)),
                (Phase::Closing(wait), Some(false)) => deadlines.push((wait.due, Deadline::Resolve, place)),
                _ => {}
            }
            let asked = state.asked.and_then(|asked| self.with_world(|world| rule.when.next_moment(world, asked)));
            deadlines.extend(asked.map(|asked| (asked, Deadline::Ask, place)));
        }
        deadlines.into_iter().min()
    }

    /// Returns whether the rule's incident is closing.
    pub fn is_closing(&self, rule: &Name) -> bool {
        let state = self.rule_states.get(rule);
        state.is_some_and(|state| matches!(state.phase, Phase::Closing(_)) && state.answer == Some(false))
    }

    /// Returns whether a fact may have this value; `Err` if there is no such fact.
    pub fn holds(&self, fact: &str, value: Option<Value>) -> Result<bool, ()> {
        let switch = matches!(value, None | Some(Value::On | Value::Off));
        let link = matches!(value, None | Some(Value::Connected | Value::Disconnected));
        let number = matches!(value, None | Some(Value::Number(_)));
        match fact {
            "power" => Ok(switch),
            "door" if self.rules.door => Ok(switch),
            "connection" => Ok(link),
            "battery" | "battery_mv" => Ok(number),
            _ => Err(()),
        }
    }
}
