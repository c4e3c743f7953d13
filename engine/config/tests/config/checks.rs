//! Checks that a program adds to those of this crate.

use std::fs;

use dag_config::{Check, Config, Diagnostic};
use insta::assert_snapshot;

use crate::file;

const SITE_NAME: Check = Check {
    key: "site.name",
    judge: |name| match name {
        "Home" => Err(Diagnostic::new("everybody's site is called `Home`", "call it by its street")),
        _ => Ok(()),
    },
};

/// Returns the errors of a file, with values over it.
fn errors(text: &str, set: &[(&str, &str)]) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    fs::write(&path, text).unwrap();
    let set: Vec<_> = set.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let errors = Config::load_with(&path, &set, &[SITE_NAME]).err()?.to_string();
    Some(errors.replace(&folder.path().display().to_string(), "/home/dag"))
}

#[test]
fn a_check_is_reported_in_its_place_among_the_others() {
    assert_snapshot!(errors(&file("colour = 1\n"), &[]).unwrap(), @r#"
    error: everybody's site is called `Home`
     --> /home/dag/config.toml:3:8
      |
    3 | name = "Home"
      |        ^^^^^^
      |
      = help: call it by its street

    error: `email.colour` is not a key of this file
      --> /home/dag/config.toml:10:1
       |
    10 | colour = 1
       | ^^^^^^
       |
       = help: expected one of `from`, `outbox`, `ses`, `smtp`, `transport`
    "#);
}

#[test]
fn a_check_judges_the_value_that_counts() {
    assert_eq!(errors(&file(""), &[("site.name", "Elm Street")]), None);
    let elsewhere = file("").replace("\"Home\"", "\"Elm Street\"");
    assert_eq!(errors(&elsewhere, &[]), None);
    assert_snapshot!(errors(&elsewhere, &[("site.name", "Home")]).unwrap(), @r"
    error: everybody's site is called `Home`
     |
     = note: from the flag `--set site.name`
     = help: call it by its street
    ");
    assert_snapshot!(errors(&elsewhere, &[("site", "{ name = \"Home\", timezone = \"UTC\" }")]).unwrap(), @r"
    error: everybody's site is called `Home`
     |
     = note: from the flag `--set site`
     = help: call it by its street
    ");
}
