//! What survives a restart: one file, one durable transaction for each step of the engine.
//!
//! ```no_run
//! # use dag::store::{Commit, Retention, Store};
//! # use dag_engine::Time;
//! # #[derive(Default, serde::Serialize, serde::Deserialize)] struct State;
//! # let now = Time::from_millis(0);
//! let (store, opened) = Store::open("var/dag.redb", Retention { bytes: 64 << 20 })?;
//! let mut state: State = store.state("cottage")?.unwrap_or_default();
//! // … a step of the engine, then what it did becomes durable, before anything is sent:
//! store.commit(&Commit::at(now).state("cottage", &state)?)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Once [`Store::commit`] has returned, neither a killed process nor a power cut takes the step away, as far as the disk
//! keeps what it said to have written. The logs (decisions, readings, finished outbox entries) are kept to a size, the
//! oldest go first; the state, the rules and the entries that are still to be sent are never touched by that.
//!
//! The file is looked at as a whole when it is opened. What does not fit is refused, and never changed.

mod commit;
mod error;
#[cfg(test)]
mod failed_commit_tests;
mod file;
mod log;
mod read;
mod rules;
mod staging;
mod tables;
mod uplink;
mod write;

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use dag_engine::{Decision, Id, Millis, Time};
use redb::{Database, Durability, StorageError, WriteTransaction};
use serde::de::DeserializeOwned;

pub use commit::{Commit, StoredReading};
pub use error::StoreError;
pub use read::Window;
pub use rules::GoodRules;
pub use uplink::{Backlog, Queued};

use error::TransactionError;
use tables::{DECISIONS, FINISHED, Meta, READINGS};

/// How often [`Store::alive`] writes when nothing else does.
const HEARTBEAT: Millis = Millis::new(60_000);

/// Rows that are removed in one transaction when the store is opened with a smaller retention.
const ROWS_CLEARED_AT_OPEN: usize = 4_096;

/// How much of the logs is kept (`storage.keep`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// The size of the logs in bytes. The file is at most twice as large, and 256 KiB to work with.
    pub bytes: u64,
}

impl Retention {
    /// The size of the rows alone, in bytes. Pages of the file may be only half full.
    const fn rows(self) -> u64 {
        self.bytes / 2
    }
}

/// What the daemon learns about its store when it opens it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreInfo {
    /// The random identity that the store got when it was made. Boots of stores with different identities are counted
    /// apart. `None` where the store was made by a version that gave it none.
    pub incarnation: Option<Id>,
    /// The number of this start, from 1. It is durable, and rises by one at each start.
    pub boot: u64,
    /// The last time at which the boot before this one was alive. Nothing was read since then.
    pub last_alive: Option<Time>,
}

/// The store of one daemon. Shared by reference: readers and the one writer do not wait for each other.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    retention: Retention,
    /// `None` after a failure: redb then refuses everything, and the next access opens the file again.
    database: RwLock<Option<Database>>,
    /// The commit that ended in an error, and the number of its step. The disk may have it or not.
    failed_commit: Mutex<Option<(u64, Commit)>>,
}

impl Store {
    /// Opens the store at `path`, or makes one where there is none, with the folders above it, and counts the boot.
    ///
    /// # Errors
    /// Everything that [`StoreError`] names, except [`StoreError::Record`]. A file that is refused is not changed.
    pub fn open(path: impl AsRef<Path>, retention: Retention) -> Result<(Store, StoreInfo), StoreError> {
        let path = path.as_ref().to_owned();
        let database = file::open_or_create(&path)?;
        let store = Store { path, retention, database: RwLock::new(Some(database)), failed_commit: Mutex::new(None) };
        let (incarnation, boot, last_alive) = store.write(|transaction| {
            tables::add(transaction)?;
            let mut meta = Meta::read(transaction)?;
            meta.boot = meta.boot.saturating_add(1);
            meta.write(transaction)?;
            Ok((meta.incarnation, meta.boot, meta.alive))
        })?;
        store.prune_logs()?;
        Ok((store, StoreInfo { incarnation, boot, last_alive }))
    }

    /// Makes a step durable. After an error the same step may be given again: it is noted once, whether or not the disk
    /// took it the first time.
    ///
    /// # Errors
    /// Failures of the disk. After one that passes ([`StoreError::Full`], [`StoreError::ReadOnly`], [`StoreError::Disk`])
    /// the store works again without being opened anew.
    pub fn commit(&self, commit: &Commit) -> Result<(), StoreError> {
        let mut failed_commit = self.failed_commit.lock().unwrap_or_else(PoisonError::into_inner);
        let mut step = None;
        let done = self.write(|transaction| {
            let mut meta = Meta::read(transaction)?;
            if failed_commit.as_ref().is_some_and(|(step, given)| *step <= meta.steps && given == commit) {
                return Ok(());
            }
            step = Some(meta.steps.saturating_add(1));
            write::apply(transaction, &mut meta, commit, self.retention.rows())?;
            meta.write(transaction)
        });
        match (&done, step) {
            (Ok(()), _) => *failed_commit = None,
            (Err(_), Some(step)) => *failed_commit = Some((step, commit.clone())),
            // It did not come so far.
            (Err(_), None) => {}
        }
        done
    }

