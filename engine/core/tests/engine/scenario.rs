//! Scenario files: what is wrong with them, and what a failing one shows.

use std::collections::BTreeMap;

use dag_engine::{About, Device, Engine, Notification, Ruleset, Scenario, Sources};
use insta::assert_snapshot;

use crate::host::{OUTAGE, PEOPLE, cottage, engine, sources};

/// Reads and plays a scenario; its problems, and its timeline where one of them is an expectation's.
fn play(text: &str) -> String {
    play_by(OUTAGE, text)
}

fn play_by(rules: &str, text: &str) -> String {
    play_with(&engine(rules, None), text)
}

fn play_with(engine: &Engine, text: &str) -> String {
    let cottage = Device { account_emails: vec!["ann@example.com".to_owned()], ..cottage() };
    let devices = BTreeMap::from([("cottage".into(), cottage)]);
    let subject = |message: &Notification| {
        let about = match &message.about {
            About::Incident(incident) => incident.rule.to_string(),
            About::Trouble(trouble) => trouble.cause.key(),
        };
        format!("{about} at {}", message.device.name)
    };
    match Scenario::parse("tests/a.toml", text, engine, &devices, &others()) {
        Err(problems) => problems.to_string(),
        Ok(scenario) => {
            let played = scenario.play(engine, &subject);
            let problems: Vec<String> = played.problems.iter().map(ToString::to_string).collect();
            if problems.is_empty() {
                "as expected".to_owned()
            } else {
                format!("{}\n\n{}", problems.join("\n"), played.timeline)
            }
        }
    }
}

