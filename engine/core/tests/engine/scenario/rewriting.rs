//! What was sent, written in the place of what was expected: `dag test --update`.

use std::collections::BTreeMap;

use dag_engine::{Device, Engine, Notification, Rewritten, Scenario};
use insta::assert_snapshot;

use super::{HEAD, others};
use crate::host::{OUTAGE, PEOPLE, cottage, engine, engine_alone, outage};

/// Nor is told at once, the owners after an hour.
const STEPS: &str = "{ notify = [\"nor\", \"pager\"] }, { after = \"1h\", notify = [\"owners\"] }";
const OFF: &str = "[[step]]\nat = \"0s\"\nset = { power = \"off\" }\n";

/// Plays a story, and returns its file with what was sent.
fn rewritten(rules: &str, text: &str) -> Option<Rewritten> {
    rewritten_by(&engine(rules, None), text)
}

fn rewritten_by(engine: &Engine, text: &str) -> Option<Rewritten> {
    let cottage = Device { account_emails: vec!["ann@example.com".to_owned()], ..cottage() };
    let devices = BTreeMap::from([("cottage".into(), cottage)]);
    let subject = |message: &Notification| format!("The \"{}\" of {}", message.kind.as_str(), message.device.name);
    let play = |text: &str| {
        let scenario = Scenario::parse("a.toml", text, engine, &devices, &others());
        scenario.unwrap_or_else(|problems| panic!("{problems}")).play(engine, &subject)
    };
    let rewritten = play(text).rewritten?;
    assert_eq!(play(&rewritten.text).problems, [], "{}", rewritten.text);
    Some(rewritten)
}

/// Returns the list that takes the place of another in an outage of an hour.
fn list(expect: &str) -> String {
    let new = rewritten(&outage(STEPS), &format!("{HEAD}{OFF}[[step]]\nat = \"1h\"\n{expect}\n")).unwrap();
    assert_eq!(new.lists.len(), 1);
    assert_eq!(new.lists[0].0, 9);
    new.lists.into_iter().next().unwrap().1
}

