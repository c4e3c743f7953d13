//! Acknowledgements: who is told of one, what it holds, and when it lapses.

use dag_engine::Input;
use insta::assert_snapshot;

use super::STEPS;
use crate::host::{Host, after, story};

#[test]
fn an_acknowledgement_is_told_to_the_others_who_know_of_the_incident() {
    assert_snapshot!(story(STEPS, "0s power=off \n 45m ack kim \n 3h \n 200m power=on \n 24h"), @"
    0s outage opened since 0s
    0s outage fired 0
    0s outage told nor by email: opened 0
    30m outage fired 1
    30m outage told kim by email: escalated 1
    45m outage acknowledged by kim until 4h45m
    45m outage told nor by email: acknowledged 0 repeat 1
    1h outage held 2: Acknowledged
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
    30m outage held 1: Acknowledged
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
fn a_second_acknowledgement_is_told_and_lapses_by_its_own_time() {
    let mut host = Host::new(STEPS);
    assert_snapshot!(host.play("0s power=off \n 10m ack kim \n 20m ack pager \n 5h"), @"
    0s outage opened since 0s
    0s outage fired 0
    0s outage told nor by email: opened 0
    10m outage acknowledged by kim until 4h10m
    10m outage told nor by email: acknowledged 0 repeat 1
    20m outage acknowledged by pager until 4h20m
    20m outage told nor by email: acknowledged 0 repeat 2
    30m outage held 1: Acknowledged
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
    let mut host = after(STEPS, "0s power=off \n 29m");
    let incident = host.incident();
    assert_snapshot!(host.step_at("31m", Input::Acknowledge { incident, by: "web".into() }), @"
    31m outage acknowledged by web until 4h31m
    31m outage told nor by email: acknowledged 0 repeat 1
    31m outage held 1: Acknowledged
    ");
}

#[test]
fn an_incident_that_is_over_cannot_be_acknowledged() {
    let mut host = after(STEPS, "0s power=off");
    let incident = host.incident();
    host.play("1m power=on \n 7m");
    let refused = host.step_at("9m", Input::Acknowledge { incident, by: "nor".into() });
    assert_eq!(refused, format!("9m refused {incident}: NoSuchIncident"));
}

#[test]
fn an_incident_that_ends_in_the_very_step_of_its_acknowledgement_is_over() {
    let mut host = after(STEPS, "0s power=off \n 1m power=on");
    let incident = host.incident();
    let lines = host.step_at("6m", Input::Acknowledge { incident, by: "nor".into() });
    assert!(lines.contains(&format!("6m refused {incident}: AlreadyOver")), "{lines}");
    assert!(lines.ends_with("6m outage told nor by email: resolved 0"), "{lines}");
}
