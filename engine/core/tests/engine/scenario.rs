//! Scenario files: what is wrong with them, and what a failing one shows.

use std::collections::BTreeMap;

use dag_engine::{Notification, Scenario};
use insta::assert_snapshot;

use crate::host::{OUTAGE, cottage, engine};

/// Reads and plays a scenario; its problems, and its timeline where one of them is an expectation's.
fn play(text: &str) -> String {
    play_by(OUTAGE, text)
}

fn play_by(rules: &str, text: &str) -> String {
    let engine = engine(rules, None);
    let devices = BTreeMap::from([("cottage".into(), cottage())]);
    let subject = |message: &Notification| format!("{} at {}", message.incident().unwrap().rule, message.device.name);
    match Scenario::parse("tests/a.toml", text, &engine, &devices) {
        Err(problems) => problems.to_string(),
        Ok(scenario) => {
            let played = scenario.play(&engine, &subject);
            let problems: Vec<String> = played.problems.iter().map(ToString::to_string).collect();
            if problems.is_empty() {
                "as expected".to_owned()
            } else {
                format!("{}\n\n{}", problems.join("\n"), played.timeline)
            }
        }
    }
}

const HEAD: &str = "name = \"a\"\ndevice = \"cottage\"\nstart = \"2026-01-10T18:00:00Z\"\n";

fn steps(steps: &str) -> String {
    play(&format!("{HEAD}{steps}"))
}

#[test]
fn a_scenario_holds_when_what_was_sent_is_what_was_expected() {
    assert_eq!(
        steps(
            r#"
            [[step]]
            at = "0s"
            set = { power = "off", battery = 0x14, door = "unknown" }
            [[step]]
            at = "29s"
            expect = []
            [[step]]
            at = "30s"
            expect = [{ to = "nor", by = "email", kind = "opened", step = 0, subject = "*Cottage*" }]
            [[step]]
            at = "1m"
            ack = "nor"
            [[step]]
            at = "2m"
            set = { power = "on" }
            [[step]]
            at = "1h"
            expect = [{ kind = "resolved" }]
            "#
        ),
        "as expected"
    );
}