    /// Notes that the daemon is alive, so that the next boot can say since when nothing was read. Every commit does the
    /// same; alone it is written once a minute at most. Says whether it was written now.
    ///
    /// # Errors
    /// As [`Store::commit`].
    pub fn alive(&self, now: Time) -> Result<bool, StoreError> {
        let noted = self.read(read::meta)?.alive;
        // A clock that was set back counts as a reason, too.
        if noted.is_some_and(|noted| noted <= now && now.since(noted) < HEARTBEAT) {
            return Ok(false);
        }
        self.write(|transaction| {
            let mut meta = Meta::read(transaction)?;
            meta.alive = Some(now);
            meta.write(transaction)
        })?;
        Ok(true)
    }

    /// The state of `device` as the last step left it.
    ///
    /// # Errors
    /// Failures of the disk; [`StoreError::Record`] where it is no `S`.
    pub fn state<S: DeserializeOwned>(&self, device: &str) -> Result<Option<S>, StoreError> {
        self.read(|database| read::state(database, device))
    }

    /// All entries of the outbox that are not finished, in the order in which they were queued first.
    ///
    /// # Errors
    /// Failures of the disk; [`StoreError::Record`] where one is no `E`.
    pub fn outbox<E: DeserializeOwned>(&self) -> Result<Vec<(Id, E)>, StoreError> {
        self.read(read::outbox)
    }

    /// Finished outbox entries, oldest first, by the time at which they were finished.
    ///
    /// # Errors
    /// Failures of the disk; [`StoreError::Record`] where one is no `E`.
    pub fn finished<E: DeserializeOwned>(&self, window: Window) -> Result<Vec<E>, StoreError> {
        self.read(|database| read::log(database, FINISHED, window))
    }

    /// Decisions, oldest first.
    ///
    /// # Errors
    /// Failures of the disk; [`StoreError::Record`] where this version does not know one.
    pub fn decisions(&self, window: Window) -> Result<Vec<Decision>, StoreError> {
        self.read(|database| read::log(database, DECISIONS, window))
    }

    /// All decisions about `incident` that are still kept, oldest first.
    ///
    /// # Errors
    /// As [`Store::decisions`].
    pub fn decisions_of(&self, incident: Id) -> Result<Vec<Decision>, StoreError> {
        self.read(|database| read::decisions_of(database, incident))
    }

    /// Readings, oldest first.
    ///
    /// # Errors
    /// As [`Store::decisions`].
    pub fn readings(&self, window: Window) -> Result<Vec<StoredReading>, StoreError> {
        self.read(|database| read::log(database, READINGS, window))
    }

    /// The rules that were in force last, if any ever were.
    ///
    /// # Errors
    /// Failures of the disk.
    pub fn rules(&self) -> Result<Option<GoodRules>, StoreError> {
        self.read(read::rules)
    }

    /// Keeps `rules` as the last good ones, in place of all files kept before. Those that are kept already, by their
    /// hash, are not written again.
    ///
    /// # Errors
    /// As [`Store::commit`].
    pub fn keep_rules(&self, rules: &GoodRules) -> Result<(), StoreError> {
        if self.read(read::meta)?.rules == Some(rules.hash) {
            return Ok(());
        }
        self.write(|transaction| {
            let mut meta = Meta::read(transaction)?;
            rules::replace(transaction, &mut meta, rules)?;
            meta.write(transaction)
        })
    }

    /// Prunes the logs where the retention has become smaller, and gives the space back.
    fn prune_logs(&self) -> Result<(), StoreError> {
        if self.read(read::meta)?.bytes <= self.retention.rows() {
            return Ok(());
        }
        while !self.write(|transaction| {
            let mut meta = Meta::read(transaction)?;
            let fits = log::prune(transaction, &mut meta, self.retention.rows(), ROWS_CLEARED_AT_OPEN)?;
            meta.write(transaction)?;
            Ok(fits)
        })? {}
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(Err(_)) = database.as_mut().map(Database::compact) {
            // A file that stays large is no reason not to start; the next access opens it again.
            *database = None;
        }
        Ok(())
    }

    fn read<T>(&self, work: impl FnOnce(&Database) -> Result<T, TransactionError>) -> Result<T, StoreError> {
        let database = self.database()?;
        let done = database.as_ref().ok_or_else(|| StorageError::DatabaseClosed.into()).and_then(work);
        drop(database);
        done.map_err(|error| {
            // A record that cannot be read says nothing against the file.
            if matches!(error, TransactionError::Database(_)) {
                *self.database.write().unwrap_or_else(PoisonError::into_inner) = None;
            }
            error.at(&self.path)
        })
    }

    fn write<T>(&self, work: impl FnOnce(&WriteTransaction) -> Result<T, TransactionError>) -> Result<T, StoreError> {
        self.read(|database| {
            let mut transaction = database.begin_write()?;
            transaction.set_durability(Durability::Immediate)?;
            let done = work(&transaction)?;
            transaction.commit()?;
            Ok(done)
        })
    }

    /// The database, opened again if it had failed.
    fn database(&self) -> Result<RwLockReadGuard<'_, Option<Database>>, StoreError> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        if database.is_some() {
            return Ok(database);
        }
        drop(database);
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        if database.is_none() {
            *database = Some(file::open(&self.path)?);
        }
        Ok(RwLockWriteGuard::downgrade(database))
    }
}
