//! The final message: `resolved` to those who may know of the incident, `past` to those who cannot.

use insta::assert_snapshot;

use super::STEPS;
use crate::host::story;

#[test]
fn messages_only_queued_are_withdrawn_for_one_about_the_past() {
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
fn an_outage_and_its_end_reported_late_keep_their_own_times() {
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
