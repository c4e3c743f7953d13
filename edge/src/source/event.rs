//! The events of sources.

use std::sync::Arc;

use dag_engine::{Name, Time, Value};

/// The clock of the readings. The thread that notices a change calls it.
pub(super) type Clock = Arc<dyn Fn() -> Time + Send + Sync>;

/// A fact's value at a time, as its source read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// The fact.
    pub fact: Name,
    /// Its value; `None` when it is not known.
    pub value: Option<Value>,
    /// When it took that value, by the clock that [`start`](super::start) was given.
    pub at: Time,
}

/// An event of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceEvent {
    /// The source, by a name that is the same after a restart: `simulated`, `gpio:4`, `nut:ups@127.0.0.1:3493`.
    pub source: Name,
    /// The state of the source itself.
    pub status: SourceStatus,
    /// Its readings. Where it is lost, its facts as unknown.
    pub observations: Vec<Observation>,
}

/// The state of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceStatus {
    /// It works.
    Working,
    /// It is lost, or still lost for another reason (then without observations). The reason is a sentence for people.
    Lost(String),
    /// It works again after it was lost.
    Recovered,
}
