//! Since when a rule has been true that is new, or has another condition: as far back as is remembered.

use dag_engine::Input;
use insta::assert_snapshot;

use super::{episodes, pass, report};
use crate::host::{Host, OUTAGE, after, engine, rule_on};

/// Puts other rules in force.
fn edit(host: &mut Host, rules: &str, at: &str) -> String {
    let at = host.time(at);
    host.pass(at);
    host.engine = engine(rules, None);
    host.step(Input::RulesChanged, at);
    episodes(host)
}

#[test]
fn a_new_rule_is_true_since_the_last_of_its_facts_turned() {
    let mut host = after(OUTAGE, "0s power=off battery=80 \n 20m battery=40 \n 30m battery=35");
    let both = format!("[rule.low]\nwhen = \"power == off && battery < 50\"\nescalation = \"all\"\n{OUTAGE}");
    assert_snapshot!(edit(&mut host, &both, "1h"), @"
    1h rules changed
    20m low opened since 20m
    ");
}

#[test]
fn a_new_rule_is_true_since_it_was_last_interrupted() {
    let mut host = after(OUTAGE, "0s power=off battery=40 \n 10m battery=80 \n 20m battery=40 \n 30m battery=45");
    assert_snapshot!(edit(&mut host, &rule_on("power == off && battery < 50"), "1h"), @"
    1h rules changed
    1h outage resolved, 0s to 1h by RuleRemoved
    20m r opened since 20m
    ");
}

#[test]
fn another_limit_looks_back_to_when_it_was_passed_but_not_beyond_the_edge() {
    let (below_20, below_30) = (rule_on("battery < 20"), rule_on("battery < 30"));
    let mut host = after(&below_20, "0s battery=40 \n 10m battery=25");
    assert_snapshot!(edit(&mut host, &below_30, "20m"), @"
    20m rules changed
    10m r opened since 10m
    ");
    assert_snapshot!(edit(&mut host, &below_20, "30m"), @"
    30m rules changed
    30m r resolved, 10m to 30m by Edit
    ");
    // It was true at 10m by this limit. But an incident from 10m to 30m was told already.
    assert_snapshot!(edit(&mut host, &below_30, "40m"), @"
    40m rules changed
    30m r opened since 30m
    ");
}

#[test]
fn a_first_reading_is_as_far_as_anything_is_known() {
    let mut host = after(OUTAGE, "0s power=on \n 5m battery=40");
    assert_snapshot!(edit(&mut host, &rule_on("power == on && battery < 50"), "1h"), @"
    1h rules changed
    5m r opened since 5m
    ");
}

#[test]
fn a_fact_that_was_unknown_is_looked_up_once_it_is_known_again() {
    let mut host = Host::new(&rule_on("power == off && battery < 50"));
    report(&mut host, "gauge", 1, &["0s battery=40"], "0s");
    report(&mut host, "gauge", 2, &["5m battery=unknown"], "5m");
    report(&mut host, "gpio", 1, &["10m power=off"], "10m");
    assert_snapshot!(report(&mut host, "gauge", 3, &["30m battery=40"], "30m"), @"10m r opened since 10m");
}

#[test]
fn a_rule_that_reads_more_than_facts_is_true_since_it_is_asked() {
    for when in [
        r#"power == off && power.held("1m")"#,
        "known(power) && power == off",
        r#"power == off && between("07:00", "22:00")"#,
        r#"power == off && weekday() == "sat""#,
        r#"power == off && power.changes("10m") < 9"#,
    ] {
        let mut host = after(OUTAGE, "0s power=off");
        let lines = edit(&mut host, &rule_on(when), "1h");
        assert_eq!(lines.lines().last(), Some("1h r opened since 1h"), "{when}");
    }
}

#[test]
fn beyond_the_64_changes_that_are_remembered_nothing_is_known() {
    let mut host = Host::new(OUTAGE);
    // It changes at 1m, 2m, ... 70m, and is below 50 all the while. The oldest value that is remembered is that of 6m.
    for minute in 0..=70 {
        let reading = format!("{minute}m battery={}", 10 + minute % 2);
        report(&mut host, "gauge", minute + 1, &[&reading], &format!("{minute}m"));
    }
    assert_snapshot!(edit(&mut host, &rule_on("battery < 50"), "2h"), @"
    2h rules changed
    6m r opened since 6m
    ");
}

#[test]
fn an_edit_that_is_undone_moves_no_beginning_of_what_nobody_was_told() {
    let wide = rule_on("power == off").replacen("when", "open_after = \"1h\"\nwhen", 1);
    let narrow = wide.replace("power == off", "power == off && battery < 50");
    let mut host = after(&wide, "0s power=off battery=80");
    assert_snapshot!(edit(&mut host, &narrow, "30m"), @"
    30m rules changed
    30m r dip since 0s
    ");
    assert_snapshot!(edit(&mut host, &wide, "40m"), @"
    40m rules changed
    0s r pending until 1h
    ");
    assert_snapshot!(pass(&mut host, "2h"), @"1h r opened since 0s");
}

#[test]
fn where_two_incidents_must_not_overlap_the_second_says_that_its_since_is_inexact() {
    let (wide, narrow) = (rule_on("power == off"), rule_on("power == off && battery < 50"));
    let mut host = after(&wide, "0s power=off battery=80");
    let inexact = |host: &Host| host.sent.last().unwrap().incident().unwrap().since_inexact;
    assert!(!inexact(&host));
    edit(&mut host, &narrow, "30m");
    assert!(inexact(&host), "another condition ended it than opened it");
    assert_snapshot!(edit(&mut host, &wide, "1h"), @"
    1h rules changed
    30m r opened since 30m
    ");
    assert!(inexact(&host), "the power has been off for longer");
    let mut host = after(&narrow, "0s power=off battery=40");
    edit(&mut host, &wide, "30m");
    host.play("1h power=on");
    assert!(inexact(&host), "it began by another condition");
}
