//! Inhibition: a channel that knows the cause is not alerted of what follows from it.

use insta::assert_snapshot;

use crate::host::story;

const UNSTABLE: &str = r#"
[rule.outage]
when = "power == off"
escalation = "all"
[rule.unstable]
when = "battery < 20"
severity = "critical"
escalation = "some"
inhibits = ["outage"]
[escalation]
all = [{ notify = ["nor"] }, { after = "30m", notify = ["kim"] }]
some = [{ notify = ["nor"] }]
"#;

#[test]
fn steps_count_from_the_first_alert_that_is_not_inhibited() {
    assert_snapshot!(story(UNSTABLE, "0s battery=10 \n 1m power=off \n 2h \n 3h battery=50 \n 4h"), @"
    0s unstable opened since 0s
    0s unstable fired 0
    0s unstable told nor by email: opened 0
    1m outage opened since 1m
    1m outage held 0: Inhibited
    3h unstable resolved, 0s to 3h
    3h unstable told nor by email: resolved 0
    3h outage fired 0
    3h outage told nor by email: opened 0
    3h30m outage fired 1
    3h30m outage told kim by email: escalated 1
    ");
}

#[test]
fn an_inhibitor_that_opens_in_the_same_moment_comes_first() {
    assert_snapshot!(story(UNSTABLE, "0s power=off battery=10"), @"
    0s outage opened since 0s
    0s unstable opened since 0s
    0s unstable fired 0
    0s unstable told nor by email: opened 0
    0s outage held 0: Inhibited
    ");
    assert_snapshot!(story(UNSTABLE, "0s battery=10 power=off"), @"
    0s unstable opened since 0s
    0s outage opened since 0s
    0s unstable fired 0
    0s unstable told nor by email: opened 0
    0s outage held 0: Inhibited
    ");
}

#[test]
fn a_channel_that_was_not_told_of_the_inhibitor_is_told() {
    let rules = UNSTABLE.replace("some = [{ notify = [\"nor\"] }]", "some = [{ notify = [\"kim\"] }]");
    assert_snapshot!(story(&rules, "0s battery=10 \n 1m power=off \n 1h \n 2h battery=50"), @"
    0s unstable opened since 0s
    0s unstable fired 0
    0s unstable told kim by email: opened 0
    1m outage opened since 1m
    1m outage fired 0
    1m outage told nor by email: opened 0
    31m outage fired 1
    31m outage withheld from kim: escalated (Inhibited)
    2h unstable resolved, 0s to 2h
    2h unstable told kim by email: resolved 0
    2h outage told kim by email: opened 1
    ");
}

#[test]
fn an_incident_that_ends_while_inhibited_is_told_to_nobody() {
    assert_snapshot!(story(UNSTABLE, "0s battery=10 \n 1m power=off \n 2m power=on \n 3m battery=50"), @"
    0s unstable opened since 0s
    0s unstable fired 0
    0s unstable told nor by email: opened 0
    1m outage opened since 1m
    1m outage held 0: Inhibited
    2m outage resolved, 1m to 2m
    2m outage withheld from nor: past (Inhibited)
    3m unstable resolved, 0s to 3m
    3m unstable told nor by email: resolved 0
    ");
}

#[test]
fn an_incident_of_higher_severity_is_not_inhibited() {
    let rules = UNSTABLE.replace("severity = \"critical\"", "severity = \"info\"");
    assert_snapshot!(story(&rules, "0s battery=10 \n 1m power=off"), @"
    0s unstable opened since 0s
    0s unstable fired 0
    0s unstable told nor by email: opened 0
    1m outage opened since 1m
    1m outage fired 0
    1m outage told nor by email: opened 0
    ");
}
