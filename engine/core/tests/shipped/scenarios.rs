//! The shipped rules and their scenarios, as they are.

use dag_engine::{Engine, Input, Name, Outcome, Reading, Report, Simulation, Time, Value};

use crate::{
    compile, device,
    folder::{files, shipped},
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
fn every_shipped_scenario_goes_as_it_says() {
    let engine = Engine::new(compile(&shipped()));
    let scenarios = files("tests", "toml");
    assert!(scenarios.keys().eq(["lost-sensor.toml", "mains-on.toml", "outage.toml"]));
    scenarios.iter().for_each(|(file, text)| play(&engine, file, text));
}

#[test]
fn what_the_comments_of_the_scenario_show_can_be_used() {
    let outage = files("tests", "toml").remove("outage.toml").unwrap();
    let device = outage.replace("# device = \"cottage\"", "device = \"cottage\"");
    let shown = "{ to = \"owners\", kind = \"opened\" }";
    assert!(
        device != outage
            && outage.contains(&format!("# Messages of which each was sent since the last `expect`. Write {shown}"))
    );
    let owners = device.replace("told = [{ kind = \"opened\" }]", &format!("told = [{shown}]"));
    assert_ne!(owners, device);
    play(&Engine::new(compile(&shipped())), "outage.toml", &owners);
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
