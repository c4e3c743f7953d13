//! A migration that is interrupted leaves the old store or the new one, whole.

use std::path::Path;

use dag_engine::Time;
use redb::{Builder, Database, ReadableDatabase};

use super::{
    Commit, Meta, Retention, Store, StoreInfo,
    failing_disk::{self, FailingCalls},
    meta::FORMAT,
    migrations,
    tables::UPLINK,
};

/// Writes a store of format 1 as it was made before there was a queue for the cloud: in its first boot, with one step.
fn write_format_1(path: &Path) {
    let (store, _) = Store::open(path, Retention { bytes: 1 << 20 }).unwrap();
    store.commit(&Commit::at(Time::from_millis(7)).state("cottage", &"step 1").unwrap()).unwrap();
    drop(store);
    let database = Database::open(path).unwrap();
    let transaction = database.begin_write().unwrap();
    assert!(transaction.delete_table(UPLINK).unwrap());
    Meta { format: 1, ..Meta::read(&transaction).unwrap() }.write(&transaction).unwrap();
    transaction.commit().unwrap();
}

/// Returns the format of a store, and whether it has a queue for the cloud.
fn state_of(path: &Path) -> (u32, bool) {
    let database = Builder::new().open(path).unwrap();
    let has_queue = database.begin_read().unwrap().open_table(UPLINK).is_ok();
    (Meta::load(&database).unwrap().format, has_queue)
}

#[track_caller]
fn check_migrates(path: &Path, from: Option<u32>) {
    let (store, info) = Store::open(path, Retention { bytes: 1 << 20 }).unwrap();
    let last_alive = Some(Time::from_millis(7));
    assert_eq!(info, StoreInfo { format: FORMAT, migrated_from: from, boot: 2, last_alive, ..info });
    assert_eq!(store.state::<String>("cottage").unwrap().as_deref(), Some("step 1"));
    assert_eq!(store.queued_readings(1).unwrap(), []);
}

#[test]
fn a_migration_that_a_crash_interrupts_leaves_either_format_whole() {
    for calls in [FailingCalls::Write, FailingCalls::Sync] {
        let (mut interrupted, mut old) = (0, 0);
        loop {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("dag.redb");
            write_format_1(&path);
            let (database, switch) = failing_disk::open(&path, calls);
            switch.fail_after(interrupted);
            let done = migrations::run(&database, 1);
            drop(database);
            let after_crash = state_of(&path);
            // The last calls come after the one that makes the transaction durable.
            assert!(after_crash == (FORMAT, true) || done.is_err() && after_crash == (1, false), "{after_crash:?}");
            old += usize::from(after_crash.0 == 1);
            check_migrates(&path, Some(after_crash.0).filter(|from| *from != FORMAT));
            if done.is_ok() {
                break;
            }
            interrupted += 1;
        }
        // One sync makes it durable. Of the writes most come before.
        assert!(if calls == FailingCalls::Write { old > 1 } else { interrupted == 1 }, "{old} of {interrupted}");
    }
}

#[test]
fn a_store_is_migrated_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dag.redb");
    write_format_1(&path);
    check_migrates(&path, Some(1));
    let (_, info) = Store::open(&path, Retention { bytes: 1 << 20 }).unwrap();
    assert_eq!((info.format, info.migrated_from), (FORMAT, None));
}
