//! Mistakes in a condition.

use insta::assert_snapshot;

use super::{alone, condition};

#[test]
fn a_misspelt_name_in_a_condition_is_told_with_the_nearest_one() {
    assert_snapshot!(condition("'powr == off'"), @"
    error: there is no fact or value `powr`
     --> rules.toml:2:9
      |
    2 | when = 'powr == off'
      |         ^^^^
      |
      = help: did you mean `power`?
    ");
    assert_snapshot!(condition("'power == of'"), @"
    error: there is no fact or value `of`
     --> rules.toml:2:18
      |
    2 | when = 'power == of'
      |                  ^^
      |
      = help: did you mean `on`?
    ");
    assert_snapshot!(condition("'temperature < 3'"), @"
    error: there is no fact or value `temperature`
     --> rules.toml:2:9
      |
    2 | when = 'temperature < 3'
      |         ^^^^^^^^^^^
      |
      = help: the facts are `battery`, `battery_mv`, `connection`, `door`, `power`
    ");
    assert_snapshot!(condition("'power.chnges(\"10m\") > 2'"), @r#"
    error: a fact has no function `chnges`
     --> rules.toml:2:15
      |
    2 | when = 'power.chnges("10m") > 2'
      |               ^^^^^^
      |
      = help: did you mean `changes`?
    "#);
    assert_snapshot!(condition("'knwn(battery)'"), @"
    error: there is no function or operator `knwn` in conditions
     --> rules.toml:2:9
      |
    2 | when = 'knwn(battery)'
      |         ^^^^
      |
      = help: did you mean `known`?
    ");
    assert_snapshot!(condition("'weekday() == \"sta\"'"), @r#"
    error: there is no day `sta`
     --> rules.toml:2:22
      |
    2 | when = 'weekday() == "sta"'
      |                      ^^^^^
      |
      = help: did you mean `sat`?
    "#);
    assert_snapshot!(condition("'power == \"off\"'"), @r#"
    error: a text in quotes cannot stand here
     --> rules.toml:2:18
      |
    2 | when = 'power == "off"'
      |                  ^^^^^
      |
      = help: write `off` without quotes
    "#);
}

#[test]
fn what_can_never_be_compared_is_refused() {
    assert_snapshot!(condition("'power < 3'"), @"
    error: this is `on` or `off`, where a number is needed
     --> rules.toml:2:9
      |
    2 | when = 'power < 3'
      |         ^^^^^
    ");
    assert_snapshot!(condition("'battery == on'"), @"
    error: `battery` can never equal `on`: one is a number, the other `on` or `off`
     --> rules.toml:2:20
      |
    2 | when = 'battery == on'
      |                    ^^
    ");
    assert_snapshot!(condition("'connection == off'"), @"
    error: `connection` can never equal `off`: one is `connected` or `disconnected`, the other `on` or `off`
     --> rules.toml:2:23
      |
    2 | when = 'connection == off'
      |                       ^^^
    ");
    assert_snapshot!(condition("'power'"), @"
    error: a condition is true or false, this is `on` or `off`
     --> rules.toml:2:9
      |
    2 | when = 'power'
      |         ^^^^^
      |
      = help: compare it, as in `power == off`
    ");
    assert_snapshot!(condition("'battery && power == off'"), @"
    error: this is a number, where true or false is needed
     --> rules.toml:2:9
      |
    2 | when = 'battery && power == off'
      |         ^^^^^^^
      |
      = help: compare it, as in `power == off`
    ");
    assert_snapshot!(condition("'battery / 0 > 1'"), @"
    error: this may divide by zero
     --> rules.toml:2:19
      |
    2 | when = 'battery / 0 > 1'
      |                   ^
      |
      = help: divide by a number that is written out and not zero
    ");
    assert_snapshot!(condition("'battery / battery > 1'"), @"
    error: this may divide by zero
     --> rules.toml:2:19
      |
    2 | when = 'battery / battery > 1'
      |                   ^^^^^^^
      |
      = help: divide by a number that is written out and not zero
    ");
}

#[test]
fn functions_say_what_they_take() {
    assert_snapshot!(condition("'between(\"22:00\", \"22:00\")'"), @r#"
    error: both ends are the same
     --> rules.toml:2:26
      |
    2 | when = 'between("22:00", "22:00")'
      |                          ^^^^^^^
      |
      = help: a span that begins when it ends is never; leave `between` out for always
    "#);
    assert_snapshot!(condition("'between(\"24:00\", \"7:00\")'"), @r#"
    error: `24:00` is not a time of the day
     --> rules.toml:2:17
      |
    2 | when = 'between("24:00", "7:00")'
      |                 ^^^^^^^
      |
      = help: write it as `07:00`, from `00:00` to `23:59`
    error: `7:00` is not a time of the day
     --> rules.toml:2:26
      |
    2 | when = 'between("24:00", "7:00")'
      |                          ^^^^^^
      |
      = help: write it as `07:00`, from `00:00` to `23:59`
    "#);
    assert_snapshot!(condition("'between(\"+7:00\", \"-0:30\")'"), @r#"
    error: `+7:00` is not a time of the day
     --> rules.toml:2:17
      |
    2 | when = 'between("+7:00", "-0:30")'
      |                 ^^^^^^^
      |
      = help: write it as `07:00`, from `00:00` to `23:59`
    error: `-0:30` is not a time of the day
     --> rules.toml:2:26
      |
    2 | when = 'between("+7:00", "-0:30")'
      |                          ^^^^^^^
      |
      = help: write it as `07:00`, from `00:00` to `23:59`
    "#);
    assert_snapshot!(condition("'power.held(\"soon\")'"), @r#"
    error: `soon` is not a duration: write integers with units, like `500ms`, `30s`, `5m`, `1h30m` or `2d`
     --> rules.toml:2:20
      |
    2 | when = 'power.held("soon")'
      |                    ^^^^^^
    "#);
    assert_snapshot!(condition("'power.held(\"0s\")'"), @r#"
    error: `held` needs a length of time above zero
     --> rules.toml:2:20
      |
    2 | when = 'power.held("0s")'
      |                    ^^^^
    "#);
    assert_snapshot!(condition("'changes(power) > 3'"), @r#"
    error: `changes` stands behind a fact
     --> rules.toml:2:9
      |
    2 | when = 'changes(power) > 3'
      |         ^^^^^^^
      |
      = help: write `power.changes("10m")`
    "#);
    assert_snapshot!(condition("'known(3)'"), @"
    error: `known` takes one fact
     --> rules.toml:2:9
      |
    2 | when = 'known(3)'
      |         ^^^^^
      |
      = help: write `known(battery)`
    ");
}

#[test]
fn what_is_no_expression_is_refused_where_it_breaks() {
    assert_snapshot!(condition("'power == '"), @"
    error: this is not an expression: Script is incomplete
     --> rules.toml:2:18
      |
    2 | when = 'power == '
      |                  ^
    ");
    assert_snapshot!(condition("'if power == off { true }'"), @"
    error: this cannot stand in a condition
     --> rules.toml:2:9
      |
    2 | when = 'if power == off { true }'
      |         ^^
      |
      = help: conditions are made of facts, numbers, comparisons, `&&`, `||`, `!`, `+ - * / %` and the functions `known`, `changes`, `held`, `between`, `weekday`
    ");
    assert_snapshot!(condition("''"), @"
    error: this is not an expression: Script is incomplete
     --> rules.toml:2:9
      |
    2 | when = ''
      |         ^
    ");
    assert_snapshot!(condition("'eval(\"true\")'"), @r#"
    error: this is not an expression: reserved keyword 'eval' is disabled
     --> rules.toml:2:9
      |
    2 | when = 'eval("true")'
      |         ^
    "#);
}

#[test]
fn the_caret_stands_under_the_place_in_every_kind_of_string() {
    assert_snapshot!(condition("'battery < 20 && powr == off'"), @"
    error: there is no fact or value `powr`
     --> rules.toml:2:25
      |
    2 | when = 'battery < 20 && powr == off'
      |                         ^^^^
      |
      = help: did you mean `power`?
    ");
    // Behind escapes places cannot be counted: all of it is shown.
    assert_snapshot!(condition("\"between(\\\"22:00\\\", \\\"07:00\\\") && powr == off\""), @r#"
    error: there is no fact or value `powr`
     --> rules.toml:2:8
      |
    2 | when = "between(\"22:00\", \"07:00\") && powr == off"
      |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: did you mean `power`?
    "#);
    assert_snapshot!(condition("'''\nbattery < 20\n  && powr == off'''"), @"
    error: there is no fact or value `powr`
     --> rules.toml:4:6
      |
    4 |   && powr == off'''
      |      ^^^^
      |
      = help: did you mean `power`?
    ");
    assert_snapshot!(alone("[rule.größe]\nwhen = 'power == off' # ä\nescalaton = 'é'"), @"
    error: a rule needs `escalation`
     --> rules.toml:1:1
      |
    1 | [rule.größe]
      | ^^^^^^^^^^^^

    error: invalid unquoted key, expected letters, numbers, `-`, `_`
     --> rules.toml:1:9
      |
    1 | [rule.größe]
      |         ^^

    error: unknown key `escalaton`
     --> rules.toml:3:1
      |
    3 | escalaton = 'é'
      | ^^^^^^^^^
      |
      = help: did you mean `escalation`?

    3 problems found; nothing was changed
    ");
    assert_snapshot!(condition("'grün == off'"), @"
    error: this is not an expression: Unexpected 'Unexpected 'ü''
     --> rules.toml:2:11
      |
    2 | when = 'grün == off'
      |           ^
    ");
}

#[test]
fn a_condition_that_is_nested_too_deep_is_refused() {
    for deep in [["(".repeat(5_000), ")".repeat(5_000)].join("true"), "!".repeat(5_000) + "true"] {
        assert!(condition(&format!("'{deep}'")).contains("this is not an expression"), "{deep}");
    }
    for long in [vec!["1"; 20_000].join(" + ") + " > 0", vec!["true"; 20_000].join(" == ")] {
        let told = condition(&format!("'{long}'"));
        assert!(told.contains("error"), "{told}");
    }
}

#[test]
fn what_rhai_knows_and_conditions_do_not_is_refused() {
    for (when, message) in [
        ("power?.held(\"1m\")", "this cannot stand behind a dot here"),
        ("known!(battery)", "`!` cannot stand behind a function"),
        ("battery in 1", "there is no function or operator `in` in conditions"),
    ] {
        let told = condition(&format!("'{when}'"));
        assert!(told.contains(message), "{told}");
    }
}
