//! Quiet hours hold the messages to one recipient until the morning.

use insta::assert_snapshot;

use super::TWO;
use crate::host::{Host, PEOPLE, engine_alone};

#[test]
fn a_step_in_quiet_hours_is_withheld_and_told_in_the_morning() {
    // Stories begin at 18:00: 22:30 is 4h30m later, 07:00 is 13h.
    assert_snapshot!(quiet(TWO, "").play("5h power=off \n 12h59m \n 13h"), @"
    5h outage opened since 5h
    5h outage fired 0
    5h outage withheld from nor: opened (Quiet)
    5h30m outage fired 1
    5h30m outage told kim by email: escalated 1
    6h outage fired 0 repeat 1
    6h outage withheld from nor: reminder (Quiet)
    7h outage fired 0 repeat 2
    7h outage withheld from nor: reminder (Quiet)
    8h outage fired 0 repeat 3
    8h outage withheld from nor: reminder (Quiet)
    9h outage fired 0 repeat 4
    9h outage withheld from nor: reminder (Quiet)
    10h outage fired 0 repeat 5
    10h outage withheld from nor: reminder (Quiet)
    11h outage fired 0 repeat 6
    11h outage withheld from nor: reminder (Quiet)
    12h outage fired 0 repeat 7
    12h outage withheld from nor: reminder (Quiet)
    13h outage fired 0 repeat 8
    13h outage told nor by email: opened 0 repeat 8
    ");
}

#[test]
fn a_recipient_told_before_quiet_hours_is_reminded_in_the_morning() {
    assert_snapshot!(quiet(TWO, "").play("4h power=off \n 6h \n 13h"), @"
    4h outage opened since 4h
    4h outage fired 0
    4h outage told nor by email: opened 0
    4h30m outage fired 1
    4h30m outage told kim by email: escalated 1
    5h outage fired 0 repeat 1
    5h outage withheld from nor: reminder (Quiet)
    6h outage fired 0 repeat 2
    6h outage withheld from nor: reminder (Quiet)
    7h outage fired 0 repeat 3
    7h outage withheld from nor: reminder (Quiet)
    8h outage fired 0 repeat 4
    8h outage withheld from nor: reminder (Quiet)
    9h outage fired 0 repeat 5
    9h outage withheld from nor: reminder (Quiet)
    10h outage fired 0 repeat 6
    10h outage withheld from nor: reminder (Quiet)
    11h outage fired 0 repeat 7
    11h outage withheld from nor: reminder (Quiet)
    12h outage fired 0 repeat 8
    12h outage withheld from nor: reminder (Quiet)
    13h outage fired 0 repeat 9
    13h outage told nor by email: reminder 0 repeat 9
    ");
}

#[test]
fn a_severity_that_goes_through_is_not_held_by_quiet_hours() {
    let critical = TWO.replace("close_after", "severity = \"critical\"\nclose_after");
    assert_snapshot!(quiet(&critical, ", unless = \"critical\"").play("5h power=off"), @"
    5h outage opened since 5h
    5h outage fired 0
    5h outage told nor by email: opened 0
    ");
}

#[test]
fn an_end_in_quiet_hours_is_told_in_the_morning() {
    // Nor knew of it; of the second he did not.
    assert_snapshot!(
        quiet(TWO, "").play("4h power=off \n 5h power=on \n 6h power=off \n 7h power=on \n 13h \n 20h"),
        @"
    4h outage opened since 4h
    4h outage fired 0
    4h outage told nor by email: opened 0
    4h30m outage fired 1
    4h30m outage told kim by email: escalated 1
    5h outage fired 0 repeat 1
    5h outage withheld from nor: reminder (Quiet)
    5h outage closing until 5h10s
    5h10s outage resolved, 4h to 5h
    5h10s outage told kim by email: resolved 1
    6h outage opened since 6h
    6h outage fired 0
    6h outage withheld from nor: opened (Quiet)
    6h30m outage fired 1
    6h30m outage told kim by email: escalated 1
    7h outage fired 0 repeat 1
    7h outage withheld from nor: reminder (Quiet)
    7h outage closing until 7h10s
    7h10s outage resolved, 6h to 7h
    7h10s outage told kim by email: resolved 1
    13h outage told nor by email: resolved 1
    13h outage told nor by email: past 1
    "
    );
}

#[test]
fn an_acknowledgement_in_quiet_hours_is_dropped() {
    assert_snapshot!(quiet(TWO, "").play("4h power=off \n 5h ack kim"), @"
    4h outage opened since 4h
    4h outage fired 0
    4h outage told nor by email: opened 0
    4h30m outage fired 1
    4h30m outage told kim by email: escalated 1
    5h outage fired 0 repeat 1
    5h outage withheld from nor: reminder (Quiet)
    5h outage acknowledged by kim
    5h outage withheld from nor: acknowledged (Quiet)
    ");
}

#[test]
fn a_message_that_quiet_hours_held_is_held_by_the_acknowledgement_too() {
    assert_snapshot!(quiet(TWO, "").play("5h power=off \n 6h ack kim \n 14h \n 15h power=on \n 16h"), @"
    5h outage opened since 5h
    5h outage fired 0
    5h outage withheld from nor: opened (Quiet)
    5h30m outage fired 1
    5h30m outage told kim by email: escalated 1
    6h outage fired 0 repeat 1
    6h outage withheld from nor: reminder (Quiet)
    6h outage acknowledged by kim
    7h outage held 0: Acknowledged
    15h outage closing until 15h10s
    15h outage held 0: Closing
    15h10s outage resolved, 5h to 15h
    15h10s outage told kim by email: resolved 1
    15h10s outage told nor by email: past 1
    ");
}

/// A host on which nor has quiet hours from 22:30 to 07:00 of the cottage's wall clock.
fn quiet(rules: &str, unless: &str) -> Host {
    let hours = format!("[recipient.nor]\nquiet = {{ from = \"22:30\", to = \"07:00\"{unless} }}");
    let people = PEOPLE.replace("[recipient.nor]", &hours);
    Host::with(engine_alone(&format!("{rules}\n{people}"), &[]))
}
