//! Files that are refused: the texts of the errors, and that the files are not changed.

use std::{
    env, fs,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::Command,
};

use dag::store::Store;
use redb::{Database, TableDefinition};

use crate::{RETENTION, open, open_error, scratch, step, steps, text};

/// Checks the text of the error, and that the file is not changed.
fn check(path: &Path, words: &str) {
    let before = fs::read(path).unwrap();
    assert_eq!(text(&open_error(path), path), words);
    assert!(fs::read(path).unwrap() == before, "the file was changed");
}

/// Writes a store of one step.
fn store(path: &Path) {
    open(path).0.commit(&step(1)).unwrap();
}

#[test]
fn a_second_daemon_on_the_same_file_is_refused() {
    let (_folder, path) = scratch();
    let (first, _) = open(&path);
    first.commit(&step(1)).unwrap();
    let words =
        "`dag.redb` is in use by another daemon: stop that one first, or give this one a `storage.path` of its own";
    check(&path, words);
    first.commit(&step(2)).unwrap();
    assert_eq!(steps(&first), 2);
    drop(first);
    assert_eq!(open(&path).1.boot, 2, "the one that was refused does not count");
}

#[test]
fn two_daemons_that_make_the_store_at_once_get_one_between_them() {
    for _ in 0..20 {
        let (folder, path) = scratch();
        let opened = std::thread::scope(|scope| {
            let both = [(); 2].map(|()| scope.spawn(|| Store::open(&path, RETENTION)));
            both.map(|one| one.join().unwrap())
        });
        let open = opened.iter().filter(|opened| opened.is_ok()).count();
        assert_eq!(open, 1, "{opened:?}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "one file is left");
    }
}

#[test]
fn the_folders_above_a_new_store_are_made() {
    let (folder, _) = scratch();
    let path = folder.path().join("var/lib/dag.redb");
    assert_eq!(open(&path).1.boot, 1);
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600,
        "other users must not read the addresses"
    );
}

