//! Mistakes in a condition: names, comparisons and functions.

use insta::assert_snapshot;

use super::condition;

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
fn values_that_can_never_be_equal_or_compared_are_refused() {
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
fn arguments_of_functions_are_checked() {
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
    assert_snapshot!(condition("'power.changes(\"1.5h\") > 3'"), @r#"
    error: `1.5h` is not a duration: did you mean `1h30m`?
     --> rules.toml:2:23
      |
    2 | when = 'power.changes("1.5h") > 3'
      |                       ^^^^^^
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
