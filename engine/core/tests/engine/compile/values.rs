//! Keys that are missing and values that are wrong.

use insta::assert_snapshot;

use super::alone;

#[test]
fn missing_and_wrong_keys_of_a_step_are_refused() {
    assert_snapshot!(alone("[escalation]\na = []\nb = [{ after = \"5m\", notify = [] }, { notify = [\"@account\"] }]\n\
        c = [{ notify = [\"@account\"], repeat = \"0s\" }, { after = \"1m\", at_most = 3 }]\nd = 3\ne = { }"), @r#"
    error: an escalation without steps tells nobody
     --> rules.toml:2:5
      |
    2 | a = []
      |     ^^
      |
      = help: write at least one: { after = "0s", notify = ["owners"] }

    error: this step tells nobody
     --> rules.toml:3:6
      |
    3 | b = [{ after = "5m", notify = [] }, { notify = ["@account"] }]
      |      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

    error: the first step's `after` is 0s
     --> rules.toml:3:16
      |
    3 | b = [{ after = "5m", notify = [] }, { notify = ["@account"] }]
      |                ^^^^
      |
      = help: the first step fires when the incident opens; to wait longer, raise the rule's `open_after`

    error: a later step needs `after`
     --> rules.toml:3:37
      |
    3 | b = [{ after = "5m", notify = [] }, { notify = ["@account"] }]
      |                                     ^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: like after = "30m"

    error: `repeat` is above zero
     --> rules.toml:4:40
      |
    4 | c = [{ notify = ["@account"], repeat = "0s" }, { after = "1m", at_most = 3 }]
      |                                        ^^^^

    error: a step needs `notify`
     --> rules.toml:4:48
      |
    4 | c = [{ notify = ["@account"], repeat = "0s" }, { after = "1m", at_most = 3 }]
      |                                                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: like notify = ["owners"]

    error: `at_most` counts repeats, and there is no `repeat`
     --> rules.toml:4:48
      |
    4 | c = [{ notify = ["@account"], repeat = "0s" }, { after = "1m", at_most = 3 }]
      |                                                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

    error: this is no escalation
     --> rules.toml:5:5
      |
    5 | d = 3
      |     ^
      |
      = help: write a list of steps: [{ after = "0s", notify = ["owners"] }]

    error: an escalation needs `steps`
     --> rules.toml:6:5
      |
    6 | e = { }
      |     ^^^

    9 problems found; nothing was changed
    "#);
}

#[test]
fn missing_and_wrong_keys_of_a_recipient_are_refused() {
    assert_snapshot!(alone("[recipient.a]\n[recipient.b]\nemail = \"Nor <nor@example.com>\"\n\
        [recipient.c]\nemail = \"c@example.com\"\ntimezone = \"Europe/Londn\"\n\
        [recipient.d]\nwebhook = { url = \"example.com\", secret = \"hunter2\" }\n\
        [recipient.e]\nwebhook = { url = \"https://example.com\", secret = [\"env:A\", \"env:B\", \"env:C\"] }"), @r#"
    error: the recipient `a` cannot be reached
     --> rules.toml:1:1
      |
    1 | [recipient.a]
      | ^^^^^^^^^^^^^
      |
      = help: give it `email` or `webhook`

    error: `Nor <nor@example.com>` is not an email address
     --> rules.toml:3:9
      |
    3 | email = "Nor <nor@example.com>"
      |         ^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write it as user@host, without a name

    error: there is no time zone `Europe/Londn`: did you mean `Europe/London`?
     --> rules.toml:6:12
      |
    6 | timezone = "Europe/Londn"
      |            ^^^^^^^^^^^^^^

    error: this is not a URL that can be called
     --> rules.toml:8:19
      |
    8 | webhook = { url = "…", secret = "…" }
      |                   ^^^
      |
      = help: write it as https://host/path

    error: a secret is never written into a file
     --> rules.toml:8:43
      |
    8 | webhook = { url = "……………………………", secret = "…" }
      |                                           ^^^
      |
      = help: a secret is only named here, never written: use `env:NAME` or `file:PATH`

    error: a webhook has at most two secrets, the newer first
      --> rules.toml:10:11
       |
    10 | webhook = { url = "…", secret = ["env:A", "env:B", "env:C"] }
       |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

    6 problems found; nothing was changed
    "#);
}

#[test]
fn wrong_values_are_refused_with_what_they_may_be() {
    assert_snapshot!(alone("[rule.r]\nwhen = true\nescalation = \"all\"\nseverity = \"criticl\"\nopen_after = 30\n\
        close_after = \"-1s\"\nrun_on = \"moon\"\n[escalation]\nall = [{ notify = \"nor\", at_most = -1 }]"), @r#"
    error: `when` is a string in quotes, not a boolean
     --> rules.toml:2:8
      |
    2 | when = true
      |        ^^^^

    error: `severity` is one of `info`, `warning`, `critical`, not `criticl`
     --> rules.toml:4:12
      |
    4 | severity = "criticl"
      |            ^^^^^^^^^
      |
      = help: did you mean `critical`?

    error: `open_after` is a string in quotes, not an integer
     --> rules.toml:5:14
      |
    5 | open_after = 30
      |              ^^
      |
      = help: write it in quotes with its unit, like `"30s"`

    error: `-1s` is negative: durations count forward only
     --> rules.toml:6:15
      |
    6 | close_after = "-1s"
      |               ^^^^^

    error: `run_on` is one of `edge`, `cloud`, `anywhere`, not `moon`
     --> rules.toml:7:10
      |
    7 | run_on = "moon"
      |          ^^^^^^

    error: `notify` is a list of strings, like `["owners"]`, not a string
     --> rules.toml:9:19
      |
    9 | all = [{ notify = "nor", at_most = -1 }]
      |                   ^^^^^

    error: `at_most` is a whole number from 0, not an integer
     --> rules.toml:9:36
      |
    9 | all = [{ notify = "nor", at_most = -1 }]
      |                                    ^^

    7 problems found; nothing was changed
    "#);
}

#[test]
fn a_duration_in_other_words_is_shown_with_the_one_that_was_meant() {
    let rule = "[rule.r]\nwhen = \"power == off\"\nopen_after = \"5min\"\nescalation = \"a\"\n\
        [escalation]\na = [{ notify = [\"@account\"] }, \
        { after = \"2 hours\", notify = [\"@account\"], repeat = \"30\" }]";
    assert_snapshot!(alone(rule), @r#"
    error: `5min` is not a duration: did you mean `5m`?
     --> rules.toml:3:14
      |
    3 | open_after = "5min"
      |              ^^^^^^

    error: `2 hours` is not a duration: did you mean `2h`?
     --> rules.toml:6:43
      |
    6 | a = [{ notify = ["@account"] }, { after = "2 hours", notify = ["@account"], repeat = "30" }]
      |                                           ^^^^^^^^^

    error: `30` has no unit: write `30s` for seconds, `30m` for minutes or `30h` for hours
     --> rules.toml:6:86
      |
    6 | a = [{ notify = ["@account"] }, { after = "2 hours", notify = ["@account"], repeat = "30" }]
      |                                                                                      ^^^^

    3 problems found; nothing was changed
    "#);
}
