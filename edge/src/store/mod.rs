//! The durable store of the daemon: one file, and one durable transaction for each step of the engine.
//!
//! ```no_run
//! # use dag::store::{Commit, Retention, Store};
//! # use dag_engine::Time;
//! # #[derive(Default, serde::Serialize, serde::Deserialize)] struct State;
//! # let now = Time::from_millis(0);
//! let (store, info) = Store::open("var/dag.redb", Retention { bytes: 64 << 20 })?;
//! let mut state: State = store.state("cottage")?.unwrap_or_default();
//! // … a step of the engine; then its results become durable, before anything is sent:
//! store.commit(&Commit::at(now).state("cottage", &state)?)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Once [`Store::commit`] has returned, the step survives a killed process and a power cut, as long as the disk keeps
//! what it reported as written. The logs (decisions, readings, finished outbox entries) are kept to a size, and their
//! oldest rows are removed first. The state, the rules and the entries that are still to be sent are never removed.
//!
//! The whole file is checked when it is opened. A file that does not pass is refused and left unchanged.
//!
//! The store has a numbered format. A store of an older format is migrated when it is opened, in one transaction before
//! anything else is written. A newer one is refused, so a version that has migrated a store leaves no way back to the
//! version before, except with a copy of the file. `migrations.rs` lists the formats.

mod commit;
mod connection;
mod copy;
mod error;
#[cfg(test)]
mod failed_commit_tests;
#[cfg(test)]
mod failing_disk;
mod file;
mod log;
mod meta;
mod migrations;
#[cfg(test)]
mod migrations_tests;
mod read;
mod reading;
mod rules;
mod staging;
mod tables;
mod uplink_queue;
mod write;

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{Mutex, PoisonError},
};

use dag_engine::{Decision, Id, Millis, Name, Time};
use dag_uplink::DroppedReadings;
use serde::de::DeserializeOwned;

pub use commit::Commit;
pub use copy::{CopyError, adopt_copy, copy_stored, newest_format};
pub use error::StoreError;
pub use read::Window;
pub use reading::{QueuedReading, StoredReading};
pub use rules::GoodRules;
pub use uplink_queue::Backlog;

use connection::Connection;
use meta::Meta;
use tables::{DECISIONS, FINISHED, READINGS};

use crate::clock::KnownBoot;

/// The interval at which [`Store::record_alive`] writes while nothing else does. A boot knows to the minute since when
/// nothing was read, and the memory card is worn little.
const HEARTBEAT: Millis = Millis::new(60_000);

/// The most rows that are removed in one transaction when the store is opened with a smaller retention. It bounds the
/// memory that the transaction takes.
const ROWS_PRUNED_AT_OPEN: usize = 4_096;

/// The limit of the logs (`storage.keep`).
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

/// The facts about a store that the daemon learns when it opens it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreInfo {
    /// The format of the store. It is the one of this version: an older store was migrated.
    pub format: u32,
    /// The format that the store had before it was migrated. `None` where it was not.
    pub migrated_from: Option<u32>,
    /// The random identity that the store got when it was made. Boots of stores with different identities are counted
    /// apart. `None` where the store was made by a version that gave it none.
    pub incarnation: Option<Id>,
    /// The number of this start, from 1. It is durable, and rises by one at each start.
    pub boot: u64,
    /// The last time at which the boot before this one was alive. Nothing was read since then.
    pub last_alive: Option<Time>,
}

/// The store of one daemon. It is shared by reference: readers and the one writer do not wait for each other.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    retention: Retention,
    /// The commit that ended in an error, and the number of its step. The disk may have it or not.
    failed_commit: Mutex<Option<(u64, Commit)>>,
}

