//! `told` and `not_told`, and `expect` that takes anything.

use insta::assert_snapshot;

use super::{HEAD, play_by, play_with, step, steps};
use crate::host::{PEOPLE, engine_alone, outage};

#[test]
fn told_and_not_told_speak_of_some_of_the_messages_since_the_last_expect() {
    let story = r#"
        [[step]]
        at = "0s"
        set = { power = "off" }
        not_told = [{ kind = "opened" }]
        [[step]]
        at = "1m"
        told = [{ kind = "opened" }]
        not_told = [{ kind = "resolved" }]
        [[step]]
        at = "1m"
        set = { power = "on" }
        told = [{ kind = "opened" }]
        [[step]]
        at = "2m"
        told = [{ kind = "opened", rule = "outage" }, { to = "nor", kind = "resolved", subject = "outage*" }]
        expect = [{ kind = "opened" }, { kind = "resolved" }]
        not_told = [{ kind = "past" }]
        [[step]]
        at = "3m"
        not_told = [{ kind = "opened" }, { kind = "resolved" }]
        expect = []
    "#;
    assert_eq!(steps(story), "as expected");
}

#[test]
fn expect_may_take_anything() {
    let story = r#"
        [[step]]
        at = "0s"
        set = { power = "off" }
        [[step]]
        at = "1m"
        expect = "anything"
        [[step]]
        at = "2m"
        not_told = [{ kind = "opened" }]
        expect = []
        [[step]]
        at = "3m"
        expect = "anything"
    "#;
    assert_eq!(steps(story), "as expected");
}

#[test]
fn a_message_that_is_missing_or_came_all_the_same_is_shown() {
    let story = r#"[[step]]
at = "0s"
set = { power = "off" }
[[step]]
at = "1m"
told = [{ kind = "resolved" }, { kind = "opened" }, { kind = "past", rule = "outage" }]
not_told = [{ to = "nor" }]"#;
    assert_snapshot!(steps(story), @r#"
    error: this was not sent
     --> tests/a.toml:9:9
      |
    9 | told = [{ kind = "resolved" }, { kind = "opened" }, { kind = "past", rule = "outage" }]
      |         ^^^^^^^^^^^^^^^^^^^^^
      |
      = help: sent since the last `expect`:
                { to = "nor", by = "email", kind = "opened", step = 0, subject = "outage at Cottage" }
    error: this was not sent
     --> tests/a.toml:9:53
      |
    9 | told = [{ kind = "resolved" }, { kind = "opened" }, { kind = "past", rule = "outage" }]
      |                                                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: sent since the last `expect`:
                { to = "nor", by = "email", kind = "opened", step = 0, subject = "outage at Cottage" }
    error: this was sent
      --> tests/a.toml:10:13
       |
    10 | not_told = [{ to = "nor" }]
       |             ^^^^^^^^^^^^^^
       |
       = help: sent since the last `expect`, and like this:
                 { to = "nor", by = "email", kind = "opened", step = 0, subject = "outage at Cottage" }

            0s  outage: condition true; opens at 2026-01-10T18:00:30Z if it stays so
           30s  outage: incident opened; it began at 2026-01-10T18:00:00Z
           30s  outage: step 0 fires
           30s  outage: message to nor by email, opened: outage at Cottage
    "#);
}

#[test]
fn what_is_about_the_monitor_itself_has_no_rule() {
    let story = "[[step]]\nat = \"0s\"\nset = { power = \"on\" }\n[[step]]\nat = \"1m\"\nset = { power = \"unknown\" }\n\
                 [[step]]\nat = \"1d\"\nexpect = [{ rule = \"outage\" }]";
    let rules = format!("{}\n{PEOPLE}", outage("{ notify = [\"nor\"] }"));
    let told = play_with(&engine_alone(&rules, &["owners"]), &format!("{HEAD}{story}"));
    assert!(told.contains("it is about the monitor itself, not about the rule `outage`"), "{told}");
}

#[test]
fn of_very_many_messages_some_are_listed() {
    let restless = outage("{ notify = [\"nor\"], repeat = \"1m\" }");
    let story = "[[step]]\nat = \"0s\"\nset = { power = \"off\" }\n[[step]]\nat = \"1h\"\ntold = [{ kind = \"past\" }]";
    let told = play_by(&restless, &format!("{HEAD}{story}"));
    assert!(told.contains("  and 41 more"), "{told}");
}

#[test]
fn mistakes_in_these_lists_are_shown() {
    assert_snapshot!(step("told = []\nnot_told = { kind = \"opened\" }\nexpect = \"anythin\""), @r#"
    error: an empty `told` says nothing
     --> tests/a.toml:6:8
      |
    6 | told = []
      |        ^^
      |
      = help: list messages in it; `expect = []` says that nobody was told of anything

    error: `not_told` is a list of messages, like [{ to = "owners", kind = "opened" }], not a table
     --> tests/a.toml:7:12
      |
    7 | not_told = { kind = "opened" }
      |            ^^^^^^^^^^^^^^^^^^^

    error: `expect` is a list of messages, like [{ to = "nor", kind = "opened" }], or "anything", not a string
     --> tests/a.toml:8:10
      |
    8 | expect = "anythin"
      |          ^^^^^^^^^

    3 problems found; nothing was changed
    "#);
    assert_snapshot!(step("told = [{ kind = \"open\" }, 3]\nnot_told = [{ whom = \"nor\" }]"), @r#"
    error: `kind` is one of `opened`, `escalated`, `reminder`, `acknowledged`, `resolved`, `past`, `system`, not `open`
     --> tests/a.toml:6:18
      |
    6 | told = [{ kind = "open" }, 3]
      |                  ^^^^^^
      |
      = help: did you mean `opened`?

    error: an expected message is a table, this is an integer
     --> tests/a.toml:6:28
      |
    6 | told = [{ kind = "open" }, 3]
      |                            ^

    error: unknown key `whom`
     --> tests/a.toml:7:15
      |
    7 | not_told = [{ whom = "nor" }]
      |               ^^^^
      |
      = help: known here: `to`, `by`, `kind`, `rule`, `step`, `subject`

    3 problems found; nothing was changed
    "#);
}
