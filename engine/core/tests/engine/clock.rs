//! A clock that was wrong and is set.

use std::collections::BTreeMap;

use dag_engine::{GivenAs, Input, Reading, Report, Silence, Value};
use insta::assert_snapshot;

use crate::host::{Host, OUTAGE, after};

/// The clock was wrong since `began`, in `boot`.
fn set_clock(host: &mut Host, boot: u64, began: &str, shift_ms: i64, now: &str) -> String {
    let began = host.time(began);
    host.step_at(now, Input::ClockSet { boot, began, shift_ms, estimated: false })
}

#[test]
fn a_clock_set_in_mid_outage_moves_its_times_and_loses_no_deadline() {
    let mut host = after(OUTAGE, "1m power=on \n 10m power=off \n 10m10s");
    // It was an hour later all the while.
    assert_snapshot!(set_clock(&mut host, 1, "5m", 3_600_000, "1h10m11s"), @"1h10m11s clock of boot 1 set by 3600000");
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
    let mut host = after(OUTAGE, "1h power=off \n 1h10s");
    assert_snapshot!(set_clock(&mut host, 1, "1h", -3_000_000, "10m12s"), @"10m12s clock of boot 1 set by -3000000");
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
    host.step_at("1m", Input::Report(report));
    host.play("2m");
    assert!(host.sent.last().unwrap().incident().unwrap().uncertain);
    set_clock(&mut host, 1, "30s", 60_000, "4m");
    host.play("5m power=on \n 6m");
    let last = host.sent.last().unwrap().incident().unwrap();
    assert_eq!((last.uncertain, last.since), (false, host.time("2m")));
}

#[test]
fn a_shift_that_is_an_estimate_moves_times_and_makes_none_certain() {
    let mut host = Host::new(OUTAGE);
    let readings = vec![Reading { fact: "power".into(), value: Some(Value::Off), at: host.time("1m") }];
    let report = Report { source: "gpio".into(), boot: 1, first: 1, uncertain: true, readings, ..Report::default() };
    host.step_at("1m", Input::Report(report));
    host.play("2m");
    let began = host.time("30s");
    let estimate = Input::ClockSet { boot: 1, began, shift_ms: 60_000, estimated: true };
    assert_snapshot!(host.step_at("4m", estimate), @"4m clock of boot 1 set by about 60000");
    // What is reported from then on is as uncertain as before, until a report says that it is not.
    assert_snapshot!(host.play("5m late 4m power=on \n 6m"), @"
    4m outage closing until 4m10s
    4m10s outage resolved, 2m to 4m
    5m outage told nor by email: resolved 0
    ");
    let last = host.sent.last().unwrap().incident().unwrap();
    assert_eq!((last.uncertain, last.since), (true, host.time("2m")));
}

#[test]
fn a_silence_until_a_time_of_the_day_lasts_until_that_time_by_the_right_clock() {
    // It is 18:00 by the clock, and 23:00 in truth. `until` is given in three ways.
    let until = [GivenAs::Length, GivenAs::TimeOfDay("22:00".parse().unwrap()), GivenAs::Date];
    let ends = until.map(|until_given| {
        let mut host = after(OUTAGE, "0s power=on");
        let (from, until) = (host.time("0s"), host.time("4h"));
        let (device, labels, rule, from_given) = (None, BTreeMap::new(), None, GivenAs::Length);
        let by = "nor".to_owned();
        host.step(Input::Silence(Silence { device, labels, rule, from, from_given, until, until_given, by }), from);
        set_clock(&mut host, 1, "0s", 5 * 3_600_000, "5h1m");
        host.state.silences().next().map(|silence| silence.until.since(host.time("0s")).to_string())
    });
    // Four hours from 23:00; tomorrow at 22:00; and it is over, as it was at 22:00.
    assert_eq!(ends, [Some("9h".to_owned()), Some("1d4h".to_owned()), None]);
}

#[test]
fn a_clock_set_after_a_late_report_moves_when_it_came() {
    let mut host = after(OUTAGE, "0s power=on \n 10m late 5m power=off");
    set_clock(&mut host, 1, "0s", 3_600_000, "1h11m");
    host.play("1h20m power=on \n 1h21m");
    let last = host.sent.last().unwrap().incident().unwrap();
    assert_eq!((last.since, last.since_reported), (host.time("1h5m"), Some(host.time("1h10m"))));
}

#[test]
fn times_of_an_earlier_boot_whose_clock_ran_ahead_do_not_stay_ahead() {
    let mut host = Host::new(OUTAGE);
    // Two hours ahead in both boots; only the second learns it.
    host.play("118m20s power=off \n 118m30s power=on \n 119m50s boot \n 2h power=on");
    set_clock(&mut host, 2, "119m50s", -7_200_000, "10s");
    assert_snapshot!(host.play("20s power=off \n 2m"), @"
    20s outage pending until 50s
    50s outage opened since 20s
    50s outage fired 0
    50s outage told nor by email: opened 0
    ");
}

#[test]
fn a_backlog_by_a_clock_that_ran_ahead_delays_five_minutes_at_most() {
    let mut host = after(OUTAGE, "118m20s power=on more \n 119m50s boot \n 2h power=on more");
    set_clock(&mut host, 2, "119m50s", -7_200_000, "10s");
    assert_snapshot!(host.play("20s power=off more \n 10m"), @"
    20s outage pending until 50s
    50s outage opened since 20s
    5m outage fired 0
    5m outage told nor by email: opened 0
    ");
}
