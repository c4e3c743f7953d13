//! The edits that an owner is likely to make: a daemon starts with each, and a running one follows it. That `dag check`
//! finds nothing is tried in `engine/rulebook/tests/rulebook/edits.rs`.

use std::{fs, path::Path, thread};

use crate::{
    home::{Home, copy, text},
    shared_edits::{EDITS, Edit},
};

#[test]
fn a_daemon_follows_one_edit_after_the_other() {
    in_parts(follow);
}

#[test]
fn a_daemon_starts_with_each_edit() {
    in_parts(|edits| edits.iter().for_each(starts_with));
}

/// Tries the edits in several threads, which each have a part of them.
fn in_parts(part: impl Fn(&[Edit]) + Sync) {
    thread::scope(|scope| {
        EDITS.chunks(EDITS.len().div_ceil(THREADS)).for_each(|edits| drop(scope.spawn(|| part(edits))));
    });
}

const THREADS: usize = 4;

/// One daemon follows all edits: each undoes the one before it.
fn follow(edits: &[Edit]) {
    let (home, pristine) = (Home::shipped(), Home::shipped());
    let _daemon = home.run_as("cottage");
    for edit in edits {
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
    restore(&home.path(""), &pristine.path(""));
    assert!(home.dag(&["reload"]).status.success());
    assert!(home.json(&["status"])["rejected"].is_null());
}

fn starts_with(edit: &Edit) {
    let home = Home::shipped();
    edit.make(&home.path(""));
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
