//! The logs: appending rows, and removing the oldest ones when the logs are full.

use dag_engine::{Id, Time};
use redb::{ReadableTable, WriteTransaction};
use serde::Deserialize;

use super::{
    error::TransactionError,
    meta::Meta,
    tables::{BY_INCIDENT, DECISIONS, FINISHED, Log, READINGS},
};

/// The bytes that a row takes beside its JSON: number, time, length, and its share of the pages above.
const ROW_BYTES: u64 = 32;
/// The bytes that a row of the index takes: incident, number, and its share of the pages above.
const INDEX_BYTES: u64 = 32;

/// Appends a row and counts its size.
pub(super) fn append(
    transaction: &WriteTransaction,
    meta: &mut Meta,
    log: Log,
    at: Time,
    json: &[u8],
    incident: Option<Id>,
) -> Result<(), TransactionError> {
    let number = meta.take_number();
    transaction.open_table(log)?.insert(number, (at.as_millis(), json))?;
    if let Some(incident) = incident {
        transaction.open_table(BY_INCIDENT)?.insert((incident.as_bytes(), number), ())?;
    }
    meta.bytes = meta.bytes.saturating_add(cost(json.len(), incident.is_some()));
    Ok(())
}

/// Removes the oldest rows of all logs until they take at most `keep` bytes. At most `most` rows are removed, so that a
/// step does not wait for long. Returns whether that was enough.
pub(super) fn prune(
    transaction: &WriteTransaction,
    meta: &mut Meta,
    keep: u64,
    most: usize,
) -> Result<bool, TransactionError> {
    if meta.bytes <= keep {
        return Ok(true);
    }
    let mut decisions = transaction.open_table(DECISIONS)?;
    let mut readings = transaction.open_table(READINGS)?;
    let mut finished = transaction.open_table(FINISHED)?;
    let mut by_incident = transaction.open_table(BY_INCIDENT)?;
    for _ in 0..most {
        if meta.bytes <= keep {
            return Ok(true);
        }
        let first = |log: &redb::Table<'_, u64, (i64, &'static [u8])>| -> Result<u64, TransactionError> {
            Ok(log.first()?.map_or(u64::MAX, |(number, _)| number.value()))
        };
        let of_decisions = first(&decisions)?;
        let oldest =
            [(of_decisions, &mut decisions), (first(&readings)?, &mut readings), (first(&finished)?, &mut finished)];
        let Some((number, log)) = oldest.into_iter().min_by_key(|(number, _)| *number) else { break };
        let Some(row) = log.remove(number)? else {
            // The logs are empty.
            meta.bytes = 0;
            break;
        };
        let json = row.value().1;
        let incident = if number == of_decisions { incident_of(json) } else { None };
        if let Some(incident) = incident {
            by_incident.remove((incident.as_bytes(), number))?;
        }
        meta.bytes = meta.bytes.saturating_sub(cost(json.len(), incident.is_some()));
    }
    Ok(meta.bytes <= keep)
}

/// Returns the incident of a decision. Nothing else of it is read, so that a decision that this version cannot read can
/// be removed.
fn incident_of(json: &[u8]) -> Option<Id> {
    #[derive(Deserialize)]
    struct About {
        #[serde(default)]
        incident: Option<Id>,
    }
    serde_json::from_slice::<About>(json).ok()?.incident
}

const fn cost(json: usize, indexed: bool) -> u64 {
    (json as u64).saturating_add(ROW_BYTES).saturating_add(if indexed { INDEX_BYTES } else { 0 })
}
