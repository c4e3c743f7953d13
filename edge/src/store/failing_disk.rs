//! A real file on a disk that starts to fail.

use std::{
    fs::OpenOptions,
    io,
    ops::Bound,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use redb::{BackendError, Builder, Database, StorageBackend, backends::FileBackend};

/// The calls that fail: writes, before the disk has a step, or syncs, after which it has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum FailingCalls {
    Write,
    Sync,
}

/// Says when the disk begins to fail.
#[derive(Debug)]
pub(super) struct Switch(Arc<AtomicUsize>);

impl Switch {
    /// Lets `count` more calls succeed, and all others fail.
    pub(super) fn fail_after(&self, count: usize) {
        self.0.store(count, Ordering::SeqCst);
    }
}

/// Opens the database at `path` on a disk that does not fail yet.
pub(super) fn open(path: &Path, calls: FailingCalls) -> (Database, Switch) {
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let left = Arc::new(AtomicUsize::new(usize::MAX));
    let disk = FailingDisk { file: FileBackend::new(file).unwrap(), calls, left: left.clone() };
    (Builder::new().create_with_backend(disk).unwrap(), Switch(left))
}

#[derive(Debug)]
struct FailingDisk {
    file: FileBackend,
    calls: FailingCalls,
    /// The number of calls of that kind that still succeed.
    left: Arc<AtomicUsize>,
}

impl FailingDisk {
    fn count(&self, call: FailingCalls) -> io::Result<()> {
        let counted = |left: usize| left.checked_sub(1);
        match self.calls == call && self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, counted).is_err() {
            true => Err(io::Error::from_raw_os_error(5)),
            false => Ok(()),
        }
    }
}

impl StorageBackend for FailingDisk {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()?;
        self.count(FailingCalls::Sync)
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.count(FailingCalls::Write)?;
        self.file.write(offset, data)
    }
    fn close(&self) -> io::Result<()> {
        self.file.close()
    }
    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }
    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }
}
