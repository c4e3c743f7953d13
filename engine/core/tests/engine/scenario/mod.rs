//! Scenario files: the mistakes in them, and the steps that they play.

mod expectations;
mod groups;
mod mistakes;
mod names;
mod reasons;
mod rewriting;
mod steps;
mod told;

use std::collections::BTreeMap;

use dag_engine::{About, Device, Engine, Notification, Scenario, Sources};

use crate::host::{OUTAGE, PEOPLE, cottage, engine, sources};

const HEAD: &str = "name = \"a\"\ndevice = \"cottage\"\nstart = \"2026-01-10T18:00:00Z\"\n";

fn steps(steps: &str) -> String {
    play(&format!("{HEAD}{steps}"))
}

/// Plays one step.
fn step(text: &str) -> String {
    steps(&format!("[[step]]\nat = \"1h\"\n{text}"))
}

/// Reads and plays a scenario. Returns its problems, with the timeline if an expectation failed.
fn play(text: &str) -> String {
    play_by(OUTAGE, text)
}

fn play_by(rules: &str, text: &str) -> String {
    play_with(&engine(rules, None), text)
}

fn play_with(engine: &Engine, text: &str) -> String {
    let cottage = Device { account_emails: vec!["ann@example.com".to_owned()], ..cottage() };
    let devices = BTreeMap::from([("cottage".into(), cottage)]);
    let subject = |message: &Notification| {
        let about = match &message.about {
            About::Incident(incident) => incident.rule.to_string(),
            About::Trouble(trouble) => trouble.cause.key(),
            About::Test(_) => unreachable!("the engine decides on no test"),
        };
        format!("{about} at {}", message.device.name)
    };
    match Scenario::parse("tests/a.toml", text, engine, &devices, &others()) {
        Err(problems) => problems.to_string(),
        Ok(scenario) => {
            let played = scenario.play(engine, &subject);
            let problems: Vec<String> = played.problems.iter().map(ToString::to_string).collect();
            if problems.is_empty() {
                "as expected".to_owned()
            } else {
                format!("{}\n\n{}", problems.join("\n"), played.timeline)
            }
        }
    }
}

/// The folders beside the scenario: `harder` waits longer and has one more recipient, `broken` does not compile.
fn others() -> BTreeMap<String, Sources> {
    let harder = OUTAGE.replace("rule.outage", "rule.long-outage").replace("30s", "10m");
    let harder = format!("{harder}\n{PEOPLE}\n[recipient.ada]\nemail = \"ada@example.com\"");
    let broken = OUTAGE.replace("escalation = \"all\"", "escalation = \"al\"");
    let people = format!("{PEOPLE}\nfriends = [\"kin\"]");
    let broken =
        Sources { operators: vec!["staff".into()], ..sources(&[("rules.toml", &broken), ("who.toml", &people)]) };
    BTreeMap::from([("harder".to_owned(), sources(&[("rules.toml", &harder)])), ("broken".to_owned(), broken)])
}
