//! Engine and model behind one trait.

use std::{collections::BTreeMap, rc::Rc};

use dag_engine::{
    Decision, Device, Engine, Id, Input, Kind, MessageRef, Name, Outcome, Ruleset, Severity, State, Time,
};

use crate::{decision_line::DecisionLine, episodes::Phase, message::Message, model::Model, rules::Rules};

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
    /// How often each kind of decision was seen.
    pub seen: BTreeMap<String, usize>,
}

pub fn compile(rules: &Rules) -> Engine {
    let compiled = Ruleset::compile(&rules.sources());
    let compiled = compiled.unwrap_or_else(|problems| panic!("{problems}\n{}", rules.toml()));
    Engine::new(compiled).running(dag_engine::Runs::Standalone)
}

impl EnginePlayer {
    pub fn new(device: Device, rules: &Rules) -> Self {
        EnginePlayer { engine: compile(rules), state: State::new(device), seen: BTreeMap::new() }
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
        for seen in kinds(&decisions) {
            *self.seen.entry(seen).or_default() += 1;
        }
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

/// Returns the kinds and reasons of a step's decisions, to count them.
fn kinds(decisions: &[Decision]) -> Vec<String> {
    let mut kinds = Vec::new();
    for decision in decisions {
        kinds.push(match &decision.outcome {
            Outcome::Held { reason, .. } => format!("held {reason:?}"),
            Outcome::Withheld { reason, .. } => format!("withheld {reason:?}"),
            Outcome::Withdrawn { reason, .. } => format!("withdrawn {reason:?}"),
            Outcome::Refused { reason, .. } => format!("refused {reason:?}"),
            Outcome::Resolved { by: Some(by), .. } => format!("resolved {by:?}"),
            Outcome::Notify(message) => format!("told {}", message.kind.as_str()),
            Outcome::Troubled { cause } => {
                format!("troubled {}", cause.key().split('/').next().unwrap_or_default())
            }
            other => {
                let json = serde_json::to_value(Decision { outcome: other.clone(), ..decision.clone() }).unwrap();
                json["decision"].as_str().unwrap().to_owned()
            }
        });
        if let Outcome::Notify(message) = &decision.outcome {
            let of_it = |outcome: &Outcome| matches!(outcome, Outcome::Fired { .. } | Outcome::FellBack { .. });
            let fired = decisions.iter().any(|other| other.incident == decision.incident && of_it(&other.outcome));
            if !fired && matches!(message.kind, Kind::Opened | Kind::Reminder) {
                kinds.push("told when released".to_owned());
            }
            let seen = message.incident();
            if seen.is_some_and(|seen| seen.uncertain) {
                kinds.push("told uncertain times".to_owned());
            }
            if seen.is_some_and(|seen| seen.unseen) {
                kinds.push("told unseen".to_owned());
            }
        }
    }
    kinds
}