#[test]
fn an_expectation_that_fails_shows_what_was_sent_and_the_timeline() {
    let outage = "[[step]]\nat = \"0s\"\nset = { power = \"off\" }\n[[step]]\nat = \"1m\"\n";
    assert_snapshot!(steps(&format!("{outage}expect = []")), @r#"
error: 1 more sent than expected
 --> tests/a.toml:9:10
  |
9 | expect = []
  |          ^^
  |
  = help: not expected:
            { to = "nor", by = "email", kind = "opened", step = 0, subject = "outage at Cottage" }

        0s  outage: condition true; opens at 2026-01-10T18:00:30Z if it stays so
       30s  outage: incident opened; it began at 2026-01-10T18:00:00Z
       30s  outage: step 0 fires
       30s  outage: told nor by email, opened: outage at Cottage
"#);
    assert_snapshot!(steps(&format!("{outage}expect = [{{ to = \"kim\" }}]")), @r#"
error: `to` is `nor`, not `kim`
 --> tests/a.toml:9:11
  |
9 | expect = [{ to = "kim" }]
  |           ^^^^^^^^^^^^^^
  |
  = help: sent since the last `expect`:
            { to = "nor", by = "email", kind = "opened", step = 0, subject = "outage at Cottage" }

        0s  outage: condition true; opens at 2026-01-10T18:00:30Z if it stays so
       30s  outage: incident opened; it began at 2026-01-10T18:00:00Z
       30s  outage: step 0 fires
       30s  outage: told nor by email, opened: outage at Cottage
"#);
    assert_snapshot!(steps(&format!("{outage}expect = [{{ subject = \"power*\" }}]")), @r#"
error: the subject is `outage at Cottage`, which `power*` does not match
 --> tests/a.toml:9:11
  |
9 | expect = [{ subject = "power*" }]
  |           ^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: sent since the last `expect`:
            { to = "nor", by = "email", kind = "opened", step = 0, subject = "outage at Cottage" }

        0s  outage: condition true; opens at 2026-01-10T18:00:30Z if it stays so
       30s  outage: incident opened; it began at 2026-01-10T18:00:00Z
       30s  outage: step 0 fires
       30s  outage: told nor by email, opened: outage at Cottage
"#);
    assert_snapshot!(steps("[[step]]\nat = \"0s\"\nexpect = [{ kind = \"opened\" }]"), @r#"
    error: this was not sent
     --> tests/a.toml:6:11
      |
    6 | expect = [{ kind = "opened" }]
      |           ^^^^^^^^^^^^^^^^^^^
      |
      = help: sent since the last `expect`:
              nothing was sent
    "#);
    assert_snapshot!(steps("[[step]]\nat = \"0s\"\nack = \"nor\""), @r#"
    error: nothing is open that could be acknowledged
     --> tests/a.toml:6:7
      |
    6 | ack = "nor"
      |       ^^^^^
    "#);
}

#[test]
fn everything_that_is_wrong_with_a_scenario_is_told_at_once() {
    assert_snapshot!(play("nam = \"a\"\ndevice = \"cotage\"\nstart = \"tomorrow\""), @r#"
    error: a scenario needs `name`
     --> tests/a.toml:1:1
      |
    1 | nam = "a"
      | ^

    error: a scenario without steps shows nothing
     --> tests/a.toml:1:1
      |
    1 | nam = "a"
      | ^
      |
      = help: add a [[step]]

    error: unknown key `nam`
     --> tests/a.toml:1:1
      |
    1 | nam = "a"
      | ^^^
      |
      = help: did you mean `name`?

    error: there is no device `cotage`
     --> tests/a.toml:2:10
      |
    2 | device = "cotage"
      |          ^^^^^^^^
      |
      = help: did you mean `cottage`?

    error: this is no time
     --> tests/a.toml:3:9
      |
    3 | start = "tomorrow"
      |         ^^^^^^^^^^
      |
      = help: write it as "2026-01-10T18:00:00Z"

    5 problems found; nothing was changed
    "#);
    assert_snapshot!(steps(
        "[[step]]\nat = \"1m\"\nset = { powr = \"off\", battery = \"low\" }\n[[step]]\nat = \"30s\"\nexpct = []\n\
         [[step]]\nset = { power = 3 }\nsnooze = \"1h\"\nexpect = [{ kind = \"open\", whom = \"nor\" }]"
    ), @r#"
error: there is no fact `powr`
 --> tests/a.toml:6:9
  |
6 | set = { powr = "off", battery = "low" }
  |         ^^^^
  |
  = help: did you mean `power`?

error: `battery` cannot take this value
 --> tests/a.toml:6:23
  |
6 | set = { powr = "off", battery = "low" }
  |                       ^^^^^^^
  |
  = help: it is a number, or "unknown"

error: a step is not earlier than the one before it
 --> tests/a.toml:8:6
  |
8 | at = "30s"
  |      ^^^^^

error: unknown key `expct`
 --> tests/a.toml:9:1
  |
9 | expct = []
  | ^^^^^
  |
  = help: did you mean `expect`?

error: a step needs `at`
  --> tests/a.toml:10:1
   |
10 | [[step]]
   | ^^^^^^^^

error: `power` cannot take this value
  --> tests/a.toml:11:9
   |
11 | set = { power = 3 }
   |         ^^^^^
   |
   = help: it is `on` or `off`, or "unknown"

error: `snooze` is not part of this version yet
  --> tests/a.toml:12:10
   |
12 | snooze = "1h"
   |          ^^^^
   |
   = help: leave it out for now

error: `kind` is one of `opened`, `escalated`, `reminder`, `acknowledged`, `resolved`, `past`, not `open`
  --> tests/a.toml:13:20
   |
13 | expect = [{ kind = "open", whom = "nor" }]
   |                    ^^^^^^
   |
   = help: did you mean `opened`?

error: unknown key `whom`
  --> tests/a.toml:13:28
   |
13 | expect = [{ kind = "open", whom = "nor" }]
   |                            ^^^^
   |
   = help: known here: `to`, `by`, `kind`, `step`, `subject`

9 problems found; nothing was changed
"#);
}

#[test]
fn a_story_without_end_is_ended() {
    let restless = OUTAGE.replace("[{ notify = [\"nor\"] }]", "[{ notify = [\"nor\"], repeat = \"1ms\" }]");
    let told =
        play_by(&restless, &format!("{HEAD}[[step]]\nat = \"0s\"\nset = {{ power = \"off\" }}\n[[step]]\nat = \"9d\""));
    let problem = told.lines().take(7).collect::<Vec<_>>().join("\n");
    assert_snapshot!(problem, @r#"
    error: before 9d more than 20000 things happen
     --> tests/a.toml:7:1
      |
    7 | [[step]]
      | ^^^^^^^^
      |
      = help: tell a shorter story, or let steps repeat less often
    "#);
}
