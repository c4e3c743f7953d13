//! A rule's edge is when its condition last turned. Nothing else moves it.

use insta::assert_snapshot;

use super::{pass, report};
use crate::host::{Host, OUTAGE, after, rule_on};

#[test]
fn an_outage_that_is_reported_after_the_one_before_was_resolved_has_its_own_times() {
    let mut host = Host::new(&OUTAGE.replace("10s", "10m"));
    host.play("0s power=off \n 30m power=on \n 40m");
    assert_snapshot!(report(&mut host, "test", 3, &["31m power=off", "39m power=on"], "1h"), @"
    31m outage pending until 31m30s
    31m30s outage opened since 31m
    39m outage closing until 49m
    49m outage resolved, 31m to 39m
    ");
}

#[test]
fn an_incident_may_end_before_it_was_opened_and_never_before_it_began() {
    let mut host = Host::new(&OUTAGE.replace("30s", "5m").replace("close_after = \"10s\"", ""));
    host.play("0s power=on \n 10m power=off \n 15m");
    assert_snapshot!(report(&mut host, "test", 3, &["11m power=on"], "20m"), @"11m outage resolved, 10m to 11m");
    assert_snapshot!(report(&mut host, "test", 4, &["30m power=off"], "30m"), @"30m outage pending until 35m");
    assert_snapshot!(pass(&mut host, "35m"), @"35m outage opened since 30m");
    // Another source says that it was on before that.
    assert_snapshot!(report(&mut host, "other", 1, &["29m power=on"], "40m"), @"30m outage resolved, 30m to 30m");
}

#[test]
fn a_fact_that_is_unknown_for_a_while_moves_no_edge() {
    let mut host = after(&rule_on("power == off && battery < 50"), "0s power=off battery=40");
    assert_snapshot!(report(&mut host, "gauge", 1, &["10m battery=unknown"], "10m"), @"10m r no answer");
    assert_eq!(report(&mut host, "gauge", 2, &["20m battery=40"], "20m"), "");
    assert_snapshot!(report(&mut host, "gpio", 1, &["15m power=on"], "30m"), @"15m r resolved, 0s to 15m");
}

#[test]
fn a_reading_from_before_the_edge_counts_at_the_edge() {
    let mut host = after(&rule_on("power == off && battery < 50"), "0s power=off battery=40 \n 20m power=on");
    // The battery was above 50 from 10m on. But it was told that the incident ended at 20m.
    assert_eq!(report(&mut host, "gauge", 1, &["10m battery=80"], "30m"), "");
    assert_eq!(host.sent.last().unwrap().incident().unwrap().ended, Some(host.time("20m")));
}

#[test]
fn two_episodes_do_not_overlap_whatever_comes_late() {
    let mut host = after(&rule_on("power == off"), "0s power=on \n 10m power=off \n 20m power=on");
    assert_snapshot!(report(&mut host, "other", 1, &["15m power=off", "18m power=on"], "30m"), @"
    20m r opened since 20m
    20m r resolved, 20m to 20m
    30m r withheld from nor: past (TooShort)
    ");
    assert_eq!(pass(&mut host, "1h"), "");
}

#[test]
fn a_report_of_sixty_seconds_ago_is_not_late_and_one_of_a_millisecond_more_is() {
    for (at, reported) in [("2m", None), ("2m1ms", Some("2m1ms"))] {
        let mut host = after(&rule_on("power == off"), "0s power=off");
        report(&mut host, "test", 2, &["1m power=on"], at);
        let incident = host.sent.last().unwrap().incident().unwrap();
        assert_eq!(incident.ended_reported, reported.map(|at| host.time(at)), "{at}");
        assert_eq!(incident.since_reported, None);
        // The same of its beginning.
        let mut host = after(&rule_on("power == off"), "0s power=on");
        report(&mut host, "test", 2, &["1m power=off"], at);
        let incident = host.sent.last().unwrap().incident().unwrap();
        assert_eq!(incident.since_reported, reported.map(|at| host.time(at)), "{at}");
    }
}

#[test]
fn dips_that_come_late_make_no_incident_together() {
    let rule = rule_on("power == off").replacen("when", "open_after = \"5m\"\nclose_after = \"10m\"\nwhen", 1);
    let mut host = after(&rule, "0s power=off");
    assert_snapshot!(pass(&mut host, "20m"), @"5m r opened since 0s");
    let late = ["1m power=on", "3m power=off", "6m power=on"];
    assert_snapshot!(report(&mut host, "other", 1, &late, "20m"), @"
    1m r resolved, 0s to 1m
    3m r pending until 8m
    6m r dip since 3m
    ");
}

#[test]
fn what_was_never_true_is_told_to_nobody_who_was_not_told_before() {
    let mut host = after(&rule_on(r#"power == off && power.held("10m")"#), "0s power=on");
    let late = ["10m power=off", "15m power=on"];
    assert_snapshot!(report(&mut host, "other", 1, &late, "30m"), @"");
    let mut host = after(&rule_on(r#"power == off && door == on"#), "0s power=on door=off");
    let late = ["10m door=on", "10m power=off", "10m door=off"];
    assert_snapshot!(report(&mut host, "other", 1, &late, "30m"), @"
    10m r opened since 10m
    10m r resolved, 10m to 10m
    30m r withheld from nor: past (TooShort)
    ");
}
