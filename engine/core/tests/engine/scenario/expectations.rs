//! Expectations: when they hold, and the report of one that does not.

use insta::assert_snapshot;

use super::{HEAD, play_by, steps};
use crate::host::OUTAGE;

#[test]
fn a_scenario_passes_when_the_messages_sent_are_those_expected() {
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
fn a_failed_expectation_shows_the_messages_sent_and_the_timeline() {
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
       30s  outage: message to nor by email, opened: outage at Cottage
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
       30s  outage: message to nor by email, opened: outage at Cottage
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
       30s  outage: message to nor by email, opened: outage at Cottage
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
    assert_snapshot!(steps("[[step]]\nat = \"0s\"\nsnooze = \"2h\""), @r#"
    error: nothing is open that could be snoozed
     --> tests/a.toml:6:10
      |
    6 | snooze = "2h"
      |          ^^^^
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
