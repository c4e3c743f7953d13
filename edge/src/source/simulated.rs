//! Facts that users set, to try rules and for the demo.

use std::collections::BTreeMap;

use dag_engine::{FactKind, Name, Value};
use tokio::sync::mpsc;

use super::{
    error::SimulateError,
    event::{Clock, Observation, SourceEvent, SourceStatus},
};

/// The name of the source.
const NAME: Name = Name::new_static("simulated");

/// The facts of a device that `dag unplug` and `dag plug` set.
pub(super) struct Simulated {
    facts: BTreeMap<Name, (FactKind, Value)>,
    events: mpsc::Sender<SourceEvent>,
    clock: Clock,
}

impl Simulated {
    pub fn new(events: mpsc::Sender<SourceEvent>, clock: Clock) -> Self {
        Simulated { facts: BTreeMap::new(), events, clock }
    }

    /// Adds a fact that starts with the last known value, if it has one.
    pub fn add(&mut self, fact: &Name, kind: FactKind, last: Option<Value>) {
        let first = if kind == FactKind::Number { Value::Number(100) } else { Value::On };
        let value = last.filter(|value| fits(kind, *value)).unwrap_or(first);
        self.facts.insert(fact.clone(), (kind, value));
    }

    /// Returns the name of the source, if there are simulated facts.
    pub fn name(&self) -> Option<Name> {
        (!self.facts.is_empty()).then_some(NAME)
    }

    /// Reports the first values.
    pub fn report_first(&self) {
        let at = (self.clock)();
        let observe = |(fact, (_, value)): (&Name, &(FactKind, Value))| observation(fact, *value, at);
        let observations: Vec<_> = self.facts.iter().map(observe).collect();
        if !observations.is_empty() {
            // The channel is new and has room.
            let _ = self.send(observations);
        }
    }

    /// Sets a fact. Never waits: the caller may be the one that receives the events.
    pub fn set(&mut self, fact: &str, value: Value) -> Result<(), SimulateError> {
        let fact = Name::new(fact);
        let Some((kind, last)) = self.facts.get(&fact).copied() else {
            return Err(SimulateError::NotSimulated { fact });
        };
        if !fits(kind, value) {
            return Err(SimulateError::Value { fact, value, kind });
        }
        if value != last {
            self.send(vec![observation(&fact, value, (self.clock)())])?;
            self.facts.insert(fact, (kind, value));
        }
        Ok(())
    }

    fn send(&self, observations: Vec<Observation>) -> Result<(), SimulateError> {
        let event = SourceEvent { source: NAME, status: SourceStatus::Working, observations };
        self.events.try_send(event).map_err(|_| SimulateError::Busy)
    }
}

impl std::fmt::Debug for Simulated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Simulated").field("facts", &self.facts).finish_non_exhaustive()
    }
}

fn observation(fact: &Name, value: Value, at: dag_engine::Time) -> Observation {
    Observation { fact: fact.clone(), value: Some(value), at }
}

/// The only number that can be simulated is the battery, in percent.
fn fits(kind: FactKind, value: Value) -> bool {
    kind.holds(value) && !matches!(value, Value::Number(number) if !(0..=100).contains(&number))
}
