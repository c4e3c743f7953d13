//! Mistakes in `quiet` and `fallback`, and rules that nobody hears of at night.

use dag_engine::Ruleset;
use insta::assert_snapshot;

use super::{alone, warnings};
use crate::host::sources;

fn recipient(name: &str, keys: &str) -> String {
    format!("[recipient.{name}]\nemail = \"{name}@example.com\"\n{keys}\n")
}

fn recipients(recipients: &[(&str, &str)]) -> String {
    recipients.iter().map(|(name, keys)| recipient(name, keys)).collect()
}

#[test]
fn quiet_hours_say_what_they_need() {
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
fn quiet_hours_reach_over_midnight_or_not_and_let_through_what_they_say() {
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
fn a_fallback_is_one_recipient_that_exists() {
    let groups = "[group]\nowners = [\"nor\", \"@account\"]\n";
    let all = recipients(&[
        ("nor", "fallback = \"neighbor\""),
        ("neighbour", "fallback = \"owners\""),
        ("kim", "fallback = \"@account\""),
        ("pat", "fallback = \"police\""),
        ("sam", "fallback = [\"nor\"]"),
    ]);
    assert_snapshot!(alone(&(all + groups)), @r#"
    error: there is no recipient `neighbor`
     --> rules.toml:3:12
      |
    3 | fallback = "neighbor"
      |            ^^^^^^^^^^
      |
      = help: did you mean `neighbour`?

    error: `owners` is a group, and a fallback is one recipient
     --> rules.toml:6:12
      |
    6 | fallback = "owners"
      |            ^^^^^^^^
      |
      = help: name one of its members

    error: `@account` may stand for many, and a fallback is one recipient
     --> rules.toml:9:12
      |
    9 | fallback = "@account"
      |            ^^^^^^^^^^
      |
      = help: name a recipient

    error: there is no recipient `police`
      --> rules.toml:12:12
       |
    12 | fallback = "police"
       |            ^^^^^^^^
       |
       = help: define it: [recipient.police]

    error: `fallback` is a string in quotes, not an array
      --> rules.toml:15:12
       |
    15 | fallback = ["nor"]
       |            ^^^^^^^

    5 problems found; nothing was changed
    "#);
}

#[test]
fn a_cycle_of_fallbacks_is_told_with_all_its_recipients() {
    assert_snapshot!(alone(&recipients(&[
        ("nor", "fallback = \"kim\""),
        ("kim", "fallback = \"pat\""),
        ("pat", "fallback = \"kim\""),
        ("sam", "fallback = \"sam\""),
    ])), @r#"
    error: this closes a cycle: `kim` falls back on `pat` falls back on `kim`
     --> rules.toml:9:12
      |
    9 | fallback = "kim"
      |            ^^^^^
      |
      = help: leave `kim` out here, or break the cycle elsewhere

    error: this closes a cycle: `sam` falls back on `sam`
      --> rules.toml:12:12
       |
    12 | fallback = "sam"
       |            ^^^^^
       |
       = help: leave `sam` out here

    2 problems found; nothing was changed
    "#);
}

#[test]
fn a_fallback_waits_for_a_time_above_zero() {
    assert_snapshot!(alone(&recipients(&[
        ("a", "fallback = \"kim\"\nfallback_after = \"0s\""),
        ("b", "fallback = \"kim\"\nfallback_after = \"-5m\""),
        ("c", "fallback = \"kim\"\nfallback_after = \"99999d\""),
        ("d", "fallback = \"kim\"\nfallback_after = 5"),
        ("e", "fallback_after = \"10m\""),
        ("kim", ""),
    ])), @r#"
    error: `fallback_after` is above zero
     --> rules.toml:4:18
      |
    4 | fallback_after = "0s"
      |                  ^^^^

    error: `-5m` is negative: durations count forward only
     --> rules.toml:8:18
      |
    8 | fallback_after = "-5m"
      |                  ^^^^^

    error: `99999d` is too long: ten years is the longest duration
      --> rules.toml:12:18
       |
    12 | fallback_after = "99999d"
       |                  ^^^^^^^^

    error: `fallback_after` is a string in quotes, not an integer
      --> rules.toml:16:18
       |
    16 | fallback_after = 5
       |                  ^

    error: `fallback_after` waits for a `fallback`, and there is none
      --> rules.toml:19:18
       |
    19 | fallback_after = "10m"
       |                  ^^^^^
       |
       = help: add one, like fallback = "neighbour"

    5 problems found; nothing was changed
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
    // Whom a script tells is not known.
    let scripted = asleep.replace("[rule.outage]", "[rule.outage]\nscript = \"hooks.rhai\"");
    let hooks = "fn recipients(ctx, names) { names }";
    let rules = Ruleset::compile(&sources(&[("rules.toml", &scripted), ("hooks.rhai", hooks)])).unwrap();
    assert_eq!(rules.warnings(), []);
}
