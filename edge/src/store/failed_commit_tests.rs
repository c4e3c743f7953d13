//! A commit that ends in an error may be on the disk or not. The same step given again is recorded once.

use std::{path::Path, sync::Mutex};

use dag_engine::{Decision, Id, Outcome, Time};

use super::{
    Commit, Connection, Retention, Store, StoreError, Window,
    failing_disk::{self, FailingCalls},
};

const RETENTION: Retention = Retention { bytes: 64 << 20 };

fn decision(number: i64) -> Decision {
    let outcome = Outcome::Acknowledged { by: number.to_string(), lapses: None };
    Decision { at: Time::from_millis(number), rule: None, incident: Id::parse(&"7".repeat(32)), outcome }
}

fn step(number: i64) -> Commit {
    Commit::at(Time::from_millis(number)).decisions([decision(number)])
}

/// A store with step 1, on a disk that fails from then on.
fn failing_store(path: &Path, calls: FailingCalls) -> Store {
    drop(Store::open(path, RETENTION).unwrap());
    let (database, switch) = failing_disk::open(path, calls);
    let connection = Connection::new(path.to_owned(), database);
    let store = Store { connection, retention: RETENTION, failed_commit: Mutex::new(None) };
    store.commit(&step(1)).unwrap();
    switch.fail_after(0);
    store
}

fn recorded_decisions(store: &Store) -> Vec<Decision> {
    let decisions = store.decisions(Window::newest(usize::MAX)).unwrap();
    assert_eq!(store.decisions_of(Id::parse(&"7".repeat(32)).unwrap()).unwrap(), decisions);
    decisions
}

#[test]
fn a_failed_step_given_again_is_recorded_once() {
    for (calls, recorded) in [(FailingCalls::Write, vec![1]), (FailingCalls::Sync, vec![1, 2])] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dag.redb");
        let store = failing_store(&path, calls);
        let error = store.commit(&step(2)).unwrap_err();
        assert!(matches!(error, StoreError::Disk { .. }), "{error}");
        assert_eq!(recorded_decisions(&store), recorded.iter().copied().map(decision).collect::<Vec<_>>(), "{calls:?}");
        store.commit(&step(2)).unwrap();
        assert_eq!(recorded_decisions(&store), [1, 2].map(decision), "{calls:?}");
        // After its success the same step counts as another one.
        store.commit(&step(2)).unwrap();
        assert_eq!(recorded_decisions(&store), [1, 2, 2].map(decision), "{calls:?}");
    }
}

#[test]
fn another_step_than_the_failed_one_is_recorded_after_it() {
    for (calls, recorded) in [(FailingCalls::Write, vec![1, 3]), (FailingCalls::Sync, vec![1, 2, 3])] {
        let folder = tempfile::tempdir().unwrap();
        let store = failing_store(&folder.path().join("dag.redb"), calls);
        store.commit(&step(2)).unwrap_err();
        store.commit(&step(3)).unwrap();
        assert_eq!(recorded_decisions(&store), recorded.iter().copied().map(decision).collect::<Vec<_>>(), "{calls:?}");
    }
}

#[test]
fn a_failing_disk_is_named_with_what_the_system_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dag.redb");
    let error = failing_store(&path, FailingCalls::Sync).commit(&step(2)).unwrap_err().to_string();
    let words = "`dag.redb` cannot be read or written (Input/output error (os error 5)): check the disk; the system's \
                 log may say more";
    assert_eq!(error.replace(path.to_str().unwrap(), "dag.redb"), words);
}
