//! The edits that an owner is likely to make: a daemon starts with each, and a running one follows it.

use std::{fs, path::Path, thread};

use crate::{
    home::{Home, copy, text},
    shared_edits::{EDITS, Edit},
};

/// One daemon follows them all: each undoes the one before it.
#[test]
fn a_daemon_follows_one_edit_after_the_other() {
    let (home, pristine) = (Home::shipped(), Home::shipped());
    let _daemon = home.run_as("cottage");
    for edit in EDITS {
        restore(&home.path(""), &pristine.path(""));
        edit.make(&home.path(""));
        let output = home.dag(&["reload"]);
        let said = text(&output.stderr);
        match edit.device {
            "cottage" => assert!(output.status.success(), "{}: {said}", edit.name),
            // A running daemon stays the device that it was started as.
            _ => assert!(said.contains("the configuration has no device `cottage`"), "{}: {said}", edit.name),
        }
    }
    assert!(home.json(&["status"])["rejected"].is_null());
}

#[test]
fn a_daemon_starts_with_each_edit() {
    let part = EDITS.len().div_ceil(THREADS);
    thread::scope(|scope| {
        EDITS.chunks(part).for_each(|edits| drop(scope.spawn(|| edits.iter().for_each(starts_with))))
    });
}

/// The number of daemons that start at the same time.
const THREADS: usize = 4;

fn starts_with(edit: &Edit) {
    let home = Home::shipped();
    edit.make(&home.path(""));
    let checked = home.dag(&["check"]);
    assert!(checked.status.success(), "{}: {}", edit.name, text(&checked.stderr));
    let _daemon = home.run_as(edit.device);
    let status = home.json(&["status"]);
    assert!(status["rejected"].is_null(), "{}: {}", edit.name, status["rejected"]);
}

/// Makes a folder's configuration and rules those of another folder.
fn restore(folder: &Path, pristine: &Path) {
    fs::remove_dir_all(folder.join("rules")).unwrap();
    copy(&pristine.join("rules"), &folder.join("rules"));
    fs::copy(pristine.join("config.toml"), folder.join("config.toml")).unwrap();
}
