//! A file that is not written to until its content has been checked.
//!
//! Opening a database after a crash repairs it, which writes to the file. A file that is then refused must stay as it
//! was. So writes are staged in memory, in order, and reach the file once it has been approved.

use std::{
    fs::File,
    io,
    ops::Bound,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use redb::{BackendError, StorageBackend, backends::FileBackend};

/// A database's file. Writes to it are staged until [`StagedFile::approve`].
#[derive(Clone, Debug)]
pub(super) struct StagedFile(Arc<Stage>);

#[derive(Debug)]
struct Stage {
    file: FileBackend,
    /// The operations that wait for approval, oldest first. `None` after the approval.
    staged: Mutex<Option<Vec<FileOperation>>>,
}

#[derive(Debug)]
enum FileOperation {
    SetLength(u64),
    Write { offset: u64, data: Vec<u8> },
    Sync,
}

impl StagedFile {
    /// Returns the file with the content that it has.
    pub(super) fn new(file: File) -> Result<Self, redb::DatabaseError> {
        Self::with(file, Vec::new())
    }

    /// Returns the file as if it were empty. Its length becomes 0 before anything else is written to it.
    pub(super) fn empty(file: File) -> Result<Self, redb::DatabaseError> {
        Self::with(file, vec![FileOperation::SetLength(0)])
    }

    fn with(file: File, staged: Vec<FileOperation>) -> Result<Self, redb::DatabaseError> {
        Ok(StagedFile(Arc::new(Stage { file: FileBackend::new(file)?, staged: Mutex::new(Some(staged)) })))
    }

    /// Applies the staged operations in their order, and all further ones directly.
    pub(super) fn approve(&self) -> io::Result<()> {
        let mut staged = self.staged();
        for operation in staged.iter().flatten() {
            match operation {
                FileOperation::SetLength(length) => self.0.file.set_len(*length)?,
                FileOperation::Write { offset, data } => self.0.file.write(*offset, data)?,
                FileOperation::Sync => self.0.file.sync_data()?,
            }
        }
        *staged = None;
        Ok(())
    }

    fn staged(&self) -> MutexGuard<'_, Option<Vec<FileOperation>>> {
        self.0.staged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stages the operation. Returns false, and does nothing, after the approval.
    fn stage(&self, operation: impl FnOnce() -> FileOperation) -> bool {
        self.staged().as_mut().map(|staged| staged.push(operation())).is_some()
    }
}

impl StorageBackend for StagedFile {
    fn len(&self) -> io::Result<u64> {
        let staged = self.staged();
        let last = staged.iter().flatten().rev().find_map(|operation| match operation {
            FileOperation::SetLength(length) => Some(*length),
            _ => None,
        });
        last.map_or_else(|| self.0.file.len(), Ok)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let staged = self.staged();
        let Some(operations) = staged.as_ref() else {
            drop(staged);
            return self.0.file.read(offset, out);
        };
        // The range as the file has it, then every staged operation on top.
        let in_file = clip(self.0.file.len()?.saturating_sub(offset), out.len());
        let (file, beyond) = out.split_at_mut(in_file);
        self.0.file.read(offset, file)?;
        beyond.fill(0);
        for operation in operations {
            match operation {
                FileOperation::SetLength(length) => {
                    let kept = clip(length.saturating_sub(offset), out.len());
                    out.iter_mut().skip(kept).for_each(|byte| *byte = 0);
                }
                FileOperation::Write { offset: start, data } => {
                    let to = out.iter_mut().skip(clip(start.saturating_sub(offset), usize::MAX));
                    let from = data.iter().skip(clip(offset.saturating_sub(*start), usize::MAX));
                    to.zip(from).for_each(|(to, from)| *to = *from);
                }
                FileOperation::Sync => {}
            }
        }
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        if self.stage(|| FileOperation::SetLength(length)) { Ok(()) } else { self.0.file.set_len(length) }
    }

    fn sync_data(&self) -> io::Result<()> {
        if self.stage(|| FileOperation::Sync) { Ok(()) } else { self.0.file.sync_data() }
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        if self.stage(|| FileOperation::Write { offset, data: data.to_vec() }) {
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
