//! The queue of readings that the cloud has not confirmed yet. It is bounded, and in the order of reading.

use std::{collections::BTreeSet, ops::Bound};

use dag_engine::{ClockShift, Name};
use dag_uplink::DroppedReadings;
use redb::{Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, WriteTransaction};
use serde::{Deserialize, Serialize};

use super::{error::TransactionError, meta::Meta, reading::QueuedReading, tables::UPLINK};

/// The bytes that a row takes beside its strings and its JSON: position, lengths, and its share of the pages above.
const ROW_BYTES: u64 = 48;

/// A full queue is cleared to this many eighths of its limit. To find what can be dropped, the whole queue is read, so
/// it must not happen at each step.
const KEPT_EIGHTHS: u64 = 7;

/// The size of the queue, and what was dropped from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backlog {
    /// The number of readings.
    pub readings: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// The dropped readings that no confirmed report has named yet.
    pub dropped: Option<DroppedReadings>,
}

/// The changes that a step makes to the queue.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct QueueUpdate {
    /// The limit of the queue in bytes. `None` drops nothing.
    pub keep: Option<u64>,
    /// The readings to append.
    pub added: Vec<QueuedReading>,
    /// The clock was set. The times in the queue move by one shift after the other, those of `added` do not.
    pub shifts: Vec<ClockShift>,
}

impl QueueUpdate {
    fn is_none(&self) -> bool {
        self.added.is_empty() && self.shifts.is_empty()
    }
}

/// Applies the changes of a step to the queue.
pub(super) fn apply(
    transaction: &WriteTransaction,
    meta: &mut Meta,
    update: &QueueUpdate,
) -> Result<(), TransactionError> {
    if update.is_none() {
        return Ok(());
    }
    if !update.shifts.is_empty() {
        move_times(transaction, meta, &update.shifts)?;
    }
    let mut table = transaction.open_table(UPLINK)?;
    for queued in &update.added {
        let json = to_json(queued)?;
        let (source, fact) = (queued.reading.source.as_str(), queued.reading.reading.fact.as_str());
        table.insert(meta.take_number(), (source, fact, queued.is_change, json.as_slice()))?;
        meta.uplink.bytes = meta.uplink.bytes.saturating_add(cost(source, fact, &json));
    }
    drop(table);
    match update.keep {
        Some(keep) if meta.uplink.bytes > keep => make_room(transaction, meta, keep / 8 * KEPT_EIGHTHS),
        _ => Ok(()),
    }
}

/// Drops readings until the queue takes `keep` bytes: the oldest that are no changes first, then the oldest changes.
/// The newest reading of a fact is never dropped.
fn make_room(transaction: &WriteTransaction, meta: &mut Meta, keep: u64) -> Result<(), TransactionError> {
    let mut table = transaction.open_table(UPLINK)?;
    let mut newest: BTreeSet<(String, String)> = BTreeSet::new();
    let (mut steps, mut changes) = (Vec::new(), Vec::new());
    for row in table.iter()?.rev() {
        let (position, row) = row?;
        let (source, fact, is_change, _) = row.value();
        if newest.insert((source.to_owned(), fact.to_owned())) {
            continue;
        }
        if is_change { changes.push(position.value()) } else { steps.push(position.value()) }
    }
    for position in steps.into_iter().rev().chain(changes.into_iter().rev()) {
        if meta.uplink.bytes <= keep {
            break;
        }
        let Some(row) = table.remove(position)? else { continue };
        let (source, fact, _, json) = row.value();
        meta.uplink.bytes = meta.uplink.bytes.saturating_sub(cost(source, fact, json));
        let at = parse(json, position)?.reading.reading.at;
        let dropped = meta.uplink.dropped.get_or_insert(DroppedReadings { readings: 0, from: at, until: at });
        dropped.readings = dropped.readings.saturating_add(1);
        dropped.from = dropped.from.min(at);
        dropped.until = dropped.until.max(at);
    }
    Ok(())
}

