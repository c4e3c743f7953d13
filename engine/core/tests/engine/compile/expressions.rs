//! Conditions that are no expression, and the place that the caret shows.

use insta::assert_snapshot;

use super::{alone, condition};

#[test]
fn a_text_that_is_no_expression_is_refused_where_it_breaks() {
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
      |
      = help: a name in a heading has letters a–z, digits, `-` and `_`

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
fn rhai_that_conditions_do_not_know_is_refused() {
    for (when, message) in [
        ("power?.held(\"1m\")", "this cannot stand behind a dot here"),
        ("known!(battery)", "`!` cannot stand behind a function"),
        ("battery in 1", "there is no function or operator `in` in conditions"),
    ] {
        let told = condition(&format!("'{when}'"));
        assert!(told.contains(message), "{told}");
    }
}
