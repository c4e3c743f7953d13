//! What a user can do wrong in `rules/`, and what is said to it. Nothing here may panic, hang or pass.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail the test"
)]

use std::{
    fs,
    path::{Path, PathBuf},
};

use dag_config::Config;
use dag_rulebook::{Folder, Rulebook, SiblingRules};

/// The shipped files in a folder of their own, changed by `edit`; what the compiler says to that.
fn said(edit: impl FnOnce(&Path)) -> String {
    let dir = tempfile::tempdir().unwrap();
    let home = shipped(dir.path());
    edit(&home.join("rules"));
    let config = Config::load(&home.join("config.toml"), &[]).unwrap();
    match Rulebook::prove(&home.join("rules"), &config) {
        Ok(_) => "nothing".to_owned(),
        Err(problems) => problems.to_string().replace(&dir.path().display().to_string(), ""),
    }
}

fn shipped(dir: &Path) -> PathBuf {
    fs::create_dir_all(dir).unwrap();
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    fs::copy(top.join("config.toml"), dir.join("config.toml")).unwrap();
    copy(&top.join("rules"), &dir.join("rules"));
    dir.to_owned()
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

#[track_caller]
fn check(edit: impl FnOnce(&Path), expected: &[&str]) {
    let said = said(edit);
    for part in expected {
        assert!(said.contains(part), "`{part}` is not in:\n{said}");
    }
}

#[test]
fn the_shipped_rules_are_proved() {
    check(|_| {}, &["nothing"]);
}

#[test]
fn the_shipped_rules_warn_of_what_cannot_fire_on_this_device_and_of_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let home = shipped(dir.path());
    let config = Config::load(&home.join("config.toml"), &[]).unwrap();
    let warnings = Rulebook::prove(&home.join("rules"), &config).unwrap().warnings(&config);
    let about = |rule: &str| format!("warning: the rule `{rule}` ");
    let rules = ["battery-low", "lost-contact", "off-then-lost"];
    assert!(warnings.iter().zip(rules).all(|(warning, rule)| warning.starts_with(&about(rule))), "{warnings:#?}");
    assert_eq!(warnings.len(), rules.len(), "{warnings:#?}");
}

/// In the mode `cloud` the others run there, and nothing but the cloud knows of connections.
#[test]
fn in_the_mode_cloud_only_the_devices_own_rules_must_be_able_to_fire_here() {
    let dir = tempfile::tempdir().unwrap();
    let home = shipped(dir.path());
    let own = "[rule.alone]\nwhen = \"connection == disconnected\"\nescalation = \"household\"\nrun_on = \"edge\"\n";
    fs::write(home.join("rules/alone.toml"), own).unwrap();
    // The scenarios run every rule, and expect none like this one.
    fs::remove_dir_all(home.join("rules/tests")).unwrap();
    let config = Config::load(&home.join("config.toml"), &[("mode".into(), "cloud".into())]).unwrap();
    let rulebook = Rulebook::prove(&home.join("rules"), &config).unwrap();
    let warnings = rulebook.warnings(&config);
    let about: Vec<&str> = warnings.iter().filter_map(|warning| warning.split('`').nth(1)).collect();
    assert_eq!(about, ["alone", "battery-low"], "{warnings:#?}");
}

