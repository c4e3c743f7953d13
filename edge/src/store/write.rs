//! Writing a step, within one transaction.

use redb::{ReadableTable, WriteTransaction};

use super::{
    commit::{Commit, OutboxChange},
    error::TransactionError,
    log::{append, prune},
    meta::Meta,
    tables::{DECISIONS, FINISHED, OUTBOX, READINGS, STATE},
    uplink_queue,
};

/// The most old rows that a step removes, beside twice the number that it appends. It bounds the time that a step
/// waits, and is more than a step appends, so that a smaller retention is reached.
const ROWS_PRUNED: usize = 64;

/// Writes all of `commit`, and makes room for it in the logs.
pub(super) fn apply(
    transaction: &WriteTransaction,
    meta: &mut Meta,
    commit: &Commit,
    keep: u64,
) -> Result<(), TransactionError> {
    if let Some((device, state)) = &commit.state {
        transaction.open_table(STATE)?.insert(device.as_str(), state.as_slice())?;
    }
    for reading in &commit.readings {
        let json = serde_json::to_vec(reading).map_err(TransactionError::record("a reading"))?;
        append(transaction, meta, READINGS, reading.reading.at, &json, None)?;
    }
    for decision in &commit.decisions {
        let json = serde_json::to_vec(decision).map_err(TransactionError::record("a decision"))?;
        append(transaction, meta, DECISIONS, decision.at, &json, decision.incident)?;
    }
    for change in &commit.outbox {
        put(transaction, meta, commit, change)?;
    }
    uplink_queue::apply(transaction, meta, &commit.uplink)?;
    let appended = commit.readings.len() + commit.decisions.len() + commit.outbox.len();
    prune(transaction, meta, keep, appended.saturating_mul(2).saturating_add(ROWS_PRUNED))?;
    meta.steps = meta.steps.saturating_add(1);
    meta.alive = Some(commit.at);
    if let Some(boots) = &commit.boots {
        meta.boots.clone_from(boots);
    }
    Ok(())
}

fn put(
    transaction: &WriteTransaction,
    meta: &mut Meta,
    commit: &Commit,
    change: &OutboxChange,
) -> Result<(), TransactionError> {
    let mut outbox = transaction.open_table(OUTBOX)?;
    let id = change.id.to_string();
    if change.is_finished {
        outbox.remove(id.as_str())?;
        return append(transaction, meta, FINISHED, commit.at, &change.entry, None);
    }
    let known = outbox.get(id.as_str())?.map(|entry| entry.value().0);
    let number = known.unwrap_or_else(|| meta.take_number());
    outbox.insert(id.as_str(), (number, change.entry.as_slice()))?;
    Ok(())
}