/// The folders beside the scenario: `harder` waits longer and knows one more recipient, `broken` does not compile.
fn others() -> BTreeMap<String, Sources> {
    let harder = OUTAGE.replace("rule.outage", "rule.long-outage").replace("30s", "10m");
    let harder = format!("{harder}\n{PEOPLE}\n[recipient.ada]\nemail = \"ada@example.com\"");
    let broken = OUTAGE.replace("escalation = \"all\"", "escalation = \"al\"");
    let people = format!("{PEOPLE}\nfriends = [\"kin\"]");
    let broken =
        Sources { operators: vec!["staff".into()], ..sources(&[("rules.toml", &broken), ("who.toml", &people)]) };
    BTreeMap::from([("harder".to_owned(), sources(&[("rules.toml", &harder)])), ("broken".to_owned(), broken)])
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
    assert_snapshot!(steps("[[step]]\nat = \"0s\"\nsnooze = \"2h\""), @r#"
    error: nothing is open that could be snoozed
     --> tests/a.toml:6:10
      |
    6 | snooze = "2h"
      |          ^^^^
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
         [[step]]\nset = { power = 3 }\nsnooze = 3600\nexpect = [{ kind = \"open\", whom = \"nor\" }]"
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

error: `snooze` is a duration, like "2h", or a table with `for`, not an integer
  --> tests/a.toml:12:10
   |
12 | snooze = 3600
   |          ^^^^

error: `kind` is one of `opened`, `escalated`, `reminder`, `acknowledged`, `resolved`, `past`, `system`, not `open`
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

/// What is wrong with one step.
fn step(text: &str) -> String {
    steps(&format!("[[step]]\nat = \"1h\"\n{text}"))
}

#[test]
fn a_name_that_nothing_has_is_told_with_the_nearest() {
    assert_snapshot!(step("ack = { by = \"nor\", rule = \"outrage\" }"), @r#"
    error: there is no rule `outrage`
     --> tests/a.toml:6:28
      |
    6 | ack = { by = "nor", rule = "outrage" }
      |                            ^^^^^^^^^
      |
      = help: did you mean `outage`?

    1 problem found; nothing was changed
    "#);
    assert_snapshot!(step("snooze = { for = \"1h\", rule = \"outrage\" }"), @r#"
    error: there is no rule `outrage`
     --> tests/a.toml:6:31
      |
    6 | snooze = { for = "1h", rule = "outrage" }
      |                               ^^^^^^^^^
      |
      = help: did you mean `outage`?

    1 problem found; nothing was changed
    "#);
    assert_snapshot!(step("silence = { for = \"1h\", rule = \"outrage\", device = \"cotage\" }"), @r#"
    error: there is no rule `outrage`
     --> tests/a.toml:6:32
      |
    6 | silence = { for = "1h", rule = "outrage", device = "cotage" }
      |                                ^^^^^^^^^
      |
      = help: did you mean `outage`?

    error: there is no device `cotage`
     --> tests/a.toml:6:52
      |
    6 | silence = { for = "1h", rule = "outrage", device = "cotage" }
      |                                                    ^^^^^^^^
      |
      = help: did you mean `cottage`?

    2 problems found; nothing was changed
    "#);
    assert_snapshot!(step("fail = [\"nora\", { to = \"kin\", by = \"email\" }, \"anne@example.com\"]"), @r#"
    error: there is no recipient `nora`
     --> tests/a.toml:6:9
      |
    6 | fail = ["nora", { to = "kin", by = "email" }, "anne@example.com"]
      |         ^^^^^^
      |
      = help: did you mean `nor`?

    error: there is no recipient `kin`
     --> tests/a.toml:6:24
      |
    6 | fail = ["nora", { to = "kin", by = "email" }, "anne@example.com"]
      |                        ^^^^^
      |
      = help: did you mean `kim`?

    error: there is no recipient `anne@example.com`
     --> tests/a.toml:6:47
      |
    6 | fail = ["nora", { to = "kin", by = "email" }, "anne@example.com"]
      |                                               ^^^^^^^^^^^^^^^^^^
      |
      = help: did you mean `ann@example.com`?

    3 problems found; nothing was changed
    "#);
    assert_snapshot!(step("readings = [{ at = \"5m\", set = { powr = \"off\", power = 3 } }]"), @r#"
    error: there is no fact `powr`
     --> tests/a.toml:6:34
      |
    6 | readings = [{ at = "5m", set = { powr = "off", power = 3 } }]
      |                                  ^^^^
      |
      = help: did you mean `power`?

    error: `power` cannot take this value
     --> tests/a.toml:6:48
      |
    6 | readings = [{ at = "5m", set = { powr = "off", power = 3 } }]
      |                                                ^^^^^
      |
      = help: it is `on` or `off`, or "unknown"

    2 problems found; nothing was changed
    "#);
    assert_snapshot!(step("rules = \"hardr\""), @r#"
    error: there is no folder `hardr`
     --> tests/a.toml:6:9
      |
    6 | rules = "hardr"
      |         ^^^^^^^
      |
      = help: did you mean `harder`?

    1 problem found; nothing was changed
    "#);
    assert_snapshot!(step("rules = \"../elsewhere\""), @r#"
    error: there is no folder `../elsewhere`
     --> tests/a.toml:6:9
      |
    6 | rules = "../elsewhere"
      |         ^^^^^^^^^^^^^^
      |
      = help: make it beside this file, with the *.toml and *.rhai of other rules

    1 problem found; nothing was changed
    "#);
}

#[test]
fn whom_to_fail_is_a_recipient_with_such_a_channel() {
    assert_snapshot!(step("fail = [\"owners\"]"), @r#"
    error: there is no recipient `owners`
     --> tests/a.toml:6:9
      |
    6 | fail = ["owners"]
      |         ^^^^^^^^
      |
      = help: `owners` is a group; list its members here instead

    1 problem found; nothing was changed
    "#);
    assert_snapshot!(step("fail = [{ to = \"nor\", by = \"webhook\" }, { to = \"pager\", by = \"webhook\" }]"), @r#"
    error: `nor` has no webhook
     --> tests/a.toml:6:28
      |
    6 | fail = [{ to = "nor", by = "webhook" }, { to = "pager", by = "webhook" }]
      |                            ^^^^^^^^^

    1 problem found; nothing was changed
    "#);
    assert_snapshot!(step("fail = [{ by = \"email\" }, { to = \"nor\", by = \"mail\" }, 3]"), @r#"
    error: an entry of `fail` needs `to`
     --> tests/a.toml:6:9
      |
    6 | fail = [{ by = "email" }, { to = "nor", by = "mail" }, 3]
      |         ^^^^^^^^^^^^^^^^

    error: `by` is one of `email`, `webhook`, not `mail`
     --> tests/a.toml:6:46
      |
    6 | fail = [{ by = "email" }, { to = "nor", by = "mail" }, 3]
      |                                              ^^^^^^
      |
      = help: did you mean `email`?

    error: an entry of `fail` is a table, this is an integer
     --> tests/a.toml:6:56
      |
    6 | fail = [{ by = "email" }, { to = "nor", by = "mail" }, 3]
      |                                                        ^

    3 problems found; nothing was changed
    "#);
    assert_snapshot!(step("fail = \"nor\""), @r#"
    error: `fail` is a list of recipients, like ["nor", { to = "kim", by = "email" }], not a string
     --> tests/a.toml:6:8
      |
    6 | fail = "nor"
      |        ^^^^^

    1 problem found; nothing was changed
    "#);
    assert_eq!(step("fail = [\"nor\", \"ann@example.com\", { to = \"pager\", by = \"webhook\" }]"), "as expected");
}

#[test]
fn a_reading_is_not_later_than_the_report_that_brings_it() {
    assert_snapshot!(step("readings = [{ at = \"61m\", set = { power = \"off\" } }, { set = {} }, { at = \"1m\" }]"), @r#"
    error: a reading is not later than its report
     --> tests/a.toml:6:20
      |
    6 | readings = [{ at = "61m", set = { power = "off" } }, { set = {} }, { at = "1m" }]
      |                    ^^^^^
      |
      = help: its step's `at` is when the report comes in

    error: a reading needs `at`
     --> tests/a.toml:6:54
      |
    6 | readings = [{ at = "61m", set = { power = "off" } }, { set = {} }, { at = "1m" }]
      |                                                      ^^^^^^^^^^^^

    error: a reading needs `set`
     --> tests/a.toml:6:68
      |
    6 | readings = [{ at = "61m", set = { power = "off" } }, { set = {} }, { at = "1m" }]
      |                                                                    ^^^^^^^^^^^^^

    3 problems found; nothing was changed
    "#);
    assert_snapshot!(step("readings = { power = \"off\" }"), @r#"
    error: `readings` is a list, like [{ at = "10m", set = { power = "off" } }], not a table
     --> tests/a.toml:6:12
      |
    6 | readings = { power = "off" }
      |            ^^^^^^^^^^^^^^^^^

    1 problem found; nothing was changed
    "#);
    // They may fall: the engine knows what to make of that.
    let falling = "readings = [{ at = \"1h\", set = { power = \"off\" } }, { at = \"5m\", set = { battery = 5 } }]";
    assert_eq!(step(falling), "as expected");
}

#[test]
fn a_snooze_and_a_silence_say_for_how_long() {
    assert_snapshot!(step("snooze = \"long\""), @r#"
    error: `long` is not a duration: write integers with units, like `500ms`, `30s`, `5m`, `1h30m` or `2d`
     --> tests/a.toml:6:10
      |
    6 | snooze = "long"
      |          ^^^^^^

    1 problem found; nothing was changed
    "#);
    assert_snapshot!(step("snooze = { fro = \"2h\" }"), @r#"
    error: `snooze` needs `for`
     --> tests/a.toml:6:10
      |
    6 | snooze = { fro = "2h" }
      |          ^^^^^^^^^^^^^^

    error: unknown key `fro`
     --> tests/a.toml:6:12
      |
    6 | snooze = { fro = "2h" }
      |            ^^^
      |
      = help: did you mean `for`?

    2 problems found; nothing was changed
    "#);
    assert_snapshot!(step("silence = \"2h\""), @r#"
    error: `silence` is a table, this is a string
     --> tests/a.toml:6:11
      |
    6 | silence = "2h"
      |           ^^^^

    1 problem found; nothing was changed
    "#);
    assert_snapshot!(step("silence = { from = \"1h\", labels = { area = 3 } }"), @r#"
    error: `silence` needs `for`
     --> tests/a.toml:6:11
      |
    6 | silence = { from = "1h", labels = { area = 3 } }
      |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

    error: a label's value is a string in quotes
     --> tests/a.toml:6:44
      |
    6 | silence = { from = "1h", labels = { area = 3 } }
      |                                            ^

    2 problems found; nothing was changed
    "#);
}

#[test]
fn rules_that_do_not_compile_are_told_in_their_own_file() {
    // Of what a folder cannot define nothing is known: no further names are doubted.
    assert_snapshot!(steps(
        "[[step]]\nat = \"0s\"\nrules = \"broken\"\n[[step]]\nat = \"1m\"\nrules = \"broken\"\nfail = [\"bob\"]"
    ), @r#"
    error: the rules of `broken` cannot be put in force
     --> tests/a.toml:6:9
      |
    6 | rules = "broken"
      |         ^^^^^^^^
      |
      = help: what is wrong with them is told below

    error: there is no escalation `al`
     --> tests/broken/rules.toml:6:14
      |
    6 | escalation = "al"
      |              ^^^^
      |
      = help: did you mean `all`?

    error: there is no recipient `kin`
      --> tests/broken/who.toml:12:12
       |
    12 | friends = ["kin"]
       |            ^^^^^
       |
       = help: did you mean `kim`?

    3 problems found; nothing was changed
    "#);
}

#[test]
fn names_are_those_of_the_rules_in_force() {
    let reload = "[[step]]\nat = \"0s\"\nrules = \"harder\"\n[[step]]\nat = \"1m\"\n";
    let later = |text: &str| steps(&format!("{reload}{text}"));
    assert_eq!(later("fail = [\"ada\", \"nor\"]\nsilence = { for = \"1h\", rule = \"long-outage\" }"), "as expected");
    assert_snapshot!(later("silence = { for = \"1h\", rule = \"outage\" }"), @r#"
    error: there is no rule `outage`
     --> tests/a.toml:9:32
      |
    9 | silence = { for = "1h", rule = "outage" }
      |                                ^^^^^^^^
      |
      = help: here the rules of `harder` are in force

    1 problem found; nothing was changed
    "#);
    // Not before.
    assert_snapshot!(steps(&format!("[[step]]\nat = \"0s\"\nfail = [\"ada\"]\n{reload}")), @r#"
    error: there is no recipient `ada`
     --> tests/a.toml:6:9
      |
    6 | fail = ["ada"]
      |         ^^^^^

    1 problem found; nothing was changed
    "#);
}

/// Nor at once, Kim after an hour; whoever cannot reach Nor for five minutes tells Kim.
const STEPS: &str = r#"
[rule.outage]
when = "power == off"
close_after = "10s"
escalation = "all"
[rule.low]
when = "battery < 20"
escalation = "all"
[escalation]
all = [{ notify = ["nor"] }, { after = "1h", notify = ["kim"] }]
[recipient.kim]
email = "kim@example.com"
[recipient.nor]
email = "nor@example.com"
fallback = "kim"
[group]
owners = ["nor"]
"#;

/// Plays a story under those steps: its problems, and what was decided.
#[track_caller]
fn told(steps: &str) -> String {
    let rules = Sources { operators: vec!["owners".into()], ..sources(&[("rules.toml", STEPS)]) };
    let rules = Ruleset::compile(&rules).unwrap_or_else(|problems| panic!("{problems}"));
    play_with(&Engine::new(rules), &format!("{HEAD}{steps}"))
}

#[test]
fn snoozed_incidents_rest_for_so_long() {
    let story = r#"
        [[step]]
        at = "0s"
        set = { power = "off", battery = 5 }
        expect = [{ subject = "outage*" }, { subject = "low*" }]
        [[step]]
        at = "30m"
        snooze = { for = "2h", rule = "outage", by = "nor" }
        [[step]]
        at = "2h29m"
        expect = [{ to = "kim", kind = "escalated", subject = "low*" }]
        [[step]]
        at = "2h30m"
        expect = [{ to = "kim", kind = "escalated", subject = "outage*" }]
    "#;
    assert_eq!(told(story), "as expected");
    // Every open one, until it is snoozed for no time at all.
    let both = r#"
        [[step]]
        at = "0s"
        set = { power = "off", battery = 5 }
        snooze = "8h"
        [[step]]
        at = "2h"
        expect = [{ kind = "opened" }, { kind = "opened" }]
        [[step]]
        at = "2h"
        snooze = "0s"
        expect = [{ kind = "escalated" }, { kind = "escalated" }]
    "#;
    assert_eq!(told(both), "as expected");
}

#[test]
fn a_silence_holds_what_it_matches_from_its_beginning() {
    let story = |silence: &str| {
        told(&format!(
            r#"
            [[step]]
            at = "10m"
            silence = {silence}
            [[step]]
            at = "20m"
            set = {{ power = "off", battery = 5 }}
            expect = [{{ kind = "opened", subject = "low*" }}]
            [[step]]
            at = "1h10m"
            expect = [{{ kind = "opened", subject = "outage*" }}]
            "#
        ))
    };
    assert_eq!(story(r#"{ for = "1h", rule = "outage" }"#), "as expected");
    assert_eq!(
        story(r#"{ for = "1h", from = "10m", rule = "outage", labels = { area = "hay-on-wye" } }"#),
        "as expected"
    );
    assert_eq!(
        story(r#"{ for = "55m", from = "15m", rule = "outage", device = "cottage", by = "kim" }"#),
        "as expected"
    );
    let elsewhere = story(r#"{ for = "1h", rule = "outage", labels = { area = "brecon" } }"#);
    assert!(elsewhere.contains("the subject is `outage at Cottage`, which `low*` does not match"), "{elsewhere}");
}

#[test]
fn what_the_engine_refuses_is_a_problem_at_its_place() {
    assert_snapshot!(told("[[step]]\nat = \"0s\"\nset = { power = \"off\" }\nsnooze = \"0s\""), @r#"
    error: this is refused: it ends in the past, and there is none like it to be ended
     --> tests/a.toml:7:10
      |
    7 | snooze = "0s"
      |          ^^^^

            0s  outage: incident opened; it began at 2026-01-10T18:00:00Z
            0s  outage: step 0 fires
            0s  outage: told nor by email, opened: outage at Cottage
            0s  engine: input about 2b10f185522d1964eba14e0294d396fc refused: it ends in the past, and there is none like it to be ended
    "#);
    assert_snapshot!(told("[[step]]\nat = \"2h\"\nsilence = { for = \"0s\", from = \"3h\" }"), @r#"
    error: this is refused: it ends before it begins
     --> tests/a.toml:6:11
      |
    6 | silence = { for = "0s", from = "3h" }
      |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^

            2h  engine: input about a silence refused: it ends before it begins
    "#);
    assert_snapshot!(told("[[step]]\nat = \"2h\"\nsilence = { for = \"1h\", from = \"30m\" }"), @r#"
    error: this is refused: it ends in the past, and there is none like it to be ended
     --> tests/a.toml:6:11
      |
    6 | silence = { for = "1h", from = "30m" }
      |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^

            2h  engine: input about a silence refused: it ends in the past, and there is none like it to be ended
    "#);
    // Whatever it refuses.
    let reading = "{ at = \"0s\", set = { power = \"on\" } },";
    let many = told(&format!("[[step]]\nat = \"0s\"\nreadings = [{}]", reading.repeat(10_001)));
    assert!(many.contains("error: this is refused: it holds more readings than one report may"), "{many}");
    let long = "x".repeat(201);
    let long = told(&format!("[[step]]\nat = \"0s\"\nset = {{ power = \"off\" }}\nack = \"{long}\""));
    assert!(long.contains("error: this is refused: its name or text is too long"), "{long}");
}

#[test]
fn whom_no_delivery_reaches_is_stood_in_for() {
    let story = r#"
        [[step]]
        at = "0s"
        fail = ["nor"]
        [[step]]
        at = "1m"
        set = { power = "off" }
        [[step]]
        at = "5m59s"
        expect = [{ to = "nor", kind = "opened" }]
        [[step]]
        at = "6m"
        expect = [{ to = "kim", kind = "opened" }]
    "#;
    assert_eq!(told(story), "as expected");
}

#[test]
fn what_had_failed_is_delivered_when_deliveries_work_again() {
    let story = |again: &str, expected: &str| {
        told(&format!(
            r#"
            [[step]]
            at = "0s"
            fail = [{{ to = "nor", by = "email" }}]
            [[step]]
            at = "1m"
            set = {{ power = "off" }}
            expect = [{{ to = "nor" }}]
            [[step]]
            at = "2m"
            fail = {again}
            [[step]]
            at = "30m"
            expect = {expected}
            "#
        ))
    };
    assert_eq!(story("[]", "[]"), "as expected");
    // A list takes the place of the one before.
    assert_eq!(story("[\"kim\"]", "[]"), "as expected");
    assert_eq!(story("[\"kim\", \"nor\"]", "[{ to = \"kim\" }]"), "as expected");
}

#[test]
fn late_readings_are_one_report_with_times_of_their_own() {
    let story = r#"
        [[step]]
        at = "1h"
        readings = [{ at = "10m", set = { power = "off" } }, { at = "45m", set = { power = "on" } }]
        expect = [{ to = "nor", kind = "past" }]
    "#;
    assert_eq!(told(story), "as expected");
}

#[test]
fn a_reload_puts_the_rules_of_another_folder_in_force() {
    let story = r#"
        [[step]]
        at = "0s"
        set = { power = "off" }
        expect = [{ to = "nor", kind = "opened", subject = "outage*" }]
        [[step]]
        at = "5m"
        rules = "harder"
        expect = [{ to = "nor", kind = "resolved", subject = "outage*" }]
        [[step]]
        at = "14m"
        expect = []
        [[step]]
        at = "15m"
        expect = [{ to = "nor", kind = "opened", subject = "long-outage*" }]
    "#;
    assert_eq!(told(story), "as expected");
}

#[test]
fn the_operators_hear_of_trouble() {
    let story = r#"
        [[step]]
        at = "0s"
        set = { power = "on", battery = 80 }
        [[step]]
        at = "1m"
        set = { power = "unknown", battery = "unknown" }
        # Two troubles of the same moment are two tellings.
        expect = [{ to = "nor", kind = "system" }, { kind = "system", subject = "sensor/power*" }]
    "#;
    assert_eq!(told(story), "as expected");
}

#[test]
fn what_a_step_says_happens_in_one_order_however_it_is_written() {
    let step = r#"
        [[step]]
        at = "1h"
        expect = [{ kind = "past" }]
        silence = { for = "1h", from = "90m", rule = "long-outage", by = "nor" }
        snooze = "1h"
        ack = "kim"
        fail = ["kim"]
        set = { power = "on" }
        readings = [{ at = "30m", set = { power = "off" } }]
        rules = "harder"
    "#;
    assert_snapshot!(told(step), @r#"
    error: `kind` is `opened`, not `past`
     --> tests/a.toml:7:19
      |
    7 |         expect = [{ kind = "past" }]
      |                   ^^^^^^^^^^^^^^^^^
      |
      = help: sent since the last `expect`:
                { to = "nor", by = "email", kind = "opened", step = 0, subject = "long-outage at Cottage" }
                { to = "nor", by = "email", kind = "acknowledged", step = 0, subject = "long-outage at Cottage" }

           30m  long-outage: condition true; opens at 2026-01-10T18:40:00Z if it stays so
           40m  long-outage: incident opened; it began at 2026-01-10T18:30:00Z
            1h  long-outage: step 0 fires
            1h  long-outage: told nor by email, opened: long-outage at Cottage
            1h  long-outage: condition false; ends at 2026-01-10T19:00:10Z if it stays so
            1h  long-outage: acknowledged by kim
            1h  long-outage: told nor by email, acknowledged: long-outage at Cottage
            1h  long-outage: snoozed by somebody until 2026-01-10T20:00:00Z
            1h  engine: silence by nor from 2026-01-10T19:30:00Z until 2026-01-10T20:30:00Z: rule long-outage
    "#);
}