/// Debounce delays messages; it does not falsify what they say.
#[test]
fn a_device_that_knows_of_itself_alone_takes_the_rules_of_its_fleet() {
    let dir = tempfile::tempdir().unwrap();
    let home = shipped(dir.path());
    let rules = home.join("rules");
    let flood = "[rule.flood]\nwhen = \"flood == off\"\nescalation = \"household\"\n";
    fs::write(rules.join("flood.toml"), flood).unwrap();
    let own = "mode = \"cloud\"\n[site]\nname = \"Home\"\ntimezone = \"Europe/London\"\n\
               [device.barn]\npower = { source = \"gpio\", pin = 4 }\n[email]\nfrom = \"dag@example.com\"\n\
               transport = \"outbox\"\n";
    let load = |text: &str| {
        fs::write(home.join("config.toml"), text).unwrap();
        Config::load(&home.join("config.toml"), &[]).unwrap()
    };
    // The scenarios are of `cottage`, and nothing here has a sensor of floods.
    let rulebook = Rulebook::prove(&rules, &load(own)).unwrap_or_else(|problems| panic!("{problems}"));
    assert!(rulebook.engine.rules().fact("flood").is_some());

    // Its own scenarios are played, and what concerns everybody is a mistake all the same.
    let scenario = |device: &str| {
        format!(
            "name = \"nothing is expected\"\ndevice = \"{device}\"\nstart = \"2026-01-10T18:00:00Z\"\n\
             [[step]]\nat = \"0s\"\nset = {{ power = \"on\" }}\n[[step]]\nat = \"1m\"\nset = {{ power = \"off\" }}\n\
             [[step]]\nat = \"2m\"\nexpect = []\n"
        )
    };
    fs::write(rules.join("tests/own.toml"), scenario("shed")).unwrap();
    Rulebook::prove(&rules, &load(own)).unwrap_or_else(|problems| panic!("{problems}"));
    fs::write(rules.join("tests/own.toml"), scenario("barn")).unwrap();
    let said = Rulebook::prove(&rules, &load(own)).unwrap_err().to_string();
    assert!(said.contains("1 more sent than expected") && said.contains("own.toml"), "{said}");

    // Where the fleet is looked after every device is known.
    let fleet = format!("{own}[aws]\nregion = \"eu-west-1\"\n");
    let said = Rulebook::prove(&rules, &load(&fleet)).unwrap_err().to_string();
    assert!(said.contains("there is no fact or value `flood`"), "{said}");
    fs::remove_file(rules.join("flood.toml")).unwrap();
    let said = Rulebook::prove(&rules, &load(&fleet)).unwrap_err().to_string();
    assert!(said.contains("there is no device `cottage`"), "{said}");
}

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
        &["nothing"],
    );
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

#[test]
fn a_file_half_saved_is_told_with_its_line() {
    check(
        |rules| {
            let whole = fs::read_to_string(rules.join("power.toml")).unwrap();
            let half = whole.find("escalation = \"house").unwrap() + 18;
            fs::write(rules.join("power.toml"), &whole[..half]).unwrap();
        },
        &["power.toml:", "escalation = \"hous\n", "expected `\"`"],
    );
}

#[test]
fn a_file_that_others_need_and_that_is_gone_is_missed() {
    check(
        |rules| fs::remove_file(rules.join("people.toml")).unwrap(),
        &["there is no escalation `household`", "site.operators names the group `owners`, which no rules file defines"],
    );
}

#[test]
fn a_folder_in_a_files_place_is_refused() {
    check(
        |rules| {
            fs::remove_file(rules.join("power.toml")).unwrap();
            fs::create_dir(rules.join("power.toml")).unwrap();
        },
        &["power.toml", "a file is expected here, and this is none"],
    );
}

#[test]
fn a_folder_of_rules_that_is_gone_is_told() {
    check(|rules| fs::remove_dir_all(rules).unwrap(), &["the folder cannot be read"]);
}

#[test]
fn what_is_not_utf8_is_told_with_the_byte() {
    check(
        |rules| fs::write(rules.join("power.toml"), b"[rule.a]\nwhen = \"\xff\"").unwrap(),
        &["power.toml", "not UTF-8 (byte 17): save it as UTF-8"],
    );
}

#[test]
fn a_file_of_10_mb_is_not_even_read() {
    check(
        |rules| fs::write(rules.join("power.toml"), vec![b'#'; 10_000_000]).unwrap(),
        &["power.toml", "longer than 1024 KiB"],
    );
}

#[test]
fn every_problem_of_every_file_is_told_at_once() {
    check(
        |rules| {
            fs::write(rules.join("a.toml"), "[rule.a]\nwhen = \"pwoer == off\"\nescalation = \"household\"").unwrap();
            fs::write(rules.join("b.toml"), "[recipient.x]\nemial = \"x@example.com\"").unwrap();
        },
        &[
            "a.toml:2:9",
            "did you mean `power`?",
            "b.toml:2:1",
            "did you mean `email`?",
            "problems found; nothing was changed",
        ],
    );
}

#[test]
fn a_script_that_never_ends_is_stopped_and_told() {
    for (script, told) in [
        ("fn message(ctx) { loop { } }", "operations"),
        ("fn message(ctx) { deeper(ctx) } fn deeper(ctx) { deeper(ctx) }", "overflow"),
        ("fn message(ctx) { let s = \"x\"; loop { s += s; } }", "too large"),
        ("fn message(ctx) { let a = []; loop { a.push(a); } }", "too large"),
        ("fn message(ctx) { 42 }", "it answered no map of texts"),
    ] {
        check(
            |rules| {
                fs::write(rules.join("bad.rhai"), script).unwrap();
                let rule = "[rule.bad]\nwhen = \"power == off\"\nescalation = \"household\"\nscript = \"bad.rhai\"";
                fs::write(rules.join("bad.toml"), rule).unwrap();
            },
            &["the script of the rule `bad` fails in `message`", told],
        );
    }
}

