//! The record about the store itself.

use dag_engine::{Id, Time};
use dag_uplink::DroppedReadings;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};
use serde::{Deserialize, Serialize};

use super::error::TransactionError;
use crate::clock::KnownBoot;

/// The format that this version writes, and the newest that it reads. `migrations.rs` lists all formats.
pub(super) const FORMAT: u32 = 3;

/// The table with one record in JSON, [`Meta`], under [`META_KEY`].
pub(super) const META: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("meta");
pub(super) const META_KEY: &str = "store";

/// The record about the store itself. Its fields are part of the format: one that is unknown is not ignored, since it
/// would be lost with the next write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Meta {
    /// The format of the tables.
    pub format: u32,
    /// The random identity of the store. Stores that were made before identities have none.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    pub incarnation: Option<Id>,
    /// The number of starts of the daemon with this store.
    pub boot: u64,
    /// The number of steps that were committed. It shows whether a commit that ended in an error is on the disk.
    pub steps: u64,
    /// The number that the next row gets.
    pub next: u64,
    /// The size of the logs in bytes.
    pub bytes: u64,
    /// When the daemon last wrote anything.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    pub alive: Option<Time>,
    /// The boots of the machine by whose clocks times were noted, oldest first. The newest one's last time is `alive`.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    pub boots: Vec<KnownBoot>,
    /// The hash of the last good rules.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    pub rules: Option<Id>,
    /// The record about the queue for the cloud.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    pub uplink: UplinkMeta,
}

/// The record about the queue for the cloud, besides its rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UplinkMeta {
    /// The size of the queue in bytes.
    pub bytes: u64,
    /// The readings for which there was no room, as far as no confirmed report has named them.
    pub dropped: Option<DroppedReadings>,
    /// When the rules that came from the cloud last were signed.
    pub rules_signed_at: Option<Time>,
}

impl UplinkMeta {
    const NEW: UplinkMeta = UplinkMeta { bytes: 0, dropped: None, rules_signed_at: None };
}

/// Returns the format that a record about the store names, whatever else it says.
pub(super) fn format_of(json: &[u8]) -> Result<u32, TransactionError> {
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    match serde_json::from_slice(json).map_err(|error| unknown_record(&error))? {
        Format { format: 0 } => Err(TransactionError::damaged("the record about the store names format 0")),
        Format { format } => Ok(format),
    }
}

fn unknown_record(error: &serde_json::Error) -> TransactionError {
    TransactionError::damaged(format!("the record about the store cannot be read: {error}"))
}

impl Meta {
    /// Returns the record of a new store.
    pub(super) const fn new(incarnation: Id) -> Meta {
        Meta {
            format: FORMAT,
            incarnation: Some(incarnation),
            boot: 0,
            steps: 0,
            next: 1,
            bytes: 0,
            alive: None,
            boots: Vec::new(),
            rules: None,
            uplink: UplinkMeta::NEW,
        }
    }

    pub(super) fn parse(json: &[u8]) -> Result<Meta, TransactionError> {
        serde_json::from_slice(json).map_err(|error| unknown_record(&error))
    }

    pub(super) fn read(transaction: &WriteTransaction) -> Result<Meta, TransactionError> {
        Meta::of(&transaction.open_table(META)?)
    }

    /// Returns the record as it was committed last.
    pub(super) fn load(database: &Database) -> Result<Meta, TransactionError> {
        Meta::of(&database.begin_read()?.open_table(META)?)
    }

    pub(super) fn of(table: &impl ReadableTable<&'static str, &'static [u8]>) -> Result<Meta, TransactionError> {
        let json = table.get(META_KEY)?;
        json.map_or_else(
            || Err(TransactionError::damaged("the record about the store is missing")),
            |json| Meta::parse(json.value()),
        )
    }

    pub(super) fn write(&self, transaction: &WriteTransaction) -> Result<(), TransactionError> {
        let json = serde_json::to_vec(self).map_err(TransactionError::record("the record about the store"))?;
        transaction.open_table(META)?.insert(META_KEY, json.as_slice())?;
        Ok(())
    }

    /// Notes until when the newest boot lasted, at the start of the next one.
    pub(super) fn end_boot(&mut self) {
        if let (Some(newest), Some(alive)) = (self.boots.last_mut(), self.alive) {
            newest.last = newest.last.max(alive);
        }
    }

    /// Returns the number for a new row, each only once.
    pub(super) fn take_number(&mut self) -> u64 {
        let number = self.next;
        self.next = self.next.saturating_add(1);
        number
    }
}
