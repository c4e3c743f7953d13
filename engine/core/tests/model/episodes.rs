//! Facts to incidents: the table of a rule's life.

use std::rc::Rc;

use dag_engine::{EndedBy, Id, Millis, Name, Outcome, Reading, Time, Value, zone};

use crate::{
    condition::World,
    ids,
    model::{Incident, Model},
    rules::{Hook, Rule, Script},
};

/// Where a rule stands on the device.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    pub phase: Phase,
    /// When it last moved.
    pub edge: Time,
    /// When its condition was last asked; none where it has to be asked before time alone may ask it.
    pub asked: Option<Time>,
    pub answer: Option<bool>,
    /// It was said that there is no answer.
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

impl Standing {
    pub fn new() -> Self {
        Standing { phase: Phase::Quiet, edge: Time::MIN, asked: None, answer: None, no_answer: false }
    }
}

impl Model {
    pub fn standing(&mut self, rule: &str) -> &mut Standing {
        self.standings.entry(rule.into()).or_insert_with(Standing::new)
    }

    /// The rule's incident, while it lasts.
    pub fn incident_of(&mut self, rule: &str) -> Option<&mut Incident> {
        self.incidents.iter_mut().find(|incident| incident.rule == rule && incident.ended.is_none())
    }

    fn id_of(&mut self, rule: &str) -> Option<Id> {
        self.incident_of(rule).map(|incident| incident.id)
    }

    /// Takes over what a source read; the reading is one of a known fact. `at` is already what it counts as.
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

    /// Asks a rule's condition, as of `t` or its last edge, and moves it.
    pub fn ask(&mut self, rule: &Rule, t: Time) {
        let t = t.max(self.standing(rule.name).edge);
        let answer = self.with_world(|world| rule.when.answer(world, t));
        let standing = self.standing(rule.name);
        standing.asked = Some(t);
        standing.answer = answer;
        let Some(answer) = answer else {
            if standing.phase != Phase::Quiet && !standing.no_answer {
                standing.no_answer = true;
                let incident = self.id_of(rule.name);
                self.decide(t, Some(rule.name), incident, &Outcome::NoAnswer);
            }
            return;
        };
        standing.no_answer = false;
        match (standing.phase.clone(), answer) {
            (Phase::Quiet, true) => self.becomes_true(rule, t),
            (Phase::Pending(wait), false) => {
                standing.phase = Phase::Quiet;
                standing.edge = t;
                self.decide(t, Some(rule.name), None, &Outcome::Dip { since: wait.since });
            }
            (Phase::Open, false) => self.becomes_false(rule, t),
            (Phase::Closing(wait), true) => {
                standing.phase = Phase::Open;
                standing.edge = t;
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

    fn becomes_true(&mut self, rule: &Rule, t: Time) {
        let length = self.wait(rule, "open_after", rule.open_after);
        let wait = Wait { since: t, due: t + length, uncertain: self.uncertain };
        if length == Millis::ZERO {
            return self.open(rule, &wait, t);
        }
        self.decide(t, Some(rule.name), None, &Outcome::Pending { due: wait.due });
        let standing = self.standing(rule.name);
        standing.edge = t;
        standing.phase = Phase::Pending(wait);
    }

    fn becomes_false(&mut self, rule: &Rule, t: Time) {
        let length = self.wait(rule, "close_after", rule.close_after);
        let wait = Wait { since: t, due: t + length, uncertain: self.uncertain };
        if length == Millis::ZERO {
            return self.resolve(rule, &wait, t);
        }
        let incident = self.id_of(rule.name);
        self.decide(t, Some(rule.name), incident, &Outcome::Closing { due: wait.due });
        let standing = self.standing(rule.name);
        standing.edge = t;
        standing.phase = Phase::Closing(wait);
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
            fired: Vec::new(),
            channels: Vec::new(),
            held: None,
            decided: false,
        });
        let standing = self.standing(rule.name);
        standing.phase = Phase::Open;
        standing.edge = at;
        self.decide(at, Some(rule.name), Some(id), &Outcome::Opened { since: wait.since });
    }

    fn resolve(&mut self, rule: &Rule, wait: &Wait, at: Time) {
        let standing = self.standing(rule.name);
        standing.phase = Phase::Quiet;
        standing.edge = at;
        self.end(rule.name, wait.since, wait.uncertain, at, None);
    }

    /// The incident of a rule is over.
    pub fn end(&mut self, rule: &str, ended: Time, uncertain: bool, at: Time, by: Option<EndedBy>) {
        let incident = self.incident_of(rule).unwrap();
        incident.ended = Some(ended);
        incident.since = incident.since.min(ended);
        incident.ended_uncertain = uncertain;
        incident.removed = by.is_some();
        let (id, since) = (incident.id, incident.since);
        self.decide(at, Some(rule), Some(id), &Outcome::Resolved { since, ended, by });
    }

    /// How long a rule waits: what its script answers, else what the file says.
    pub fn wait(&mut self, rule: &Rule, hook: &str, file: Millis) -> Millis {
        if rule.script != Some(Script::Waits) {
            return file;
        }
        match Hook::by(self.facts.get("battery")) {
            Hook::Fails => {
                let incident = self.id_of(rule.name);
                self.hook_failed(rule.name, incident, hook);
                file
            }
            Hook::AnswersItsOwn => Millis::new(120_000),
            Hook::LeavesIt => file,
        }
    }

    /// Fires what is due up to and including `limit`, the earliest first.
    pub fn fire_deadlines(&mut self, limit: Option<Time>) {
        let Some(limit) = limit else { return };
        let rules = Rc::clone(&self.rules);
        while let Some((at, what, place)) = self.next_of_episodes().filter(|(at, _, _)| *at <= limit) {
            let rule = rules.running().nth(place).unwrap();
            match (what, self.standing(rule.name).phase.clone()) {
                (Deadline::Open, Phase::Pending(wait)) => self.open(rule, &wait, at),
                (Deadline::Resolve, Phase::Closing(wait)) => self.resolve(rule, &wait, at),
                _ => self.ask(rule, at),
            }
        }
    }

    /// The moment at which the first deadline fires.
    pub fn next_episode(&self) -> Option<Time> {
        self.next_of_episodes().map(|(at, _, _)| at)
    }

    fn next_of_episodes(&self) -> Option<(Time, Deadline, usize)> {
        let mut deadlines = Vec::new();
        for (place, rule) in self.rules.running().enumerate() {
            let Some(standing) = self.standings.get(rule.name) else { continue };
            match (&standing.phase, standing.answer) {
                (Phase::Pending(wait), Some(true)) => deadlines.push((wait.due, Deadline::Open, place)),
                (Phase::Closing(wait), Some(false)) => deadlines.push((wait.due, Deadline::Resolve, place)),
                _ => {}
            }
            let asked = standing.asked.and_then(|asked| self.with_world(|world| rule.when.next_moment(world, asked)));
            deadlines.extend(asked.map(|asked| (asked, Deadline::Ask, place)));
        }
        deadlines.into_iter().min()
    }

    /// Whether an incident's condition is false at present.
    pub fn is_closing(&self, rule: &Name) -> bool {
        let standing = self.standings.get(rule);
        standing.is_some_and(|standing| matches!(standing.phase, Phase::Closing(_)) && standing.answer == Some(false))
    }

    /// Whether a fact may have this value; `Err` where there is no such fact.
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
