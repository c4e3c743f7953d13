//! Errors of opening the store and of committing a step. Each text says what to do.

use std::{
    io,
    path::{Path, PathBuf},
};

/// An error of the store. A file that is refused is left as it was, byte for byte.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has locked the file.
    #[error(
        "`{}` is in use by another daemon: stop that one first, or give this one a `storage.path` of its own",
        .0.display()
    )]
    InUse(PathBuf),
    /// A folder stands where the file should be.
    #[error("`{}` is a folder: set `storage.path` to a file", .0.display())]
    Folder(PathBuf),
    /// The user may not read and write the file, or not make it.
    #[error(
        "`{}` may not be read and written by this user: change its owner, or run the daemon as the user who owns \
         it",
        .0.display()
    )]
    Denied(PathBuf),
    /// The file system is mounted read-only.
    #[error(
        "`{}` is on a read-only disk: mount it read-write, or set `storage.path` to a file on a disk that can be \
         written",
        .0.display()
    )]
    ReadOnly(PathBuf),
    /// No space is left on the file system, or the user's quota is used up. The step may be tried again.
    #[error("`{}` is on a full disk: free some space there; what was recorded so far is kept", .0.display())]
    Full(PathBuf),
    /// The file is empty. No store begins so: its content was lost.
    #[error(
        "`{}` is empty, so what it held is lost: restore it from a copy, or move it away to start anew",
        .0.display()
    )]
    Empty(PathBuf),
    /// The file is of another program.
    #[error(
        "`{}` is not a store of detectordag: set `storage.path` to another file, or move this one away",
        .0.display()
    )]
    NotAStore(PathBuf),
    /// A later version wrote the file.
    #[error(
        "`{}` was written by a newer version of detectordag (format {found}, and this version knows {known}): \
         install that version again, or move the file away to start anew",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The format that it has.
        found: u32,
        /// The newest format that this version knows.
        known: u32,
    },
    /// A later version of redb, the database, wrote the file.
    #[error(
        "`{}` was written by a newer version of detectordag (database format {found}, and this version knows \
         {known}): install that version again, or move the file away to start anew",
        path.display()
    )]
    NewerDatabase {
        /// The file.
        path: PathBuf,
        /// The format of redb's files that it has.
        found: u8,
        /// The newest of these that this version knows.
        known: u8,
    },
    /// The file was cut short or changed since it was written.
    #[error("`{}` is damaged ({problem}): restore it from a copy, or move it away to start anew", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The problem.
        problem: String,
    },
    /// A record is whole, but this version cannot read it.
    #[error(
        "{record} in `{}` cannot be read by this version of detectordag ({source}): install the version that \
         wrote it, or move the file away to start anew",
        path.display()
    )]
    Record {
        /// The file.
        path: PathBuf,
        /// The name of the record in plain words.
        record: String,
        /// The problem.
        source: serde_json::Error,
    },
    /// Any other failure of the disk. The step may be tried again.
    #[error("`{}` cannot be read or written ({source}): check the disk; the system's log may say more", path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
}

impl StoreError {
    /// Returns the variant for a failure of the disk, by what can be done about it.
    pub(super) fn disk(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full(path),
            io::ErrorKind::ReadOnlyFilesystem => StoreError::ReadOnly(path),
            io::ErrorKind::PermissionDenied => StoreError::Denied(path),
            io::ErrorKind::IsADirectory => StoreError::Folder(path),
            _ => StoreError::Disk { path, source },
        }
    }
}

/// An error inside a transaction, where the file's path is not known.
#[derive(Debug)]
pub(super) enum TransactionError {
    Database(Box<redb::Error>),
    Record { record: String, source: serde_json::Error },
}

impl TransactionError {
    /// Returns the argument for `map_err` where the record named `record` is read or written.
    pub(super) fn record(record: impl Into<String>) -> impl FnOnce(serde_json::Error) -> TransactionError {
        move |source| TransactionError::Record { record: record.into(), source }
    }

    /// Returns the error of a file that is damaged although every page is whole.
    pub(super) fn damaged(problem: impl Into<String>) -> TransactionError {
        redb::Error::Corrupted(problem.into()).into()
    }

    /// Returns the error as one of the file at `path`.
    pub(super) fn at(self, path: &Path) -> StoreError {
        let error = match self {
            TransactionError::Record { record, source } => {
                return StoreError::Record { path: path.to_owned(), record, source };
            }
            TransactionError::Database(error) => *error,
        };
        let path = path.to_owned();
        match error {
            redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => StoreError::InUse(path),
            redb::Error::Io(source) => StoreError::disk(&path, source),
            redb::Error::PreviousIo | redb::Error::DatabaseClosed => {
                StoreError::Disk { path, source: io::Error::other("an earlier access failed") }
            }
            redb::Error::Corrupted(problem) => StoreError::Damaged { path, problem },
            other => StoreError::Damaged { path, problem: other.to_string() },
        }
    }
}

macro_rules! database_errors {
    ($($error:ty),+) => {
        $(impl From<$error> for TransactionError {
            fn from(error: $error) -> Self {
                TransactionError::Database(Box::new(error.into()))
            }
        })+
    };
}

database_errors!(
    redb::Error,
    redb::DatabaseError,
    redb::TransactionError,
    redb::SetDurabilityError,
    redb::TableError,
    redb::StorageError,
    redb::CommitError,
    redb::CompactionError
);
