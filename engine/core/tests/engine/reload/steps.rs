//! Steps, recipients and addresses that change.

use insta::assert_snapshot;

use crate::host::{after, outage};

#[test]
fn a_step_that_fired_does_not_fire_again() {
    let before = outage(r#"{ notify = ["nor"] }, { after = "10m", notify = ["kim"] }"#);
    let mut host = after(&before, "0s power=off \n 11m");
    // By position: other people, another delay.
    let moved = outage(r#"{ notify = ["kim"] }, { after = "20m", notify = ["pager"] }"#);
    assert_snapshot!(host.reload(&moved, "12m", "1h"), @"12m rules changed");
    // A step that gets a name is the step that it was.
    let named = outage(r#"{ notify = ["kim"], name = "first" }, { after = "20m", notify = ["pager"], name = "last" }"#);
    assert_snapshot!(host.reload(&named, "2h", "3h"), @"2h rules changed");
}

#[test]
fn a_named_step_is_known_by_its_name_wherever_it_stands() {
    let before = outage(r#"{ notify = ["nor"] }, { after = "10m", notify = ["kim"], name = "second" }"#);
    let mut host = after(&before, "0s power=off \n 11m");
    let inserted = outage(
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
    let before = outage(r#"{ notify = ["nor"], name = "a" }, { after = "30m", notify = ["nor"], name = "b" }"#);
    let mut host = after(&before, "0s power=off \n 31m");
    let inserted = outage(
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
fn the_final_message_goes_to_the_channels_address_of_now() {
    let webhook = |secret: &str| {
        let caller = "[recipient.caller]\nwebhook = { url = \"https://example.com/\", secret = ";
        format!("{}\n{caller}\"env:{secret}\" }}", outage(r#"{ notify = ["caller"] }"#))
    };
    let mut host = after(&webhook("OLD"), "0s power=off \n 1m");
    host.reload(&webhook("NEW"), "2m", "3m power=on");
    let secrets: Vec<String> = host.sent.iter().map(|message| format!("{:?}", message.address)).collect();
    assert!(secrets[0].contains("OLD") && secrets[1].contains("NEW"), "{secrets:?}");
}

#[test]
fn an_appended_step_that_is_overdue_fires_at_the_reload() {
    let mut host = after(&outage(r#"{ notify = ["nor"] }"#), "0s power=off \n 1h");
    let more = outage(r#"{ notify = ["nor"] }, { after = "10m", notify = ["kim"] }"#);
    assert_snapshot!(host.reload(&more, "2h", ""), @"
    2h rules changed
    2h outage fired 1
    2h outage told kim by email: escalated 1
    ");
}

#[test]
fn repeats_go_on_from_the_firing_that_they_repeat() {
    assert_snapshot!(after(&outage(r#"{ notify = ["nor"], repeat = "1h" }"#), "0s power=off \n 2h30m").reload(&outage(r#"{ notify = ["nor"], repeat = "25m" }"#), "2h40m", "3h"), @"
    2h40m rules changed
    2h40m outage fired 0 repeat 4
    2h40m outage told nor by email: reminder 0 repeat 4
    2h55m outage fired 0 repeat 5
    2h55m outage told nor by email: reminder 0 repeat 5
    ");
}

#[test]
fn repeats_that_become_rarer_count_on_from_the_last_one() {
    assert_snapshot!(after(&outage(r#"{ notify = ["nor"], repeat = "1m" }"#), "0s power=off \n 1h").reload(&outage(r#"{ notify = ["nor"], repeat = "2h" }"#), "1h1s", "4h"), @"
    1h1s rules changed
    2h outage fired 0 repeat 61
    2h outage told nor by email: reminder 0 repeat 61
    4h outage fired 0 repeat 62
    4h outage told nor by email: reminder 0 repeat 62
    ");
}

#[test]
fn a_removed_rules_final_message_after_quiet_hours_has_the_old_address() {
    let quiet = |email: &str| {
        let hours = "quiet = { from = \"18:05\", to = \"18:10\" }";
        format!("{}\n[recipient.pat]\nemail = \"{email}\"\n{hours}", outage(r#"{ notify = ["pat"] }"#))
    };
    let mut host = after(&quiet("old@example.com"), "0s power=off");
    let moved = quiet("new@example.com").replace("rule.outage", "rule.other");
    assert_snapshot!(host.reload(&moved, "6m", "6m30s power=on \n 10m"), @"
    6m rules changed
    6m outage resolved, 0s to 6m by RuleRemoved
    0s other opened since 0s
    6m other fired 0
    6m other withheld from pat: opened (Quiet)
    6m30s other resolved, 0s to 6m30s
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
    let rules = outage(r#"{ notify = ["nor"] }, { after = "10m", notify = ["kim"] }"#);
    assert_snapshot!(after(&rules, "0s power=off \n 1m ack nor").reload(&rules.replace("10m", "5m"), "2m", "1h"), @"
    2m rules changed
    5m outage held 1: Acknowledged
    ");
}
