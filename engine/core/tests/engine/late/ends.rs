//! What an incident notes of its end: what turned its condition, and the facts of that time.

use dag_engine::EndedBy;
use insta::assert_snapshot;

use super::{pass, report};
use crate::host::{Host, after, rule_on};

/// A rule that a lost sensor ends, after five minutes.
fn closing() -> String {
    rule_on("known(power) && power == off").replacen("when", "close_after = \"5m\"\nwhen", 1)
}

/// Returns what the last message says of the end.
fn end(host: &Host) -> String {
    let incident = host.sent.last().unwrap().incident().unwrap();
    let by = incident.ended_by.map_or("a reading", EndedBy::as_str);
    let facts = incident.facts_at_end.iter();
    let facts: Vec<String> = facts
        .map(|(name, value)| format!("{name} {}", value.map_or("unknown".into(), |value| value.to_string())))
        .collect();
    format!("by {by}: {}", facts.join(", "))
}

#[test]
fn at_22_00_the_clock_ends_it_and_the_power_is_off() {
    let mut host = after(&rule_on(r#"power == off && between("07:00", "22:00")"#), "0s power=off");
    assert_snapshot!(pass(&mut host, "4h"), @"4h r resolved, 0s to 4h by Clock");
    assert_eq!(end(&host), "by clock: power off");
}

#[test]
fn at_midnight_the_weekday_ends_it() {
    let mut host = after(&rule_on(r#"weekday() == "sat" && power == off"#), "0s power=off");
    pass(&mut host, "6h");
    assert_eq!(end(&host), "by clock: power off");
}

#[test]
fn the_clock_ends_nothing_that_it_did_not_turn() {
    // Its hour is over at 19:00, and not because it is 19:00.
    let when = r#"power == off && !power.held("1h") && between("07:00", "22:00")"#;
    let mut host = after(&rule_on(when), "0s power=off");
    assert_snapshot!(pass(&mut host, "1h"), @"1h r resolved, 0s to 1h");
    assert_eq!(end(&host), "by a reading: power off");
    // At 22:00 the power came back. That is known before the condition is asked for that time.
    let when = r#"power == off && battery < 50 && between("07:00", "22:00")"#;
    let mut host = after(&rule_on(when), "0s power=off \n 4h power=on");
    assert_snapshot!(report(&mut host, "gauge", 1, &["1h battery=40"], "5h"), @"
    1h r opened since 1h
    4h r resolved, 1h to 4h
    ");
    assert_eq!(end(&host), "by a reading: battery 40, power on");
}

#[test]
fn a_lost_sensor_ends_a_rule_that_asks_for_it() {
    let mut host = after(&rule_on("known(power) && power == off"), "0s power=off \n 1m power=unknown");
    assert_eq!(end(&host), "by lost_sensor: power unknown");
    host = after(&rule_on("power == off && known(battery)"), "0s power=off battery=40 \n 1m battery=unknown");
    assert_eq!(end(&host), "by lost_sensor: battery unknown, power off");
}

#[test]
fn another_fact_may_end_it_while_the_power_is_off() {
    let when = "power == off && (!known(battery) || battery < 50)";
    let host = after(&rule_on(when), "0s power=off \n 1m battery=80");
    assert_eq!(end(&host), "by a reading: battery 80, power off");
}

#[test]
fn an_incident_that_goes_on_forgets_what_nearly_ended_it() {
    let closing = closing();
    let mut host = after(&closing, "0s power=off \n 1m power=unknown");
    assert_snapshot!(host.play("2m power=off \n 10m power=on \n 15m"), @"
    2m r reopened, clear since 1m
    2m trouble over: sensor/power
    10m r closing until 15m
    15m r resolved, 0s to 10m
    15m r told nor by email: resolved 0
    ");
    assert_eq!(end(&host), "by a reading: power on");
    // It was not all the time.
    assert!(host.sent.last().unwrap().incident().unwrap().interrupted);
    // And when it was reported: the first end came late, and was none.
    let mut host = after(&closing, "0s power=off \n 10m");
    report(&mut host, "test", 2, &["8m power=on", "9m power=off"], "11m");
    host.play("20m power=on \n 25m");
    assert_eq!(host.sent.last().unwrap().incident().unwrap().ended_reported, None);
}

#[test]
fn an_incident_is_interrupted_if_it_reopened_or_had_no_answer() {
    for (events, interrupted) in [
        ("0s power=off \n 1m power=on \n 10m", false),
        ("0s power=off \n 1m power=on \n 2m power=off \n 10m power=on \n 20m", true),
        ("0s power=off \n 1m power=unknown \n 2m power=on \n 20m", true),
    ] {
        let host = after(&closing().replace("known(power) && ", ""), events);
        assert_eq!(host.sent.last().unwrap().incident().unwrap().interrupted, interrupted, "{events}");
    }
}

#[test]
fn a_message_about_an_open_incident_says_nothing_of_an_end() {
    let closing = closing().replace("[\"nor\"]", "[\"nor\", \"kim\"]");
    let mut host = after(&closing, "0s power=off \n 1m power=unknown");
    // It is closing, and somebody acknowledges it.
    host.play("2m ack kim");
    let incident = host.sent.last().unwrap().incident().unwrap();
    assert_eq!((incident.ended, incident.ended_by, incident.facts_at_end.len()), (None, None, 0));
}

#[test]
fn a_late_reading_puts_an_end_back_that_the_clock_brought() {
    let by_day = r#"power == off && between("07:00", "22:00")"#;
    let rule = rule_on(by_day).replacen("when", "close_after = \"10m\"\nwhen", 1);
    let mut host = after(&rule, "0s power=off");
    assert_snapshot!(pass(&mut host, "4h1m"), @"4h r closing until 4h10m");
    assert_snapshot!(report(&mut host, "other", 1, &["3h50m power=on"], "4h5m"), @"
    3h50m r closing until 4h
    4h r resolved, 0s to 3h50m
    ");
    assert_eq!(end(&host), "by a reading: power on");
    // Not where it became true again in between.
    let mut host = after(&rule, "0s power=off");
    pass(&mut host, "4h1m");
    let late = ["3h50m power=on", "3h55m power=off"];
    assert_snapshot!(report(&mut host, "other", 1, &late, "4h5m"), @"
    3h50m r closing until 4h
    3h55m r reopened, clear since 3h50m
    4h r closing until 4h10m
    ");
}

#[test]
fn a_message_that_waits_has_the_facts_at_the_end_that_are_known_by_now() {
    let rule = format!(
        "{}\n[recipient.pat]\nemail = \"pat@example.com\"\nquiet = {{ from = \"21:00\", to = \"23:00\" }}\n",
        rule_on(r#"power == off && between("07:00", "22:00")"#).replace("nor", "pat")
    );
    let mut host = after(&rule, "0s power=off");
    assert_snapshot!(pass(&mut host, "4h"), @"4h r resolved, 0s to 4h by Clock");
    report(&mut host, "other", 1, &["3h50m power=on"], "4h5m");
    pass(&mut host, "6h");
    assert_eq!(end(&host), "by clock: power on");
}

#[test]
fn a_silence_or_an_inhibitor_that_began_after_the_end_withholds_nothing() {
    let mut host = after(&rule_on("power == off"), "0s power=on \n 2h silence r 1h");
    assert_snapshot!(report(&mut host, "other", 1, &["30m power=off", "1h power=on"], "2h30m"), @"
    30m r opened since 30m
    1h r resolved, 30m to 1h
    ");
    assert_eq!(host.sent.len(), 1);
    let door =
        "[rule.door]\nwhen = \"door == on\"\nescalation = \"all\"\nseverity = \"critical\"\ninhibits = [\"r\"]\n";
    let mut host = after(&format!("{door}{}", rule_on("power == off")), "0s power=on door=off \n 2h door=on");
    report(&mut host, "other", 1, &["30m power=off", "1h power=on"], "2h30m");
    assert_eq!(host.sent.last().unwrap().incident().unwrap().rule, "r");
}
