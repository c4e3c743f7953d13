//! `dag test --update`: what was sent is written into the scenarios.

use std::fs;

use crate::home::{Home, text};

/// The example, with the names and durations of somebody else.
fn home() -> Home {
    let home = Home::shipped();
    fs::copy(home.path("rules/examples/to-the-second.toml"), home.path("rules/tests/mine.toml")).unwrap();
    for (from, to) in [
        ("[recipient.nor]", "[recipient.ada]"),
        ("owners = [\"nor\", \"@account\"]", "family = [\"ada\", \"pat\"]"),
        ("notify = [\"owners\"]", "notify = [\"family\"]"),
        ("[group]", "[recipient.pat]\nemail = \"pat@example.com\"\n\n[group]"),
        ("after = \"30m\"", "after = \"10m\""),
    ] {
        home.edit("rules/people.toml", from, to);
    }
    home.edit("config.toml", "operators = [\"owners\"]", "operators = [\"family\"]");
    home
}

#[test]
fn what_was_sent_is_written_and_then_all_goes_as_expected() {
    let home = home();
    let failed = home.dag(&["test"]);
    assert_eq!(failed.status.code(), Some(1));
    let (out, err) = (text(&failed.stdout), text(&failed.stderr));
    assert!(out.contains("there is no recipient or group `owners`"), "{out}");
    assert!(err.contains("`dag test --update` writes it into the `expect` of the scenarios"), "{err}");

    let before = fs::read_to_string(home.path("rules/tests/mine.toml")).unwrap();
    let others = fs::metadata(home.path("rules/tests/outage.toml")).unwrap().modified().unwrap();
    let updated = home.dag(&["test", "--update"]);
    // The word "failed" would make people think that nothing was written: github.com/assert-rs/snapbox, issue 31.
    assert_eq!(updated.status.code(), Some(0), "{}", text(&updated.stderr));
    let said = text(&updated.stdout).replace(&home.path("").display().to_string(), "");
    insta::assert_snapshot!(said, @r#"
    ok       a sensor that is lost during an outage never says that the power is back  (rules/tests/lost-sensor.toml)
    ok       while the mains are on nobody is told of an incident, nor when the sensor is lost  (rules/tests/mains-on.toml)
    UPDATED  an outage is told to the owners after 30 seconds, and to the neighbour half an hour later  (rules/tests/mine.toml)
      line 22: expect = [
      { to = "ada", by = "email", kind = "opened", rule = "power-outage", step = 0, subject = "[Power is out]*" },
      { to = "pat", kind = "opened" },
    ]
      line 29: expect = [{ to = "neighbour", kind = "escalated" }]
      line 33: expect = []
      line 38: expect = [{ to = "neighbour", kind = "reminder" }]
      line 42: expect = []
      line 55: expect = [{ to = "ada", kind = "resolved" }, { to = "pat", kind = "resolved" }, { to = "neighbour", kind = "resolved" }]
    ok       an outage is told, and so is its end  (rules/tests/outage.toml)
    Read the `name` and the comments of the file: they are not changed.
    4 scenarios, 1 updated, 0 failed
    "#);

    let after = fs::read_to_string(home.path("rules/tests/mine.toml")).unwrap();
    let comments =
        |text: &str| text.lines().filter(|line| line.starts_with('#')).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(comments(&after), comments(&before));
    assert_eq!(fs::metadata(home.path("rules/tests/outage.toml")).unwrap().modified().unwrap(), others, "not written");
    let again = home.dag(&["test"]);
    assert!(again.status.success(), "{}", text(&again.stdout));
    let json = home.json(&["test", "--update"]);
    assert_eq!((json["updated"].clone(), json["failed"].clone()), (0.into(), 0.into()));
    let files: Vec<_> =
        fs::read_dir(home.path("rules/tests")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(files.len(), 4, "{files:?}");
}

#[test]
fn a_file_in_which_anything_else_is_wrong_is_left_alone() {
    let home = home();
    home.edit(
        "rules/tests/mine.toml",
        "[[step]]\nat = \"30s\"\n",
        "[[step]]\nat = \"30s\"\ntold = [{ kind = \"past\" }]\n",
    );
    fs::write(home.path("rules/tests/odd.toml"), "name = \"odd\"\nstart = \"today\"\n").unwrap();
    let before = fs::read_to_string(home.path("rules/tests/mine.toml")).unwrap();
    let updated = home.dag(&["test", "--update"]);
    assert_eq!(updated.status.code(), Some(1));
    let out = text(&updated.stdout);
    assert_eq!(
        out.matches("the file is left alone, since more is wrong than what an `expect` lists").count(),
        2,
        "{out}"
    );
    assert!(out.contains("this was not sent") && out.contains("this is no time"), "{out}");
    assert!(text(&updated.stderr).ends_with("not everything went as expected\n"), "{}", text(&updated.stderr));
    assert_eq!(fs::read_to_string(home.path("rules/tests/mine.toml")).unwrap(), before);
}

#[test]
fn a_running_daemon_that_refused_an_edit_follows_it_after_the_update() {
    let home = Home::shipped();
    fs::copy(home.path("rules/examples/to-the-second.toml"), home.path("rules/tests/mine.toml")).unwrap();
    let _daemon = home.run_as("cottage");
    home.edit("rules/people.toml", "after = \"30m\"", "after = \"10m\"");
    let refused = home.dag(&["reload"]);
    assert!(text(&refused.stderr).contains("mine.toml:"), "{}", text(&refused.stderr));
    assert!(home.dag(&["test", "--update"]).status.success());
    let output = home.dag(&["reload"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(home.json(&["status"])["rejected"].is_null());
}
