//! Names of rules, devices, facts, recipients and folders that a scenario may use.

use insta::assert_snapshot;

use super::{step, steps};

#[test]
fn an_unknown_name_is_shown_with_the_nearest_one() {
    assert_snapshot!(step("ack = { by = \"nor\", rule = \"outrage\" }"), @r#"
    error: there is no rule `outrage`
     --> tests/a.toml:6:28
      |
    6 | ack = { by = "nor", rule = "outrage" }
      |                            ^^^^^^^^^
      |
      = help: did you mean `outage`?

    1 problem found; nothing was changed
    "#);
    assert_snapshot!(step("snooze = { for = \"1h\", rule = \"outrage\" }"), @r#"
    error: there is no rule `outrage`
     --> tests/a.toml:6:31
      |
    6 | snooze = { for = "1h", rule = "outrage" }
      |                               ^^^^^^^^^
      |
      = help: did you mean `outage`?

    1 problem found; nothing was changed
    "#);
    assert_snapshot!(step("silence = { for = \"1h\", rule = \"outrage\", device = \"cotage\" }"), @r#"
    error: there is no rule `outrage`
     --> tests/a.toml:6:32
      |
    6 | silence = { for = "1h", rule = "outrage", device = "cotage" }
      |                                ^^^^^^^^^
      |
      = help: did you mean `outage`?

    error: there is no device `cotage`
     --> tests/a.toml:6:52
      |
    6 | silence = { for = "1h", rule = "outrage", device = "cotage" }
      |                                                    ^^^^^^^^
      |
      = help: did you mean `cottage`?

    2 problems found; nothing was changed
    "#);
    assert_snapshot!(step("fail = [\"nora\", { to = \"kin\", by = \"email\" }, \"anne@example.com\"]"), @r#"
    error: there is no recipient `nora`
     --> tests/a.toml:6:9
      |
    6 | fail = ["nora", { to = "kin", by = "email" }, "anne@example.com"]
      |         ^^^^^^
      |
      = help: did you mean `nor`?

    error: there is no recipient `kin`
     --> tests/a.toml:6:24
      |
    6 | fail = ["nora", { to = "kin", by = "email" }, "anne@example.com"]
      |                        ^^^^^
      |
      = help: did you mean `kim`?

    error: there is no recipient `anne@example.com`
     --> tests/a.toml:6:47
      |
    6 | fail = ["nora", { to = "kin", by = "email" }, "anne@example.com"]
      |                                               ^^^^^^^^^^^^^^^^^^
      |
      = help: did you mean `ann@example.com`?

    3 problems found; nothing was changed
    "#);
    assert_snapshot!(step("readings = [{ at = \"5m\", set = { powr = \"off\", power = 3 } }]"), @r#"
    error: there is no fact `powr`
     --> tests/a.toml:6:34
      |
    6 | readings = [{ at = "5m", set = { powr = "off", power = 3 } }]
      |                                  ^^^^
      |
      = help: did you mean `power`?

    error: `power` cannot take this value
     --> tests/a.toml:6:48
      |
    6 | readings = [{ at = "5m", set = { powr = "off", power = 3 } }]
      |                                                ^^^^^
      |
      = help: it is `on` or `off`, or "unknown"

    2 problems found; nothing was changed
    "#);
    assert_snapshot!(step("rules = \"hardr\""), @r#"
    error: there is no folder `hardr`
     --> tests/a.toml:6:9
      |
    6 | rules = "hardr"
      |         ^^^^^^^
      |
      = help: did you mean `harder`?

    1 problem found; nothing was changed
    "#);
    assert_snapshot!(step("rules = \"../elsewhere\""), @r#"
    error: there is no folder `../elsewhere`
     --> tests/a.toml:6:9
      |
    6 | rules = "../elsewhere"
      |         ^^^^^^^^^^^^^^
      |
      = help: make it beside this file, with the *.toml and *.rhai of other rules

    1 problem found; nothing was changed
    "#);
}

#[test]
fn deliveries_fail_only_for_a_recipient_with_that_channel() {
    assert_snapshot!(step("fail = [\"owners\"]"), @r#"
    error: there is no recipient `owners`
     --> tests/a.toml:6:9
      |
    6 | fail = ["owners"]
      |         ^^^^^^^^
      |
      = help: `owners` is a group; list its members here instead

    1 problem found; nothing was changed
    "#);
    assert_snapshot!(step("fail = [{ to = \"nor\", by = \"webhook\" }, { to = \"pager\", by = \"webhook\" }]"), @r#"
    error: `nor` has no webhook
     --> tests/a.toml:6:28
      |
    6 | fail = [{ to = "nor", by = "webhook" }, { to = "pager", by = "webhook" }]
      |                            ^^^^^^^^^

    1 problem found; nothing was changed
    "#);
    assert_snapshot!(step("fail = [{ by = \"email\" }, { to = \"nor\", by = \"mail\" }, 3]"), @r#"
    error: an entry of `fail` needs `to`
     --> tests/a.toml:6:9
      |
    6 | fail = [{ by = "email" }, { to = "nor", by = "mail" }, 3]
      |         ^^^^^^^^^^^^^^^^

    error: `by` is one of `email`, `webhook`, not `mail`
     --> tests/a.toml:6:46
      |
    6 | fail = [{ by = "email" }, { to = "nor", by = "mail" }, 3]
      |                                              ^^^^^^
      |
      = help: did you mean `email`?

    error: an entry of `fail` is a table, this is an integer
     --> tests/a.toml:6:56
      |
    6 | fail = [{ by = "email" }, { to = "nor", by = "mail" }, 3]
      |                                                        ^

    3 problems found; nothing was changed
    "#);
    assert_snapshot!(step("fail = \"nor\""), @r#"
    error: `fail` is a list of recipients, like ["nor", { to = "kim", by = "email" }], not a string
     --> tests/a.toml:6:8
      |
    6 | fail = "nor"
      |        ^^^^^

    1 problem found; nothing was changed
    "#);
    assert_eq!(step("fail = [\"nor\", \"ann@example.com\", { to = \"pager\", by = \"webhook\" }]"), "as expected");
}

#[test]
fn rules_that_do_not_compile_are_told_in_their_own_file() {
    // Of what a folder cannot define nothing is known: no further names are doubted.
    assert_snapshot!(steps(
        "[[step]]\nat = \"0s\"\nrules = \"broken\"\n[[step]]\nat = \"1m\"\nrules = \"broken\"\nfail = [\"bob\"]"
    ), @r#"
    error: the rules of `broken` cannot be put in force
     --> tests/a.toml:6:9
      |
    6 | rules = "broken"
      |         ^^^^^^^^
      |
      = help: what is wrong with them is told below

    error: there is no escalation `al`
     --> tests/broken/rules.toml:6:14
      |
    6 | escalation = "al"
      |              ^^^^
      |
      = help: did you mean `all`?

    error: there is no recipient `kin`
      --> tests/broken/who.toml:12:12
       |
    12 | friends = ["kin"]
       |            ^^^^^
       |
       = help: did you mean `kim`?

    3 problems found; nothing was changed
    "#);
}

#[test]
fn names_are_those_of_the_rules_in_force() {
    let reload = "[[step]]\nat = \"0s\"\nrules = \"harder\"\n[[step]]\nat = \"1m\"\n";
    let later = |text: &str| steps(&format!("{reload}{text}"));
    assert_eq!(later("fail = [\"ada\", \"nor\"]\nsilence = { for = \"1h\", rule = \"long-outage\" }"), "as expected");
    assert_snapshot!(later("silence = { for = \"1h\", rule = \"outage\" }"), @r#"
    error: there is no rule `outage`
     --> tests/a.toml:9:32
      |
    9 | silence = { for = "1h", rule = "outage" }
      |                                ^^^^^^^^
      |
      = help: here the rules of `harder` are in force

    1 problem found; nothing was changed
    "#);
    // Not before.
    assert_snapshot!(steps(&format!("[[step]]\nat = \"0s\"\nfail = [\"ada\"]\n{reload}")), @r#"
    error: there is no recipient `ada`
     --> tests/a.toml:6:9
      |
    6 | fail = ["ada"]
      |         ^^^^^

    1 problem found; nothing was changed
    "#);
}
