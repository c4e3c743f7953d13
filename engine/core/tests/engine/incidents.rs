//! The state machine of a rule, row by row, and the order in which deadlines fire.

use insta::assert_snapshot;

use crate::host::{Host, OUTAGE, after, outage, story};

/// The one step of a rule without debounce.
const STEP: &str = r#"{ notify = ["nor"] }"#;

#[test]
fn a_condition_that_holds_long_enough_opens_at_the_end_of_its_debounce() {
    assert_snapshot!(story(OUTAGE, "0s power=off \n 1m"), @"
    0s outage pending until 30s
    30s outage opened since 0s
    30s outage fired 0
    30s outage told nor by email: opened 0
    ");
}

#[test]
fn a_dip_is_no_incident() {
    assert_snapshot!(story(OUTAGE, "0s power=off \n 8s power=on \n 1h"), @"
    0s outage pending until 30s
    8s outage dip since 0s
    ");
}

#[test]
fn an_edge_at_the_very_moment_of_a_deadline_comes_after_it() {
    assert_snapshot!(story(OUTAGE, "0s power=off \n 30s power=on \n 40s power=off"), @"
    0s outage pending until 30s
    30s outage opened since 0s
    30s outage fired 0
    30s outage told nor by email: opened 0
    30s outage closing until 40s
    40s outage resolved, 0s to 30s
    40s outage told nor by email: resolved 0
    40s outage pending until 1m10s
    ");
}

#[test]
fn an_incident_ends_when_it_cleared_not_when_that_was_certain() {
    assert_snapshot!(story(OUTAGE, "0s power=off \n 5m power=on \n 1h"), @"
    0s outage pending until 30s
    30s outage opened since 0s
    30s outage fired 0
    30s outage told nor by email: opened 0
    5m outage closing until 5m10s
    5m10s outage resolved, 0s to 5m
    5m10s outage told nor by email: resolved 0
    ");
}

#[test]
fn a_condition_that_returns_while_closing_keeps_its_incident() {
    assert_snapshot!(story(OUTAGE, "0s power=off \n 1m power=on \n 69s power=off \n 1h"), @"
    0s outage pending until 30s
    30s outage opened since 0s
    30s outage fired 0
    30s outage told nor by email: opened 0
    1m outage closing until 1m10s
    1m9s outage reopened, clear since 1m
    ");
}

#[test]
fn without_debounce_an_incident_opens_and_resolves_at_the_edge() {
    assert_snapshot!(story(&outage(STEP), "0s power=off \n 7s power=on"), @"
    0s outage opened since 0s
    0s outage fired 0
    0s outage told nor by email: opened 0
    7s outage resolved, 0s to 7s
    7s outage told nor by email: resolved 0
    ");
}

#[test]
fn the_same_value_again_decides_nothing() {
    assert_snapshot!(story(OUTAGE, "0s power=off \n 10s power=off \n 31s power=off"), @"
    0s outage pending until 30s
    30s outage opened since 0s
    30s outage fired 0
    30s outage told nor by email: opened 0
    ");
}

#[test]
fn a_late_reading_opens_at_the_time_when_it_would_have() {
    assert_snapshot!(story(OUTAGE, "1h late 59m power=off"), @"
    59m outage pending until 59m30s
    59m30s outage opened since 59m
    1h outage fired 0
    1h outage told nor by email: opened 0
    ");
}

#[test]
fn an_outage_that_is_over_when_it_is_reported_is_past() {
    assert_snapshot!(story(OUTAGE, "0s power=on \n 1h late 10m power=off \n 1h late 20m power=on"), @"
    10m outage pending until 10m30s
    10m30s outage opened since 10m
    1h outage fired 0
    1h outage told nor by email: opened 0
    20m outage closing until 20m10s
    20m10s outage resolved, 10m to 20m
    1h outage told nor by email: resolved 0
    ");
    assert_snapshot!(after(OUTAGE, "1h stuck").play("1h late 10m power=off"), @"
    10m outage pending until 10m30s
    10m30s outage opened since 10m
    1h outage fired 0
    1h outage told nor by email: opened 0
    ");
}

#[test]
fn a_reading_from_the_future_counts_as_now() {
    assert_snapshot!(story(OUTAGE, "10s late 5m power=off \n 1m"), @"
    10s outage pending until 40s
    40s outage opened since 10s
    40s outage fired 0
    40s outage told nor by email: opened 0
    ");
}

#[test]
fn a_reading_older_than_the_one_before_counts_as_that_ones_time() {
    assert_snapshot!(story(OUTAGE, "20s power=on \n 40s late 5s power=off \n 1m"), @"
    20s outage pending until 50s
    50s outage opened since 20s
    50s outage fired 0
    50s outage told nor by email: opened 0
    ");
}

#[test]
fn deadlines_fire_in_time_order_and_resolve_before_they_open() {
    let rules = r#"
        [rule.a-opens]
        when = "power == on"
        open_after = "10s"
        escalation = "all"
        [rule.b-resolves]
        when = "power == off"
        close_after = "10s"
        escalation = "all"
        [rule.c-opens-earlier]
        when = "power == on"
        open_after = "5s"
        escalation = "all"
        [escalation]
        all = [{ notify = ["nor"] }]
    "#;
    assert_snapshot!(story(rules, "0s power=off \n 1m power=on \n 2m asleep"), @"
    0s b-resolves opened since 0s
    0s b-resolves fired 0
    0s b-resolves told nor by email: opened 0
    1m a-opens pending until 1m10s
    1m b-resolves closing until 1m10s
    1m c-opens-earlier pending until 1m5s
    1m5s c-opens-earlier opened since 1m
    1m10s b-resolves resolved, 0s to 1m
    1m10s a-opens opened since 1m
    2m b-resolves told nor by email: resolved 0
    2m c-opens-earlier fired 0
    2m c-opens-earlier told nor by email: opened 0
    2m a-opens fired 0
    2m a-opens told nor by email: opened 0
    ");
}

#[test]
fn pending_rests_without_an_answer_and_goes_on_with_its_old_time() {
    assert_snapshot!(story(OUTAGE, "0s power=off \n 10s power=unknown \n 1m \n 2m power=off"), @"
    0s outage pending until 30s
    10s outage no answer
    10s troubled: sensor/power
    2m trouble over: sensor/power
    30s outage opened since 0s
    2m outage fired 0
    2m outage told nor by email: opened 0
    ");
}

#[test]
fn pending_turns_quiet_when_the_next_answer_is_false() {
    assert_snapshot!(story(OUTAGE, "0s power=off \n 10s power=unknown \n 2m power=on \n 3m"), @"
    0s outage pending until 30s
    10s outage no answer
    10s troubled: sensor/power
    2m outage dip since 0s
    2m trouble over: sensor/power
    ");
}

#[test]
fn closing_rests_without_an_answer_and_reopens_when_the_next_is_true() {
    assert_snapshot!(story(OUTAGE, "0s power=off \n 1m power=on \n 65s power=unknown \n 2m \n 3m power=off"), @"
    0s outage pending until 30s
    30s outage opened since 0s
    30s outage fired 0
    30s outage told nor by email: opened 0
    1m outage closing until 1m10s
    1m5s outage no answer
    1m5s troubled: sensor/power
    3m outage reopened, clear since 1m
    3m trouble over: sensor/power
    ");
}

#[test]
fn closing_goes_on_with_its_old_time_when_the_next_answer_is_false() {
    assert_snapshot!(story(OUTAGE, "0s power=off \n 1m power=on \n 65s power=unknown \n 3m power=on"), @"
    0s outage pending until 30s
    30s outage opened since 0s
    30s outage fired 0
    30s outage told nor by email: opened 0
    1m outage closing until 1m10s
    1m5s outage no answer
    1m5s troubled: sensor/power
    3m trouble over: sensor/power
    1m10s outage resolved, 0s to 1m
    3m outage told nor by email: resolved 0
    ");
}

#[test]
fn nobody_is_told_that_the_power_is_back_because_a_sensor_was_lost() {
    assert_snapshot!(story(OUTAGE, "0s power=off \n 1m power=unknown \n 10h"), @"
    0s outage pending until 30s
    30s outage opened since 0s
    30s outage fired 0
    30s outage told nor by email: opened 0
    1m outage no answer
    1m troubled: sensor/power
    ");
}

#[test]
fn the_second_incident_of_a_rule_is_another_one() {
    let mut host = after(&outage(STEP), "0s power=off");
    let first = host.incident();
    host.play("1s power=on \n 2s power=off");
    assert_ne!(host.incident(), first);
}

#[test]
fn thousands_of_rules_may_open_at_one_moment() {
    let rule = |at: u32| OUTAGE.lines().take(6).collect::<Vec<_>>().join("\n").replace("outage", &format!("r{at:04}"));
    let rules: String = (0..3_000).map(rule).collect();
    let mut host = Host::new(&format!("{rules}\n[escalation]\nall = [{{ notify = [\"nor\"] }}]"));
    let told = host.play("0s stuck \n 0s power=off \n 30s");
    let opened: Vec<&str> = told.lines().filter(|line| line.ends_with("opened since 0s")).collect();
    assert_eq!(
        (opened.len(), opened[0], opened[2_999]),
        (3_000, "30s r0000 opened since 0s", "30s r2999 opened since 0s")
    );
}
