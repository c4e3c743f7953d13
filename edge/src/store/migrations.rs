//! Migrations turn a store of an older format into one of the present format.
//!
//! | format | what it changed |
//! |---|---|
//! | 1 | the first; made with and without the table `uplink`, which came later and was then made at each start |
//! | 2 | every store has the table `uplink` |
//! | 3 | the record about the store has the boots of the machine |
//!
//! A change of the tables, or of the fields of [`Meta`], needs a new format: raise [`FORMAT`], add a migration at the
//! end of [`MIGRATIONS`] and a row above, and keep a store of the format before as a test file (`tests/store/`).

use redb::{Database, Durability, WriteTransaction};

use super::{
    error::TransactionError,
    meta::{FORMAT, Meta},
    tables::UPLINK,
};
use crate::clock::KnownBoot;

/// A change of the tables from one format to the next.
type Migration = fn(&WriteTransaction) -> Result<(), TransactionError>;

/// The first one leads from format 1 to 2, the last one to [`FORMAT`].
const MIGRATIONS: [Migration; FORMAT as usize - 1] = [add_uplink, add_boots];

/// Brings a store from the format `found` to [`FORMAT`], in one durable transaction: after a crash the store has either
/// format, whole.
pub(super) fn run(database: &Database, found: u32) -> Result<(), TransactionError> {
    if found == FORMAT {
        return Ok(());
    }
    let mut transaction = database.begin_write()?;
    transaction.set_durability(Durability::Immediate)?;
    for (migration, from) in MIGRATIONS.iter().zip(1..) {
        if from >= found {
            migration(&transaction)?;
        }
    }
    Meta { format: FORMAT, ..Meta::read(&transaction)? }.write(&transaction)?;
    Ok(transaction.commit()?)
}

fn add_uplink(transaction: &WriteTransaction) -> Result<(), TransactionError> {
    transaction.open_table(UPLINK)?;
    Ok(())
}

/// Makes a boot of what was noted so far. When it began is not known.
fn add_boots(transaction: &WriteTransaction) -> Result<(), TransactionError> {
    let mut meta = Meta::read(transaction)?;
    if let Some(last) = meta.alive {
        meta.boots = vec![KnownBoot { number: meta.boot, began: None, last, id: None, running_ms: 0 }];
        meta.write(transaction)?;
    }
    Ok(())
}
