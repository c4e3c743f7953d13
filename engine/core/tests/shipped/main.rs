//! The shipped `rules/`: they compile, every scenario passes, and what their comments and README show works.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may fail the test")]
#![allow(clippy::disallowed_methods, reason = "the tests are the host here: they read the files of rules/")]

mod durations;
mod edits;
mod examples;
mod folder;
mod readme;
mod scenarios;

use std::collections::BTreeMap;

use dag_engine::{Device, Engine, Name, Notification, Ruleset, Scenario, Sources};

use crate::folder::own_rules;

fn compile(sources: &Sources) -> Ruleset {
    Ruleset::compile(sources).unwrap_or_else(|problems| panic!("{problems}"))
}

fn device(id: &str, area: &str) -> Device {
    Device {
        id: id.into(),
        name: "Cottage".to_owned(),
        labels: BTreeMap::from([("area".to_owned(), area.to_owned())]),
        timezone: None,
        switches: BTreeMap::new(),
        account_emails: Vec::new(),
    }
}

/// Plays a scenario that must pass, and returns its name.
#[track_caller]
fn play(engine: &Engine, file: &str, text: &str) -> String {
    let devices = [device("cottage", "hay-on-wye"), device("barn", "brecon")];
    play_on(engine, &devices.map(|device| (device.id.clone(), device)).into(), file, text)
}

#[track_caller]
fn play_on(engine: &Engine, devices: &BTreeMap<Name, Device>, file: &str, text: &str) -> String {
    let scenario =
        Scenario::parse(file, text, engine, devices, &own_rules()).unwrap_or_else(|problems| panic!("{problems}"));
    let played = scenario.play(engine, &plain_subject);
    let problems: Vec<String> = played.problems.iter().map(ToString::to_string).collect();
    assert!(problems.is_empty(), "{}\n{}", problems.join("\n"), played.timeline);
    assert!(!played.timeline.contains("failed, so the file's value is used"), "{file}\n{}", played.timeline);
    scenario.name
}

/// Returns the script's own subject, or else a plain one.
fn plain_subject(notification: &Notification) -> String {
    match &notification.wording {
        Some(wording) => wording.subject.clone(),
        None => {
            let what = notification.incident().map_or("trouble", |incident| incident.rule.as_str());
            format!("{}: {what}, {}", notification.device.name, notification.kind.as_str())
        }
    }
}
