//! Snoozes and silences hold all steps of an incident.

use insta::assert_snapshot;

use super::TWO;
use crate::host::story;

#[test]
fn a_snooze_holds_the_steps_until_its_end() {
    assert_snapshot!(story(TWO, "0s power=off \n 10m snooze 2h \n 2h9m \n 2h10m"), @"
    0s outage opened since 0s
    0s outage fired 0
    0s outage told nor by email: opened 0
    10m outage snoozed by kim until 2h10m
    30m outage held 1: Snoozed
    2h10m outage fired 0 repeat 2
    2h10m outage fired 1
    2h10m outage told nor by email: reminder 0 repeat 2
    2h10m outage told kim by email: escalated 1
    ");
}

#[test]
fn a_snooze_is_ended_by_one_that_ends_now() {
    assert_snapshot!(story(TWO, "0s power=off \n 10m snooze 2h \n 40m snooze 0s \n 41m snooze 0s"), @"
    0s outage opened since 0s
    0s outage fired 0
    0s outage told nor by email: opened 0
    10m outage snoozed by kim until 2h10m
    30m outage held 1: Snoozed
    40m outage snooze ended by kim
    40m outage fired 1
    40m outage told kim by email: escalated 1
    41m refused 2b10f185522d1964eba14e0294d396fc: EndsInThePast
    ");
}

#[test]
fn a_silence_holds_the_incidents_that_it_matches_until_it_ends() {
    assert_snapshot!(story(TWO, "0s silence outage 1h \n 1m power=off \n 59m \n 1h"), @"
    0s silenced by kim until 1h
    1m outage opened since 1m
    1m outage held 0: Silenced
    1h outage fired 0
    1h outage told nor by email: opened 0
    ");
    assert_snapshot!(story(TWO, "0s silence other 1h \n 1m power=off"), @"
    0s silenced by kim until 1h
    1m outage opened since 1m
    1m outage fired 0
    1m outage told nor by email: opened 0
    ");
}

#[test]
fn an_incident_that_ends_in_silence_is_told_to_nobody() {
    assert_snapshot!(story(TWO, "0s silence * 1h \n 1m power=off \n 2m power=on \n 3h"), @"
    0s silenced by kim until 1h
    1m outage opened since 1m
    1m outage held 0: Silenced
    2m outage closing until 2m10s
    2m outage held 0: Closing
    2m10s outage resolved, 1m to 2m
    2m10s outage withheld from nor: past (Silenced)
    ");
}

#[test]
fn a_silence_is_replaced_or_ended_by_its_matcher() {
    assert_snapshot!(
        story(TWO, "0s silence * 1h \n 1m silence outage 2h \n 2m silence * 0s \n 3m silence * 0s"),
        @"
    0s silenced by kim until 1h
    1m silenced by kim until 2h1m
    2m silence ended by kim
    3m refused a silence: EndsInThePast
    "
    );
}
