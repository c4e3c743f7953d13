//! What sources report.

use std::sync::Arc;

use dag_engine::{Name, Time, Value};

/// What time it is, asked from whichever thread sees a change.
pub(super) type Clock = Arc<dyn Fn() -> Time + Send + Sync>;

/// A fact's value at a time, as its source saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Which fact.
    pub fact: Name,
    /// Its value; `None` when it is not known.
    pub value: Option<Value>,
    /// When it took that value, by the clock that [`start`] was given.
    pub at: Time,
}

/// What a source says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceEvent {
    /// Which source, by a name that stays the same over restarts: `simulated`, `gpio:4`, `nut:ups@127.0.0.1:3493`.
    pub source: Name,
    /// What became of the source itself.
    pub status: SourceStatus,
    /// What it saw; for a loss, its facts as unknown.
    pub observations: Vec<Observation>,
}

/// What became of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceStatus {
    /// Nothing: it works.
    Working,
    /// It is lost, or still lost for another reason (then without observations). The reason is a sentence for people.
    Lost(String),
    /// It is back.
    Recovered,
}
