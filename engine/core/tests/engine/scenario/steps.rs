//! The steps of a scenario, as the engine plays them.

use insta::assert_snapshot;

use super::{HEAD, play_with};
use crate::host::engine_alone;

/// Nor is told at once, Kim after an hour. Kim is also the fallback of Nor.
const STEPS: &str = r#"
[rule.outage]
when = "power == off"
close_after = "10s"
escalation = "all"
[rule.low]
when = "battery < 20"
escalation = "all"
[escalation]
all = [{ notify = ["nor"] }, { after = "1h", notify = ["kim"] }]
[recipient.kim]
email = "kim@example.com"
[recipient.nor]
email = "nor@example.com"
fallback = "kim"
[group]
owners = ["nor"]
"#;

#[test]
fn a_snooze_holds_one_rule_or_all_until_it_ends() {
    let story = r#"
        [[step]]
        at = "0s"
        set = { power = "off", battery = 5 }
        expect = [{ subject = "outage*" }, { subject = "low*" }]
        [[step]]
        at = "30m"
        snooze = { for = "2h", rule = "outage", by = "nor" }
        [[step]]
        at = "2h29m"
        expect = [{ to = "kim", kind = "escalated", subject = "low*" }]
        [[step]]
        at = "2h30m"
        expect = [{ to = "kim", kind = "escalated", subject = "outage*" }]
    "#;
    assert_eq!(play_steps(story), "as expected");
    // Every open one, until it is snoozed for no time at all.
    let both = r#"
        [[step]]
        at = "0s"
        set = { power = "off", battery = 5 }
        snooze = "8h"
        [[step]]
        at = "2h"
        expect = [{ kind = "opened" }, { kind = "opened" }]
        [[step]]
        at = "2h"
        snooze = "0s"
        expect = [{ kind = "escalated" }, { kind = "escalated" }]
    "#;
    assert_eq!(play_steps(both), "as expected");
}

