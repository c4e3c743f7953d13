//! Groups in what a scenario expects, the account, the device that it is about, and rules.

use std::collections::BTreeMap;

use dag_engine::{Device, Scenario};
use insta::assert_snapshot;

use super::{HEAD, others, play, play_by};
use crate::host::{cottage, engine, outage};

/// Plays an outage of which the owners, who are nor and ann, are told, and the pager by mail and by its webhook.
fn told(expected: &str) -> String {
    let rules = outage("{ notify = [\"owners\", \"pager\"] }, { after = \"1h\", notify = [\"kim\"] }");
    play_by(&rules, &format!("{HEAD}[[step]]\nat = \"0s\"\nset = {{ power = \"off\" }}\n{expected}"))
}

#[test]
fn a_group_stands_for_each_of_its_members_once_in_any_order() {
    for expected in [
        r#"expect = [{ to = "owners", kind = "opened" }, { to = "pager" }]"#,
        r#"expect = [{ to = "nor" }, { to = "@account", by = "email" }, { to = "pager" }]"#,
        r#"expect = [{ to = "owners", by = "email" }, { to = "pager", by = "email" }, { to = "pager", by = "webhook" }]"#,
        r#"told = [{ to = "owners" }, { to = "pager", by = "webhook" }, { to = "ann@example.com", step = 0 }]"#,
        r#"not_told = [{ to = "owners", kind = "resolved" }, { to = "kim" }]"#,
    ] {
        assert_eq!(told(expected), "as expected", "{expected}");
    }
}