#[test]
fn remains_of_an_interrupted_start_are_overwritten() {
    let (folder, path) = scratch();
    fs::write(folder.path().join("dag.redb.new"), vec![7; 10_000]).unwrap();
    assert_eq!(open(&path).1.boot, 1);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_folder_in_its_place_is_refused() {
    let (folder, _) = scratch();
    let words = "`dag.redb` is a folder: set `storage.path` to a file";
    assert_eq!(text(&open_error(folder.path()), folder.path()), words);
}

#[test]
fn a_file_above_it_is_refused() {
    let (_folder, path) = scratch();
    fs::write(&path, "a file").unwrap();
    let below = path.join("dag.redb");
    let words = "`dag.redb` cannot be read or written (Not a directory (os error 20)): check the disk; the system's \
                 log may say more";
    assert_eq!(text(&open_error(&below), &below), words);
}

#[test]
fn an_empty_file_is_refused_because_no_store_begins_so() {
    let (_folder, path) = scratch();
    fs::write(&path, "").unwrap();
    check(&path, "`dag.redb` is empty, so what it held is lost: restore it from a copy, or move it away to start anew");
}

#[test]
fn other_files_are_refused() {
    let (_folder, path) = scratch();
    let words = "`dag.redb` is not a store of detectordag: set `storage.path` to another file, or move this one away";
    for content in ["mode = \"standalone\"\n".as_bytes(), &[0; 100_000], b"SQLite format 3\0", b"x"] {
        fs::write(&path, content).unwrap();
        check(&path, words);
    }
    // The database of another program.
    fs::remove_file(&path).unwrap();
    let other = Database::create(&path).unwrap();
    let writing = other.begin_write().unwrap();
    writing.open_table(TableDefinition::<u64, u64>::new("meta")).unwrap().insert(1, 1).unwrap();
    writing.commit().unwrap();
    drop(other);
    check(&path, words);
}

#[test]
fn a_device_in_its_place_is_refused() {
    let path = Path::new("/dev/null");
    assert!(text(&open_error(path), path).starts_with("`dag.redb` is not a store of detectordag"));
}

#[test]
fn a_file_cut_short_is_refused() {
    let (_folder, path) = scratch();
    store(&path);
    let whole = fs::read(&path).unwrap();
    let advice = "restore it from a copy, or move it away to start anew";
    fs::write(&path, &whole[..100]).unwrap();
    check(&path, &format!("`dag.redb` is damaged (it ends after 100 bytes): {advice}"));
    let half = whole.len() / 2;
    fs::write(&path, &whole[..half]).unwrap();
    let problem = format!("File truncated below stored layout: file_len={half}, layout_len={}", whole.len());
    check(&path, &format!("`dag.redb` is damaged ({problem}): {advice}"));
}

/// Writes a store of one step with `record` as the record about the store.
fn store_with_record(path: &Path, record: &[u8]) {
    store(path);
    let database = Database::open(path).unwrap();
    let writing = database.begin_write().unwrap();
    {
        let mut meta = writing.open_table(TableDefinition::<&str, &[u8]>::new("meta")).unwrap();
        assert!(meta.insert("store", record).unwrap().is_some());
    }
    writing.commit().unwrap();
}

#[test]
fn a_store_of_a_newer_format_is_refused() {
    let (_folder, path) = scratch();
    // Whatever else its record says.
    store_with_record(&path, br#"{"format":4,"boot":"changed"}"#);
    let words = "`dag.redb` was written by a newer version of detectordag (format 4, and this version knows 3): \
                 install that version again, or move the file away to start anew";
    check(&path, words);
}

#[test]
fn a_file_of_a_newer_redb_is_refused() {
    let (_folder, path) = scratch();
    store(&path);
    let mut bytes = fs::read(&path).unwrap();
    (bytes[64], bytes[192]) = (4, 4);
    fs::write(&path, bytes).unwrap();
    let words = "`dag.redb` was written by a newer version of detectordag (database format 4, and this version knows \
                 3): install that version again, or move the file away to start anew";
    check(&path, words);
}

#[test]
fn a_record_about_the_store_that_is_unknown_is_refused_as_damage() {
    let unreadable = |problem: &str| format!("the record about the store cannot be read: {problem}");
    let records = [
        (r#"{"format":0}"#, "the record about the store names format 0".to_owned()),
        (r#"{"boot":1}"#, unreadable("missing field `format` at line 1 column 10")),
        (r#"{"format":1,"boot":1,"steps":1,"next":1}"#, unreadable("missing field `bytes` at line 1 column 40")),
        ("[]", unreadable("invalid length 0, expected struct Format with 1 element at line 1 column 2")),
        ("", unreadable("EOF while parsing a value at line 1 column 0")),
    ];
    for (record, problem) in records {
        let (_folder, path) = scratch();
        store_with_record(&path, record.as_bytes());
        let advice = "restore it from a copy, or move it away to start anew";
        check(&path, &format!("`dag.redb` is damaged ({problem}): {advice}"));
    }
    // A field that no format has.
    let (_folder, path) = scratch();
    store_with_record(&path, br#"{"format":2,"boot":1,"steps":1,"next":1,"bytes":0,"color":1}"#);
    assert!(text(&open_error(&path), &path).contains("unknown field `color`"));
}

#[test]
fn a_file_of_another_user_is_refused() {
    const STORE: &str = "DAG_TEST_DENIED_STORE";
    if let Some(path) = env::var_os(STORE) {
        let path = PathBuf::from(path);
        let words = "`dag.redb` may not be read and written by this user: change its owner, or run the daemon as the \
                     user who owns it";
        assert_eq!(text(&open_error(&path), &path), words);
        let new = path.with_file_name("new.redb");
        assert!(text(&open_error(&new), &new).starts_with("`dag.redb` may not be read and written by this user"));
        return;
    }
    let (folder, path) = scratch();
    store(&path);
    let before = fs::read(&path).unwrap();
    // Root may do everything, so a user without rights looks: with a copy of this test that such a user can reach. It
    // is not copied here, as a child of another test could hold it open for writing, and then it does not start.
    let program = folder.path().join("test");
    assert!(Command::new("cp").arg(env::current_exe().unwrap()).arg(&program).status().unwrap().success());
    let mut child = Command::new(&program);
    if owner(Path::new("/proc/self")) == 0 {
        child.uid(65_534).gid(65_534);
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).unwrap();
    let arguments = ["--exact", "refusals::a_file_of_another_user_is_refused", "--nocapture"];
    let output = child.args(arguments).env(STORE, &path).current_dir("/").output().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success() && printed.contains("1 passed"),
        "{printed}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(fs::read(&path).unwrap() == before);
}

/// Returns the id of the user who owns `path`.
fn owner(path: &Path) -> u32 {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).unwrap().uid()
}
