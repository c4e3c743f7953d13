//! A step whose commit ends in an error may be on the disk or not. Given again it is noted once.

use std::{
    io,
    ops::Bound,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    sync::{Arc, Mutex},
};

use dag_engine::{Decision, Id, Outcome, Time};
use redb::{BackendError, Builder, StorageBackend, backends::FileBackend};

use super::{Commit, Connection, Retention, Store, StoreError, Window};

const RETENTION: Retention = Retention { bytes: 64 << 20 };

/// What fails of the next step: a write, before the disk has the step, or the sync, when it has it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fails {
    Write,
    Sync,
}

/// A real file on a disk that starts to fail.
#[derive(Debug)]
struct Failing {
    file: FileBackend,
    fails: Fails,
    /// How many calls of that kind still succeed.
    left: Arc<AtomicUsize>,
}

impl Failing {
    fn call(&self, kind: Fails) -> io::Result<()> {
        let counted = |left: usize| left.checked_sub(1);
        match self.fails == kind && self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, counted).is_err() {
            true => Err(io::Error::from_raw_os_error(5)),
            false => Ok(()),
        }
    }
}

impl StorageBackend for Failing {
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
        self.call(Fails::Sync)
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.call(Fails::Write)?;
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

fn decision(number: i64) -> Decision {
    let outcome = Outcome::Acknowledged { by: number.to_string(), lapses: None };
    Decision { at: Time::from_millis(number), rule: None, incident: Id::parse(&"7".repeat(32)), outcome }
}

fn step(number: i64) -> Commit {
    Commit::at(Time::from_millis(number)).decisions([decision(number)])
}

/// A store with step 1 whose disk fails at `fails` from then on.
fn failing(path: &Path, fails: Fails) -> Store {
    drop(Store::open(path, RETENTION).unwrap());
    let file = std::fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
    let left = Arc::new(AtomicUsize::new(usize::MAX));
    let backend = Failing { file: FileBackend::new(file).unwrap(), fails, left: left.clone() };
    let database = Builder::new().create_with_backend(backend).unwrap();
    let connection = Connection::new(path.to_owned(), database);
    let store = Store { connection, retention: RETENTION, failed_commit: Mutex::new(None) };
    store.commit(&step(1)).unwrap();
    left.store(0, Ordering::SeqCst);
    store
}

fn decided(store: &Store) -> Vec<Decision> {
    let decisions = store.decisions(Window::newest(usize::MAX)).unwrap();
    assert_eq!(store.decisions_of(Id::parse(&"7".repeat(32)).unwrap()).unwrap(), decisions);
    decisions
}

#[test]
fn a_step_that_failed_is_noted_once_whether_or_not_the_disk_had_taken_it() {
    for (fails, taken) in [(Fails::Write, vec![1]), (Fails::Sync, vec![1, 2])] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dag.redb");
        let store = failing(&path, fails);
        let error = store.commit(&step(2)).unwrap_err();
        assert!(matches!(error, StoreError::Disk { .. }), "{error}");
        assert_eq!(decided(&store), taken.iter().copied().map(decision).collect::<Vec<_>>(), "{fails:?}");
        store.commit(&step(2)).unwrap();
        assert_eq!(decided(&store), [1, 2].map(decision), "{fails:?}");
        // The same once more is another step.
        store.commit(&step(2)).unwrap();
        assert_eq!(decided(&store), [1, 2, 2].map(decision), "{fails:?}");
    }
}

#[test]
fn another_step_than_the_one_that_failed_is_noted_after_it() {
    for (fails, noted) in [(Fails::Write, vec![1, 3]), (Fails::Sync, vec![1, 2, 3])] {
        let folder = tempfile::tempdir().unwrap();
        let store = failing(&folder.path().join("dag.redb"), fails);
        store.commit(&step(2)).unwrap_err();
        store.commit(&step(3)).unwrap();
        assert_eq!(decided(&store), noted.iter().copied().map(decision).collect::<Vec<_>>(), "{fails:?}");
    }
}

#[test]
fn a_failing_disk_is_named_with_what_the_system_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dag.redb");
    let error = failing(&path, Fails::Sync).commit(&step(2)).unwrap_err().to_string();
    let words = "`dag.redb` cannot be read or written (Input/output error (os error 5)): look at the disk, the system's log \
                 may say more";
    assert_eq!(error.replace(path.to_str().unwrap(), "dag.redb"), words);
}
