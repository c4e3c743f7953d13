//! Keys that are misspelt, names that nothing defines, and names that are defined twice.

use insta::assert_snapshot;

use super::{alone, problems};

#[test]
fn a_misspelt_key_is_told_with_the_nearest_one() {
    assert_snapshot!(alone("[rule.r]\nwhen = \"power == off\"\nopen_afer = \"30s\"\nescalation = \"e\""), @r#"
    error: unknown key `open_afer`
     --> rules.toml:3:1
      |
    3 | open_afer = "30s"
      | ^^^^^^^^^
      |
      = help: did you mean `open_after`?

    error: there is no escalation `e`
     --> rules.toml:4:14
      |
    4 | escalation = "e"
      |              ^^^
      |
      = help: define it: [escalation] e = [{ after = "0s", notify = ["..."] }]

    2 problems found; nothing was changed
    "#);
    assert_snapshot!(alone("[rules.r]\nwhen = \"power == off\""), @"
    error: unknown key `rules`
     --> rules.toml:1:2
      |
    1 | [rules.r]
      |  ^^^^^
      |
      = help: did you mean `rule`?

    1 problem found; nothing was changed
    ");
    assert_snapshot!(alone("[recipient.nor]\nemail = \"nor@example.com\"\ncolour = \"red\""), @r#"
    error: unknown key `colour`
     --> rules.toml:3:1
      |
    3 | colour = "red"
      | ^^^^^^
      |
      = help: known here: `email`, `webhook`, `timezone`, `quiet`, `fallback`, `fallback_after`

    1 problem found; nothing was changed
    "#);
}

#[test]
fn names_that_nothing_defines_are_refused() {
    assert_snapshot!(alone("[rule.r]\nwhen = \"power == off\"\nescalation = \"al\"\nscript = \"night.rhai\"\n\
        [escalation]\nall = [{ notify = [\"nro\"] }]\n[recipient.nor]\nemail = \"nor@example.com\"\n\
        [group]\na = [\"nor\"]\nb = [\"a\", \"nobody\"]\nc = []\nd = [\"nor\", \"d\"]"), @r#"
    error: there is no escalation `al`
     --> rules.toml:3:14
      |
    3 | escalation = "al"
      |              ^^^^
      |
      = help: did you mean `all`?

    error: there is no script `night.rhai`
     --> rules.toml:4:10
      |
    4 | script = "night.rhai"
      |          ^^^^^^^^^^^^
      |
      = help: scripts are files beside this one, like `outage.rhai`; copy one of `examples/` here to use it

    error: there is no recipient or group `nro`
     --> rules.toml:6:20
      |
    6 | all = [{ notify = ["nro"] }]
      |                    ^^^^^
      |
      = help: did you mean `nor`?

    error: `a` is a group, and a group holds recipients only
      --> rules.toml:11:6
       |
    11 | b = ["a", "nobody"]
       |      ^^^
       |
       = help: list its members here instead

    error: there is no recipient `nobody`
      --> rules.toml:11:11
       |
    11 | b = ["a", "nobody"]
       |           ^^^^^^^^
       |
       = help: define it: [recipient.nobody]

    error: the group `c` is empty
      --> rules.toml:12:5
       |
    12 | c = []
       |     ^^

    error: `d` is a group, and a group holds recipients only
      --> rules.toml:13:13
       |
    13 | d = ["nor", "d"]
       |             ^^^
       |
       = help: leave it out

    7 problems found; nothing was changed
    "#);
}

#[test]
fn a_name_that_is_defined_twice_is_refused_over_files_too() {
    let nor = "[recipient.nor]\nemail = \"nor@example.com\"";
    assert_snapshot!(problems(&[("a.toml", nor), ("b.toml", &format!("{nor}\n[group]\nnor = [\"nor\"]"))]), @r#"
    error: there is already a recipient or group `nor`
     --> b.toml:1:12
      |
    1 | [recipient.nor]
      |            ^^^
      |
      = help: rename one

    error: there is already a recipient or group `nor`
     --> b.toml:4:1
      |
    4 | nor = ["nor"]
      | ^^^
      |
      = help: rename one

    2 problems found; nothing was changed
    "#);
    assert_snapshot!(alone("[rule.r]\nwhen = \"power == off\"\n[rule.r]\nwhen = \"power == on\""), @r#"
    error: a rule needs `escalation`
     --> rules.toml:3:1
      |
    3 | [rule.r]
      | ^^^^^^^^

    error: duplicate key
     --> rules.toml:3:7
      |
    3 | [rule.r]
      |       ^

    error: duplicate key
     --> rules.toml:4:1
      |
    4 | when = "power == on"
      | ^^^^

    3 problems found; nothing was changed
    "#);
}
