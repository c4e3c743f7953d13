//! What the file holds.

use dag_engine::{Id, Time};
use dag_uplink::Dropped;
use redb::{ReadableTable, TableDefinition, WriteTransaction};
use serde::{Deserialize, Serialize};

use super::error::TransactionError;

/// The format that this version writes, and the newest that it reads.
pub(super) const FORMAT: u32 = 1;

/// One JSON record, [`Meta`], under [`META_KEY`].
pub(super) const META: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("meta");
pub(super) const META_KEY: &str = "store";
/// The engine's state as JSON, by device.
pub(super) const STATE: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("state");
/// The last good rules: content by path.
pub(super) const RULES: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("rules");
/// Entries that are not finished: number and JSON, by the notification's id.
pub(super) const OUTBOX: TableDefinition<'static, &str, (u64, &[u8])> = TableDefinition::new("outbox");

/// A log: time in Unix milliseconds and JSON, by number. The logs share their numbers, so the oldest row of all is the
/// one with the lowest.
pub(super) type Log = TableDefinition<'static, u64, (i64, &'static [u8])>;
/// What the engine decided.
pub(super) const DECISIONS: Log = TableDefinition::new("decisions");
/// What the sources reported.
pub(super) const READINGS: Log = TableDefinition::new("readings");
/// Outbox entries that are finished.
pub(super) const FINISHED: Log = TableDefinition::new("finished");
/// The numbers of an incident's decisions.
pub(super) const BY_INCIDENT: TableDefinition<'static, (&[u8; 16], u64), ()> = TableDefinition::new("by_incident");
/// What the cloud has not confirmed yet, by position: the source, the fact, whether it is a change, and JSON.
pub(super) const UPLINK: TableDefinition<'static, u64, UplinkRow> = TableDefinition::new("uplink");
pub(super) type UplinkRow = (&'static str, &'static str, bool, &'static [u8]);

/// The record about the store itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Meta {
    /// The format of the file.
    pub format: u32,
    /// What tells this store's count of boots from another's; a store of an earlier version has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incarnation: Option<Id>,
    /// How often the store was opened by a daemon.
    pub boot: u64,
    /// How many steps were committed. Tells whether a step that ended in an error was noted nevertheless.
    pub steps: u64,
    /// The number that the next row gets.
    pub next: u64,
    /// What the logs hold, in bytes.
    pub bytes: u64,
    /// When the daemon last noted anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alive: Option<Time>,
    /// The hash of the last good rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<Id>,
    /// What is to be known of the queue for the cloud.
    #[serde(default, skip_serializing_if = "UplinkMeta::is_new")]
    pub uplink: UplinkMeta,
}

/// What is to be known of the queue for the cloud besides what is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct UplinkMeta {
    /// What it holds, in bytes.
    pub bytes: u64,
    /// What it had no room for and no report has told yet.
    pub dropped: Option<Dropped>,
    /// When the rules that came from the cloud last were signed.
    pub rules_signed_at: Option<Time>,
}

impl UplinkMeta {
    const NEW: UplinkMeta = UplinkMeta { bytes: 0, dropped: None, rules_signed_at: None };

    fn is_new(&self) -> bool {
        *self == UplinkMeta::NEW
    }
}

impl Meta {
    pub(super) const NEW: Meta = Meta {
        format: FORMAT,
        incarnation: None,
        boot: 0,
        steps: 0,
        next: 1,
        bytes: 0,
        alive: None,
        rules: None,
        uplink: UplinkMeta::NEW,
    };

    pub(super) fn parse(json: &[u8]) -> Result<Meta, TransactionError> {
        serde_json::from_slice(json).map_err(TransactionError::record("the record about the store"))
    }

    pub(super) fn read(transaction: &WriteTransaction) -> Result<Meta, TransactionError> {
        let table = transaction.open_table(META)?;
        let json = table.get(META_KEY)?;
        json.map_or(Ok(Meta::NEW), |json| Meta::parse(json.value()))
    }

    pub(super) fn write(&self, transaction: &WriteTransaction) -> Result<(), TransactionError> {
        let json = serde_json::to_vec(self).map_err(TransactionError::record("the record about the store"))?;
        transaction.open_table(META)?.insert(META_KEY, json.as_slice())?;
        Ok(())
    }

    /// The next number.
    pub(super) fn number(&mut self) -> u64 {
        let number = self.next;
        self.next = self.next.saturating_add(1);
        number
    }
}

/// Makes the tables that a store of an earlier version has not.
pub(super) fn add(transaction: &WriteTransaction) -> Result<(), TransactionError> {
    transaction.open_table(UPLINK)?;
    Ok(())
}

/// Makes every table, so that readers need not ask whether one is there, and gives the store its identity.
pub(super) fn create(transaction: &WriteTransaction, incarnation: Id) -> Result<(), TransactionError> {
    transaction.open_table(STATE)?;
    transaction.open_table(RULES)?;
    transaction.open_table(OUTBOX)?;
    for log in [DECISIONS, READINGS, FINISHED] {
        transaction.open_table(log)?;
    }
    transaction.open_table(BY_INCIDENT)?;
    transaction.open_table(UPLINK)?;
    Meta { incarnation: Some(incarnation), ..Meta::NEW }.write(transaction)
}
