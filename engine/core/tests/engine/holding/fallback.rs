//! Fallbacks: another recipient stands in for one whom no delivery reaches.

use dag_engine::Input;
use insta::assert_snapshot;

use super::TWO;
use crate::host::{Host, PEOPLE, after, engine_alone};

#[test]
fn a_fallback_is_told_after_five_minutes_without_a_delivery() {
    let people = PEOPLE.replace("[recipient.nor]", "[recipient.nor]\nfallback = \"kim\"");
    let mut host = Host::with(engine_alone(&format!("{TWO}\n{people}"), &[]));
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
fn a_fallback_that_fails_too_has_its_own_fallback() {
    let people = PEOPLE
        .replace("[recipient.nor]", "[recipient.nor]\nfallback = \"kim\"")
        .replace("[recipient.kim]", "[recipient.kim]\nfallback = \"pat\"");
    let steps = TWO.replace("{ after = \"30m\", notify = [\"kim\"] }", "{ after = \"1m\", notify = [\"kim\"] }");
    let rules = format!("{steps}\n{people}\n[recipient.pat]\nemail = \"pat@example.com\"\n");
    let mut host = Host::with(engine_alone(&rules, &[]));
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
    let mut host = after(TWO, "0s power=off");
    let mut message = host.sent[0].reference();
    message.incident = None;
    assert_eq!(host.step_at("1m", Input::Failed { message, last: true }), "");
}
