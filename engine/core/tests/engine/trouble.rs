//! What the operators are told of the monitor itself, and a clock that is set.

use dag_engine::{Input, Reading, Report, Value};
use insta::assert_snapshot;

use crate::host::{Host, OUTAGE, operated};

fn operators() -> Host {
    Host::with(operated(OUTAGE, "owners"))
}

fn host_trouble(host: &mut Host, at: &str, text: Option<&str>) -> String {
    let at = host.time(at);
    host.pass(at);
    host.step(Input::Trouble { about: "store".into(), text: text.map(str::to_owned) }, at);
    host.take_lines()
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
    assert_snapshot!(told, @r#"{"trouble":{"cause":"sensor","fact":"power","number":1,"rules":["outage"],"since":"2026-01-10T18:00:10Z"}}"#);
}

fn set_clock(host: &mut Host, began: &str, shift_ms: i64, now: &str) -> String {
    let (began, now) = (host.time(began), host.time(now));
    host.step(Input::ClockSet { boot: 1, began, shift_ms }, now);
    host.take_lines()
}

#[test]
fn a_clock_that_is_set_in_mid_outage_moves_what_it_recorded_and_loses_no_deadline() {
    let mut host = Host::new(OUTAGE);
    host.play("1m power=on \n 10m power=off \n 10m10s");
    // It was an hour later all the while.
    assert_snapshot!(set_clock(&mut host, "5m", 3_600_000, "1h10m11s"), @"1h10m11s clock of boot 1 set by 3600000");
    assert_snapshot!(host.play("1h10m29s \n 1h10m30s \n 1h20m power=on \n 2h"), @"
    1h10m30s outage opened since 1h10m
    1h10m30s outage fired 0
    1h10m30s outage told nor by email: opened 0
    1h20m outage closing until 1h20m10s
    1h20m10s outage resolved, 1h10m to 1h20m
    1h20m10s outage told nor by email: resolved 0
    ");
}

#[test]
fn a_clock_that_ran_ahead_takes_now_back() {
    let mut host = Host::new(OUTAGE);
    host.play("1h power=off \n 1h10s");
    assert_snapshot!(set_clock(&mut host, "1h", -3_000_000, "10m12s"), @"10m12s clock of boot 1 set by -3000000");
    assert_eq!(host.state.now(), host.time("10m12s"));
    assert_snapshot!(host.play("10m30s"), @"
    10m30s outage opened since 10m
    10m30s outage fired 0
    10m30s outage told nor by email: opened 0
    ");
}

#[test]
fn a_time_by_a_clock_that_was_not_set_is_uncertain_until_it_is() {
    let mut host = Host::new(OUTAGE);
    let readings = vec![Reading { fact: "power".into(), value: Some(Value::Off), at: host.time("1m") }];
    let report = Report { source: "gpio".into(), boot: 1, first: 1, uncertain: true, readings, ..Report::default() };
    host.step(Input::Report(report), host.time("1m"));
    host.play("2m");
    assert!(host.sent.last().unwrap().incident().unwrap().uncertain);
    set_clock(&mut host, "30s", 60_000, "4m");
    host.play("5m power=on \n 6m");
    let last = host.sent.last().unwrap().incident().unwrap();
    assert_eq!((last.uncertain, last.since), (false, host.time("2m")));
}