#[test]
fn a_member_who_is_not_told_is_named() {
    assert_snapshot!(problem(&told("expect = [{ to = \"nor\" }, { to = \"owners\" }, { to = \"pager\" }]")), @r#"
    error: `to` is `pager`, who is not in `owners`
     --> tests/a.toml:7:27
      |
    7 | expect = [{ to = "nor" }, { to = "owners" }, { to = "pager" }]
      |                           ^^^^^^^^^^^^^^^^^
      |
      = help: sent since the last `expect`:
                { to = "nor", by = "email", kind = "opened", step = 0, subject = "outage at Cottage" }
                { to = "ann@example.com", by = "email", kind = "opened", step = 0, subject = "outage at Cottage" }
                { to = "pager", by = "email", kind = "opened", step = 0, subject = "outage at Cottage" }
                { to = "pager", by = "webhook", kind = "opened", step = 0, subject = "outage at Cottage" }
    "#);
    assert_snapshot!(problem(&told("expect = [{ to = \"owners\" }]")), @r#"
    error: 2 more sent than expected
     --> tests/a.toml:7:10
      |
    7 | expect = [{ to = "owners" }]
      |          ^^^^^^^^^^^^^^^^^^^
      |
      = help: not expected:
                { to = "pager", by = "email", kind = "opened", step = 0, subject = "outage at Cottage" }
                { to = "pager", by = "webhook", kind = "opened", step = 0, subject = "outage at Cottage" }
    "#);
    assert_snapshot!(problem(&told("expect = [{ to = \"owners\", kind = \"past\" }]")), @r#"
    error: `kind` is `opened`, not `past`
     --> tests/a.toml:7:11
      |
    7 | expect = [{ to = "owners", kind = "past" }]
      |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: sent since the last `expect`:
                { to = "nor", by = "email", kind = "opened", step = 0, subject = "outage at Cottage" }
                { to = "ann@example.com", by = "email", kind = "opened", step = 0, subject = "outage at Cottage" }
                { to = "pager", by = "email", kind = "opened", step = 0, subject = "outage at Cottage" }
                { to = "pager", by = "webhook", kind = "opened", step = 0, subject = "outage at Cottage" }
    "#);
    let story = "[[step]]\nat = \"0s\"\nset = { power = \"off\" }\ntold = [{ to = \"owners\", kind = \"opened\" }]";
    assert_snapshot!(problem(&play_by(&outage("{ notify = [\"nor\"] }"), &format!("{HEAD}{story}"))), @r#"
    error: this was not sent to `ann@example.com`
     --> tests/a.toml:7:9
      |
    7 | told = [{ to = "owners", kind = "opened" }]
      |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: sent since the last `expect`:
                { to = "nor", by = "email", kind = "opened", step = 0, subject = "outage at Cottage" }
    "#);
}

#[test]
fn a_name_that_nobody_has_is_shown_with_the_nearest_one() {
    // In `expect` with what was sent: `dag test --update` writes that in its place.
    assert_snapshot!(problem(&told("expect = [{ to = \"ownrs\" }]")), @r#"
    error: there is no recipient or group `ownrs`
     --> tests/a.toml:7:11
      |
    7 | expect = [{ to = "ownrs" }]
      |           ^^^^^^^^^^^^^^^^
      |
      = help: did you mean `owners`?
              sent since the last `expect`:
                { to = "nor", by = "email", kind = "opened", step = 0, subject = "outage at Cottage" }
                { to = "ann@example.com", by = "email", kind = "opened", step = 0, subject = "outage at Cottage" }
                { to = "pager", by = "email", kind = "opened", step = 0, subject = "outage at Cottage" }
                { to = "pager", by = "webhook", kind = "opened", step = 0, subject = "outage at Cottage" }
    "#);
    assert_snapshot!(problem(&told("expect = [{ rule = \"outag\" }]")), @r#"
    error: there is no rule `outag`
     --> tests/a.toml:7:11
      |
    7 | expect = [{ rule = "outag" }]
      |           ^^^^^^^^^^^^^^^^^^
      |
      = help: did you mean `outage`?
              sent since the last `expect`:
                { to = "nor", by = "email", kind = "opened", step = 0, subject = "outage at Cottage" }
                { to = "ann@example.com", by = "email", kind = "opened", step = 0, subject = "outage at Cottage" }
                { to = "pager", by = "email", kind = "opened", step = 0, subject = "outage at Cottage" }
                { to = "pager", by = "webhook", kind = "opened", step = 0, subject = "outage at Cottage" }
    "#);
    assert_snapshot!(problem(&told("told = [{ to = \"ownrs\" }]\nnot_told = [{ to = \"nro\" }, { rule = \"outag\" }]")), @r#"
    error: there is no recipient or group `ownrs`
     --> tests/a.toml:7:16
      |
    7 | told = [{ to = "ownrs" }]
      |                ^^^^^^^
      |
      = help: did you mean `owners`?

    error: there is no recipient or group `nro`
     --> tests/a.toml:8:20
      |
    8 | not_told = [{ to = "nro" }, { rule = "outag" }]
      |                    ^^^^^
      |
      = help: did you mean `nor`?

    error: there is no rule `outag`
     --> tests/a.toml:8:38
      |
    8 | not_told = [{ to = "nro" }, { rule = "outag" }]
      |                                      ^^^^^^^
      |
      = help: did you mean `outage`?

    3 problems found; nothing was changed
    "#);
    assert_snapshot!(problem(&told("told = [{ to = \"@account\", by = \"webhook\" }]")), @r#"
    error: nobody in `@account` has a channel `webhook`
     --> tests/a.toml:7:16
      |
    7 | told = [{ to = "@account", by = "webhook" }]
      |                ^^^^^^^^^^

    1 problem found; nothing was changed
    "#);
}

#[test]
fn an_account_without_addresses_is_nobody() {
    let nobody = format!("account = []\n{HEAD}[[step]]\nat = \"0s\"\nset = {{ power = \"off\" }}\n");
    let play = |expected: &str| play_by(&outage("{ notify = [\"owners\"] }"), &format!("{nobody}{expected}"));
    assert_eq!(play("expect = [{ to = \"owners\" }]"), "as expected");
    assert_eq!(play("expect = [{ to = \"nor\" }]"), "as expected");
    assert_snapshot!(problem(&play("told = [{ to = \"@account\" }]")), @r#"
    error: `@account` is nobody here: the account has no address
     --> tests/a.toml:8:16
      |
    8 | told = [{ to = "@account" }]
      |                ^^^^^^^^^^
      |
      = help: give the scenario the addresses of an account: account = ["ann@example.com"]

    1 problem found; nothing was changed
    "#);
}

#[test]
fn a_scenario_gives_the_addresses_of_the_account() {
    let two = format!("account = [\"bo@example.com\", \"cy@example.com\"]\n{HEAD}");
    let story = "[[step]]\nat = \"0s\"\nset = { power = \"off\" }\n\
                 expect = [{ to = \"nor\" }, { to = \"bo@example.com\" }, { to = \"cy@example.com\" }]";
    assert_eq!(play_by(&outage("{ notify = [\"owners\"] }"), &format!("{two}{story}")), "as expected");
    assert_snapshot!(problem(&play(&format!("account = [\"Bo <bo@example.com>\"]\n{HEAD}{story}"))), @r#"
    error: `Bo <bo@example.com>` is not an email address
     --> tests/a.toml:1:12
      |
    1 | account = ["Bo <bo@example.com>"]
      |            ^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write it as user@host, without a name

    1 problem found; nothing was changed
    "#);
    assert_snapshot!(problem(&play(&format!("account = \"bo@example.com\"\n{HEAD}{story}"))), @r#"
    error: `account` is a list of strings, like `["owners"]`, not a string
     --> tests/a.toml:1:11
      |
    1 | account = "bo@example.com"
      |           ^^^^^^^^^^^^^^^^

    1 problem found; nothing was changed
    "#);
}

#[test]
fn a_scenario_without_a_device_is_about_the_first() {
    let text = "name = \"a\"\nstart = \"2026-01-10T18:00:00Z\"\n[[step]]\nat = \"1m\"\nexpect = []";
    let engine = engine(&outage("{ notify = [\"nor\"] }"), None);
    let barn = Device { id: "barn".into(), ..cottage() };
    let devices = BTreeMap::from([("cottage".into(), cottage()), ("barn".into(), barn)]);
    let scenario = Scenario::parse("a.toml", text, &engine, &devices, &others()).unwrap();
    assert_eq!(scenario.device.id, "barn");
    assert!(Scenario::devices(text).is_empty());
    let problems = Scenario::parse("a.toml", text, &engine, &BTreeMap::new(), &others()).unwrap_err();
    assert_snapshot!(problems, @r#"
    error: there is no device: config.toml declares none
     --> a.toml:1:1
      |
    1 | name = "a"
      | ^

    1 problem found; nothing was changed
    "#);
}

#[test]
fn names_of_earlier_rules_may_still_be_told() {
    // Ada is a recipient of `harder` alone, and so is the rule `long-outage`.
    let story = r#"
        [[step]]
        at = "0s"
        rules = "harder"
        [[step]]
        at = "1m"
        not_told = [{ to = "ada" }, { rule = "long-outage" }, { rule = "outage" }]
        expect = []
    "#;
    assert_eq!(play(&format!("{HEAD}{story}")), "as expected");
}

/// Returns the problems without the timeline.
fn problem(told: &str) -> String {
    told.split("\n\n        0s").next().unwrap().to_owned()
}
