//! Why somebody was not told: beside the expectation that fails, and in the timeline.

use insta::assert_snapshot;

use super::{HEAD, play_with};
use crate::host::engine_alone;

/// At six in the evening Kim's quiet hours have begun. Pat can be told of nothing.
const RULES: &str = r#"
[rule.outage]
when = "power == off"
escalation = "all"
inhibits = ["low"]
[rule.low]
when = "battery < 20"
escalation = "all"
[escalation]
all = [{ notify = ["nor", "kim"] }, { after = "1h", notify = ["@account"] }]
[recipient.kim]
email = "kim@example.com"
quiet = { from = "18:00", to = "07:00" }
[recipient.nor]
email = "nor@example.com"
"#;

/// Plays a story under [`RULES`]. Returns its problems, with the timeline if an expectation failed.
#[track_caller]
fn story(steps: &str) -> String {
    play_with(&engine_alone(RULES, &[]), &format!("{HEAD}account = []\n{steps}"))
}

/// "Why the alert is not told" is the first question that people have of inhibitions and quiet hours, and what they are
/// shown is that nothing came: github.com/prometheus/alertmanager, issues 1671 and 4205.
#[test]
fn a_message_that_was_withheld_is_shown_with_the_reason_where_it_was_expected() {
    assert_snapshot!(story(
        "[[step]]\nat = \"0s\"\nset = { power = \"off\" }\nexpect = [{ to = \"nor\" }, { to = \"kim\" }]"
    ), @r#"
error: this was not sent
 --> tests/a.toml:8:27
  |
8 | expect = [{ to = "nor" }, { to = "kim" }]
  |                           ^^^^^^^^^^^^^^
  |
  = help: not sent since the last `expect`, and why:
            at 0s opened of outage to kim by email: these are quiet hours
          sent since the last `expect`:
            { to = "nor", by = "email", kind = "opened", step = 0, subject = "outage at Cottage" }

        0s  outage: incident opened; it began at 2026-01-10T18:00:00Z
        0s  outage: step 0 fires
        0s  outage: no message to kim by email, opened: these are quiet hours
        0s  outage: message to nor by email, opened: outage at Cottage
"#);
    assert_snapshot!(story(
        "[[step]]\nat = \"0s\"\nset = { power = \"off\", battery = 5 }\ntold = [{ to = \"nor\", rule = \"low\" }]"
    ), @r#"
error: this was not sent
 --> tests/a.toml:8:9
  |
8 | told = [{ to = "nor", rule = "low" }]
  |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: not sent since the last `expect`, and why:
            at 0s opened of low to nor by email: this channel was told of an incident that inhibits this one
          sent since the last `expect`:
            { to = "nor", by = "email", kind = "opened", step = 0, subject = "outage at Cottage" }

        0s  outage: incident opened; it began at 2026-01-10T18:00:00Z
        0s  low: incident opened; it began at 2026-01-10T18:00:00Z
        0s  outage: step 0 fires
        0s  outage: no message to kim by email, opened: these are quiet hours
        0s  outage: message to nor by email, opened: outage at Cottage
        0s  low: step 0 fires
        0s  low: no message to nor by email, opened: this channel was told of an incident that inhibits this one
        0s  low: no message to kim by email, opened: these are quiet hours
"#);
    let held = "[[step]]\nat = \"0s\"\nset = { power = \"off\" }\nack = \"nor\"\nexpect = \"anything\"\n\
                [[step]]\nat = \"2h\"\ntold = [{ kind = \"escalated\" }, { kind = \"resolved\" }]";
    assert_snapshot!(story(held), @r#"
error: this was not sent
  --> tests/a.toml:12:9
   |
12 | told = [{ kind = "escalated" }, { kind = "resolved" }]
   |         ^^^^^^^^^^^^^^^^^^^^^^
   |
   = help: not sent since the last `expect`, and why:
             at 1h step 1 of outage: held, somebody acknowledged the incident
           sent since the last `expect`:
           nothing was sent
error: this was not sent
  --> tests/a.toml:12:33
   |
12 | told = [{ kind = "escalated" }, { kind = "resolved" }]
   |                                 ^^^^^^^^^^^^^^^^^^^^^
   |
   = help: sent since the last `expect`:
           nothing was sent

        0s  outage: incident opened; it began at 2026-01-10T18:00:00Z
        0s  outage: step 0 fires
        0s  outage: no message to kim by email, opened: these are quiet hours
        0s  outage: message to nor by email, opened: outage at Cottage
        0s  outage: acknowledged by nor
        1h  outage: step 1 is due and held: somebody acknowledged the incident
"#);
    let nobody = "[[step]]\nat = \"0s\"\nset = { power = \"off\" }\nexpect = \"anything\"\n\
                  [[step]]\nat = \"2h\"\nexpect = [{ step = 1 }]";
    assert_snapshot!(story(nobody), @r#"
error: this was not sent
  --> tests/a.toml:11:11
   |
11 | expect = [{ step = 1 }]
   |           ^^^^^^^^^^^^
   |
   = help: not sent since the last `expect`, and why:
             at 1h step 1 of outage: it names nobody who can be reached
           sent since the last `expect`:
           nothing was sent

        0s  outage: incident opened; it began at 2026-01-10T18:00:00Z
        0s  outage: step 0 fires
        0s  outage: no message to kim by email, opened: these are quiet hours
        0s  outage: message to nor by email, opened: outage at Cottage
        1h  outage: step 1 fires
        1h  outage: step 1 names nobody who can be reached
"#);
}

#[test]
fn what_was_withheld_before_the_last_expect_is_no_reason_any_more() {
    let story = story(
        "[[step]]\nat = \"0s\"\nset = { power = \"off\" }\nexpect = [{ to = \"nor\" }]\n\
         [[step]]\nat = \"10m\"\ntold = [{ to = \"kim\" }]",
    );
    assert!(story.contains("sent since the last `expect`:") && !story.contains("and why"), "{story}");
}

#[test]
fn a_delivery_that_fails_is_in_the_timeline_and_so_is_its_arrival() {
    let failing = "[[step]]\nat = \"0s\"\nfail = [\"nor\"]\n[[step]]\nat = \"0s\"\nset = { power = \"off\" }\n\
                   [[step]]\nat = \"10m\"\nfail = []\n[[step]]\nat = \"11m\"\nexpect = [{ to = \"kim\" }]";
    assert_snapshot!(story(failing), @r#"
error: `to` is `nor`, not `kim`
  --> tests/a.toml:16:11
   |
16 | expect = [{ to = "kim" }]
   |           ^^^^^^^^^^^^^^
   |
   = help: not sent since the last `expect`, and why:
             at 0s opened of outage to kim by email: these are quiet hours
           sent since the last `expect`:
             { to = "nor", by = "email", kind = "opened", step = 0, subject = "outage at Cottage" }  # the delivery failed

        0s  outage: incident opened; it began at 2026-01-10T18:00:00Z
        0s  outage: step 0 fires
        0s  outage: no message to kim by email, opened: these are quiet hours
        0s  outage: message to nor by email, opened: outage at Cottage; the delivery failed
       10m  message to nor by email, opened, arrives
"#);
}
