//! Mistakes in `quiet`, and critical rules of which nobody hears at night.

use dag_engine::Ruleset;
use insta::assert_snapshot;

use super::{alone, recipients, warnings};
use crate::host::sources;

#[test]
fn missing_and_wrong_keys_of_quiet_hours_are_refused() {
    assert_snapshot!(alone(&recipients(&[
        ("a", "quiet = true"),
        ("b", "quiet = { }"),
        ("c", "quiet = { form = \"22:30\", to = \"7:00\" }"),
        ("d", "quiet = { from = 22, to = \"24:00\", unless = \"citical\" }"),
        ("e", "quiet = { from = \"22:30\", to = \"22:30\" }"),
        ("f", "quiet = { from = \"+7:00\", to = \"07:00:00\", unless = [\"critical\"] }"),
        ("g", "quite = { from = \"22:30\", to = \"07:00\" }"),
    ])), @r#"
    error: `quiet` is a table like `{ from = "22:30", to = "07:00" }`, not a boolean
     --> rules.toml:3:9
      |
    3 | quiet = true
      |         ^^^^

    error: `quiet` needs `from`
     --> rules.toml:6:9
      |
    6 | quiet = { }
      |         ^^^

    error: `quiet` needs `to`
     --> rules.toml:6:9
      |
    6 | quiet = { }
      |         ^^^

    error: `quiet` needs `from`
     --> rules.toml:9:9
      |
    9 | quiet = { form = "22:30", to = "7:00" }
      |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

    error: unknown key `form`
     --> rules.toml:9:11
      |
    9 | quiet = { form = "22:30", to = "7:00" }
      |           ^^^^
      |
      = help: did you mean `from`?

    error: `7:00` is not a time of the day
     --> rules.toml:9:32
      |
    9 | quiet = { form = "22:30", to = "7:00" }
      |                                ^^^^^^
      |
      = help: write it as `07:00`, from `00:00` to `23:59`

    error: `from` is a string in quotes, not an integer
      --> rules.toml:12:18
       |
    12 | quiet = { from = 22, to = "24:00", unless = "citical" }
       |                  ^^

    error: `24:00` is not a time of the day
      --> rules.toml:12:27
       |
    12 | quiet = { from = 22, to = "24:00", unless = "citical" }
       |                           ^^^^^^^
       |
       = help: write it as `07:00`, from `00:00` to `23:59`

    error: `unless` is one of `info`, `warning`, `critical`, not `citical`
      --> rules.toml:12:45
       |
    12 | quiet = { from = 22, to = "24:00", unless = "citical" }
       |                                             ^^^^^^^^^
       |
       = help: did you mean `critical`?

    error: both ends are the same
      --> rules.toml:15:9
       |
    15 | quiet = { from = "22:30", to = "22:30" }
       |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: hours that end when they begin are never: leave `quiet` out, or move one end

    error: `+7:00` is not a time of the day
      --> rules.toml:18:18
       |
    18 | quiet = { from = "+7:00", to = "07:00:00", unless = ["critical"] }
       |                  ^^^^^^^
       |
       = help: write it as `07:00`, from `00:00` to `23:59`

    error: `07:00:00` is not a time of the day
      --> rules.toml:18:32
       |
    18 | quiet = { from = "+7:00", to = "07:00:00", unless = ["critical"] }
       |                                ^^^^^^^^^^
       |
       = help: write it as `07:00`, from `00:00` to `23:59`

    error: `unless` is a string in quotes, not an array
      --> rules.toml:18:53
       |
    18 | quiet = { from = "+7:00", to = "07:00:00", unless = ["critical"] }
       |                                                     ^^^^^^^^^^^^

    error: unknown key `quite`
      --> rules.toml:21:1
       |
    21 | quite = { from = "22:30", to = "07:00" }
       | ^^^^^
       |
       = help: did you mean `quiet`?

    14 problems found; nothing was changed
    "#);
}

#[test]
fn quiet_hours_may_reach_over_midnight_and_let_a_severity_through() {
    assert_eq!(
        warnings(&recipients(&[
            ("a", "quiet = { from = \"22:30\", to = \"07:00\" }"),
            ("b", "quiet = { from = \"00:00\", to = \"23:59\", unless = \"warning\" }"),
            ("c", "quiet = { from = \"13:00\", to = \"14:00\", unless = \"critical\" }"),
        ])),
        ""
    );
}

#[test]
fn quiet_hours_that_hold_nothing_are_a_warning() {
    let all = recipients(&[("a", "quiet = { from = \"22:30\", to = \"07:00\", unless = \"info\" }")]);
    assert_snapshot!(warnings(&all), @r#"
    warning: these hours hold nothing
     --> rules.toml:3:9
      |
    3 | quiet = { from = "22:30", to = "07:00", unless = "info" }
      |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: every message is at least `info`: write unless = "critical", or leave `quiet` out
    "#);
}

#[test]
fn a_critical_rule_that_tells_nobody_at_night_is_a_warning() {
    let quiet = "quiet = { from = \"22:30\", to = \"07:00\" }";
    let loud = "quiet = { from = \"22:30\", to = \"07:00\", unless = \"critical\" }";
    let later = "quiet = { from = \"23:30\", to = \"07:00\" }";
    let abroad = format!("{quiet}\ntimezone = \"Asia/Tokyo\"");
    let rule = "[rule.outage]\nwhen = \"power == off\"\nseverity = \"critical\"\nescalation = \"all\"\n";
    let with = |first: &str, kim: &str| {
        let people = recipients(&[("nor", quiet), ("kim", kim)]);
        let second = "{ after = \"30m\", notify = [\"@account\"] }";
        let all =
            format!("[escalation]\nall = [{{ notify = {first} }}, {second}]\n[group]\nboth = [\"nor\", \"kim\"]\n");
        format!("{rule}{people}{all}")
    };
    let asleep = with("[\"nor\"]", loud);
    assert_snapshot!(warnings(&asleep), @r#"
    warning: from 22:30 on, the first message of this critical rule waits until 07:00
     --> rules.toml:4:14
      |
    4 | escalation = "all"
      |              ^^^^^
      |
      = help: all whom it tells at once are quiet then: add unless = "critical" to their `quiet`, or tell somebody else too
    "#);
    // Also through a group, and where two have the same hours.
    assert_eq!(warnings(&with("[\"both\", \"nor\"]", quiet)), warnings(&asleep));
    let told = [
        with("[\"both\"]", ""),
        with("[\"both\"]", loud),
        with("[\"both\"]", later),
        with("[\"both\"]", &abroad),
        with("[\"nor\", \"@account\"]", loud),
        with("[\"nor\"] }, { after = \"0s\", notify = [\"kim\"]", loud),
        asleep.replace("critical\"\nesc", "warning\"\nesc"),
    ];
    for rules in told {
        assert_eq!(warnings(&rules), "", "{rules}");
    }
    // The recipients of a script are unknown.
    let scripted = asleep.replace("[rule.outage]", "[rule.outage]\nscript = \"hooks.rhai\"");
    let hooks = "fn recipients(ctx, names) { names }";
    let rules = Ruleset::compile(&sources(&[("rules.toml", &scripted), ("hooks.rhai", hooks)])).unwrap();
    assert_eq!(rules.warnings(), []);
}
