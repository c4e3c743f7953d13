//! The shipped rules and their scenarios, as they are.

use std::collections::{BTreeMap, BTreeSet};

use dag_engine::{Engine, Input, Name, Outcome, Reading, Report, Simulation, Sources, Time, Value};

use crate::{
    compile, device,
    folder::{files, own_rules, shipped},
    play,
};

#[test]
fn the_shipped_rules_compile_without_a_warning() {
    let rules = compile(&shipped());
    assert_eq!(rules.warnings(), []);
    let names: Vec<&str> = rules.rules().map(Name::as_str).collect();
    assert_eq!(names, ["battery-low", "lost-contact", "off-then-lost", "power-outage", "unstable-supply"]);
}

#[test]
fn every_shipped_scenario_goes_as_it_says_and_no_script_fails() {
    let engine = Engine::new(compile(&shipped()));
    let mut names = BTreeSet::new();
    for (file, text) in files("tests", "toml") {
        let name = play(&engine, &file, &text);
        assert!(names.insert(name), "{file}: another scenario has the same name");
    }
    assert_eq!(names.len(), 31);
}

/// The rules in force before those of the story do not matter to it.
#[test]
fn a_story_with_rules_of_its_own_does_not_depend_on_the_users() {
    let people = "[recipient.pat]\nemail = \"pat@example.com\"\n[group]\nowners = [\"pat\"]\n";
    let sources = Sources { files: BTreeMap::from([("people.toml".to_owned(), people.to_owned())]), ..shipped() };
    let engine = Engine::new(compile(&sources));
    let mut folders = BTreeSet::new();
    for (file, text) in files("tests", "toml") {
        let first = text.split("[[step]]").nth(1).unwrap();
        if let Some(folder) = first.lines().find_map(|line| line.strip_prefix("rules = ")) {
            play(&engine, &file, &text);
            folders.insert(folder.trim_matches('"').to_owned());
        }
    }
    let unused: Vec<String> = own_rules().into_keys().filter(|folder| !folders.contains(folder)).collect();
    assert_eq!(unused, ["renamed-rule", "two-minutes"], "the others are there to begin with");
}

#[test]
fn the_rules_of_stories_compile_without_a_warning() {
    for (folder, sources) in own_rules() {
        assert_eq!(compile(&sources).warnings(), [], "{folder}");
    }
}

#[test]
fn an_outage_that_is_reported_when_it_is_over_is_told_once_as_past() {
    let engine = Engine::new(compile(&shipped()));
    let mut simulation = Simulation::new(&engine, device("cottage", "hay-on-wye"));
    let readings = [(Value::Off, "18:00:00"), (Value::On, "18:05:00")].map(|(value, at)| Reading {
        fact: "power".into(),
        value: Some(value),
        at: format!("2026-01-10T{at}Z").parse().unwrap(),
    });
    let report = Report { source: "gpio".into(), boot: 1, first: 1, readings: readings.to_vec(), ..Report::default() };
    let now: Time = "2026-01-10T19:00:00Z".parse().unwrap();
    let mut sent = Vec::new();
    simulation.step(Input::Report(report), now, &mut |decision| {
        if let Outcome::Notify(notification) = &decision.outcome {
            sent.push((notification.recipient.to_string(), notification.kind.as_str()));
        }
    });
    assert_eq!(sent, [("nor".to_owned(), "past")]);
}
