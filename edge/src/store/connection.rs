//! The open database of a store, opened again after a failure.

use std::{
    path::{Path, PathBuf},
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use redb::{Database, Durability, StorageError, WriteTransaction};

use super::{
    error::{StoreError, TransactionError},
    file,
    meta::Meta,
};

/// A database, and the path from which it is opened again.
#[derive(Debug)]
pub(super) struct Connection {
    path: PathBuf,
    /// `None` after a failure: redb refuses every access then. The next access opens the file again.
    database: RwLock<Option<Database>>,
}

impl Connection {
    /// Returns a connection to `database`, which was opened from `path`.
    pub(super) fn new(path: PathBuf, database: Database) -> Self {
        Connection { path, database: RwLock::new(Some(database)) }
    }

    /// Returns the path of the file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `work` on the database, which is opened again first if the last access failed.
    pub(super) fn read<T>(&self, work: impl FnOnce(&Database) -> Result<T, TransactionError>) -> Result<T, StoreError> {
        let database = self.database()?;
        let done = database.as_ref().ok_or_else(|| StorageError::DatabaseClosed.into()).and_then(work);
        drop(database);
        done.map_err(|error| {
            // The file is fine where a single record cannot be read.
            if matches!(error, TransactionError::Database(_)) {
                *self.exclusive() = None;
            }
            error.at(&self.path)
        })
    }

    /// Runs `work` in one durable transaction, with the record about the store, which is written last.
    pub(super) fn write<T>(
        &self,
        work: impl FnOnce(&WriteTransaction, &mut Meta) -> Result<T, TransactionError>,
    ) -> Result<T, StoreError> {
        self.read(|database| {
            let mut transaction = database.begin_write()?;
            transaction.set_durability(Durability::Immediate)?;
            let mut meta = Meta::read(&transaction)?;
            let done = work(&transaction, &mut meta)?;
            meta.write(&transaction)?;
            transaction.commit()?;
            Ok(done)
        })
    }

    /// Gives the space that rows have left back to the file system, as far as that is possible.
    pub(super) fn compact(&self) {
        let mut database = self.exclusive();
        if let Some(Err(_)) = database.as_mut().map(Database::compact) {
            // A daemon can start with a file that stays large. The next access opens it again.
            *database = None;
        }
    }

    fn database(&self) -> Result<RwLockReadGuard<'_, Option<Database>>, StoreError> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        if database.is_some() {
            return Ok(database);
        }
        drop(database);
        let mut database = self.exclusive();
        if database.is_none() {
            *database = Some(file::open(&self.path)?.0);
        }
        Ok(RwLockWriteGuard::downgrade(database))
    }

    fn exclusive(&self) -> RwLockWriteGuard<'_, Option<Database>> {
        self.database.write().unwrap_or_else(PoisonError::into_inner)
    }
}
