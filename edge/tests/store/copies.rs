//! Copies of a store, made while it is used.

use std::{
    fs::{self, File},
    path::Path,
};

use dag::store::{CopyError, Store, StoreError, adopt_copy, copy_stored};

use crate::{RETENTION, migrations, open, scratch, step, steps, text};

fn new_file(path: &Path) -> File {
    File::options().read(true).write(true).create_new(true).open(path).unwrap()
}

#[test]
fn a_copy_is_the_store_at_one_moment_while_commits_go_on() {
    let (_folder, path) = scratch();
    let copy = path.with_file_name("copy.redb");
    let (store, _) = open(&path);
    // More rows than one transaction of a copy has.
    for number in 1..=1_500 {
        store.commit(&step(number)).unwrap();
    }
    let file = new_file(&copy);
    std::thread::scope(|scope| {
        let copying = scope.spawn(|| store.copy_to(&file));
        for number in 1_501..=1_600 {
            store.commit(&step(number)).unwrap();
        }
        copying.join().unwrap().unwrap();
    });
    assert_eq!(steps(&store), 1_600);
    let copied = steps(&open(&copy).0);
    assert!((1_500..=1_600).contains(&copied), "{copied}");
    assert!(fs::metadata(&copy).unwrap().len() <= fs::metadata(&path).unwrap().len());
}

#[test]
fn a_copy_of_a_store_that_nobody_uses_leaves_it_as_it_was() {
    let (_folder, path) = scratch();
    let copy = path.with_file_name("copy.redb");
    let (store, _) = open(&path);
    store.commit(&step(1)).unwrap();
    // As a killed daemon leaves it: redb repairs such a file when it is opened.
    let killed = path.with_file_name("killed.redb");
    fs::copy(&path, &killed).unwrap();
    drop(store);
    for (from, to) in [(&path, &copy), (&killed, &path.with_file_name("other.redb"))] {
        let before = fs::read(from).unwrap();
        assert_eq!(copy_stored(from, &new_file(to)).unwrap(), 3);
        assert!(fs::read(from).unwrap() == before, "the store was changed");
        let (copied, info) = open(to);
        assert_eq!((steps(&copied), info.boot), (1, 2), "the copy is no boot");
    }
}

#[test]
fn a_store_in_use_is_not_copied_behind_the_daemons_back() {
    let (_folder, path) = scratch();
    let (store, _) = open(&path);
    let error = copy_stored(&path, &new_file(&path.with_file_name("copy.redb"))).unwrap_err();
    assert!(matches!(error, CopyError::Store(StoreError::InUse(_))), "{error}");
    store.commit(&step(1)).unwrap();
}

#[test]
fn a_damaged_store_is_not_copied() {
    let (_folder, path) = scratch();
    let (store, _) = open(&path);
    store.commit(&step(1)).unwrap();
    drop(store);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let Err(CopyError::Store(error)) = copy_stored(&path, &new_file(&path.with_file_name("copy.redb"))) else {
        panic!("it was copied")
    };
    assert!(text(&error, &path).starts_with("`dag.redb` is damaged"), "{error}");
}

#[test]
fn a_copy_that_is_adopted_counts_its_boots_as_another_store() {
    let (_folder, path) = scratch();
    let copy = path.with_file_name("copy.redb");
    let (store, original) = open(&path);
    store.commit(&step(1)).unwrap();
    store.copy_to(&new_file(&copy)).unwrap();
    adopt_copy(&copy).unwrap();
    let (adopted, info) = open(&copy);
    assert_eq!((steps(&adopted), info.boot), (1, 2));
    assert!(info.incarnation.is_some() && info.incarnation != original.incarnation);
}

#[test]
fn a_copy_of_format_1_has_format_1_until_a_daemon_opens_it() {
    let (_folder, path) = scratch();
    let copy = path.with_file_name("copy.redb");
    migrations::unpack(&path);
    assert_eq!(copy_stored(&path, &new_file(&copy)).unwrap(), 1);
    adopt_copy(&copy).unwrap();
    let (store, info) = Store::open(&copy, RETENTION).unwrap();
    assert_eq!((info.format, info.migrated_from, info.boot), (3, Some(1), 3));
    assert_eq!(store.backlog().unwrap().bytes, 565, "what waits for the cloud is kept");
}
