//! Facts to incidents: the state machine of a rule.

use std::{collections::BTreeMap, rc::Rc};

use dag_engine::{EndedBy, FactKind, Id, Millis, Name, Outcome, Reading, Time, Value, zone};
use jiff::tz::TimeZone;

use crate::{
    condition::World,
    fact::Fact,
    ids,
    model::{Incident, Model},
    reasons,
    rules::Rule,
    script::{Hook, Script},
};

/// The state of a rule on the device.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleState {
    pub phase: Phase,
    /// When its condition last turned from true to false or back.
    pub edge: Option<Time>,
    /// When its last incident ended.
    pub ended: Option<Time>,
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
    Closing(Wait, TurnedFalse),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Wait {
    pub since: Time,
    pub due: Time,
    /// `since` is by a clock that was not set.
    pub uncertain: bool,
    /// When it was reported, if that was late.
    pub reported: Option<Time>,
}

/// What turned a condition false, and the values then of the facts that it reads.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TurnedFalse {
    pub by: Option<EndedBy>,
    pub facts: BTreeMap<Name, Option<Value>>,
}

/// Why a condition is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cause {
    Reading,
    /// A fact became unknown.
    LostSensor,
    /// Time passed, or the clock was set.
    Time,
    /// A reload, or another device record.
    Edit,
}

/// A turn at `t + LATE` or later was reported late.
const LATE: Millis = Millis::new(60_000);

/// At one moment they fire in this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Deadline {
    Resolve,
    Open,
    Ask,
}

impl RuleState {
    pub fn new() -> Self {
        RuleState { phase: Phase::Quiet, edge: None, ended: None, asked: None, answer: None, no_answer: false }
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
        let fact = self.facts.entry(reading.fact.clone()).or_insert_with(Fact::new);
        let was_known = fact.value.is_some();
        let forgotten = fact.values.len();
        fact.set(reading.value, at);
        if forgotten > fact.values.len() {
            self.reached.insert(reasons::OTHER_KIND);
        }
        let known = reading.value.is_some();
        self.last_at = Some(at);
        self.trouble_of_sensor(&reading.fact, was_known, known, at);
        let cause = if was_known && !known { Cause::LostSensor } else { Cause::Reading };
        for rule in Rc::clone(&self.rules).running().filter(|rule| rule.when.reads(&reading.fact)) {
            self.ask(rule, at, cause);
        }
    }

    /// Asks a rule's condition at `t`, or at its edge if that is later, and moves the rule.
    pub fn ask(&mut self, rule: &Rule, t: Time, cause: Cause) {
        if cause == Cause::Reading {
            self.put_end_back(rule, t);
        }
        let t = self.rule_state(rule.name).edge.map_or(t, |edge| t.max(edge));
        let answer = self.with_world(|world| rule.when.answer(world, t));
        let mut read = rule.when.facts().filter_map(|fact| self.facts.get(fact));
        if answer.is_some() && read.any(|fact| fact.at(t) != fact.at(Time::MAX)) {
            self.reached.insert(reasons::AS_OF);
        }
        let state = self.rule_state(rule.name);
        state.asked = Some(t);
        state.answer = answer;
        let Some(answer) = answer else {
            if state.phase != Phase::Quiet && !state.no_answer {
                state.no_answer = true;
                let is_open = state.phase == Phase::Open;
                let incident = self.id_of(rule.name);
                if let Some(id) = incident.filter(|_| is_open) {
                    self.incident_mut(id).interrupted = true;
                }
                self.decide(t, Some(rule.name), incident, &Outcome::NoAnswer);
            }
            return;
        };
        state.no_answer = false;
        match (state.phase.clone(), answer) {
            (Phase::Quiet, true) => self.start_opening(rule, t, cause),
            (Phase::Pending(wait), false) => {
                state.phase = Phase::Quiet;
                state.edge = Some(t);
                self.decide(t, Some(rule.name), None, &Outcome::Dip { since: wait.since });
            }
            (Phase::Open, false) => self.start_closing(rule, t, cause),
            (Phase::Closing(wait, _), true) => {
                state.phase = Phase::Open;
                state.edge = Some(t);
                let incident = self.id_of(rule.name);
                if let Some(id) = incident {
                    self.incident_mut(id).interrupted = true;
                }
                self.decide(t, Some(rule.name), incident, &Outcome::Reopened { clear_since: wait.since });
            }
            // A deadline that rested counts again, and is the next to fire if it has passed.
            (Phase::Quiet | Phase::Closing(..), false) | (Phase::Pending(_) | Phase::Open, true) => {}
        }
    }

    /// The device's time zone.
    pub fn zone(&self) -> TimeZone {
        zone(self.device.timezone.as_deref().unwrap_or(self.rules.zone)).unwrap()
    }

