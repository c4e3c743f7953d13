//! Copies of a store: made while commits go on, checked, and given an identity of their own.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

use redb::{
    Database, Durability, Key, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition, TableError, Value,
    backends::FileBackend,
};

use super::{
    Store,
    error::{StoreError, TransactionError},
    file,
    meta::{FORMAT, META, Meta},
    tables::{BY_INCIDENT, DECISIONS, FINISHED, OUTBOX, READINGS, RULES, STATE, UPLINK},
};

/// The most rows in one transaction of a copy. It bounds what waits for the disk: some hundred KiB, so that a commit of
/// the daemon on the same disk is not held up for long, and the memory that the copy takes.
const ROWS_PER_COMMIT: usize = 1_024;

/// An error of copying a store.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The store itself cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The copy cannot be written, or was not written as it should be.
    #[error("the copy of the store cannot be written: {0}")]
    Copy(io::Error),
}

impl CopyError {
    fn copy(error: impl Into<redb::Error>) -> CopyError {
        CopyError::Copy(match error.into() {
            redb::Error::Io(error) => error,
            other => io::Error::other(other),
        })
    }
}

impl Store {
    /// Writes the store, as it is at this moment, to the empty `file`. Commits go on meanwhile and are not in it. Rows
    /// alone are copied, so the copy is never larger than the store.
    ///
    /// # Errors
    /// Failures of either disk. `file` is useless then.
    pub fn copy_to(&self, file: &File) -> Result<(), CopyError> {
        // The lock is not kept: after a failure of the disk the daemon opens its store again, and must not wait for
        // this. The snapshot ends in an error then.
        let snapshot = self.connection.read(|database| Ok(database.begin_read()?))?;
        copy(&snapshot, self.connection.path(), file)
    }

    /// Returns the size of the store's file in bytes. A copy needs at most as much.
    ///
    /// # Errors
    /// Failures of the disk.
    pub fn file_size(&self) -> Result<u64, StoreError> {
        let path = self.connection.path();
        Ok(fs::metadata(path).map_err(|error| StoreError::disk(path, error))?.len())
    }
}

/// Writes the store at `path`, which no daemon uses, to the empty `file`, and returns its format. The store is not
/// changed: no boot is counted, and nothing is migrated.
///
/// # Errors
/// There is no store, it is in use, or it is refused; failures of either disk.
pub fn copy_stored(path: &Path, file: &File) -> Result<u32, CopyError> {
    let (database, format) = file::open_unchanged(path)?;
    let snapshot = database.begin_read().map_err(|error| TransactionError::from(error).at(path))?;
    copy(&snapshot, path, file)?;
    Ok(format)
}

/// Checks the copy at `path` as a whole, and gives it a new identity.
///
/// The store that it was copied from may have counted more boots since. The cloud leaves out readings of boots that are
/// older than what it knows, unless another store counts them.
///
/// # Errors
/// As for opening a store.
pub fn adopt_copy(path: &Path) -> Result<(), StoreError> {
    let at_path = |error: TransactionError| error.at(path);
    let database = file::open_unmigrated(path)?;
    let write = || -> Result<(), TransactionError> {
        let mut transaction = database.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        Meta { incarnation: Some(file::incarnation()?), ..Meta::read(&transaction)? }.write(&transaction)?;
        Ok(transaction.commit()?)
    };
    write().map_err(at_path)?;
    database.close().map_err(|error| at_path(error.into()))
}

/// Returns the newest format of stores that this version reads.
pub const fn newest_format() -> u32 {
    FORMAT
}

fn copy(snapshot: &ReadTransaction, path: &Path, file: &File) -> Result<(), CopyError> {
    let file = file.try_clone().map_err(CopyError::Copy)?;
    let backend = FileBackend::new(file).map_err(CopyError::copy)?;
    let mut to = file::builder().create_with_backend(backend).map_err(CopyError::copy)?;
    let copied = || -> Result<(), CopyError> {
        let tables = Tables { from: snapshot, path, to: &to };
        tables.copy(META)?;
        tables.copy(STATE)?;
        tables.copy(RULES)?;
        tables.copy(OUTBOX)?;
        for log in [DECISIONS, READINGS, FINISHED] {
            tables.copy(log)?;
        }
        tables.copy(BY_INCIDENT)?;
        tables.copy(UPLINK)
    };
    copied()?;
    // A copy that cannot be read is worse than none.
    if !to.check_integrity().map_err(CopyError::copy)? {
        return Err(CopyError::Copy(io::Error::other("it is damaged as soon as it is written: check the disk")));
    }
    to.close().map_err(CopyError::copy)
}

struct Tables<'a> {
    from: &'a ReadTransaction,
    path: &'a Path,
    to: &'a Database,
}

impl Tables<'_> {
    fn copy<K: Key + 'static, V: Value + 'static>(
        &self,
        table: TableDefinition<'static, K, V>,
    ) -> Result<(), CopyError> {
        let unread = |error: TransactionError| CopyError::Store(error.at(self.path));
        let from = match self.from.open_table(table) {
            Ok(from) => from,
            // A store of an older format.
            Err(TableError::TableDoesNotExist(_)) => return Ok(()),
            Err(error) => return Err(unread(error.into())),
        };
        let mut rows = from.iter().map_err(|error| unread(error.into()))?;
        loop {
            let mut writing = self.to.begin_write().map_err(CopyError::copy)?;
            writing.set_durability(Durability::Immediate).map_err(CopyError::copy)?;
            let mut copied = 0;
            {
                let mut to = writing.open_table(table).map_err(CopyError::copy)?;
                for row in rows.by_ref().take(ROWS_PER_COMMIT) {
                    let (key, value) = row.map_err(|error| unread(error.into()))?;
                    to.insert(key.value(), value.value()).map_err(CopyError::copy)?;
                    copied += 1;
                }
            }
            writing.commit().map_err(CopyError::copy)?;
            if copied < ROWS_PER_COMMIT {
                return Ok(());
            }
        }
    }
}