/// Moves the times of the readings in the queue, and of those that were dropped.
fn move_times(transaction: &WriteTransaction, meta: &mut Meta, shifts: &[ClockShift]) -> Result<(), TransactionError> {
    let moved_time = |at| shifts.iter().fold(at, |at, shift| shift.apply(at));
    let mut table = transaction.open_table(UPLINK)?;
    let mut moved = Vec::new();
    for row in table.iter()? {
        let (position, row) = row?;
        let (source, fact, is_change, json) = row.value();
        let mut queued = parse(json, position.value())?;
        let at = &mut queued.reading.reading.at;
        if moved_time(*at) != *at {
            *at = moved_time(*at);
            let new = to_json(&queued)?;
            meta.uplink.bytes = meta.uplink.bytes.saturating_add(new.len() as u64).saturating_sub(json.len() as u64);
            moved.push((position.value(), source.to_owned(), fact.to_owned(), is_change, new));
        }
    }
    for (position, source, fact, is_change, json) in moved {
        table.insert(position, (source.as_str(), fact.as_str(), is_change, json.as_slice()))?;
    }
    if let Some(dropped) = &mut meta.uplink.dropped {
        (dropped.from, dropped.until) = (moved_time(dropped.from), moved_time(dropped.until));
    }
    Ok(())
}

/// Removes the readings up to the position `upto`, and counts those of `reported` no longer as dropped.
pub(super) fn confirm(
    transaction: &WriteTransaction,
    meta: &mut Meta,
    upto: Option<u64>,
    reported: Option<DroppedReadings>,
) -> Result<(), TransactionError> {
    if let Some(upto) = upto {
        let mut table = transaction.open_table(UPLINK)?;
        let mut freed: u64 = 0;
        for row in table.extract_from_if(..=upto, |_, _| true)? {
            let (_, row) = row?;
            let (source, fact, _, json) = row.value();
            freed = freed.saturating_add(cost(source, fact, json));
        }
        meta.uplink.bytes = meta.uplink.bytes.saturating_sub(freed);
    }
    let left = |dropped: DroppedReadings| {
        let readings = dropped.readings.saturating_sub(reported.map_or(0, |reported| reported.readings));
        (readings > 0).then_some(DroppedReadings { readings, ..dropped })
    };
    meta.uplink.dropped = meta.uplink.dropped.and_then(left);
    Ok(())
}

/// Returns at most `most` readings, oldest first, each with its position.
pub(super) fn oldest(database: &Database, most: usize) -> Result<Vec<(u64, QueuedReading)>, TransactionError> {
    let table = database.begin_read()?.open_table(UPLINK)?;
    let mut found = Vec::new();
    for row in table.iter()?.take(most) {
        let (position, row) = row?;
        found.push((position.value(), parse(row.value().3, position.value())?));
    }
    Ok(found)
}

/// Returns those of `sources` that have readings behind a position.
pub(super) fn sources_behind(
    database: &Database,
    behind: u64,
    sources: BTreeSet<Name>,
) -> Result<BTreeSet<Name>, TransactionError> {
    let table = database.begin_read()?.open_table(UPLINK)?;
    let (mut wanted, mut found) = (sources, BTreeSet::new());
    for row in table.range::<u64>((Bound::Excluded(behind), Bound::Unbounded))? {
        if wanted.is_empty() {
            break;
        }
        let (_, row) = row?;
        found.extend(wanted.take(row.value().0));
    }
    Ok(found)
}

/// Returns the size of the queue, and what was dropped from it.
pub(super) fn backlog(database: &Database) -> Result<Backlog, TransactionError> {
    let readings = database.begin_read()?.open_table(UPLINK)?.len()?;
    let uplink = Meta::load(database)?.uplink;
    Ok(Backlog { readings, bytes: uplink.bytes, dropped: uplink.dropped })
}

fn to_json(queued: &QueuedReading) -> Result<Vec<u8>, TransactionError> {
    serde_json::to_vec(queued).map_err(TransactionError::record("a reading for the cloud"))
}

fn parse(json: &[u8], position: u64) -> Result<QueuedReading, TransactionError> {
    serde_json::from_slice(json).map_err(TransactionError::record(format!("reading {position} for the cloud")))
}

fn cost(source: &str, fact: &str, json: &[u8]) -> u64 {
    [source.len(), fact.len(), json.len()].iter().map(|length| *length as u64).sum::<u64>().saturating_add(ROW_BYTES)
}
