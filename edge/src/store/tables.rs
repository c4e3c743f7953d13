//! The tables of the file.

use dag_engine::Id;
use redb::{TableDefinition, WriteTransaction};

use super::{error::TransactionError, meta::Meta};

/// The engine's state in JSON, by device.
pub(super) const STATE: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("state");
/// The last good rules: content by path.
pub(super) const RULES: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("rules");
/// Outbox entries that are not finished: number and JSON, by the notification's id.
pub(super) const OUTBOX: TableDefinition<'static, &str, (u64, &[u8])> = TableDefinition::new("outbox");

/// A log: time in Unix milliseconds and JSON, by number. All logs take their numbers from one sequence, so the oldest
/// row of all has the lowest.
pub(super) type Log = TableDefinition<'static, u64, (i64, &'static [u8])>;
/// The decisions of the engine.
pub(super) const DECISIONS: Log = TableDefinition::new("decisions");
/// The readings of the sources.
pub(super) const READINGS: Log = TableDefinition::new("readings");
/// Outbox entries that are finished.
pub(super) const FINISHED: Log = TableDefinition::new("finished");
/// The numbers of an incident's decisions.
pub(super) const BY_INCIDENT: TableDefinition<'static, (&[u8; 16], u64), ()> = TableDefinition::new("by_incident");
/// Readings that the cloud has not confirmed yet, by position.
pub(super) const UPLINK: TableDefinition<'static, u64, UplinkRow> = TableDefinition::new("uplink");
/// The source, the fact, whether it is a change, and the reading in JSON.
pub(super) type UplinkRow = (&'static str, &'static str, bool, &'static [u8]);

/// Makes every table, so that readers find them all, and gives the store its identity.
pub(super) fn create(transaction: &WriteTransaction, incarnation: Id) -> Result<(), TransactionError> {
    transaction.open_table(STATE)?;
    transaction.open_table(RULES)?;
    transaction.open_table(OUTBOX)?;
    for log in [DECISIONS, READINGS, FINISHED] {
        transaction.open_table(log)?;
    }
    transaction.open_table(BY_INCIDENT)?;
    transaction.open_table(UPLINK)?;
    Meta::new(incarnation).write(transaction)
}
