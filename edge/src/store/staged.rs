//! A file that is not touched until somebody has looked at all of it.
//!
//! Opening a database repairs it, and that writes. So that a file which is then refused stays as it was, everything
//! that is written first waits in memory, in order, and goes to the file only once it has been approved.

use std::{
    fs::File,
    io,
    ops::Bound,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use redb::{BackendError, StorageBackend, backends::FileBackend};

/// A database's file behind a stage.
#[derive(Clone, Debug)]
pub(super) struct Staged(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    file: FileBackend,
    /// What waits for approval; `None` once that was given.
    waiting: Mutex<Option<Vec<Change>>>,
}

#[derive(Debug)]
enum Change {
    Length(u64),
    Write { offset: u64, data: Vec<u8> },
    Sync,
}

impl Staged {
    /// The file as it is.
    pub(super) fn new(file: File) -> Result<Self, redb::DatabaseError> {
        Self::with(file, Vec::new())
    }

    /// The file as if it were empty, as it will be before anything else is written to it.
    pub(super) fn emptied(file: File) -> Result<Self, redb::DatabaseError> {
        Self::with(file, vec![Change::Length(0)])
    }

    fn with(file: File, waiting: Vec<Change>) -> Result<Self, redb::DatabaseError> {
        Ok(Staged(Arc::new(Inner { file: FileBackend::new(file)?, waiting: Mutex::new(Some(waiting)) })))
    }

    /// Makes the waiting changes, in their order, and lets all further ones through.
    pub(super) fn approve(&self) -> io::Result<()> {
        let mut waiting = self.waiting();
        for change in waiting.iter().flatten() {
            match change {
                Change::Length(length) => self.0.file.set_len(*length)?,
                Change::Write { offset, data } => self.0.file.write(*offset, data)?,
                Change::Sync => self.0.file.sync_data()?,
            }
        }
        *waiting = None;
        Ok(())
    }

    fn waiting(&self) -> MutexGuard<'_, Option<Vec<Change>>> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the change wait; false where nothing waits any more.
    fn stage(&self, change: impl FnOnce() -> Change) -> bool {
        self.waiting().as_mut().map(|waiting| waiting.push(change())).is_some()
    }
}

impl StorageBackend for Staged {
    fn len(&self) -> io::Result<u64> {
        let waiting = self.waiting();
        let last = waiting.iter().flatten().rev().find_map(|change| match change {
            Change::Length(length) => Some(*length),
            _ => None,
        });
        last.map_or_else(|| self.0.file.len(), Ok)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let waiting = self.waiting();
        let Some(changes) = waiting.as_ref() else {
            drop(waiting);
            return self.0.file.read(offset, out);
        };
        // What the file holds of the range, then every change of it.
        let held = clip(self.0.file.len()?.saturating_sub(offset), out.len());
        let (file, beyond) = out.split_at_mut(held);
        self.0.file.read(offset, file)?;
        beyond.fill(0);
        for change in changes {
            match change {
                Change::Length(length) => {
                    let kept = clip(length.saturating_sub(offset), out.len());
                    out.iter_mut().skip(kept).for_each(|byte| *byte = 0);
                }
                Change::Write { offset: start, data } => {
                    let to = out.iter_mut().skip(clip(start.saturating_sub(offset), usize::MAX));
                    let from = data.iter().skip(clip(offset.saturating_sub(*start), usize::MAX));
                    to.zip(from).for_each(|(to, from)| *to = *from);
                }
                Change::Sync => {}
            }
        }
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        if self.stage(|| Change::Length(length)) { Ok(()) } else { self.0.file.set_len(length) }
    }

    fn sync_data(&self) -> io::Result<()> {
        if self.stage(|| Change::Sync) { Ok(()) } else { self.0.file.sync_data() }
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        if self.stage(|| Change::Write { offset, data: data.to_vec() }) {
            Ok(())
        } else {
            self.0.file.write(offset, data)
        }
    }

    fn close(&self) -> io::Result<()> {
        self.0.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.file.query_lock_range(start, end)
    }
}

/// The smaller of the two.
fn clip(length: u64, most: usize) -> usize {
    usize::try_from(length).map_or(most, |length| length.min(most))
}
