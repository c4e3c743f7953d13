//! Reports that are missing, doubled, out of order or in parts.

use dag_engine::{Input, Reading, Report, Value};
use insta::assert_snapshot;

use crate::host::{Host, OUTAGE, after};

/// A report of readings from `first` on, each a value of `power` behind its time.
struct PowerReport(Report);

fn power_report(host: &Host, first: u64, readings: &str) -> PowerReport {
    let readings = readings.split_whitespace().map(|reading| {
        let (at, value) = reading.split_once('=').unwrap();
        Reading { fact: "power".into(), value: Value::parse(value), at: host.time(at) }
    });
    PowerReport(Report { source: "gpio".into(), boot: 1, first, readings: readings.collect(), ..Report::default() })
}

impl PowerReport {
    fn boot(mut self, boot: u64, before: u64) -> Self {
        (self.0.boot, self.0.before) = (boot, Some(before));
        self
    }

    fn more(mut self) -> Self {
        self.0.more = true;
        self
    }

    fn arrive(self, host: &mut Host, at: &str) -> String {
        let at = host.time(at);
        host.pass(at);
        host.step(Input::Report(self.0), at);
        host.take_lines()
    }
}

#[test]
fn a_report_that_comes_too_early_waits_for_the_one_before_it() {
    let mut host = Host::new(OUTAGE);
    power_report(&host, 1, "0s=on").arrive(&mut host, "0s");
    assert_snapshot!(power_report(&host, 3, "50s=on").arrive(&mut host, "51s"), @"51s gpio waits until 1m51s");
    // Meanwhile nothing that hangs on it is decided.
    assert_snapshot!(host.play("1m20s"), @"");
    assert_snapshot!(power_report(&host, 2, "10s=off").arrive(&mut host, "1m30s"), @"
    10s outage pending until 40s
    40s outage opened since 10s
    50s outage closing until 1m
    1m outage resolved, 10s to 50s
    1m30s outage told nor by email: past 0
    ");
}

#[test]
fn a_missing_report_is_awaited_for_a_minute_and_its_loss_is_noted() {
    let mut host = Host::new(OUTAGE);
    power_report(&host, 1, "0s=on").arrive(&mut host, "0s");
    assert_snapshot!(power_report(&host, 4, "10s=off").arrive(&mut host, "11s"), @"11s gpio waits until 1m11s");
    assert_snapshot!(host.play("70s"), @"");
    assert_snapshot!(host.play("5m"), @"
    1m11s gap of gpio from 1/1 to 1/4
    10s outage pending until 40s
    40s outage opened since 10s
    1m11s outage fired 0
    1m11s outage told nor by email: opened 0
    ");
    // It comes all the same, too late.
    assert_snapshot!(power_report(&host, 2, "5s=off 6s=on").arrive(&mut host, "6m"), @"6m refused gpio: Stale");
}

#[test]
fn the_last_readings_of_the_boot_before_are_awaited_too() {
    let mut host = Host::new(OUTAGE);
    power_report(&host, 1, "0s=on 5s=off").arrive(&mut host, "5s");
    assert_snapshot!(power_report(&host, 1, "50s=off").boot(2, 3).arrive(&mut host, "50s"), @"
    35s outage opened since 5s
    35s outage fired 0
    35s outage told nor by email: opened 0
    50s gpio waits until 1m50s
    ");
    assert_snapshot!(power_report(&host, 3, "20s=on").arrive(&mut host, "55s"), @"
    20s outage resolved, 5s to 20s
    50s outage pending until 1m20s
    55s outage told nor by email: resolved 0
    ");
    assert_snapshot!(power_report(&host, 4, "56s=on").arrive(&mut host, "56s"), @"56s refused gpio: OlderBoot");
}

#[test]
fn a_backlog_in_parts_is_told_of_when_its_last_part_is_there() {
    let mut host = Host::new(OUTAGE);
    power_report(&host, 1, "0s=on").arrive(&mut host, "0s");
    assert_snapshot!(power_report(&host, 2, "1h=off").more().arrive(&mut host, "6h"), @"1h outage pending until 1h30s");
    assert_snapshot!(host.play("6h4m"), @"");
    assert_snapshot!(power_report(&host, 3, "2h=on").arrive(&mut host, "6h4m30s"), @"
    1h30s outage opened since 1h
    2h outage closing until 2h10s
    2h10s outage resolved, 1h to 2h
    6h4m30s outage told nor by email: past 0
    ");
}

#[test]
fn a_backlog_without_end_delays_decisions_for_five_minutes_at_most() {
    let mut host = Host::new(OUTAGE);
    power_report(&host, 1, "0s=on").arrive(&mut host, "0s");
    power_report(&host, 2, "1h=off").more().arrive(&mut host, "6h");
    assert_snapshot!(host.play("6h5m"), @"
    1h30s outage opened since 1h
    6h5m outage fired 0
    6h5m outage told nor by email: opened 0
    ");
    // Later readings are applied as they come.
    assert_snapshot!(power_report(&host, 3, "2h=on").more().arrive(&mut host, "6h6m"), @"2h outage closing until 2h10s");
}

#[test]
fn an_acknowledgement_is_taken_while_reports_are_missing() {
    let mut host = after(&OUTAGE.replace("\"nor\"", "\"nor\", \"kim\""), "0s power=off \n 1m");
    power_report(&host, 1, "2m=off").more().arrive(&mut host, "2m");
    assert_snapshot!(host.play("3m ack kim"), @"
    3m outage acknowledged by kim
    3m outage told nor by email: acknowledged 0 repeat 1
    ");
}

#[test]
fn the_readings_of_one_fact_never_go_back_in_one_boot() {
    let mut host = Host::new(&OUTAGE.replace("30s", "0s"));
    power_report(&host, 1, "10s=on 5s=off").arrive(&mut host, "1m");
    assert_snapshot!(host.take_lines(), @"");
    assert_eq!(host.state.open_incidents().next().unwrap().since, host.time("10s"));
}

#[test]
fn more_reports_than_can_wait_make_the_oldest_be_applied() {
    let mut host = Host::new(OUTAGE);
    power_report(&host, 1, "0s=on").arrive(&mut host, "0s");
    let lines: Vec<String> =
        (0..65).map(|n| power_report(&host, 10 + 2 * n, "1s=on").arrive(&mut host, "2s")).collect();
    let gaps = lines.iter().filter(|lines| lines.contains("gap")).count();
    assert_eq!(gaps, 1, "{lines:?}");
    let stored = serde_json::to_string(&host.state).unwrap().len();
    assert!(stored < 64 << 10, "{stored}");
}
