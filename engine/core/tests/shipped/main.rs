//! The shipped `rules/`: they compile, and what their comments and README show works.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may fail the test")]
#![allow(clippy::disallowed_methods, reason = "the tests are the host here: they read the files of rules/")]

mod durations;
mod examples;
mod folder;
mod readme;
mod scenarios;
mod words;

use std::collections::BTreeMap;

use dag_engine::{Device, Engine, Name, Notification, Ruleset, Scenario, Sources};

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

/// Plays a scenario that must pass.
#[track_caller]
fn play(engine: &Engine, file: &str, text: &str) {
    let devices = [device("cottage", "hay-on-wye"), device("barn", "brecon")];
    let devices: BTreeMap<Name, Device> = devices.map(|device| (device.id.clone(), device)).into();
    let others = BTreeMap::<String, Sources>::new();
    let scenario =
        Scenario::parse(file, text, engine, &devices, &others).unwrap_or_else(|problems| panic!("{problems}"));
    let played = scenario.play(engine, &plain_subject);
    let problems: Vec<String> = played.problems.iter().map(ToString::to_string).collect();
    assert!(problems.is_empty(), "{}\n{}", problems.join("\n"), played.timeline);
    assert!(!played.timeline.contains("failed, so the file's value is used"), "{file}\n{}", played.timeline);
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
