//! The steps of an escalation: when they fire, how they repeat, and whom they reach.

use dag_engine::Input;
use insta::assert_snapshot;

use super::STEPS;
use crate::host::{Host, cottage, outage, story};

/// One step that repeats for ever.
const REPEATS: &str = r#"{ notify = ["nor"], repeat = "1h" }"#;

#[test]
fn steps_fire_at_their_delay_and_repeat_up_to_at_most() {
    assert_snapshot!(story(STEPS, "0s power=off \n 24h"), @"
    0s outage opened since 0s
    0s outage fired 0
    0s outage told nor by email: opened 0
    30m outage fired 1
    30m outage told kim by email: escalated 1
    1h outage fired 2
    1h outage told nor by email: escalated 2
    1h outage told kim by email: escalated 2
    1h outage told pager by email: escalated 2
    1h outage told pager by webhook: escalated 2
    2h30m outage fired 1 repeat 1
    2h30m outage told kim by email: reminder 1 repeat 1
    4h30m outage fired 1 repeat 2
    4h30m outage told kim by email: reminder 1 repeat 2
    ");
}

#[test]
fn a_step_without_at_most_repeats_for_as_long_as_it_lasts() {
    assert_snapshot!(story(&outage(REPEATS), "0s power=off \n 3h \n 190m power=on \n 24h"), @"
    0s outage opened since 0s
    0s outage fired 0
    0s outage told nor by email: opened 0
    1h outage fired 0 repeat 1
    1h outage told nor by email: reminder 0 repeat 1
    2h outage fired 0 repeat 2
    2h outage told nor by email: reminder 0 repeat 2
    3h outage fired 0 repeat 3
    3h outage told nor by email: reminder 0 repeat 3
    3h10m outage resolved, 0s to 3h10m
    3h10m outage told nor by email: resolved 0 repeat 3
    ");
}

#[test]
fn repeats_that_were_missed_collapse_into_the_last_one() {
    assert_snapshot!(story(&outage(REPEATS), "0s power=off \n 5h30m asleep \n 6h"), @"
    0s outage opened since 0s
    0s outage fired 0
    0s outage told nor by email: opened 0
    5h30m outage fired 0 repeat 5
    5h30m outage told nor by email: reminder 0 repeat 5
    6h outage fired 0 repeat 6
    6h outage told nor by email: reminder 0 repeat 6
    ");
}

#[test]
fn a_channel_gets_one_message_a_step_that_of_the_latest_step() {
    assert_snapshot!(story(STEPS, "0s power=off \n 1h15m asleep"), @"
    0s outage opened since 0s
    0s outage fired 0
    0s outage told nor by email: opened 0
    1h15m outage fired 1
    1h15m outage fired 2
    1h15m outage withheld from kim: escalated (OneMessageAStep)
    1h15m outage told kim by email: escalated 2
    1h15m outage told nor by email: escalated 2
    1h15m outage told pager by email: escalated 2
    1h15m outage told pager by webhook: escalated 2
    ");
}

#[test]
fn a_step_without_delay_fires_with_the_first_and_nobody_is_told_twice() {
    let rules = outage(r#"{ notify = ["nor"] }, { after = "0s", notify = ["nor", "kim"] }"#);
    assert_snapshot!(story(&rules, "0s power=off \n 1h"), @"
    0s outage opened since 0s
    0s outage fired 0
    0s outage fired 1
    0s outage withheld from nor: escalated (OneMessageAStep)
    0s outage told nor by email: opened 0
    0s outage told kim by email: escalated 1
    ");
}

#[test]
fn a_recipient_in_several_groups_is_told_once_by_each_channel() {
    let rules = outage(r#"{ notify = ["owners", "nor", "pager", "owners", "pager"] }"#);
    assert_snapshot!(story(&rules, "0s power=off"), @"
    0s outage opened since 0s
    0s outage fired 0
    0s outage told nor by email: opened 0
    0s outage told pager by email: opened 0
    0s outage told pager by webhook: opened 0
    ");
}

#[test]
fn a_step_due_while_closing_fires_when_the_incident_reopens() {
    assert_snapshot!(story(STEPS, "0s power=off \n 28m power=on \n 31m power=off \n 32m"), @"
    0s outage opened since 0s
    0s outage fired 0
    0s outage told nor by email: opened 0
    28m outage closing until 33m
    30m outage held 1: Closing
    31m outage reopened, clear since 28m
    31m outage fired 1
    31m outage told kim by email: escalated 1
    ");
}

#[test]
fn a_step_that_comes_due_while_closing_is_held_with_a_reason() {
    assert_snapshot!(story(STEPS, "0s power=off \n 28m power=on \n 31m battery=50 \n 32m battery=49 \n 1h"), @"
    0s outage opened since 0s
    0s outage fired 0
    0s outage told nor by email: opened 0
    28m outage closing until 33m
    30m outage held 1: Closing
    33m outage resolved, 0s to 28m
    33m outage told nor by email: resolved 0
    ");
}

#[test]
fn an_incident_without_an_answer_goes_on_and_its_messages_say_so() {
    let mut host = Host::new(STEPS);
    assert_snapshot!(host.play("0s power=off \n 28m power=on \n 29m power=unknown \n 30m"), @"
    0s outage opened since 0s
    0s outage fired 0
    0s outage told nor by email: opened 0
    28m outage closing until 33m
    29m outage no answer
    29m troubled: sensor/power
    30m outage fired 1
    30m outage told kim by email: escalated 1
    ");
    assert!(host.sent.last().unwrap().incident().unwrap().unseen);
}

#[test]
fn account_stands_for_the_addresses_that_the_account_holds_now() {
    let mut host = Host::new(&outage(&REPEATS.replace("nor", "owners")));
    let mut device = cottage();
    device.account_emails = vec!["a@example.com".into(), "b@example.com".into()];
    host.step_at("0s", Input::Account(device.clone()));
    let first = host.play("0s power=off");
    device.account_emails = vec!["b@example.com".into()];
    host.step_at("30m", Input::Account(device));
    assert_snapshot!([first, host.play("1h \n 2h ack b@example.com \n 3h power=on")].join("\n"), @"
    0s outage opened since 0s
    0s outage fired 0
    0s outage told nor by email: opened 0
    0s outage told a@example.com by email: opened 0
    0s outage told b@example.com by email: opened 0
    1h outage fired 0 repeat 1
    1h outage told nor by email: reminder 0 repeat 1
    1h outage told b@example.com by email: reminder 0 repeat 1
    2h outage fired 0 repeat 2
    2h outage told nor by email: reminder 0 repeat 2
    2h outage told b@example.com by email: reminder 0 repeat 2
    2h outage acknowledged by b@example.com
    2h outage told nor by email: acknowledged 0 repeat 1
    2h outage told a@example.com by email: acknowledged 0 repeat 1
    3h outage held 0: Acknowledged
    3h outage resolved, 0s to 3h
    3h outage told nor by email: resolved 0 repeat 2
    3h outage told a@example.com by email: resolved 0 repeat 2
    3h outage told b@example.com by email: resolved 0 repeat 2
    ");
}

#[test]
fn a_step_that_reaches_nobody_says_so_and_the_next_one_fires() {
    let rules = outage(r#"{ notify = ["@account"] }, { after = "5m", notify = ["kim"] }"#);
    assert_snapshot!(story(&rules, "0s power=off \n 5m"), @"
    0s outage opened since 0s
    0s outage fired 0
    0s outage nobody to tell at 0
    5m outage fired 1
    5m outage told kim by email: escalated 1
    ");
}

/// Where sums of times stop, the next repeat would be due as the last one fires, and so without an end.
#[test]
fn at_the_calendars_end_a_step_repeats_no_more() {
    let mut host = Host::new(&outage(REPEATS)).starting("9999-12-30T21:30:00Z");
    host.play("0s power=off");
    host.take_lines();
    host.step(Input::Elapsed, dag_engine::Time::MAX);
    assert!(host.take_lines().contains("repeat 1"));
    for _ in 0..3 {
        host.step(Input::Elapsed, dag_engine::Time::MAX);
        assert_eq!(host.take_lines(), "");
    }
}
