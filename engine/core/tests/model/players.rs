//! Engine and model behind one trait.

use std::{collections::BTreeSet, rc::Rc};

use dag_engine::{Device, Engine, Id, Input, MessageRef, Name, Outcome, Ruleset, Severity, State, Time};

use crate::{decision_line::DecisionLine, episodes::Phase, message::Message, model::Model, reasons, rules::Rules};

/// The outcome of one step.
pub struct Step {
    pub lines: Vec<DecisionLine>,
    pub messages: Vec<Message>,
}

impl Step {
    pub fn references(&self) -> Vec<MessageRef> {
        self.messages.iter().map(Message::reference).collect()
    }
}

/// The fields of an incident that lasts, as they are compared.
pub type OpenIncident = (Id, Name, u64, Severity, Time, Time, Option<Time>);

pub trait Player {
    fn step(&mut self, input: &Input, now: Time) -> Step;
    fn next_deadline(&self) -> Option<Time>;
    fn open(&self) -> Vec<OpenIncident>;
    /// Rules that wait to open: since when, and until when.
    fn pending(&self) -> Vec<(Name, Time, Time)>;
}

pub struct EnginePlayer {
    pub engine: Engine,
    pub state: State,
    /// The reasons of its decisions.
    pub reached: BTreeSet<String>,
}

pub fn compile(rules: &Rules) -> Engine {
    let compiled = Ruleset::compile(&rules.sources());
    let compiled = compiled.unwrap_or_else(|problems| panic!("{problems}\n{}", rules.toml()));
    Engine::new(compiled).running(dag_engine::Runs::Standalone)
}

impl EnginePlayer {
    pub fn new(device: Device, rules: &Rules) -> Self {
        EnginePlayer { engine: compile(rules), state: State::new(device), reached: BTreeSet::new() }
    }
}

impl EnginePlayer {
    /// Restarts the host: the state goes through storage.
    pub fn restart(&mut self) {
        let text = serde_json::to_string(&self.state).unwrap();
        let read: State = serde_json::from_str(&text).unwrap();
        assert_eq!(read, self.state, "{text}");
        self.state = read;
    }
}

impl Player for EnginePlayer {
    fn step(&mut self, input: &Input, now: Time) -> Step {
        let decisions = self.engine.step(&mut self.state, input.clone(), now);
        self.reached.extend(decisions.iter().flat_map(reasons::of));
        let now = self.state.now();
        assert!(self.state.next_deadline().is_none_or(|deadline| deadline > now), "the deadline does not lie ahead");
        let messages = decisions.iter().filter_map(|decision| match &decision.outcome {
            Outcome::Notify(message) => Some(Message::from(&**message)),
            _ => None,
        });
        Step { lines: decisions.iter().map(DecisionLine::from).collect(), messages: messages.collect() }
    }

    fn next_deadline(&self) -> Option<Time> {
        self.state.next_deadline()
    }

    fn open(&self) -> Vec<OpenIncident> {
        let lasting = self.state.open_incidents().filter(|incident| incident.ended.is_none());
        let open = lasting.map(|seen| {
            (seen.id, seen.rule.clone(), seen.number, seen.severity, seen.since, seen.opened_at, seen.alerted_at)
        });
        open.collect()
    }

    fn pending(&self) -> Vec<(Name, Time, Time)> {
        self.state.pending().map(|(rule, since, due)| (rule.clone(), since, due)).collect()
    }
}

pub struct ModelPlayer {
    pub model: Model,
    pub rules: Rc<Rules>,
}

impl Player for ModelPlayer {
    fn step(&mut self, input: &Input, now: Time) -> Step {
        self.model.step(&self.rules, input, now);
        Step { lines: self.model.lines.clone(), messages: self.model.messages.clone() }
    }

    fn next_deadline(&self) -> Option<Time> {
        self.model.next_deadline()
    }

    fn open(&self) -> Vec<OpenIncident> {
        let lasting = self.model.incidents.iter().filter(|incident| incident.ended.is_none());
        let open = lasting.map(|seen| {
            (seen.id, seen.rule.clone(), seen.number, seen.severity, seen.since, seen.opened_at, seen.alerted_at)
        });
        open.collect()
    }

    fn pending(&self) -> Vec<(Name, Time, Time)> {
        let pending = self.model.rule_states.iter().filter_map(|(rule, state)| match &state.phase {
            Phase::Pending(wait) => Some((rule.clone(), wait.since, wait.due)),
            _ => None,
        });
        pending.collect()
    }
}
