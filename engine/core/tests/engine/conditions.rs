//! The answers of conditions, and when an answer changes by time alone.

use dag_engine::{Device, Input, Time};
use insta::assert_snapshot;

use crate::host::{Host, after, cottage, engine, rule_on, story};

/// Plays events under a rule without debounce on `when`. The expected lines are those about incidents.
#[track_caller]
fn check(when: &str, events: &str, expected: &str) {
    assert_eq!(watch(when, events), expected, "{when}");
}

fn watch(when: &str, events: &str) -> String {
    incidents(&mut Host::new(&rule_on(when)), events)
}

fn incidents(host: &mut Host, events: &str) -> String {
    let lines = host.play(events);
    let about = |line: &&str| ["opened", "resolved", "no answer"].iter().any(|word| line.contains(word));
    let lines = lines.lines().filter(|line| about(line) && !line.contains("told"));
    lines.map(|line| line.replace(" r ", " ")).collect::<Vec<_>>().join("; ")
}

#[test]
fn operators_answer_as_they_read() {
    for (when, battery, holds) in [
        ("battery < 20", 19, true),
        ("battery < 20", 20, false),
        ("battery <= 20", 20, true),
        ("battery > 20", 20, false),
        ("battery >= 20", 20, true),
        ("battery == 20", 20, true),
        ("battery != 20", 20, false),
        ("!(battery < 20)", 20, true),
        ("battery - 5 == 15", 20, true),
        ("battery * 2 + 1 == 41", 20, true),
        ("battery / 3 == 6", 20, true),
        ("battery % 3 == 2", 20, true),
        ("-battery == -20", 20, true),
        ("20 > battery || battery > 30", 31, true),
        ("true && battery < 20 == true", 5, true),
    ] {
        let told = watch(when, &format!("0s battery={battery}"));
        assert_eq!(!told.is_empty(), holds, "{when} at {battery}: {told}");
    }
}

#[test]
fn numbers_saturate_instead_of_overflowing() {
    check("battery * 9223372036854775807 > 0", "0s battery=9223372036854775807", "0s opened since 0s");
    check("battery / -1 > 0", "0s battery=-9223372036854775808", "");
}

#[test]
fn operators_go_from_left_to_right_and_what_is_not_evaluated_is_not_read() {
    for (when, opens) in [
        ("power == off || battery < 20", true),
        ("battery < 20 || power == off", false),
        ("!(power == on && battery < 20)", true),
        ("!(battery < 20 && power == on)", false),
        ("power == off && (known(battery) && battery < 20 || !known(battery))", true),
    ] {
        assert_eq!(!watch(when, "0s power=off").is_empty(), opens, "{when}");
    }
}

#[test]
fn an_unknown_fact_opens_nothing_and_clears_nothing() {
    check(
        "battery < 20",
        "0s battery=10 \n 1m battery=unknown \n 2m battery=50",
        "0s opened since 0s; 1m no answer; 2m resolved, 0s to 2m",
    );
    check("battery < 20", "0s battery=50 \n 1m battery=unknown \n 2m battery=10", "2m opened since 2m");
}

#[test]
fn known_tells_an_unknown_fact_from_a_known_one() {
    check(
        "!known(door)",
        "0s power=on \n 1m door=off \n 2m door=unknown",
        "0s opened since 0s; 1m resolved, 0s to 1m; 2m opened since 2m",
    );
}

#[test]
fn a_fact_that_the_first_report_tells_was_never_unknown() {
    check("!known(door)", "0s door=off \n 1h", "");
}

