//! A condition is asked by the values of the time that it is asked for.

use dag_engine::State;
use insta::assert_snapshot;

use super::{pass, report};
use crate::host::{Host, rule_on};

const LOW: &str = "power == off && battery < 50";

#[test]
fn a_late_reading_of_one_source_meets_what_another_had_read_by_then() {
    let mut host = Host::new(&rule_on(LOW));
    report(&mut host, "gpio", 1, &["0s power=off"], "0s");
    report(&mut host, "gauge", 1, &["0s battery=80"], "0s");
    report(&mut host, "gpio", 2, &["40m power=on"], "40m");
    // It fell below 50 while the power was off, and rose while it was on.
    assert_snapshot!(report(&mut host, "gauge", 2, &["20m battery=40", "50m battery=90"], "1h"), @"
    20m r opened since 20m
    40m r resolved, 20m to 40m
    ");
}

#[test]
fn a_late_change_of_the_power_meets_the_battery_of_its_time() {
    let mut host = Host::new(&rule_on(LOW));
    report(&mut host, "gpio", 1, &["0s power=on"], "0s");
    for (first, reading) in (1..).zip(["0s battery=80", "10m battery=40", "20m battery=80", "30m battery=40"]) {
        let at = reading.split_once(' ').unwrap().0;
        report(&mut host, "gauge", first, &[reading], at);
    }
    assert_snapshot!(report(&mut host, "gpio", 2, &["5m power=off", "25m power=on"], "1h"), @"
    10m r opened since 10m
    20m r resolved, 10m to 20m
    ");
}

#[test]
fn a_first_reading_that_comes_late_says_nothing_of_the_time_before_it() {
    let mut host = Host::new(&rule_on(LOW));
    report(&mut host, "gpio", 1, &["0s power=off", "10m power=on"], "10m");
    report(&mut host, "gpio", 3, &["20m power=off"], "20m");
    // In the first ten minutes nobody knew the battery. In those from 15m on it is known, and from 20m it matters.
    assert_snapshot!(report(&mut host, "gauge", 1, &["15m battery=40"], "30m"), @"20m r opened since 20m");
}

#[test]
fn before_the_64_changes_that_are_remembered_the_oldest_value_counts() {
    let mut host = Host::new(&rule_on("door == on && battery < 50"));
    // The door changes at 1m, 2m, ... 70m, and is `on` in the odd minutes. The changes from 7m on are remembered, and
    // that it was `off` before.
    for minute in 0..=70 {
        let reading = format!("{minute}m door={}", if minute % 2 == 1 { "on" } else { "off" });
        report(&mut host, "gpio", minute + 1, &[&reading], &format!("{minute}m"));
    }
    let lines = report(&mut host, "gauge", 1, &["3m battery=40"], "2h");
    let opened: Vec<&str> = lines.lines().filter(|line| line.contains("opened")).collect();
    assert_eq!((opened.len(), opened[0]), (32, "7m r opened since 7m"));
}

#[test]
fn what_is_known_of_an_hour_ago_is_asked_about_up_to_now() {
    let mut host = Host::new(&rule_on(r#"power == off && power.changes("10m") >= 2 && battery < 50"#));
    for (first, reading) in (1..).zip(["0s power=on", "1m power=off", "2m power=on", "3m power=off"]) {
        let at = reading.split_once(' ').unwrap().0;
        report(&mut host, "gpio", first, &[reading], at);
    }
    // Three changes lie within ten minutes from 3m on, two from 11m on, and one from 12m on.
    assert_snapshot!(report(&mut host, "gauge", 1, &["1m battery=40"], "1h"), @"
    3m r opened since 3m
    12m r resolved, 3m to 12m
    ");
    assert_eq!(pass(&mut host, "2h"), "");
}

/// It was stored by a version that remembered the times of changes and not their values: of `power`, which was off from
/// 0s, on from 8s, off from 1m, on from 2m, off from 2m5s, and on from 3m.
#[test]
fn a_state_of_the_version_before_is_read_with_the_values_of_its_changes() {
    let stored = r#"{
        "device": {"id": "cottage", "name": "Cottage", "labels": {"area": "hay-on-wye"}},
        "now": "2026-01-10T18:04:00Z",
        "facts": {"power": {
            "value": "on", "at": "2026-01-10T18:03:00Z", "last": ["on", "2026-01-10T18:03:00Z"],
            "changes": "wxWCNQKP1USR1EY4wPW1wVO1"
        }},
        "rules_hash": "b5db54c18acded57fa879748b1f46076",
        "sources": {"test": {"boot": 1, "last": 6, "read": {"power": 1768068180000}}},
        "applied": "2026-01-10T18:03:00Z",
        "rules": {"outage": {"phase": "quiet", "edge": "2026-01-10T18:03:10Z", "count": 1}}
    }"#;
    let mut host = Host::new(&rule_on(LOW));
    host.state = serde_json::from_str::<State>(stored).unwrap();
    assert_snapshot!(report(&mut host, "gauge", 1, &["90s battery=40"], "10m"), @"
    10m rules changed
    1m30s r opened since 1m30s
    2m r resolved, 1m30s to 2m
    2m5s r opened since 2m5s
    3m r resolved, 2m5s to 3m
    ");
}
