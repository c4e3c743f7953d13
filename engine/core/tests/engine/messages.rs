//! Who is told what, and when: steps, repeats, holding, acknowledging, and how it ends.

use insta::assert_snapshot;

use crate::host::{Host, story};

/// Step 0 to nor, step 1 to kim after 30m, repeated, step 2 to everybody after 1h.
const STEPS: &str = r#"
[rule.outage]
when = "power == off"
close_after = "5m"
escalation = "all"
[escalation.all]
ack_lapses_after = "4h"
steps = [
  { notify = ["nor"] },
  { after = "30m", notify = ["kim"], repeat = "2h", at_most = 2 },
  { after = "1h", notify = ["nor", "kim", "pager"] },
]
"#;

/// One step that repeats for ever.
const REPEATS: &str = r#"
[rule.outage]
when = "power == off"
escalation = "all"
[escalation]
all = [{ notify = ["nor"], repeat = "1h" }]
"#;

#[test]
fn steps_fire_at_their_time_after_the_first_alert_and_repeat_as_often_as_they_may() {
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
    assert_snapshot!(story(REPEATS, "0s power=off \n 3h \n 190m power=on \n 24h"), @"
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
    assert_snapshot!(story(REPEATS, "0s power=off \n 5h30m asleep \n 6h"), @"
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
fn a_step_without_delay_fires_with_the_first_one_and_nobody_hears_of_it_twice() {
    let rules = r#"
        [rule.outage]
        when = "power == off"
        escalation = "all"
        [escalation]
        all = [{ notify = ["nor"] }, { after = "0s", notify = ["nor", "kim"] }]
    "#;
    assert_snapshot!(story(rules, "0s power=off \n 1h"), @"
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
    let rules = r#"
        [rule.outage]
        when = "power == off"
        escalation = "all"
        [escalation]
        all = [{ notify = ["owners", "nor", "pager", "owners", "pager"] }]
    "#;
    assert_snapshot!(story(rules, "0s power=off"), @"
    0s outage opened since 0s
    0s outage fired 0
    0s outage told nor by email: opened 0
    0s outage told pager by email: opened 0
    0s outage told pager by webhook: opened 0
    ");
}

#[test]
fn no_step_fires_while_the_incident_is_closing_and_what_is_due_fires_when_it_reopens() {
    assert_snapshot!(story(STEPS, "0s power=off \n 28m power=on \n 31m power=off \n 32m"), @"
    0s outage opened since 0s
    0s outage fired 0
    0s outage told nor by email: opened 0
    28m outage closing until 33m
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
    31m outage held 1: Closing
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
fn who_acknowledges_is_not_told_but_the_others_who_knew_are() {
    assert_snapshot!(story(STEPS, "0s power=off \n 45m ack kim \n 3h \n 200m power=on \n 24h"), @"
    0s outage opened since 0s
    0s outage fired 0
    0s outage told nor by email: opened 0
    30m outage fired 1
    30m outage told kim by email: escalated 1
    45m outage acknowledged by kim until 4h45m
    45m outage told nor by email: acknowledged 0 repeat 1
    3h20m outage closing until 3h25m
    3h20m outage held 1: Closing
    3h25m outage resolved, 0s to 3h20m
    3h25m outage told nor by email: resolved 1
    3h25m outage told kim by email: resolved 1
    ");
}

#[test]
fn an_acknowledgement_lapses_and_what_is_due_fires() {
    assert_snapshot!(story(STEPS, "0s power=off \n 10m ack nor \n 24h"), @"
    0s outage opened since 0s
    0s outage fired 0
    0s outage told nor by email: opened 0
    10m outage acknowledged by nor until 4h10m
    4h10m outage acknowledgement by nor lapsed
    4h10m outage fired 1
    4h10m outage fired 2
    4h10m outage withheld from kim: escalated (OneMessageAStep)
    4h10m outage told kim by email: escalated 2
    4h10m outage told nor by email: escalated 2
    4h10m outage told pager by email: escalated 2
    4h10m outage told pager by webhook: escalated 2
    6h10m outage fired 1 repeat 1
    6h10m outage told kim by email: reminder 1 repeat 1
    8h10m outage fired 1 repeat 2
    8h10m outage told kim by email: reminder 1 repeat 2
    ");
}

#[test]
fn a_second_acknowledgement_is_another_message_and_holds_from_its_own_time() {
    let mut host = Host::new(STEPS);
    assert_snapshot!(host.play("0s power=off \n 10m ack kim \n 20m ack pager \n 5h"), @"
    0s outage opened since 0s
    0s outage fired 0
    0s outage told nor by email: opened 0
    10m outage acknowledged by kim until 4h10m
    10m outage told nor by email: acknowledged 0 repeat 1
    20m outage acknowledged by pager until 4h20m
    20m outage told nor by email: acknowledged 0 repeat 2
    4h20m outage acknowledgement by pager lapsed
    4h20m outage fired 1
    4h20m outage fired 2
    4h20m outage withheld from kim: escalated (OneMessageAStep)
    4h20m outage told kim by email: escalated 2
    4h20m outage told nor by email: escalated 2
    4h20m outage told pager by email: escalated 2
    4h20m outage told pager by webhook: escalated 2
    ");
}

#[test]
fn an_acknowledgement_at_the_moment_of_a_step_wins() {
    assert_snapshot!(story(STEPS, "0s power=off \n 29m \n 30m ack web"), @"
    0s outage opened since 0s
    0s outage fired 0
    0s outage told nor by email: opened 0
    30m outage fired 1
    30m outage told kim by email: escalated 1
    30m outage acknowledged by web until 4h30m
    30m outage told nor by email: acknowledged 0 repeat 1
    30m outage told kim by email: acknowledged 0 repeat 1
    ");
    let mut host = Host::new(STEPS);
    host.play("0s power=off \n 29m");
    let (incident, at) = (host.incident(), host.time("31m"));
    host.step(dag_engine::Input::Acknowledge { incident, by: "web".into() }, at);
    assert_snapshot!(host.take_lines(), @"
    31m outage acknowledged by web until 4h31m
    31m outage told nor by email: acknowledged 0 repeat 1
    31m outage held 1: Acknowledged
    ");
}

#[test]
fn what_is_over_or_never_was_cannot_be_acknowledged() {
    let mut host = Host::new(STEPS);
    host.play("0s power=off");
    let (incident, at) = (host.incident(), host.time("9m"));
    host.play("1m power=on \n 7m");
    host.step(dag_engine::Input::Acknowledge { incident, by: "nor".into() }, at);
    let refused = host.take_lines();
    assert_eq!(refused, format!("9m refused {incident}: NoSuchIncident"));
}

#[test]
fn an_incident_that_ends_in_the_very_step_of_its_acknowledgement_is_over() {
    let mut host = Host::new(STEPS);
    host.play("0s power=off \n 1m power=on");
    let (incident, at) = (host.incident(), host.time("6m"));
    host.step(dag_engine::Input::Acknowledge { incident, by: "nor".into() }, at);
    let lines = host.take_lines();
    assert!(lines.contains(&format!("6m refused {incident}: AlreadyOver")), "{lines}");
    assert!(lines.ends_with("6m outage told nor by email: resolved 0"), "{lines}");
}

#[test]
fn what_was_only_queued_is_withdrawn_and_becomes_one_message_about_the_past() {
    assert_snapshot!(story(STEPS, "0s stuck \n 0s power=off \n 31m power=on \n 1h"), @"
    0s outage opened since 0s
    0s outage fired 0
    0s outage told nor by email: opened 0
    30m outage fired 1
    30m outage told kim by email: escalated 1
    31m outage closing until 36m
    36m outage resolved, 0s to 31m
    36m outage withdrew opened of nor (Superseded)
    36m outage withdrew escalated of kim (Superseded)
    36m outage told nor by email: past 1
    36m outage told kim by email: past 1
    ");
}

#[test]
fn a_channel_where_something_was_attempted_is_told_of_the_end() {
    assert_snapshot!(story(STEPS, "0s power=off \n 1m stuck \n 31m power=on \n 1h"), @"
    0s outage opened since 0s
    0s outage fired 0
    0s outage told nor by email: opened 0
    30m outage fired 1
    30m outage told kim by email: escalated 1
    31m outage closing until 36m
    36m outage resolved, 0s to 31m
    36m outage withdrew escalated of kim (Superseded)
    36m outage told nor by email: resolved 1
    36m outage told kim by email: past 1
    ");
}

#[test]
fn an_incident_that_was_closing_all_the_while_is_past_for_those_of_the_first_step() {
    let rules = STEPS.replace("close_after = \"5m\"", "open_after = \"1m\"\nclose_after = \"5m\"");
    assert_snapshot!(story(&rules, "10m late 1m power=off \n 10m late 9m power=on \n 1h"), @"
    1m outage pending until 2m
    2m outage opened since 1m
    10m outage fired 0
    10m outage told nor by email: opened 0
    9m outage closing until 14m
    14m outage resolved, 1m to 9m
    14m outage told nor by email: resolved 0
    ");
}

#[test]
fn after_the_end_a_channel_gets_nothing_more() {
    let told = story(STEPS, "0s power=off \n 1h \n 2h power=on \n 100h");
    assert!(told.ends_with("2h5m outage told pager by webhook: resolved 2"), "{told}");
}

#[test]
fn account_stands_for_the_addresses_that_the_account_holds_now() {
    let rules = REPEATS.replace("nor", "owners");
    let mut host = Host::new(&rules);
    let mut device = crate::host::cottage();
    device.account_emails = vec!["a@example.com".into(), "b@example.com".into()];
    let start = host.time("0s");
    host.step(dag_engine::Input::Account(device.clone()), start);
    let first = host.play("0s power=off");
    device.account_emails = vec!["b@example.com".into()];
    let later = host.time("30m");
    host.step(dag_engine::Input::Account(device), later);
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
    3h outage resolved, 0s to 3h
    3h outage told nor by email: resolved 0 repeat 2
    3h outage told a@example.com by email: resolved 0 repeat 2
    3h outage told b@example.com by email: resolved 0 repeat 2
    ");
}

#[test]
fn a_step_that_names_nobody_who_can_be_reached_says_so_and_the_next_one_fires() {
    let rules = r#"
        [rule.outage]
        when = "power == off"
        escalation = "all"
        [escalation]
        all = [{ notify = ["@account"] }, { after = "5m", notify = ["kim"] }]
    "#;
    assert_snapshot!(story(rules, "0s power=off \n 5m"), @"
    0s outage opened since 0s
    0s outage fired 0
    0s outage nobody to tell at 0
    5m outage fired 1
    5m outage told kim by email: escalated 1
    ");
}
