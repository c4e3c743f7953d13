//! System trouble: the messages to the operators about the monitor itself.

use dag_engine::{Input, MessageRef};
use insta::assert_snapshot;

use crate::host::{Host, OUTAGE, PEOPLE, engine_alone};

fn operators() -> Host {
    Host::with(engine_alone(&format!("{OUTAGE}\n{PEOPLE}"), &["owners"]))
}

fn host_trouble(host: &mut Host, at: &str, text: Option<&str>) -> String {
    host.pass(host.time(at));
    host.step_at(at, Input::Trouble { about: "store".into(), text: text.map(str::to_owned) })
}

#[test]
fn a_lost_sensor_is_told_once_while_it_lasts_and_at_most_every_six_hours() {
    let mut host = operators();
    assert_snapshot!(host.play("0s power=on \n 1m power=unknown \n 2h power=on \n 3h power=unknown \n 6h1m"), @"
    1m troubled: sensor/power
    1m told nor by email: system 0
    2h trouble over: sensor/power
    3h troubled: sensor/power
    6h1m told nor by email: system 0
    ");
    assert_snapshot!(host.play("20h power=on"), @"20h trouble over: sensor/power");
}

#[test]
fn a_trouble_that_is_over_before_six_hours_have_passed_is_not_told() {
    let mut host = operators();
    host.play("0s power=on \n 1m power=unknown \n 2m power=on \n 3m power=unknown \n 4m power=on");
    assert_snapshot!(host.play("1d"), @"");
}

#[test]
fn the_host_tells_of_its_own_troubles() {
    let mut host = operators();
    assert_snapshot!(host_trouble(&mut host, "0s", Some("no space left")), @"
    0s troubled: host/store
    0s told nor by email: system 0
    ");
    assert_snapshot!(host_trouble(&mut host, "1m", Some("still none")), @"");
    assert_snapshot!(host_trouble(&mut host, "2m", None), @"2m trouble over: host/store");
    assert_snapshot!(host_trouble(&mut host, "3m", None), @"");
}

#[test]
fn a_lost_sensor_names_the_rules_that_it_leaves_without_an_answer() {
    let mut host = operators();
    host.play("0s power=off \n 10s power=unknown");
    let told = serde_json::to_value(&host.sent.last().unwrap().about).unwrap();
    assert_snapshot!(
        told,
        @r#"{"trouble":{"cause":"sensor","fact":"power","number":1,"rules":["outage"],"since":"2026-01-10T18:00:10Z"}}"#
    );
}

#[test]
fn a_message_given_up_is_trouble_if_the_rules_know_its_recipient() {
    let mut host = operators();
    host.play("0s power=off \n 30s");
    let given_up = |recipient: &str, host: &Host| {
        let message = MessageRef { recipient: recipient.into(), ..host.sent[0].reference() };
        Input::Failed { message, last: true }
    };
    assert_snapshot!(host.step_at("1m", given_up("stranger", &host)), @"");
    assert_snapshot!(host.step_at("1m", given_up("nor", &host)), @"
    1m troubled: delivery/nor/email
    1m told nor by email: system 0
    ");
}