impl Store {
    /// Opens the store at `path`, or makes one where there is none, with the folders above it, and counts the boot.
    ///
    /// # Errors
    /// Any [`StoreError`] except [`StoreError::Record`]. A file that is refused is not changed.
    pub fn open(path: impl AsRef<Path>, retention: Retention) -> Result<(Store, StoreInfo), StoreError> {
        let path = path.as_ref();
        let (database, found) = file::open_or_create(path)?;
        let connection = Connection::new(path.to_owned(), database);
        let info = connection.write(|_, meta| {
            meta.boot = meta.boot.saturating_add(1);
            meta.end_boot();
            Ok(StoreInfo {
                format: meta.format,
                migrated_from: (found != meta.format).then_some(found),
                incarnation: meta.incarnation,
                boot: meta.boot,
                last_alive: meta.alive,
            })
        })?;
        let store = Store { connection, retention, failed_commit: Mutex::new(None) };
        store.prune_logs()?;
        Ok((store, info))
    }

    /// Makes a step durable. After an error the same step may be given again. It is then recorded once, whether or not
    /// the disk took it the first time.
    ///
    /// # Errors
    /// Failures of the disk. After one that passes ([`StoreError::Full`], [`StoreError::ReadOnly`],
    /// [`StoreError::Disk`]) the store works again without being opened anew.
    pub fn commit(&self, commit: &Commit) -> Result<(), StoreError> {
        let mut failed = self.failed_commit.lock().unwrap_or_else(PoisonError::into_inner);
        let mut step = None;
        let done = self.connection.write(|transaction, meta| {
            if failed.as_ref().is_some_and(|(step, given)| *step <= meta.steps && given == commit) {
                return Ok(());
            }
            step = Some(meta.steps.saturating_add(1));
            write::apply(transaction, meta, commit, self.retention.rows())
        });
        match (&done, step) {
            (Ok(()), _) => *failed = None,
            (Err(_), Some(step)) => *failed = Some((step, commit.clone())),
            // The transaction did not begin, so an earlier failed commit is still the one in question.
            (Err(_), None) => {}
        }
        done
    }

    /// Records that the daemon is alive, so that the next boot knows since when nothing was read. Every commit does the
    /// same, so nothing is written within a minute of the last one.
    ///
    /// # Errors
    /// As [`Store::commit`].
    pub fn record_alive(&self, now: Time) -> Result<(), StoreError> {
        let last = self.connection.read(Meta::load)?.alive;
        // A clock that was set back is a reason to write, too.
        if last.is_some_and(|last| last <= now && now.since(last) < HEARTBEAT) {
            return Ok(());
        }
        self.connection.write(|_, meta| {
            meta.alive = Some(now);
            Ok(())
        })
    }

    /// Returns the boots of the machine by whose clocks times were noted, oldest first. The newest is the one before
    /// this start, until a commit notes others.
    ///
    /// # Errors
    /// Failures of the disk.
    pub fn boots(&self) -> Result<Vec<KnownBoot>, StoreError> {
        Ok(self.connection.read(Meta::load)?.boots)
    }

    /// Returns the state of `device` as the last step left it.
    ///
    /// # Errors
    /// Failures of the disk; [`StoreError::Record`] where the state is not an `S`.
    pub fn state<S: DeserializeOwned>(&self, device: &str) -> Result<Option<S>, StoreError> {
        self.connection.read(|database| read::state(database, device))
    }

    /// Returns the outbox entries that are not finished, in the order in which they were first queued.
    ///
    /// # Errors
    /// Failures of the disk; [`StoreError::Record`] where an entry is not an `E`.
    pub fn outbox<E: DeserializeOwned>(&self) -> Result<Vec<(Id, E)>, StoreError> {
        self.connection.read(read::outbox)
    }

    /// Returns finished outbox entries, oldest first. The window is over the times at which they were finished.
    ///
    /// # Errors
    /// Failures of the disk; [`StoreError::Record`] where an entry is not an `E`.
    pub fn finished_entries<E: DeserializeOwned>(&self, window: Window) -> Result<Vec<E>, StoreError> {
        self.connection.read(|database| read::log(database, FINISHED, window))
    }

    /// Returns decisions, oldest first.
    ///
    /// # Errors
    /// Failures of the disk; [`StoreError::Record`] where this version does not know a decision.
    pub fn decisions(&self, window: Window) -> Result<Vec<Decision>, StoreError> {
        self.connection.read(|database| read::log(database, DECISIONS, window))
    }

