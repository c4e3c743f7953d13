//! Scenarios that keep rules out, and the folders of rules beside them.

use std::{fs, path::Path};

use dag_rulebook::{RulesFolder, SiblingRules};

use crate::{Home, check};

/// Debounce delays messages; it does not falsify what they say.
#[test]
fn a_mail_names_the_true_length_of_an_outage() {
    check(
        |rules| {
            let power = fs::read_to_string(rules.join("power.toml")).unwrap();
            let edited = power.replace("open_after = \"30s\"", "open_after = \"10s\"");
            assert_ne!(edited, power);
            fs::write(rules.join("power.toml"), edited).unwrap();
            fs::write(rules.join("tests/sixteen.toml"), SIXTEEN_SECONDS).unwrap();
        },
        &[],
    );
}

#[test]
fn a_scenario_that_fails_keeps_the_rules_out() {
    check(
        |rules| {
            let scenario = "name = \"no\"\ndevice = \"cottage\"\nstart = \"2026-01-10T18:00:00Z\"\n\
                            [[step]]\nat = \"0s\"\nexpect = [{ to = \"nor\" }]";
            fs::write(rules.join("tests/no.toml"), scenario).unwrap();
        },
        &["no.toml:6:11", "this was not sent", "nothing was sent"],
    );
}

#[test]
fn a_scenario_may_put_the_rules_of_a_folder_beside_it_in_force() {
    check(|rules| harder(&rules.join("tests")), &[]);
    // The folder's files are no scenarios, and its scripts are read too.
    check(
        |rules| {
            harder(&rules.join("tests"));
            fs::write(rules.join("tests/harder/hooks.rhai"), "fn allow(ctx) {").unwrap();
        },
        &[
            "the rules of `harder` cannot be put in force",
            "--> rules/tests/reload.toml:10:9",
            "--> rules/tests/harder/hooks.rhai:1",
        ],
    );
    check(
        |rules| {
            harder(&rules.join("tests"));
            fs::rename(rules.join("tests/harder"), rules.join("tests/hard")).unwrap();
        },
        &["reload.toml:10:9", "there is no folder `harder`", "did you mean `hard`?"],
    );
}

#[test]
fn the_folders_of_scenarios_are_bounded_as_the_rules_are() {
    let other = |name: &'static str, content: Vec<u8>| {
        move |rules: &Path| {
            harder(&rules.join("tests"));
            fs::write(rules.join("tests/harder").join(name), content).unwrap();
        }
    };
    check(other("power.toml", b"\xff".to_vec()), &["tests/harder/power.toml", "not UTF-8 (byte 0): save it as UTF-8"]);
    check(other("power.rhai", vec![b'/'; 10_000_000]), &["tests/harder/power.rhai", "longer than 1024 KiB"]);
    check(other(".power.toml.swp", b"\xff".to_vec()), &[]);
    check(
        |rules| {
            harder(&rules.join("tests"));
            for at in 0..1_000 {
                fs::write(rules.join(format!("tests/harder/{at}.toml")), "").unwrap();
            }
        },
        &["--> rules\n", "the folder holds more than 1000 files"],
    );
}

#[test]
fn the_folders_of_scenarios_are_kept_with_the_rules() {
    let home = Home::shipped();
    harder(&home.rules.join("tests"));
    let folder = RulesFolder::read(&home.rules).unwrap();
    let kept = folder.to_stored();
    assert!(kept.iter().any(|(path, _)| path == "tests/harder/people.toml"));
    assert_eq!(RulesFolder::from_stored(kept), folder);
}

#[test]
fn a_scenario_elsewhere_has_the_folders_beside_it() {
    let home = Home::shipped();
    let config = home.config(&[]);
    let rulebook = home.prove(&config).unwrap();
    let stories = home.dir.path().join("stories");
    harder(&stories);
    // Other folders are read only if the scenario names them.
    fs::create_dir(stories.join("notes")).unwrap();
    fs::write(stories.join("notes/a.toml"), b"\xff").unwrap();
    let file = stories.join("reload.toml");
    let play =
        |text: &str| rulebook.play(&file.display().to_string(), text, &config, &SiblingRules::of(&file, &config));
    assert_eq!(play(RELOAD).unwrap().played.problems, []);
    let problems = play(&RELOAD.replace("harder", "notes")).unwrap_err().to_string();
    for part in ["the rules of `notes` cannot be put in force", "stories/notes/a.toml", "not UTF-8 (byte 0)"] {
        assert!(problems.contains(part), "`{part}` is not in:\n{problems}");
    }
}

const SIXTEEN_SECONDS: &str = r#"
name = "sixteen seconds are told as sixteen seconds"
device = "cottage"
start = "2026-01-10T18:00:00Z"
[[step]]
at = "0s"
set = { power = "off" }
[[step]]
at = "16s"
set = { power = "on" }
expect = [{ to = "nor", kind = "opened", subject = "*Power is out*" }]
[[step]]
at = "1m"
expect = [{ to = "nor", kind = "resolved", subject = "*Power is back after 16 seconds*" }]
"#;

/// A story that goes from the shipped rules to those of a folder beside it.
const RELOAD: &str = r#"
name = "a reload"
device = "cottage"
start = "2026-01-10T18:00:00Z"
[[step]]
at = "0s"
set = { power = "off" }
[[step]]
at = "10m"
rules = "harder"
expect = [{ to = "nor", kind = "opened" }, { to = "nor", kind = "resolved" }]
"#;

/// Rules without the one for outages, beside the scenarios in `tests`.
fn harder(tests: &Path) {
    fs::create_dir_all(tests.join("harder")).unwrap();
    fs::write(tests.join("reload.toml"), RELOAD).unwrap();
    fs::write(
        tests.join("harder/people.toml"),
        "[recipient.nor]\nemail = \"nor@example.com\"\n[group]\nowners = [\"nor\"]",
    )
    .unwrap();
}