    pub fn with_world<T>(&self, f: impl FnOnce(&World<'_>) -> T) -> T {
        f(&World { facts: &self.facts, zone: &self.zone() })
    }

    fn start_opening(&mut self, rule: &Rule, t: Time, cause: Cause) {
        let since = self.rule_states[rule.name].ended.max(Some(self.held_since(rule, t))).unwrap();
        if since < t {
            self.reached.insert(reasons::WALKED_BACK);
        }
        let length = self.wait(rule, "open_after", rule.open_after, since);
        let reported = self.reported(t, cause);
        let wait = Wait { since, due: since + length, uncertain: self.uncertain, reported };
        self.rule_state(rule.name).edge = Some(since);
        if length == Millis::ZERO {
            return self.open(rule, &wait);
        }
        self.decide(since, Some(rule.name), None, &Outcome::Pending { due: wait.due });
        self.rule_state(rule.name).phase = Phase::Pending(wait);
    }

    /// Returns since when a condition has held that turned true at `t`, by the values that are remembered.
    fn held_since(&self, rule: &Rule, t: Time) -> Time {
        if !rule.when.reads_facts_alone() {
            return t;
        }
        let facts = rule.when.facts().filter_map(|fact| self.facts.get(fact));
        let mut moments: Vec<Time> = facts.flat_map(|fact| fact.values.iter().map(|(at, _)| *at)).collect();
        moments.retain(|moment| *moment < t);
        moments.sort();
        let mut since = t;
        for moment in moments.into_iter().rev() {
            if self.flickers(rule, since) || !self.is_remembered_true(rule, moment) {
                break;
            }
            since = moment;
        }
        since
    }

    /// Returns whether a fact that the rule reads had two values at `t`.
    fn flickers(&self, rule: &Rule, t: Time) -> bool {
        let mut facts = rule.when.facts().filter_map(|fact| self.facts.get(fact));
        facts.any(|fact| fact.values.iter().filter(|(at, _)| *at == t).count() > 1)
    }

    /// Returns whether a condition was true at `t`, by values that are remembered.
    fn is_remembered_true(&self, rule: &Rule, t: Time) -> bool {
        let read_by_then = |fact: &Fact| fact.values.first().is_some_and(|(first, _)| *first <= t);
        let facts = self.facts.iter().filter(|(_, fact)| read_by_then(fact));
        let facts = facts.map(|(name, fact)| (name.clone(), fact.clone())).collect();
        rule.when.answer(&World { facts: &facts, zone: &self.zone() }, t) == Some(true)
    }

    /// Puts the end of a closing incident back that no reading brought, if the condition was false before already.
    fn put_end_back(&mut self, rule: &Rule, r: Time) {
        let Phase::Closing(closing, turned) = self.rule_state(rule.name).phase.clone() else { return };
        let from = r.max(self.incident_of(rule.name).unwrap().since);
        let days = closing.since.as_millis() - from.as_millis();
        if turned.by.is_some() && 0 < days && days <= 30 * 86_400_000 && self.is_false(rule, from, closing.since) {
            self.start_closing(rule, from, Cause::Reading);
        }
    }

    fn is_false(&self, rule: &Rule, from: Time, until: Time) -> bool {
        self.with_world(|world| {
            let next = |t: &Time| rule.when.next_moment(world, *t).filter(|next| *next < until);
            std::iter::successors(Some(from), next).all(|t| rule.when.answer(world, t) == Some(false))
        })
    }

    fn start_closing(&mut self, rule: &Rule, t: Time, cause: Cause) {
        let dip = t < self.incident_of(rule.name).unwrap().opened_at;
        let length = if dip { Millis::ZERO } else { self.wait(rule, "close_after", rule.close_after, t) };
        let reported = self.reported(t, cause);
        let wait = Wait { since: t, due: t + length, uncertain: self.uncertain, reported };
        let turned = self.turned_false(rule, t, cause);
        self.rule_state(rule.name).edge = Some(t);
        if length == Millis::ZERO {
            return self.resolve(rule, &wait, turned);
        }
        let incident = self.id_of(rule.name);
        self.decide(t, Some(rule.name), incident, &Outcome::Closing { due: wait.due });
        self.rule_state(rule.name).phase = Phase::Closing(wait, turned);
    }

    /// Returns whether a fact that the rule reads changed at `t`.
    fn is_change(&self, rule: &Rule, t: Time) -> bool {
        rule.when.facts().filter_map(|fact| self.facts.get(fact)).any(|fact| fact.changes().any(|at| at == t))
    }

    /// Returns now, if it became known late that the condition turned at `t`.
    fn reported(&self, t: Time, cause: Cause) -> Option<Time> {
        (cause != Cause::Edit && t + LATE < self.now).then_some(self.now)
    }

    fn turned_false(&self, rule: &Rule, t: Time, cause: Cause) -> TurnedFalse {
        self.with_world(|world| {
            let before = || rule.when.answer_by(world, t, t.moved(-1));
            let by = match cause {
                Cause::Reading => None,
                Cause::LostSensor => Some(EndedBy::LostSensor),
                Cause::Time if self.is_change(rule, t) => None,
                Cause::Time => (before() == Some(true)).then_some(EndedBy::Clock),
                Cause::Edit => Some(EndedBy::Edit),
            };
            let value = |fact| (Name::new(fact), world.at(fact, t).map(|(_, value)| value));
            TurnedFalse { by, facts: rule.when.facts().map(value).collect() }
        })
    }

    fn open(&mut self, rule: &Rule, wait: &Wait) {
        let count = self.counts.entry(rule.name.into()).or_default();
        *count += 1;
        let number = *count;
        let id = ids::incident(&self.device.id, rule.name, number);
        let begun_before = self.held_since(rule, wait.since) < wait.since;
        self.incidents.push(Incident {
            id,
            rule: rule.name.into(),
            number,
            severity: rule.severity,
            since: wait.since,
            since_uncertain: wait.uncertain,
            since_reported: wait.reported,
            opened_at: wait.due,
            when: rule.when.to_string(),
            begun_before,
            interrupted: false,
            alerted_at: None,
            ended: None,
            ended_uncertain: false,
            ended_reported: None,
            turned_false: TurnedFalse::default(),
            acknowledgement: None,
            snooze: None,
            fired_steps: Vec::new(),
            channels: Vec::new(),
            last_hold: None,
            decided: false,
        });
        self.rule_state(rule.name).phase = Phase::Open;
        self.decide(wait.due, Some(rule.name), Some(id), &Outcome::Opened { since: wait.since });
    }

    fn resolve(&mut self, rule: &Rule, wait: &Wait, turned: TurnedFalse) {
        self.rule_state(rule.name).phase = Phase::Quiet;
        self.end(rule.name, wait, turned);
    }

    /// Ends the incident of a rule, whose condition has been false since `wait` began.
    pub fn end(&mut self, rule: &str, wait: &Wait, turned: TurnedFalse) {
        self.rule_state(rule).ended = Some(wait.since);
        let incident = self.incident_of(rule).unwrap();
        incident.ended = Some(wait.since);
        incident.since = incident.since.min(wait.since);
        incident.ended_uncertain = wait.uncertain;
        incident.ended_reported = wait.reported;
        let (id, since, ended, by) = (incident.id, incident.since, wait.since, turned.by);
        incident.turned_false = turned;
        self.decide(wait.due, Some(rule), Some(id), &Outcome::Resolved { since, ended, by });
    }

    /// Returns how long a rule waits that turned at `since`: the value of its script, or else of the file.
    pub fn wait(&mut self, rule: &Rule, hook: &str, file: Millis, since: Time) -> Millis {
        if rule.script != Some(Script::Waits) {
            return file;
        }
        match Hook::by(self.facts.get("battery"), since) {
            Hook::Fails => {
                let incident = self.id_of(rule.name);
                self.record_hook_failure(rule.name, incident, hook);
                file
            }
            Hook::AnswersItsOwn => Script::own_wait(since, &self.zone()),
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
                (Deadline::Open, Phase::Pending(wait)) => self.open(rule, &wait),
                (Deadline::Resolve, Phase::Closing(wait, turned)) => self.resolve(rule, &wait, turned),
                _ => self.ask(rule, at, Cause::Time),
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
                (Phase::Closing(wait, _), Some(false)) => deadlines.push((wait.due, Deadline::Resolve, place)),
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
        state.is_some_and(|state| matches!(state.phase, Phase::Closing(..)) && state.answer == Some(false))
    }

    /// Returns whether a fact may have this value; `Err` if there is no such fact.
    pub fn holds(&self, fact: &str, value: Option<Value>) -> Result<bool, ()> {
        let switch = matches!(value, None | Some(Value::On | Value::Off));
        let link = matches!(value, None | Some(Value::Connected | Value::Disconnected));
        let number = matches!(value, None | Some(Value::Number(_)));
        match fact {
            "power" => Ok(switch),
            "door" if self.rules.door == Some(FactKind::Switch) => Ok(switch),
            "door" if self.rules.door == Some(FactKind::Number) => Ok(number),
            "connection" => Ok(link),
            "battery" | "battery_mv" => Ok(number),
            _ => Err(()),
        }
    }
}