#[test]
fn an_entry_that_holds_stays_and_others_are_corrected() {
    // Nothing was expected.
    assert_snapshot!(list("expect = []"), @r#"
    [
      { to = "nor", kind = "opened" },
      { to = "pager", kind = "opened" },
      { to = "nor", kind = "escalated" },
      { to = "ann@example.com", kind = "escalated" },
    ]
    "#);
    // Somebody is told first who was not before. The others stay as they are written.
    assert_snapshot!(list(r#"expect = [{ to='pager' }, {kind = "escalated",to = "owners"}]"#), @r#"[{ to = "nor", kind = "opened" }, { to='pager' }, {kind = "escalated",to = "owners"}]"#);
    // Names are others, and the keys stay.
    assert_snapshot!(list(r#"expect = [{ kind = "past", to = "me", step = 3 }, { to = "you", rule = "mains" }]"#), @r#"
    [
      { kind = "opened", to = "nor", step = 0 },
      { to = "pager", rule = "outage" },
      { to = "nor", kind = "escalated" },
      { to = "ann@example.com", kind = "escalated" },
    ]
    "#);
    // A pattern stays where it holds.
    assert_snapshot!(list(r#"expect = [{ to = "kim", subject = "*of Cottage" }, { to = "pager", subject = "No*" }]"#), @r#"
    [
      { to = "nor", subject = "*of Cottage" },
      { to = "pager", subject = 'The "opened" of Cottage' },
      { to = "nor", kind = "escalated" },
      { to = "ann@example.com", kind = "escalated" },
    ]
    "#);
    // Two entries are for one message by two channels.
    assert_snapshot!(list(r#"expect = [{ to = "nor" }, { by = "email", to = "kim" }]"#), @r#"
    [
      { to = "nor" },
      { by = "email", to = "pager" },
      { to = "pager", kind = "opened" },
      { to = "nor", kind = "escalated" },
      { to = "ann@example.com", kind = "escalated" },
    ]
    "#);
    // A group that still gets the message, of another kind.
    assert_snapshot!(list(r#"expect = [{ to = "nor" }, { to = "pager" }, { to = "owners", kind = "reminder" }]"#), @r#"[{ to = "nor" }, { to = "pager" }, { to = "owners", kind = "escalated" }]"#);
    // More is expected than was sent.
    assert_snapshot!(list(r#"expect = [{ to = "nor" }, { to = "pager" }, { to = "owners" }, { to = "nor" }]"#), @r#"[{ to = "nor" }, { to = "pager" }, { to = "owners" }]"#);
}

#[test]
fn comments_and_layout_stay() {
    assert_snapshot!(list("expect = [ # Everybody:\n    { to = \"nor\" }, # at once\n    # The pager is with Kim.\n    \
                           { to = \"kim\" },\n    { to = \"guard\" },  # on his round\n\n    # Nobody else.\n  ]"), @r#"
    [
        # Everybody:
        { to = "nor" }, # at once
        # The pager is with Kim.
        { to = "pager" },
        { to = "nor" }, # on his round
        { to = "ann@example.com", kind = "escalated" },
        # Nobody else.
    ]
    "#);
    assert_snapshot!(list("  expect = [\n  { to = \"nor\" }]"), @r#"
    [
      { to = "nor" },
      { to = "pager", kind = "opened" },
      { to = "nor", kind = "escalated" },
      { to = "ann@example.com", kind = "escalated" },
      ]
    "#);
    assert_snapshot!(list("expect = [{ to = \"nor\" }, { to = \"pager\", subject = \"a long one that is not true\" }]"), @r#"
    [
      { to = "nor" },
      { to = "pager", subject = 'The "opened" of Cottage' },
      { to = "nor", kind = "escalated" },
      { to = "ann@example.com", kind = "escalated" },
    ]
    "#);
}

/// toml_edit normalises line ends and the end of the file: <https://github.com/toml-rs/toml/issues/1213>.
#[test]
fn all_else_of_the_file_is_the_same_byte_for_byte() {
    let text = format!(
        "{HEAD}{OFF}[[step]]\nat=\"1m\"   # not pretty\nexpect\t= [ ] # none\n\n[[step]]\nat = '2m'\nexpect = []"
    )
    .replace('\n', "\r\n");
    let new = rewritten(OUTAGE, &text).unwrap();
    assert_eq!(new.text, text.replace("[ ]", "[{ to = \"nor\", kind = \"opened\" }]"));
    assert_eq!(new.lists, [(9, "[{ to = \"nor\", kind = \"opened\" }]".to_owned())]);
}

/// jest wrote files that nothing had changed: <https://github.com/jestjs/jest/issues/15120>.
#[test]
fn a_story_that_goes_as_expected_is_not_written() {
    let text = format!("{HEAD}{OFF}[[step]]\nat = \"1m\"\nexpect = [{{ to = \"nor\" }}]");
    assert_eq!(rewritten(OUTAGE, &text), None);
}

#[test]
fn a_story_in_which_anything_else_is_wrong_is_not_written() {
    for wrong in [
        "told = [{ kind = \"past\" }]",
        "not_told = [{ kind = \"opened\" }]",
        "ack = { by = \"nor\", rule = \"low\" }",
        "silence = { for = \"0s\" }",
    ] {
        let low = "[rule.low]\nwhen = \"battery < 20\"\nescalation = \"all\"\n[escalation]";
        let rules = OUTAGE.replace("[escalation]", low);
        assert_eq!(
            rewritten(&rules, &format!("{HEAD}{OFF}[[step]]\nat = \"1m\"\n{wrong}\nexpect = []")),
            None,
            "{wrong}"
        );
    }
}

/// Two incidents that open at once, told by two channels.
#[test]
fn messages_that_look_alike_are_told_apart_by_their_rule_or_their_channel() {
    let rules = "[rule.one]\nwhen = \"power == off\"\nescalation = \"all\"\n[rule.two]\nwhen = \"power == off\"\n\
                 escalation = \"all\"\n[escalation]\nall = [{ notify = [\"pager\"] }]";
    let text = format!("{HEAD}{OFF}[[step]]\nat = \"1m\"\nexpect = []\n");
    assert_snapshot!(rewritten(rules, &text).unwrap().lists[0].1, @r#"[{ to = "pager", kind = "opened", rule = "one" }, { to = "pager", kind = "opened", rule = "two" }]"#);
    // What is about the monitor itself has no rule.
    let operators = format!("{}\n{PEOPLE}pagers = [\"pager\"]", outage("{ notify = [\"nor\"] }"));
    let engine = engine_alone(&operators, &["pagers"]);
    let text = format!(
        "{HEAD}[[step]]\nat = \"0s\"\nset = {{ power = \"on\", battery = 50 }}\n\
         [[step]]\nat = \"1m\"\nset = {{ power = \"unknown\", battery = \"unknown\" }}\n\
         [[step]]\nat = \"1h\"\nexpect = []\n"
    );
    assert_snapshot!(rewritten_by(&engine, &text).unwrap().lists[0].1, @r#"
    [
      { to = "pager", by = "email", kind = "system" },
      { to = "pager", by = "webhook", kind = "system" },
      { to = "pager", by = "email", kind = "system" },
      { to = "pager", by = "webhook", kind = "system" },
    ]
    "#);
}

#[test]
fn more_messages_than_anybody_reads_are_not_written() {
    let text = format!("{HEAD}{OFF}[[step]]\nat = \"9h\"\nexpect = []\n");
    let restless = |repeat: &str| outage(&format!("{{ notify = [\"nor\"], repeat = \"{repeat}\" }}"));
    assert_eq!(rewritten(&restless("1m"), &text), None);
    assert_eq!(rewritten(&restless("2m"), &text).unwrap().text.matches("reminder").count(), 270);
}
