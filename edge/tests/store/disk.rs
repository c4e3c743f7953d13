//! A full disk, and a read-only one. Both are real: a small file system in memory, mounted in a name
//! space of this test's own, so that nothing is left of it whatever happens.

use std::{
    env, fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::Command,
};

use dag::store::{Store, StoreError};

use crate::{RETENTION, open, open_error, step, steps, text};

const DISK: &str = "DAG_TEST_DISK";

/// Runs `check` on a file system of 1 MiB: in a child process, which is this test again and may mount.
fn on_a_small_disk(test: &str, check: impl FnOnce(&Path)) {
    if let Some(folder) = env::var_os(DISK) {
        let folder = PathBuf::from(folder);
        mount(&["-t", "tmpfs", "-o", "size=1m", "tmpfs"], &folder);
        return check(&folder);
    }
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new("unshare");
    child.arg("--mount");
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        child.args(["--user", "--map-root-user"]);
    }
    child.arg(env::current_exe().unwrap()).args(["--exact", test, "--nocapture"]).env(DISK, folder.path());
    let output = child.output().expect("`unshare` is part of util-linux");
    let text = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

fn mount(arguments: &[&str], folder: &Path) {
    let done = Command::new("mount").args(arguments).arg(folder).status().unwrap();
    assert!(done.success(), "this test mounts a file system: run it as root, or where users may make name spaces");
}

/// Leaves no byte free.
fn fill(folder: &Path) {
    let error = fs::write(folder.join("ballast"), vec![0; 2 << 20]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
}

fn free(folder: &Path) {
    fs::remove_file(folder.join("ballast")).unwrap();
}

#[test]
fn a_full_disk_refuses_steps_until_there_is_space_and_loses_none() {
    on_a_small_disk("disk::a_full_disk_refuses_steps_until_there_is_space_and_loses_none", |folder| {
        let path = folder.join("dag.redb");
        let (store, _) = open(&path);
        let mut committed = 0;
        for _ in 0..8 {
            fill(folder);
            let error = loop {
                match store.commit(&step(committed + 1)) {
                    Ok(()) => committed += 1,
                    Err(error) => break error,
                }
            };
            assert_eq!(
                text(&error, &path),
                "`dag.redb` is on a full disk: free some space there; what was recorded so far is kept"
            );
            assert!(matches!(store.commit(&step(committed + 1)), Err(StoreError::Full(_))));
            assert_eq!(steps(&store), committed, "committed steps can be read all the time");
            free(folder);
            // The same store takes the same step, without a restart.
            store.commit(&step(committed + 1)).unwrap();
            committed += 1;
            assert_eq!(steps(&store), committed);
        }
        assert!(committed > 8, "the disk was full too early");
        drop(store);
        assert_eq!(steps(&open(&path).0), committed);
    });
}

#[test]
fn a_store_is_made_whole_or_not_at_all_on_a_full_disk() {
    on_a_small_disk("disk::a_store_is_made_whole_or_not_at_all_on_a_full_disk", |folder| {
        let path = folder.join("dag.redb");
        fill(folder);
        assert!(matches!(open_error(&path), StoreError::Full(_)));
        let left: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["ballast"]);
        free(folder);
        assert_eq!(open(&path).1.boot, 1);
    });
}

#[test]
fn a_read_only_disk_is_named_and_its_store_unharmed() {
    on_a_small_disk("disk::a_read_only_disk_is_named_and_its_store_unharmed", |folder| {
        let path = folder.join("dag.redb");
        open(&path).0.commit(&step(1)).unwrap();
        mount(&["-o", "remount,ro"], folder);
        let expected = "`dag.redb` is on a read-only disk: mount it read-write, or set `storage.path` to a file on a \
                        disk that can be written";
        let error = open_error(&path);
        assert_eq!(text(&error, &path), expected);
        let new = folder.join("new/dag.redb");
        assert_eq!(text(&Store::open(&new, RETENTION).unwrap_err(), &new), expected);
        mount(&["-o", "remount,rw"], folder);
        assert_eq!(steps(&open(&path).0), 1);
    });
}
