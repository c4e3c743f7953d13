//! Rules that change, appear, get another name or go away.

use dag_engine::{EndedBy, Input, Runs, Severity};
use insta::assert_snapshot;

use crate::host::{Host, OUTAGE, after, engine, outage};

#[test]
fn a_shortened_debounce_that_is_overdue_happens_at_the_reload() {
    assert_snapshot!(after(OUTAGE, "0s power=off").reload(&OUTAGE.replace("30s", "5s"), "12s", ""), @"
    12s rules changed
    5s outage opened since 0s
    12s outage fired 0
    12s outage told nor by email: opened 0
    ");
}

#[test]
fn a_shortened_debounce_counts_from_when_the_condition_became_true() {
    assert_snapshot!(after(OUTAGE, "0s power=off").reload(&OUTAGE.replace("30s", "20s"), "12s", "1m"), @"
    12s rules changed
    20s outage opened since 0s
    20s outage fired 0
    20s outage told nor by email: opened 0
    ");
}

#[test]
fn a_lengthened_debounce_counts_from_when_the_condition_became_true() {
    assert_snapshot!(after(OUTAGE, "0s power=off").reload(&OUTAGE.replace("30s", "1m"), "12s", "5m"), @"
    12s rules changed
    1m outage opened since 0s
    1m outage fired 0
    1m outage told nor by email: opened 0
    ");
}

#[test]
fn closing_is_worked_out_again_too() {
    assert_snapshot!(after(OUTAGE, "0s power=off \n 1m power=on").reload(&OUTAGE.replace("10s", "2s"), "65s", ""), @"
    1m5s rules changed
    1m2s outage resolved, 0s to 1m
    1m5s outage told nor by email: resolved 0
    ");
}

#[test]
fn an_incident_carries_over_and_its_new_severity_counts() {
    let mut host = after(OUTAGE, "0s power=off \n 1m");
    let incident = host.incident();
    let critical = OUTAGE.replace("open_after", "severity = \"critical\"\nopen_after");
    assert_snapshot!(host.reload(&critical, "2m", "3m power=on \n 5m"), @"
    2m rules changed
    3m outage closing until 3m10s
    3m10s outage resolved, 0s to 3m
    3m10s outage told nor by email: resolved 0
    ");
    let last = host.sent.last().unwrap();
    let seen = last.incident().unwrap();
    assert_eq!((seen.id, seen.severity), (incident, Severity::Critical));
}

#[test]
fn a_removed_rules_incident_is_resolved_at_the_addresses_used_then() {
    let mut host = after(&OUTAGE.replace("nor", "pager"), "0s power=off \n 1m");
    let other = OUTAGE.replace("outage", "blackout").replace("power", "door");
    assert_snapshot!(host.reload(&other, "2m", "3m power=on \n 1h"), @"
    2m rules changed
    2m outage resolved, 0s to 2m by RuleRemoved
    2m outage told pager by email: resolved 0
    2m outage told pager by webhook: resolved 0
    ");
    let last = host.sent.last().unwrap();
    assert_eq!(last.incident().unwrap().ended_by, Some(EndedBy::RuleRemoved));
}

#[test]
fn what_a_script_withheld_moves_no_address_of_a_removed_rule() {
    let people = |email: &str| format!("[recipient.pat]\nemail = \"{email}\"");
    let rules = |steps: &str, email: &str| format!("{}\n{}", outage(steps), people(email));
    let mut host = after(&rules(r#"{ notify = ["pat"] }"#, "old@example.com"), "0s power=off");
    // Another address, a second step, and a script that withholds it.
    let two = rules(r#"{ notify = ["pat"] }, { after = "0s", notify = ["pat"] }"#, "new@example.com");
    let scripted = two.replacen("when =", "script = \"hooks.rhai\"\nwhen =", 1);
    host.engine = engine(&scripted, Some("fn allow(ctx) { false }"));
    assert_snapshot!(host.step_at("1m", Input::RulesChanged), @"
    1m rules changed
    1m outage fired 1
    1m outage withheld from pat: escalated (Script)
    ");
    let other = rules(r#"{ notify = ["pat"] }"#, "new@example.com").replace("rule.outage", "rule.other");
    host.reload(&other, "2m", "");
    let told = host.sent.iter().filter(|message| message.incident().unwrap().rule == "outage");
    let addresses: Vec<String> = told.map(|message| format!("{:?}", message.address)).collect();
    assert_snapshot!(addresses.join("\n"), @r#"
    Email("old@example.com")
    Email("old@example.com")
    "#);
}

#[test]
fn a_removed_rule_that_was_pending_is_a_dip() {
    let mut host = after(OUTAGE, "0s power=off");
    let other = OUTAGE.replace("outage", "blackout").replace("power", "door");
    assert_snapshot!(host.reload(&other, "2s", "1h"), @"
    2s rules changed
    2s outage dip since 0s
    ");
}

#[test]
fn a_rule_that_was_removed_and_returns_gives_no_id_twice() {
    let mut host = after(&OUTAGE.replace("30s", "0s"), "0s power=off");
    let first = host.incident();
    host.reload(&OUTAGE.replace("outage", "other"), "1m", "");
    host.reload(&OUTAGE.replace("30s", "0s"), "2m", "");
    assert_ne!(host.state.open_incidents().find(|incident| incident.rule == "outage").unwrap().id, first);
}

#[test]
fn a_rule_under_the_old_name_of_a_renamed_one_gives_no_id_twice() {
    let outage = outage(r#"{ notify = ["nor"] }"#);
    let mut host = after(&outage, "0s power=off \n 10s power=on");
    let first = host.sent[0].incident().unwrap().id;
    let mains = outage.replace("rule.outage]", "rule.mains]\nwas = \"outage\"");
    assert_snapshot!(host.reload(&mains, "20s", ""), @"
    20s rules changed
    20s mains renamed from outage
    ");
    let both = format!("[rule.mains]\nwhen = \"power == off\"\nescalation = \"all\"\n{outage}");
    assert_snapshot!(host.reload(&both, "30s", "40s power=off"), @"
    30s rules changed
    40s mains opened since 40s
    40s outage opened since 40s
    40s mains fired 0
    40s mains told nor by email: opened 0
    40s outage fired 0
    40s outage told nor by email: opened 0
    ");
    assert!(host.state.open_incidents().all(|incident| incident.id != first));
}

#[test]
fn a_new_rules_episode_began_when_its_condition_became_true() {
    let mut host = after(OUTAGE, "0s power=off door=off");
    let more = format!("[rule.door]\nwhen = \"door == off\"\nescalation = \"all\"\n{OUTAGE}");
    assert_snapshot!(host.reload(&more, "10s", "1m"), @"
    10s rules changed
    0s door opened since 0s
    10s door fired 0
    10s door told nor by email: opened 0
    30s outage opened since 0s
    30s outage fired 0
    30s outage told nor by email: opened 0
    ");
}

#[test]
fn a_changed_condition_is_asked_at_the_reload() {
    assert_snapshot!(after(OUTAGE, "0s power=off battery=50 \n 1m").reload(&OUTAGE.replace("power == off", "battery < 20"), "2m", "1h"), @"
    2m rules changed
    2m outage closing until 2m10s
    2m10s outage resolved, 0s to 2m by Edit
    2m10s outage told nor by email: resolved 0
    ");
}

#[test]
fn a_reload_between_the_parts_of_a_backlog_loses_no_outage() {
    let mut host = after(OUTAGE, "0s power=on \n 5m late 100s power=off more");
    let comment = format!("# Written otherwise.\n{OUTAGE}");
    assert_snapshot!(host.reload(&comment, "301s", "302s late 200s power=on"), @"
    5m1s rules changed
    2m10s outage opened since 1m40s
    3m20s outage closing until 3m30s
    3m30s outage resolved, 1m40s to 3m20s
    5m2s outage told nor by email: past 0
    ");
}

#[test]
fn the_same_rules_again_change_nothing() {
    let mut host = after(OUTAGE, "0s power=off \n 1m");
    assert_eq!(host.reload(OUTAGE, "2m", ""), "");
}

#[test]
fn a_rule_that_this_host_no_longer_runs_is_put_to_rest() {
    let mut host = Host::new(OUTAGE);
    host.engine = engine(OUTAGE, None).running(Runs::Standalone);
    host.play("0s power=off \n 1m");
    let elsewhere = OUTAGE.replace("open_after", "run_on = \"cloud\"\nopen_after");
    host.engine = engine(&elsewhere, None).running(Runs::Standalone);
    assert_snapshot!(host.step_at("2m", Input::RulesChanged), @"
    2m rules changed
    2m outage resolved, 0s to 2m by RuleRemoved
    2m outage told nor by email: resolved 0
    ");
    assert_eq!(host.play("3m power=on \n 4m power=off \n 1h"), "");
}

#[test]
fn a_state_is_as_small_after_a_thousand_reloads_as_after_two() {
    let mut host = after(OUTAGE, "0s power=off \n 1m");
    let engines = [OUTAGE.replace("30s", "31s"), OUTAGE.to_owned()].map(|rules| engine(&rules, None));
    let mut sizes = Vec::new();
    for (at, engine) in engines.iter().cycle().take(1_000).enumerate() {
        let now = host.time(&format!("{}s", 61 + at));
        engine.step(&mut host.state, Input::RulesChanged, now);
        sizes.push(serde_json::to_string(&host.state).unwrap().len());
    }
    assert_eq!(sizes.get(1), sizes.last());
}
