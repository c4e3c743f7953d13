//! What carries over when other rules come into force while an incident lasts.

use insta::assert_snapshot;

use crate::host::{Host, OUTAGE};

fn steps(steps: &str) -> String {
    format!("[rule.outage]\nwhen = \"power == off\"\nescalation = \"all\"\n[escalation]\nall = [{steps}]")
}

#[test]
fn a_shortened_debounce_that_is_overdue_happens_at_the_reload() {
    let mut host = Host::new(OUTAGE);
    host.play("0s power=off");
    assert_snapshot!(host.reload(&OUTAGE.replace("30s", "5s"), "12s", ""), @"
    12s rules changed
    12s outage opened since 0s
    12s outage fired 0
    12s outage told nor by email: opened 0
    ");
}

#[test]
fn a_shortened_debounce_counts_from_when_the_condition_became_true() {
    let mut host = Host::new(OUTAGE);
    host.play("0s power=off");
    assert_snapshot!(host.reload(&OUTAGE.replace("30s", "20s"), "12s", "1m"), @"
    12s rules changed
    20s outage opened since 0s
    20s outage fired 0
    20s outage told nor by email: opened 0
    ");
}

#[test]
fn a_lengthened_debounce_counts_from_when_the_condition_became_true() {
    let mut host = Host::new(OUTAGE);
    host.play("0s power=off");
    assert_snapshot!(host.reload(&OUTAGE.replace("30s", "1m"), "12s", "5m"), @"
    12s rules changed
    1m outage opened since 0s
    1m outage fired 0
    1m outage told nor by email: opened 0
    ");
}

#[test]
fn closing_is_worked_out_again_too() {
    let mut host = Host::new(OUTAGE);
    host.play("0s power=off \n 1m power=on");
    assert_snapshot!(host.reload(&OUTAGE.replace("10s", "2s"), "65s", ""), @"
    1m5s rules changed
    1m5s outage resolved, 0s to 1m
    1m5s outage told nor by email: resolved 0
    ");
}

#[test]
fn an_incident_carries_over_and_its_new_severity_counts() {
    let mut host = Host::new(OUTAGE);
    host.play("0s power=off \n 1m");
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
    assert_eq!((seen.id, seen.severity), (incident, dag_engine::Severity::Critical));
}

#[test]
fn a_removed_rules_incident_is_resolved_and_who_was_told_is_told_at_the_old_address() {
    let mut host = Host::new(&OUTAGE.replace("nor", "pager"));
    host.play("0s power=off \n 1m");
    let other = OUTAGE.replace("outage", "blackout").replace("power", "door");
    assert_snapshot!(host.reload(&other, "2m", "3m power=on \n 1h"), @"
    2m rules changed
    2m outage resolved, 0s to 2m by RuleRemoved
    2m outage told pager by email: resolved 0
    2m outage told pager by webhook: resolved 0
    ");
    let last = host.sent.last().unwrap();
    assert_eq!(last.incident().unwrap().ended_by, Some(dag_engine::EndedBy::RuleRemoved));
}

#[test]
fn a_removed_rule_that_was_pending_is_a_dip() {
    let mut host = Host::new(OUTAGE);
    host.play("0s power=off");
    let other = OUTAGE.replace("outage", "blackout").replace("power", "door");
    assert_snapshot!(host.reload(&other, "2s", "1h"), @"
    2s rules changed
    2s outage dip since 0s
    ");
}

#[test]
fn counts_survive_a_rules_removal_so_that_ids_never_come_twice() {
    let mut host = Host::new(&OUTAGE.replace("30s", "0s"));
    host.play("0s power=off");
    let first = host.incident();
    host.reload(&OUTAGE.replace("outage", "other"), "1m", "");
    host.reload(&OUTAGE.replace("30s", "0s"), "2m", "");
    assert_ne!(host.state.open_incidents().find(|incident| incident.rule == "outage").unwrap().id, first);
}

#[test]
fn a_new_rule_of_a_renamed_ones_old_name_counts_on_so_that_ids_never_come_twice() {
    let outage = steps(r#"{ notify = ["nor"] }"#);
    let mut host = Host::new(&outage);
    host.play("0s power=off \n 10s power=on");
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
fn a_new_rule_is_evaluated_at_the_reload_as_of_then() {
    let mut host = Host::new(OUTAGE);
    host.play("0s power=off door=off");
    let more = format!("[rule.door]\nwhen = \"door == off\"\nescalation = \"all\"\n{OUTAGE}");
    assert_snapshot!(host.reload(&more, "10s", "1m"), @"
    10s rules changed
    10s door opened since 10s
    10s door fired 0
    10s door told nor by email: opened 0
    30s outage opened since 0s
    30s outage fired 0
    30s outage told nor by email: opened 0
    ");
}

#[test]
fn a_changed_condition_is_asked_at_the_reload() {
    let mut host = Host::new(OUTAGE);
    host.play("0s power=off battery=50 \n 1m");
    assert_snapshot!(host.reload(&OUTAGE.replace("power == off", "battery < 20"), "2m", "1h"), @"
    2m rules changed
    2m outage closing until 2m10s
    2m10s outage resolved, 0s to 2m
    2m10s outage told nor by email: resolved 0
    ");
}

#[test]
fn a_step_that_fired_does_not_fire_again() {
    let before = steps(r#"{ notify = ["nor"] }, { after = "10m", notify = ["kim"] }"#);
    let mut host = Host::new(&before);
    host.play("0s power=off \n 11m");
    // By position: other people, another delay.
    let moved = steps(r#"{ notify = ["kim"] }, { after = "20m", notify = ["pager"] }"#);
    assert_snapshot!(host.reload(&moved, "12m", "1h"), @"12m rules changed");
    // A step that gets a name is the step that it was.
    let named = steps(r#"{ notify = ["kim"], name = "first" }, { after = "20m", notify = ["pager"], name = "last" }"#);
    assert_snapshot!(host.reload(&named, "2h", "3h"), @"2h rules changed");
}

#[test]
fn a_named_step_is_known_by_its_name_wherever_it_stands() {
    let before = steps(r#"{ notify = ["nor"] }, { after = "10m", notify = ["kim"], name = "second" }"#);
    let mut host = Host::new(&before);
    host.play("0s power=off \n 11m");
    let inserted = steps(
        r#"{ notify = ["nor"] }, { after = "5m", notify = ["pager"], name = "early" },
           { after = "10m", notify = ["kim"], name = "second" }"#,
    );
    assert_snapshot!(host.reload(&inserted, "12m", "1h"), @"
    12m rules changed
    12m outage fired 1
    12m outage told pager by email: escalated 1
    12m outage told pager by webhook: escalated 1
    ");
}

#[test]
fn a_step_that_comes_to_stand_where_another_fired_has_ids_of_its_own() {
    let before = steps(r#"{ notify = ["nor"], name = "a" }, { after = "30m", notify = ["nor"], name = "b" }"#);
    let mut host = Host::new(&before);
    host.play("0s power=off \n 31m");
    let inserted = steps(
        r#"{ notify = ["nor"], name = "new" }, { after = "10m", notify = ["nor"], name = "c" },
           { after = "0s", notify = ["nor"], name = "a" }, { after = "30m", notify = ["nor"], name = "b" },
           { after = "40m", notify = ["nor"], name = "d" }"#,
    );
    assert_snapshot!(host.reload(&inserted, "32m", "1h"), @"
    32m rules changed
    32m outage fired 0
    32m outage fired 1
    32m outage withheld from nor: escalated (OneMessageAStep)
    32m outage told nor by email: opened 0
    40m outage fired 4
    40m outage told nor by email: escalated 4
    ");
    let ids: std::collections::BTreeSet<_> = host.sent.iter().map(|message| message.id).collect();
    assert_eq!(ids.len(), host.sent.len());
}

#[test]
fn who_was_told_hears_of_the_end_where_the_channel_leads_now() {
    let webhook = |secret: &str| {
        let caller = "[recipient.caller]\nwebhook = { url = \"https://example.com/\", secret = ";
        format!("{}\n{caller}\"env:{secret}\" }}", steps(r#"{ notify = ["caller"] }"#))
    };
    let mut host = Host::new(&webhook("OLD"));
    host.play("0s power=off \n 1m");
    host.reload(&webhook("NEW"), "2m", "3m power=on");
    let secrets: Vec<String> = host.sent.iter().map(|message| format!("{:?}", message.address)).collect();
    assert!(secrets[0].contains("OLD") && secrets[1].contains("NEW"), "{secrets:?}");
}

#[test]
fn an_appended_step_that_is_overdue_fires_at_the_reload() {
    let mut host = Host::new(&steps(r#"{ notify = ["nor"] }"#));
    host.play("0s power=off \n 1h");
    let more = steps(r#"{ notify = ["nor"] }, { after = "10m", notify = ["kim"] }"#);
    assert_snapshot!(host.reload(&more, "2h", ""), @"
    2h rules changed
    2h outage fired 1
    2h outage told kim by email: escalated 1
    ");
}

#[test]
fn repeats_go_on_from_the_firing_that_they_repeat() {
    let mut host = Host::new(&steps(r#"{ notify = ["nor"], repeat = "1h" }"#));
    host.play("0s power=off \n 2h30m");
    assert_snapshot!(host.reload(&steps(r#"{ notify = ["nor"], repeat = "25m" }"#), "2h40m", "3h"), @"
    2h40m rules changed
    2h40m outage fired 0 repeat 4
    2h40m outage told nor by email: reminder 0 repeat 4
    2h55m outage fired 0 repeat 5
    2h55m outage told nor by email: reminder 0 repeat 5
    ");
}

#[test]
fn repeats_that_become_rarer_count_on_from_the_last_one() {
    let mut host = Host::new(&steps(r#"{ notify = ["nor"], repeat = "1m" }"#));
    host.play("0s power=off \n 1h");
    assert_snapshot!(host.reload(&steps(r#"{ notify = ["nor"], repeat = "2h" }"#), "1h1s", "4h"), @"
    1h1s rules changed
    2h outage fired 0 repeat 61
    2h outage told nor by email: reminder 0 repeat 61
    4h outage fired 0 repeat 62
    4h outage told nor by email: reminder 0 repeat 62
    ");
}

#[test]
fn a_reload_between_the_parts_of_a_backlog_loses_no_outage() {
    let mut host = Host::new(OUTAGE);
    host.play("0s power=on \n 5m late 100s power=off more");
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
fn a_removed_rules_last_word_that_quiet_hours_hold_goes_to_the_address_used_then() {
    let quiet = |email: &str| {
        let hours = "quiet = { from = \"18:05\", to = \"18:10\" }";
        format!("{}\n[recipient.pat]\nemail = \"{email}\"\n{hours}", steps(r#"{ notify = ["pat"] }"#))
    };
    let mut host = Host::new(&quiet("old@example.com"));
    host.play("0s power=off");
    let moved = quiet("new@example.com").replace("rule.outage", "rule.other");
    assert_snapshot!(host.reload(&moved, "6m", "6m30s power=on \n 10m"), @"
    6m rules changed
    6m outage resolved, 0s to 6m by RuleRemoved
    6m other opened since 6m
    6m other fired 0
    6m other withheld from pat: opened (Quiet)
    6m30s other resolved, 6m to 6m30s
    10m outage told pat by email: resolved 0
    10m other told pat by email: past 0
    ");
    let addresses: Vec<String> = host.sent.iter().map(|message| format!("{:?}", message.address)).collect();
    assert_snapshot!(addresses.join("\n"), @r#"
    Email("old@example.com")
    Email("old@example.com")
    Email("new@example.com")
    "#);
}

#[test]
fn an_acknowledgement_carries_over() {
    let rules = steps(r#"{ notify = ["nor"] }, { after = "10m", notify = ["kim"] }"#);
    let mut host = Host::new(&rules);
    host.play("0s power=off \n 1m ack nor");
    assert_snapshot!(host.reload(&rules.replace("10m", "5m"), "2m", "1h"), @"
    2m rules changed
    5m outage held 1: Acknowledged
    ");
}

#[test]
fn the_same_rules_again_change_nothing() {
    let mut host = Host::new(OUTAGE);
    host.play("0s power=off \n 1m");
    assert_eq!(host.reload(OUTAGE, "2m", ""), "");
}

#[test]
fn a_rule_that_this_host_no_longer_runs_is_put_to_rest() {
    let mut host = Host::new(OUTAGE);
    host.engine = crate::host::engine(OUTAGE, None).running(dag_engine::Runs::Standalone);
    host.play("0s power=off \n 1m");
    host.engine = crate::host::engine(&OUTAGE.replace("open_after", "run_on = \"cloud\"\nopen_after"), None)
        .running(dag_engine::Runs::Standalone);
    let at = host.time("2m");
    host.step(dag_engine::Input::RulesChanged, at);
    assert_snapshot!(host.play("3m power=on \n 4m power=off \n 1h"), @"
    2m rules changed
    2m outage resolved, 0s to 2m by RuleRemoved
    2m outage told nor by email: resolved 0
    ");
}

#[test]
fn a_state_is_as_small_after_a_thousand_reloads_as_after_two() {
    let mut host = Host::new(OUTAGE);
    host.play("0s power=off \n 1m");
    let engines = [OUTAGE.replace("30s", "31s"), OUTAGE.to_owned()].map(|rules| crate::host::engine(&rules, None));
    let mut sizes = Vec::new();
    for (at, engine) in engines.iter().cycle().take(1_000).enumerate() {
        let now = host.time(&format!("{}s", 61 + at));
        engine.step(&mut host.state, dag_engine::Input::RulesChanged, now);
        sizes.push(serde_json::to_string(&host.state).unwrap().len());
    }
    assert_eq!(sizes.get(1), sizes.last());
}
