//! Mistakes in `quiet` and `fallback`, and rules that nobody hears of at night.

use insta::assert_snapshot;

use super::{alone, warnings};

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