#[test]
fn a_script_that_misspells_a_field_is_told_with_the_place() {
    check(
        |rules| {
            fs::write(rules.join("bad.rhai"), "fn allow(ctx) {\n    ctx.device.nmae != \"x\"\n}").unwrap();
            let rule = "[rule.bad]\nwhen = \"power == off\"\nescalation = \"household\"\nscript = \"bad.rhai\"";
            fs::write(rules.join("bad.toml"), rule).unwrap();
        },
        &["bad.rhai:2:16", "there is no field `nmae` here", "did you mean `name`?"],
    );
}

#[test]
fn a_template_that_fails_is_told_before_it_is_needed() {
    check(
        |rules| {
            fs::create_dir_all(rules.join("templates")).unwrap();
            fs::write(rules.join("templates/subject.txt"), "{{ device.nmae }}").unwrap();
        },
        &["templates/subject.txt:1", "nmae"],
    );
}

#[test]
fn a_scenario_that_goes_otherwise_keeps_the_rules_out() {
    check(
        |rules| {
            let scenario = "name = \"no\"\ndevice = \"cottage\"\nstart = \"2026-01-10T18:00:00Z\"\n[[step]]\nat = \"0s\"\nexpect = [{ to = \"nor\" }]";
            fs::write(rules.join("tests/no.toml"), scenario).unwrap();
        },
        &["no.toml:6:11", "this was not sent", "nothing was sent"],
    );
}

#[test]
fn what_editors_leave_behind_is_not_read() {
    check(
        |rules| {
            for name in [".power.toml.swp", "power.toml~", "#power.toml#", ".#power.toml", "4913"] {
                fs::write(rules.join(name), b"\xff not rules").unwrap();
            }
        },
        &["nothing"],
    );
}

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

#[test]
fn a_scenario_may_put_the_rules_of_a_folder_beside_it_in_force() {
    check(|rules| harder(&rules.join("tests")), &["nothing"]);
    // The folder's files are no scenarios, and its scripts are read too.
    check(
        |rules| {
            harder(&rules.join("tests"));
            fs::write(rules.join("tests/harder/hooks.rhai"), "fn allow(ctx) {").unwrap();
        },
        &["the rules of `harder` cannot be put in force", "--> reload.toml:10:9", "--> harder/hooks.rhai:1"],
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
    check(other(".power.toml.swp", b"\xff".to_vec()), &["nothing"]);
    check(
        |rules| {
            harder(&rules.join("tests"));
            for at in 0..1_000 {
                fs::write(rules.join(format!("tests/harder/{at}.toml")), "").unwrap();
            }
        },
        &["/rules:", "the folder holds more than 1000 files"],
    );
}

#[test]
fn the_folders_of_scenarios_are_kept_with_the_rules() {
    let dir = tempfile::tempdir().unwrap();
    harder(&shipped(dir.path()).join("rules/tests"));
    let folder = Folder::read(&dir.path().join("rules")).unwrap();
    let kept = folder.to_keep();
    assert!(kept.iter().any(|(path, _)| path == "tests/harder/people.toml"));
    assert_eq!(Folder::from_kept(kept), folder);
}

#[test]
fn a_scenario_elsewhere_has_the_folders_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let home = shipped(&dir.path().join("home"));
    let config = Config::load(&home.join("config.toml"), &[]).unwrap();
    let rulebook = Rulebook::prove(&home.join("rules"), &config).unwrap();
    let stories = dir.path().join("stories");
    harder(&stories);
    // What else lies there is nobody's business.
    fs::create_dir(stories.join("notes")).unwrap();
    fs::write(stories.join("notes/a.toml"), b"\xff").unwrap();
    let file = stories.join("reload.toml");
    let play =
        |text: &str| rulebook.play(&file.display().to_string(), text, &config, &SiblingRules::of(&file, &config));
    assert_eq!(play(RELOAD).unwrap().played.problems, []);
    let said = play(&RELOAD.replace("harder", "notes")).unwrap_err().to_string();
    for part in ["the rules of `notes` cannot be put in force", "stories/notes/a.toml", "not UTF-8 (byte 0)"] {
        assert!(said.contains(part), "`{part}` is not in:\n{said}");
    }
}