#[test]
fn a_rule_that_reads_no_fact_holds_from_the_first_step_on() {
    check(r#"weekday() == "sat""#, "0s power=on \n 24h", "0s opened since 0s; 6h resolved, 0s to 6h by Clock");
}

#[test]
fn changes_are_counted_inside_a_window_that_moves_with_the_time() {
    let flips = "0s power=on \n 1m power=off \n 2m power=on \n 3m power=off \n 1h";
    check(r#"power.changes("10m") >= 3"#, flips, "3m opened since 3m; 11m resolved, 3m to 11m");
    check(
        r#"power.changes("2m") >= 2"#,
        flips,
        "2m opened since 2m; 3m resolved, 2m to 3m; 3m opened since 3m; 4m resolved, 3m to 4m",
    );
}

#[test]
fn an_unknown_between_two_equal_values_is_no_change() {
    check(r#"power.changes("10m") >= 1"#, "0s power=on \n 1m power=unknown \n 2m power=on", "");
    check(r#"power.changes("10m") >= 1"#, "0s power=on \n 1m power=unknown \n 2m power=off", "2m opened since 2m");
}

#[test]
fn before_the_first_reading_nobody_knows_how_often_a_fact_changed() {
    let when = r#"battery < 50 && power.changes("10m") < 1"#;
    check(when, "10m power=on \n 20m late 5m battery=40 \n 30m", "10m opened since 10m");
}

#[test]
fn a_change_that_lies_ahead_of_a_late_reading_is_counted_when_it_comes() {
    let when = r#"battery < 50 && power.changes("10m") >= 2"#;
    let flips = "0s power=on battery=90 \n 2m power=off \n 3m power=on \n 5m late 1m battery=40 \n 1h";
    check(when, flips, "3m opened since 3m; 12m resolved, 3m to 12m");
}

#[test]
fn a_late_reading_does_not_move_a_rule_to_before_its_last_edge() {
    let when = r#"battery < 50 && power.changes("10m") >= 2"#;
    let flips = "0s power=on battery=40 \n 2m power=off \n 3m power=on \n 5m late 1m battery=41 \n 6m";
    check(when, flips, "3m opened since 3m");
}

#[test]
fn held_is_true_from_its_length_after_the_last_change() {
    check(
        r#"power.held("1m")"#,
        "0s power=on \n 90s power=off \n 2m power=off \n 10m",
        "1m opened since 1m; 1m30s resolved, 1m to 1m30s; 2m30s opened since 2m30s",
    );
    check(r#"power.held("1m")"#, "0s power=on \n 30s power=unknown \n 2m power=on", "2m opened since 2m");
}

#[test]
fn an_unstable_supply_ends_when_it_has_held() {
    let mut flips = String::new();
    for n in 0..8 {
        flips += &format!("{}s power={}\n", 20 * n, if n % 2 == 0 { "off" } else { "on" });
    }
    check(
        r#"power.changes("10m") >= 6 && !power.held("1m")"#,
        &(flips + "1h"),
        "2m opened since 2m; 3m20s resolved, 2m to 3m20s",
    );
}

/// The moments in UTC at which a rule opens and resolves over some days.
fn wall(when: &str, start: &str, days: &str) -> String {
    let mut host = Host::with(engine(&rule_on(when), None)).starting(start);
    host.play(&format!("0s power=off \n {days}"));
    let mut edges: Vec<String> = host.sent.iter().map(|sent| format!("{} {}", sent.kind.as_str(), sent.at)).collect();
    edges.dedup();
    edges.join("\n")
}

#[test]
fn between_follows_the_wall_clock_across_the_clocks_going_forward() {
    assert_snapshot!(wall(r#"between("22:00", "07:00")"#, "2026-03-28T12:00:00Z", "2d"), @"
    opened 2026-03-28T22:00:00Z
    resolved 2026-03-29T06:00:00Z
    opened 2026-03-29T21:00:00Z
    resolved 2026-03-30T06:00:00Z
    ");
    assert_snapshot!(wall(r#"between("01:15", "01:45")"#, "2026-03-28T12:00:00Z", "2d"), @"
    opened 2026-03-30T00:15:00Z
    resolved 2026-03-30T00:45:00Z
    ");
    assert_snapshot!(wall(r#"between("00:30", "01:30")"#, "2026-03-28T12:00:00Z", "1d"), @"
    opened 2026-03-29T00:30:00Z
    resolved 2026-03-29T01:00:00Z
    ");
}

#[test]
fn between_holds_in_both_passes_of_the_hour_that_the_clocks_repeat() {
    assert_snapshot!(wall(r#"between("01:15", "01:45")"#, "2026-10-24T12:00:00Z", "2d"), @"
    opened 2026-10-25T00:15:00Z
    resolved 2026-10-25T00:45:00Z
    opened 2026-10-25T01:15:00Z
    resolved 2026-10-25T01:45:00Z
    opened 2026-10-26T01:15:00Z
    resolved 2026-10-26T01:45:00Z
    ");
    assert_snapshot!(wall(r#"between("22:00", "07:00")"#, "2026-10-24T12:00:00Z", "2d"), @"
    opened 2026-10-24T21:00:00Z
    resolved 2026-10-25T07:00:00Z
    opened 2026-10-25T22:00:00Z
    resolved 2026-10-26T07:00:00Z
    ");
    assert_snapshot!(wall(r#"between("00:30", "01:00")"#, "2026-10-24T12:00:00Z", "1d"), @"
    opened 2026-10-24T23:30:00Z
    resolved 2026-10-25T00:00:00Z
    ");
}

#[test]
fn weekdays_change_at_the_midnight_of_the_devices_zone() {
    assert_snapshot!(wall(r#"weekday() == "sun""#, "2026-03-28T12:00:00Z", "3d"), @"
    opened 2026-03-29T00:00:00Z
    resolved 2026-03-29T23:00:00Z
    ");
    assert_snapshot!(wall(r#"weekday() == "sun""#, "2026-10-24T12:00:00Z", "3d"), @"
    opened 2026-10-24T23:00:00Z
    resolved 2026-10-26T00:00:00Z
    ");
}

#[test]
fn a_device_has_its_own_wall_clock_and_may_move() {
    let mut host = Host::with(engine(&rule_on(r#"between("03:00", "04:00")"#), None));
    let mut move_to = |at: &str, zone: &str, story: &str| {
        let at = host.time(at);
        host.step(Input::Account(Device { timezone: Some(zone.into()), ..cottage() }), at);
        incidents(&mut host, story)
    };
    let moves = [move_to("0s", "Asia/Tokyo", "30m"), move_to("40m", "Asia/Kolkata", "24h")];
    assert_snapshot!(
        moves.join(" | "),
        @"0s opened since 0s | 40m resolved, 0s to 40m by Edit; 3h30m opened since 3h30m; 4h30m resolved, 3h30m to 4h30m by Clock"
    );
}

#[test]
fn a_deadline_that_time_alone_brings_wakes_the_host() {
    let host = after(&rule_on(r#"power == off && power.held("20s")"#), "0s power=off");
    assert_eq!(host.state.next_deadline(), Some(host.time("20s")));
    assert_snapshot!(story(&rule_on(r#"power == off && power.held("20s")"#), "0s power=off \n 1m"), @"
    20s r opened since 20s
    20s r fired 0
    20s r told nor by email: opened 0
    ");
}

#[test]
fn a_clock_that_jumps_by_thousands_of_years_holds_nobody_up() {
    let mut host = after(&rule_on(r#"between("22:00", "07:00") || weekday() == "sat""#), "0s power=on");
    assert!(host.state.next_deadline().is_some());
    // Some five million edges of the wall clock lie between; a few thousand are asked about.
    host.engine.step(&mut host.state, Input::Elapsed, Time::MAX);
    assert_eq!(host.state.next_deadline(), None, "at the end of the calendar nothing is ahead");
}

/// Only such a rule's end is news of the mains.
#[test]
fn a_rule_is_about_an_outage_if_it_asks_for_nothing_but_the_mains() {
    for (when, outage) in [
        ("power == off", true),
        ("off == power", true),
        ("power != on", true),
        ("!(power == on)", true),
        ("power == off || power == off", true),
        ("power == on", false),
        ("power == off || true", false),
        ("power == off && battery < 50", false),
        ("known(power) && power == off", false),
        ("power == off && between(\"22:00\", \"07:00\")", false),
        ("power == off && power.held(\"1m\")", false),
        ("power.changes(\"10m\") >= 6", false),
        ("door == off", false),
    ] {
        let engine = engine(&rule_on(when), None);
        let names: Vec<_> = engine.rules().mains_outages().map(|name| name.as_str()).collect();
        assert_eq!(names, if outage { vec!["r"] } else { vec![] }, "{when}");
    }
}