    /// Returns the decisions about `incident` that are still kept, oldest first.
    ///
    /// # Errors
    /// As [`Store::decisions`].
    pub fn decisions_of(&self, incident: Id) -> Result<Vec<Decision>, StoreError> {
        self.connection.read(|database| read::decisions_of(database, incident))
    }

    /// Returns readings, oldest first.
    ///
    /// # Errors
    /// As [`Store::decisions`].
    pub fn readings(&self, window: Window) -> Result<Vec<StoredReading>, StoreError> {
        self.connection.read(|database| read::log(database, READINGS, window))
    }

    /// Returns the rules that were last in force, if any were.
    ///
    /// # Errors
    /// Failures of the disk.
    pub fn rules(&self) -> Result<Option<GoodRules>, StoreError> {
        self.connection.read(rules::load)
    }

    /// Keeps `rules` as the last good ones, in place of those kept before. Nothing is written where their hash is the
    /// one that is kept.
    ///
    /// # Errors
    /// As [`Store::commit`].
    pub fn keep_rules(&self, rules: &GoodRules) -> Result<(), StoreError> {
        if self.connection.read(Meta::load)?.rules == Some(rules.hash) {
            return Ok(());
        }
        self.connection.write(|transaction, meta| rules::replace(transaction, meta, rules))
    }

    /// Returns at most `most` readings that wait for the cloud, oldest first, each with its position.
    ///
    /// # Errors
    /// As [`Store::decisions`].
    pub fn queued_readings(&self, most: usize) -> Result<Vec<(u64, QueuedReading)>, StoreError> {
        self.connection.read(|database| uplink_queue::oldest(database, most))
    }

    /// Returns those of `sources` that have readings behind `position` in the queue for the cloud.
    ///
    /// # Errors
    /// Failures of the disk.
    pub fn queued_behind(&self, position: u64, sources: BTreeSet<Name>) -> Result<BTreeSet<Name>, StoreError> {
        self.connection.read(|database| uplink_queue::sources_behind(database, position, sources))
    }

    /// Returns how much waits for the cloud, and what was dropped.
    ///
    /// # Errors
    /// Failures of the disk.
    pub fn backlog(&self) -> Result<Backlog, StoreError> {
        self.connection.read(uplink_queue::backlog)
    }

    /// Removes the readings up to the position `upto`, which the cloud has confirmed, and counts those of `reported` no
    /// longer as dropped.
    ///
    /// # Errors
    /// As [`Store::commit`].
    pub fn confirm(&self, upto: Option<u64>, reported: Option<DroppedReadings>) -> Result<(), StoreError> {
        if upto.is_none() && reported.is_none() {
            return Ok(());
        }
        self.connection.write(|transaction, meta| uplink_queue::confirm(transaction, meta, upto, reported))
    }

    /// Returns when the last rules from the cloud were signed.
    ///
    /// # Errors
    /// Failures of the disk.
    pub fn rules_signed_at(&self) -> Result<Option<Time>, StoreError> {
        Ok(self.connection.read(Meta::load)?.uplink.rules_signed_at)
    }

    /// Records when the last rules from the cloud were signed.
    ///
    /// # Errors
    /// As [`Store::commit`].
    pub fn keep_rules_signed_at(&self, signed_at: Time) -> Result<(), StoreError> {
        self.connection.write(|_, meta| {
            meta.uplink.rules_signed_at = Some(signed_at);
            Ok(())
        })
    }

    /// Prunes the logs where the retention has become smaller, and gives the space back.
    fn prune_logs(&self) -> Result<(), StoreError> {
        let most = self.retention.rows();
        if self.connection.read(Meta::load)?.bytes <= most {
            return Ok(());
        }
        while !self.connection.write(|transaction, meta| log::prune(transaction, meta, most, ROWS_PRUNED_AT_OPEN))? {}
        self.connection.compact();
        Ok(())
    }
}
