//! Reading the tables.

use dag_engine::{Decision, Id, Time};
use redb::{Database, ReadableDatabase, ReadableTable};
use serde::{
    Deserialize,
    de::{DeserializeOwned, IntoDeserializer},
};

use super::{
    error::TransactionError,
    tables::{BY_INCIDENT, DECISIONS, Log, OUTBOX, STATE},
};

/// A selection of a log's rows: the newest ones between two times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    from: Option<Time>,
    until: Option<Time>,
    newest: usize,
}

impl Window {
    /// Selects the newest `most` rows.
    pub const fn newest(most: usize) -> Self {
        Window { from: None, until: None, newest: most }
    }

    /// Leaves out rows before `from`.
    pub const fn from(mut self, from: Time) -> Self {
        self.from = Some(from);
        self
    }

    /// Leaves out rows at `until` or later.
    pub const fn until(mut self, until: Time) -> Self {
        self.until = Some(until);
        self
    }

    fn holds(&self, millis: i64) -> bool {
        self.from.is_none_or(|from| from.as_millis() <= millis)
            && self.until.is_none_or(|until| millis < until.as_millis())
    }
}

pub(super) fn state<S: DeserializeOwned>(database: &Database, device: &str) -> Result<Option<S>, TransactionError> {
    let table = database.begin_read()?.open_table(STATE)?;
    let found = table.get(device)?;
    found.map(|json| parse(json.value(), || format!("the state of `{device}`"))).transpose()
}

pub(super) fn outbox<E: DeserializeOwned>(database: &Database) -> Result<Vec<(Id, E)>, TransactionError> {
    let table = database.begin_read()?.open_table(OUTBOX)?;
    let mut entries = Vec::new();
    for row in table.iter()? {
        let (id, entry) = row?;
        let (id, (number, json)) = (id.value(), entry.value());
        let entry = parse(json, || format!("the outbox's entry {id}"))?;
        let id =
            Id::deserialize(id.into_deserializer()).map_err(TransactionError::record("the id of an outbox's entry"))?;
        entries.push((number, id, entry));
    }
    entries.sort_unstable_by_key(|(number, ..)| *number);
    Ok(entries.into_iter().map(|(_, id, entry)| (id, entry)).collect())
}

pub(super) fn log<T: DeserializeOwned>(
    database: &Database,
    log: Log,
    window: Window,
) -> Result<Vec<T>, TransactionError> {
    let table = database.begin_read()?.open_table(log)?;
    let mut rows = Vec::new();
    for row in table.iter()?.rev() {
        if rows.len() == window.newest {
            break;
        }
        let (number, row) = row?;
        let (at, json) = row.value();
        if window.holds(at) {
            rows.push(parse(json, || format!("row {} of the log", number.value()))?);
        }
    }
    rows.reverse();
    Ok(rows)
}

pub(super) fn decisions_of(database: &Database, incident: Id) -> Result<Vec<Decision>, TransactionError> {
    let reading = database.begin_read()?;
    let log = reading.open_table(DECISIONS)?;
    let incident = incident.as_bytes();
    let mut decisions = Vec::new();
    for row in reading.open_table(BY_INCIDENT)?.range((incident, 0)..=(incident, u64::MAX))? {
        let number = row?.0.value().1;
        if let Some(row) = log.get(number)? {
            decisions.push(parse(row.value().1, || format!("row {number} of the log"))?);
        }
    }
    Ok(decisions)
}

fn parse<T: DeserializeOwned>(json: &[u8], record: impl FnOnce() -> String) -> Result<T, TransactionError> {
    serde_json::from_slice(json).map_err(|source| TransactionError::Record { record: record(), source })
}
