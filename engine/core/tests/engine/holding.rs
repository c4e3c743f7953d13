//! What holds an incident back, and what holds a channel back.

use dag_engine::Input;
use insta::assert_snapshot;

use crate::host::{Host, engine};

const TWO: &str = r#"
[rule.outage]
when = "power == off"
close_after = "10s"
escalation = "all"
[escalation]
all = [{ notify = ["nor"], repeat = "1h" }, { after = "30m", notify = ["kim"] }]
"#;

/// Nor is left in peace from 22:30 to 07:00, as the cottage's clock has it.
fn quiet(rules: &str, unless: &str) -> Host {
    let rules = format!("{rules}\n{}", crate::host::PEOPLE);
    let rules = rules.replace(
        "email = \"nor@example.com\"",
        &format!("email = \"nor@example.com\"\nquiet = {{ from = \"22:30\", to = \"07:00\"{unless} }}"),
    );
    let rules = dag_engine::Ruleset::compile(&crate::host::sources(&[("rules.toml", &rules)]));
    Host::with(dag_engine::Engine::new(rules.unwrap_or_else(|problems| panic!("{problems}"))))
}

#[test]
fn a_snooze_holds_the_steps_until_its_end() {
    assert_snapshot!(Host::new(TWO).play("0s power=off \n 10m snooze 2h \n 2h9m \n 2h10m"), @"
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
    assert_snapshot!(Host::new(TWO).play("0s power=off \n 10m snooze 2h \n 40m snooze 0s \n 41m snooze 0s"), @"
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
fn a_silence_holds_matching_incidents_and_what_is_still_wrong_is_told_when_it_ends() {
    assert_snapshot!(Host::new(TWO).play("0s silence outage 1h \n 1m power=off \n 59m \n 1h"), @"
    0s silenced by kim until 1h
    1m outage opened since 1m
    1m outage held 0: Silenced
    1h outage fired 0
    1h outage told nor by email: opened 0
    ");
    assert_snapshot!(Host::new(TWO).play("0s silence other 1h \n 1m power=off"), @"
    0s silenced by kim until 1h
    1m outage opened since 1m
    1m outage fired 0
    1m outage told nor by email: opened 0
    ");
}

#[test]
fn what_ends_in_silence_is_told_to_nobody() {
    assert_snapshot!(Host::new(TWO).play("0s silence * 1h \n 1m power=off \n 2m power=on \n 3h"), @"
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
        Host::new(TWO).play("0s silence * 1h \n 1m silence outage 2h \n 2m silence * 0s \n 3m silence * 0s"),
        @"
    0s silenced by kim until 1h
    1m silenced by kim until 2h1m
    2m silence ended by kim
    3m refused a silence: EndsInThePast
    "
    );
}

#[test]
fn who_is_quiet_misses_a_step_and_hears_of_it_in_the_morning() {
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
fn who_was_told_before_is_reminded_in_the_morning() {
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
fn what_quiet_hours_release_waits_for_the_acknowledgement_too() {
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
fn an_incident_whose_first_channels_are_all_inhibited_has_not_begun_to_tell() {
    assert_snapshot!(Host::new(UNSTABLE).play("0s battery=10 \n 1m power=off \n 2h \n 3h battery=50 \n 4h"), @"
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
    assert_snapshot!(Host::new(UNSTABLE).play("0s power=off battery=10"), @"
    0s outage opened since 0s
    0s unstable opened since 0s
    0s unstable fired 0
    0s unstable told nor by email: opened 0
    0s outage held 0: Inhibited
    ");
    assert_snapshot!(Host::new(UNSTABLE).play("0s battery=10 power=off"), @"
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
    assert_snapshot!(Host::new(&rules).play("0s battery=10 \n 1m power=off \n 1h \n 2h battery=50"), @"
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
fn what_ends_while_it_is_inhibited_is_told_to_nobody() {
    assert_snapshot!(Host::new(UNSTABLE).play("0s battery=10 \n 1m power=off \n 2m power=on \n 3m battery=50"), @"
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
    let mut host = Host::with(engine(&UNSTABLE.replace("severity = \"critical\"", "severity = \"info\""), None));
    assert_snapshot!(host.play("0s battery=10 \n 1m power=off"), @"
    0s unstable opened since 0s
    0s unstable fired 0
    0s unstable told nor by email: opened 0
    1m outage opened since 1m
    1m outage fired 0
    1m outage told nor by email: opened 0
    ");
}

#[test]
fn who_is_not_reached_for_five_minutes_is_stood_in_for() {
    let rules = format!("{TWO}\n{}", crate::host::PEOPLE)
        .replace("email = \"nor@example.com\"", "email = \"nor@example.com\"\nfallback = \"kim\"");
    let rules = dag_engine::Ruleset::compile(&crate::host::sources(&[("rules.toml", &rules)])).unwrap();
    let mut host = Host::with(dag_engine::Engine::new(rules));
    assert_snapshot!(host.play("0s fail nor \n 0s power=off \n 4m59s \n 5m \n 29m \n 31m"), @"
    0s outage opened since 0s
    0s outage fired 0
    0s outage told nor by email: opened 0
    5m outage fell back from nor to kim
    5m outage told kim by email: opened 0
    30m outage fired 1
    30m outage told kim by email: escalated 1
    ");
    // The next that nor does not get goes to kim at once.
    assert_snapshot!(host.play("1h \n 1h1m power=on \n 1h2m"), @"
    1h outage fired 0 repeat 1
    1h outage told nor by email: reminder 0 repeat 1
    1h outage fell back from nor to kim
    1h outage told kim by email: reminder 0 repeat 1
    1h1m outage closing until 1h1m10s
    1h1m10s outage resolved, 0s to 1h1m
    1h1m10s outage told nor by email: resolved 1
    1h1m10s outage told kim by email: resolved 1
    ");
}

#[test]
fn who_stands_in_and_is_not_reached_either_is_stood_in_for_at_once() {
    let people = crate::host::PEOPLE
        .replace("email = \"nor@example.com\"", "email = \"nor@example.com\"\nfallback = \"kim\"")
        .replace("email = \"kim@example.com\"", "email = \"kim@example.com\"\nfallback = \"pat\"");
    let steps = TWO.replace("{ after = \"30m\", notify = [\"kim\"] }", "{ after = \"1m\", notify = [\"kim\"] }");
    let rules = format!("{steps}\n{people}\n[recipient.pat]\nemail = \"pat@example.com\"\n");
    let rules = dag_engine::Ruleset::compile(&crate::host::sources(&[("rules.toml", &rules)])).unwrap();
    let mut host = Host::with(dag_engine::Engine::new(rules));
    assert_snapshot!(host.play("0s fail nor \n 0s fail kim \n 0s power=off \n 59m \n 1h"), @"
    0s outage opened since 0s
    0s outage fired 0
    0s outage told nor by email: opened 0
    1m outage fired 1
    1m outage told kim by email: escalated 1
    6m outage fell back from kim to pat
    6m outage told pat by email: escalated 1
    1h outage fired 0 repeat 1
    1h outage told nor by email: reminder 0 repeat 1
    1h outage fell back from nor to kim
    1h outage told kim by email: reminder 0 repeat 1
    1h outage fell back from kim to pat
    1h outage told pat by email: reminder 0 repeat 1
    ");
}

#[test]
fn a_message_of_the_system_fails_without_further_messages() {
    let mut host = Host::new(TWO);
    host.play("0s power=off");
    let mut message = host.sent[0].reference();
    message.incident = None;
    host.step(Input::Failed { message, last: true }, host.time("1m"));
    assert_eq!(host.take_lines(), "");
}
