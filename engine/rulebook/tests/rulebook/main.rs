//! Mistakes that a user can make in `rules/`, and the problems that are shown. None of them may panic, hang or pass.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail the test"
)]

mod devices;
mod edits;
mod files;
mod reach;
mod refusals;
mod scenarios;
mod scripts;
#[path = "../shared/edits.rs"]
mod shared_edits;
mod webhooks;

use std::{
    fs,
    path::{Path, PathBuf},
};

use dag_config::Config;
use dag_rulebook::{Refusal, Rulebook};
use tempfile::TempDir;

#[test]
fn the_shipped_rules_are_proved() {
    check(|_| {}, &[]);
}

/// The shipped configuration and rules, in a temporary folder.
struct Home {
    dir: TempDir,
    rules: PathBuf,
}

impl Home {
    fn shipped() -> Home {
        let dir = tempfile::tempdir().unwrap();
        let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        fs::copy(top.join("config.toml"), dir.path().join("config.toml")).unwrap();
        let rules = dir.path().join("rules");
        copy(&top.join("rules"), &rules);
        Home { dir, rules }
    }

    fn config(&self, overrides: &[(String, String)]) -> Config {
        Config::load(&self.dir.path().join("config.toml"), overrides).unwrap()
    }

    fn prove(&self, config: &Config) -> Result<Rulebook, Refusal> {
        Rulebook::prove(&self.rules, config)
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Returns all problems: those of the scenarios too, of which a refusal shows the first.
fn in_full(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Mistakes(problems) => problems.to_string(),
        Refusal::Scenarios { failed, .. } => {
            let problems = failed.scenarios.iter().flat_map(|scenario| &scenario.problems);
            problems.map(|problem| format!("{problem}\n")).collect()
        }
    }
}

/// Edits the shipped rules and proves them. Each of the `expected` texts must be in the problems; without any, there
/// must be no problem.
#[track_caller]
fn check(edit: impl FnOnce(&Path), expected: &[&str]) {
    let home = Home::shipped();
    edit(&home.rules);
    match home.prove(&home.config(&[])) {
        Ok(_) => assert!(expected.is_empty(), "there is no problem, and these were expected: {expected:?}"),
        Err(refusal) => {
            let problems = in_full(&refusal).replace(&format!("{}/", home.dir.path().display()), "");
            assert!(!expected.is_empty(), "{problems}");
            for part in expected {
                assert!(problems.contains(part), "`{part}` is not in:\n{problems}");
            }
        }
    }
}
