//! Mistakes in `fallback`.

use insta::assert_snapshot;

use super::{alone, recipients};

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

    error: `99999d` is too long: 3660 days is the longest duration
      --> rules.toml:12:18
       |
    12 | fallback_after = "99999d"
       |                  ^^^^^^^^

    error: `fallback_after` is a string in quotes, not an integer
      --> rules.toml:16:18
       |
    16 | fallback_after = 5
       |                  ^
       |
       = help: write it in quotes with its unit, like `"5s"`

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