#[test]
fn a_silence_holds_the_incidents_that_it_matches_from_its_beginning() {
    let story = |silence: &str| {
        play_steps(&format!(
            r#"
            [[step]]
            at = "10m"
            silence = {silence}
            [[step]]
            at = "20m"
            set = {{ power = "off", battery = 5 }}
            expect = [{{ kind = "opened", subject = "low*" }}]
            [[step]]
            at = "1h10m"
            expect = [{{ kind = "opened", subject = "outage*" }}]
            "#
        ))
    };
    assert_eq!(story(r#"{ for = "1h", rule = "outage" }"#), "as expected");
    assert_eq!(
        story(r#"{ for = "1h", from = "10m", rule = "outage", labels = { area = "hay-on-wye" } }"#),
        "as expected"
    );
    assert_eq!(
        story(r#"{ for = "55m", from = "15m", rule = "outage", device = "cottage", by = "kim" }"#),
        "as expected"
    );
    let elsewhere = story(r#"{ for = "1h", rule = "outage", labels = { area = "brecon" } }"#);
    assert!(elsewhere.contains("the subject is `outage at Cottage`, which `low*` does not match"), "{elsewhere}");
}

#[test]
fn a_silence_and_a_snooze_until_a_time_of_the_day_end_at_the_next_such_moment() {
    // The start is at 18:00 in London.
    let silence = |silence: &str, told: &str| {
        play_steps(&format!(
            r#"
            [[step]]
            at = "10m"
            silence = {silence}
            [[step]]
            at = "20m"
            set = {{ power = "off" }}
            expect = []
            [[step]]
            at = "{told}"
            expect = [{{ kind = "opened" }}]
            "#
        ))
    };
    assert_eq!(silence(r#"{ until = "22:00" }"#, "4h"), "as expected");
    assert!(silence(r#"{ until = "22:00" }"#, "3h59m59s").contains("a silence matches the incident"));
    // It is over for today.
    assert_eq!(silence(r#"{ until = "17:00" }"#, "23h"), "as expected");
    assert_eq!(silence(r#"{ from = "18:15", until = "18:15" }"#, "24h15m"), "as expected");
    assert_eq!(silence(r#"{ from = "18:15", for = "1h" }"#, "1h15m"), "as expected");
    assert_eq!(silence(r#"{ from = "15m", until = "18:25" }"#, "25m"), "as expected");
    let snooze = r#"
        [[step]]
        at = "0s"
        set = { power = "off" }
        snooze = { until = "20:00", by = "nor" }
        expect = [{ kind = "opened" }]
        [[step]]
        at = "1h59m"
        expect = []
        [[step]]
        at = "2h"
        expect = [{ kind = "escalated" }]
    "#;
    assert_eq!(play_steps(snooze), "as expected");
}

#[test]
fn an_input_that_the_engine_refuses_is_a_problem_at_its_place() {
    assert_snapshot!(play_steps("[[step]]\nat = \"0s\"\nset = { power = \"off\" }\nsnooze = \"0s\""), @r#"
    error: this is refused: it ends in the past, and there is none like it to be ended
     --> tests/a.toml:7:10
      |
    7 | snooze = "0s"
      |          ^^^^

            0s  outage: incident opened; it began at 2026-01-10T18:00:00Z
            0s  outage: step 0 fires
            0s  outage: message to nor by email, opened: outage at Cottage
            0s  engine: input about 2b10f185522d1964eba14e0294d396fc refused: it ends in the past, and there is none like it to be ended
    "#);
    assert_snapshot!(play_steps("[[step]]\nat = \"2h\"\nsilence = { for = \"0s\", from = \"3h\" }"), @r#"
    error: this is refused: it ends before it begins
     --> tests/a.toml:6:11
      |
    6 | silence = { for = "0s", from = "3h" }
      |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^

            2h  engine: input about a silence refused: it ends before it begins
    "#);
    assert_snapshot!(play_steps("[[step]]\nat = \"2h\"\nsilence = { for = \"1h\", from = \"30m\" }"), @r#"
    error: this is refused: it ends in the past, and there is none like it to be ended
     --> tests/a.toml:6:11
      |
    6 | silence = { for = "1h", from = "30m" }
      |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^

            2h  engine: input about a silence refused: it ends in the past, and there is none like it to be ended
    "#);
    // Whatever it refuses.
    let reading = "{ at = \"0s\", set = { power = \"on\" } },";
    let many = play_steps(&format!("[[step]]\nat = \"0s\"\nreadings = [{}]", reading.repeat(10_001)));
    assert!(many.contains("error: this is refused: it holds more readings than one report may"), "{many}");
    let long = "x".repeat(201);
    let long = play_steps(&format!("[[step]]\nat = \"0s\"\nset = {{ power = \"off\" }}\nack = \"{long}\""));
    assert!(long.contains("error: this is refused: its name or text is too long"), "{long}");
}

#[test]
fn a_fallback_is_told_when_deliveries_fail() {
    let story = r#"
        [[step]]
        at = "0s"
        fail = ["nor"]
        [[step]]
        at = "1m"
        set = { power = "off" }
        [[step]]
        at = "5m59s"
        expect = [{ to = "nor", kind = "opened" }]
        [[step]]
        at = "6m"
        expect = [{ to = "kim", kind = "opened" }]
    "#;
    assert_eq!(play_steps(story), "as expected");
}

#[test]
fn a_failed_message_is_delivered_once_deliveries_work_again() {
    let story = |again: &str, expected: &str| {
        play_steps(&format!(
            r#"
            [[step]]
            at = "0s"
            fail = [{{ to = "nor", by = "email" }}]
            [[step]]
            at = "1m"
            set = {{ power = "off" }}
            expect = [{{ to = "nor" }}]
            [[step]]
            at = "2m"
            fail = {again}
            [[step]]
            at = "30m"
            expect = {expected}
            "#
        ))
    };
    assert_eq!(story("[]", "[]"), "as expected");
    // A list takes the place of the one before.
    assert_eq!(story("[\"kim\"]", "[]"), "as expected");
    assert_eq!(story("[\"kim\", \"nor\"]", "[{ to = \"kim\" }]"), "as expected");
}

#[test]
fn late_readings_are_one_report_with_times_of_their_own() {
    let story = r#"
        [[step]]
        at = "1h"
        readings = [{ at = "10m", set = { power = "off" } }, { at = "45m", set = { power = "on" } }]
        expect = [{ to = "nor", kind = "past" }]
    "#;
    assert_eq!(play_steps(story), "as expected");
}

#[test]
fn a_reload_puts_the_rules_of_another_folder_in_force() {
    let story = r#"
        [[step]]
        at = "0s"
        set = { power = "off" }
        expect = [{ to = "nor", kind = "opened", subject = "outage*" }]
        [[step]]
        at = "5m"
        rules = "harder"
        expect = [{ to = "nor", kind = "resolved", subject = "outage*" }]
        [[step]]
        at = "9m"
        expect = []
        [[step]]
        at = "10m"
        expect = [{ to = "nor", kind = "opened", subject = "long-outage*" }]
    "#;
    assert_eq!(play_steps(story), "as expected");
}

#[test]
fn the_operators_hear_of_trouble() {
    let story = r#"
        [[step]]
        at = "0s"
        set = { power = "on", battery = 80 }
        [[step]]
        at = "1m"
        set = { power = "unknown", battery = "unknown" }
        # Two troubles of the same moment are two tellings.
        expect = [{ to = "nor", kind = "system" }, { kind = "system", subject = "sensor/power*" }]
    "#;
    assert_eq!(play_steps(story), "as expected");
}

#[test]
fn the_inputs_of_a_step_are_applied_in_one_order_however_written() {
    let step = r#"
        [[step]]
        at = "1h"
        expect = [{ kind = "past" }]
        silence = { for = "1h", from = "90m", rule = "long-outage", by = "nor" }
        snooze = "1h"
        ack = "kim"
        fail = ["kim"]
        set = { power = "on" }
        readings = [{ at = "30m", set = { power = "off" } }]
        rules = "harder"
    "#;
    assert_snapshot!(play_steps(step), @r#"
    error: `kind` is `opened`, not `past`
     --> tests/a.toml:7:19
      |
    7 |         expect = [{ kind = "past" }]
      |                   ^^^^^^^^^^^^^^^^^
      |
      = help: sent since the last `expect`:
                { to = "nor", by = "email", kind = "opened", step = 0, subject = "long-outage at Cottage" }
                { to = "nor", by = "email", kind = "acknowledged", step = 0, subject = "long-outage at Cottage" }

           30m  long-outage: condition true; opens at 2026-01-10T18:40:00Z if it stays so
           40m  long-outage: incident opened; it began at 2026-01-10T18:30:00Z
            1h  long-outage: step 0 fires
            1h  long-outage: message to nor by email, opened: long-outage at Cottage
            1h  long-outage: condition false; over if it stays so until 2026-01-10T19:00:10Z
            1h  long-outage: acknowledged by kim
            1h  long-outage: message to nor by email, acknowledged: long-outage at Cottage
            1h  long-outage: snoozed by somebody until 2026-01-10T20:00:00Z
            1h  engine: silence by nor from 2026-01-10T19:30:00Z until 2026-01-10T20:30:00Z: rule long-outage
    "#);
}

#[test]
fn a_start_beyond_the_calendar_counts_as_its_end() {
    for (start, opened) in [
        ("9999-12-31T23:59:59Z", "9999-12-30T22:00:00Z"),
        ("-009999-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z"),
    ] {
        let story = format!(
            "name = \"a\"\nstart = \"{start}\"\n[[step]]\nat = \"0s\"\nset = {{ power = \"off\" }}\nexpect = []"
        );
        let played = play_with(&engine_alone(STEPS, &["owners"]), &story);
        assert!(played.contains(&format!("incident opened; it began at {opened}")), "{start}: {played}");
    }
}

/// Plays a story under [`STEPS`]. Returns its problems, with the timeline if an expectation failed.
#[track_caller]
fn play_steps(steps: &str) -> String {
    play_with(&engine_alone(STEPS, &["owners"]), &format!("{HEAD}{steps}"))
}
