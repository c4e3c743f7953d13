//! Acknowledgements, snoozes and silences: their effect, their answers, and the errors of those that are refused.

use crate::home::{Home, text, wait_until};

#[track_caller]
fn assert_refused(home: &Home, words: &[&str], error: &str) {
    let output = home.dag(words);
    assert_eq!((text(&output.stderr).trim_end(), output.status.code()), (error, Some(1)), "{words:?}");
}

#[test]
fn what_would_hold_nothing_is_refused_with_what_was_meant() {
    let home = Home::new();
    let _daemon = home.run();
    for (words, error) in [
        (["--rule", "power-outtage"], "there is no rule `power-outtage`: did you mean `power-outage`?"),
        (["--rule", "burglars"], "there is no rule `burglars`: there are power-outage, unstable-supply"),
        (["--device", "cabin"], "this daemon is `cottage`: a silence of `cabin` would hold nothing here"),
        (["--label", "aera=hay-on-wye"], "this device has no label `aera`: did you mean `area`?"),
        (["--label", "floor=2"], "this device has no label `floor`: `labels` in config.toml gives it some"),
        (
            ["--label", "area=leeds"],
            "the label `area` of this device is `hay-on-wye`, not `leeds`: a silence of others would hold nothing here",
        ),
        (["--by", ""], "`--by` takes a name of one line, of at most 200 bytes"),
    ] {
        assert_refused(&home, &[&["silence", "--for", "8h"], &words[..]].concat(), error);
    }
    assert_refused(&home, &["snooze", "--for", "2h"], "no incident is open");
    assert_refused(&home, &["snooze", "--lift"], "no incident is open");
    assert_refused(&home, &["snooze", "77", "--lift"], "no open incident has an id that begins so: see `dag status`");
}

#[test]
fn an_acknowledgement_that_the_engine_would_refuse_is_an_error() {
    let (home, _daemon) = Home::with_outage();
    // The limit is the engine's, in bytes. This letter has two.
    let (long, longest) = ("ж".repeat(101), "ж".repeat(100));
    assert_refused(&home, &["ack", "--by", &long], "`--by` takes a name of one line, of at most 200 bytes");
    assert_eq!(home.json(&["ack", "--by", &longest])["by"], longest);
}

#[test]
fn of_several_open_incidents_one_must_be_named() {
    let home = Home::new();
    let another = "[rule.another]\nwhen = \"power == off\"\nescalation = \"household\"\n";
    std::fs::write(home.path("rules/another.toml"), another).unwrap();
    let _daemon = home.run();
    home.json(&["unplug"]);
    home.wait_for_mails(2);
    let output = home.dag(&["snooze", "--for", "2h"]);
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(error.starts_with("several incidents are open; say which:\n  "), "{error}");
    assert!(error.contains("  another\n") && error.contains("  power-outage\n"), "{error}");
}

#[test]
fn for_how_long_is_said_once_and_in_words_that_are_understood() {
    let home = Home::new();
    let wrong = |words: &[&str], part: &str| {
        let output = home.dag(words);
        let error = text(&output.stderr);
        assert!(output.status.code() == Some(2) && error.contains(part), "{words:?}: {error}");
    };
    for command in ["snooze", "silence"] {
        wrong(&[command], "<--for <DURATION>|--until <TIME>|--lift>");
        wrong(&[command, "--for", "2h", "--lift"], "cannot be used with");
        wrong(&[command, "--for", "2 hours"], "`2 hours` is not a duration: did you mean `2h`?");
        wrong(&[command, "--for", "2"], "`2` has no unit: write `2s` for seconds, `2m` for minutes or `2h` for hours");
        wrong(&[command, "--until", "noon"], "this is no time: write it with its zone, like 2026-01-10T18:00:00Z");
    }
    wrong(&["silence", "--lift", "--from", "2026-01-10T18:00:00Z"], "cannot be used with");
    wrong(&["silence", "--for", "2h", "--label", "area"], "write it as KEY=VALUE, like area=hay-on-wye");
}

#[test]
fn a_snooze_holds_until_it_is_lifted() {
    let (home, _daemon) = Home::with_outage();
    let snoozed = home.json(&["snooze", "--for", "2h", "--by", "kim"]);
    assert_eq!((&snoozed["rule"], &snoozed["by"]), (&"power-outage".into(), &"kim".into()));
    assert!(snoozed["until"].is_string(), "{snoozed}");
    assert_eq!(home.json(&["status"])["incidents"][0]["snoozed_until"], snoozed["until"]);
    let lifted = home.json(&["snooze", "--lift", "--by", "kim"]);
    assert_eq!((&lifted["incident"], lifted["until"].is_null()), (&snoozed["incident"], true), "{lifted}");
    assert_refused(
        &home,
        &["snooze", "--lift"],
        "nothing was changed: it ends in the past, and there is none like it to be ended",
    );
}

#[test]
fn a_silence_holds_until_it_is_lifted_by_the_same_matcher() {
    let home = Home::new();
    let _daemon = home.run();
    let asked = ["silence", "--for", "8h", "--rule", "power-outage", "--label", "area=hay-on-wye"];
    let silenced = home.json(&asked);
    assert_eq!((&silenced["silence"]["rule"], &silenced["ended"]), (&"power-outage".into(), &false.into()));
    home.json(&["unplug"]);
    wait_until(|| (home.json(&["status"])["incidents"].as_array().unwrap().len() == 1).then_some(()));
    assert!(home.mails().is_empty());
    assert_eq!(home.json(&["status"])["silences"][0]["rule"], "power-outage");
    assert_refused(
        &home,
        &["silence", "--lift", "--rule", "power-outtage"],
        "there is no silence of just that; what can be lifted is\n  \
         dag silence --lift --label area=hay-on-wye --rule power-outage",
    );
    let lifted = home.json(&["silence", "--lift", "--rule", "power-outage", "--label", "area=hay-on-wye"]);
    assert_eq!(lifted["ended"], true);
    assert_eq!(home.wait_for_mails(1).len(), 1, "what is still wrong is told then");
    assert_refused(&home, &["silence", "--lift"], "there is no silence to lift");
}

#[test]
fn the_log_says_when_a_silence_and_a_snooze_begin_and_when_they_are_over() {
    let (home, daemon) = Home::with_outage();
    home.json(&["silence", "--for", "1s", "--by", "nor"]);
    daemon.wait_for("engine: silence by nor from ");
    daemon.wait_for("the silence by nor is over: everything");
    home.json(&["snooze", "--for", "1s", "--by", "kim"]);
    daemon.wait_for("power-outage: snoozed by kim until ");
    daemon.wait_for("power-outage: the snooze by kim is over");
    assert_eq!(home.json(&["status"])["silences"].as_array().unwrap().len(), 0);
    home.json(&["silence", "--for", "8h", "--rule", "power-outage", "--by", "nor"]);
    home.json(&["silence", "--lift", "--rule", "power-outage", "--by", "kim"]);
    daemon.wait_for("the silence was ended by kim: rule power-outage");
}

#[test]
fn a_silence_that_ends_before_it_begins_is_refused() {
    let home = Home::new();
    let _daemon = home.run();
    let asked = ["silence", "--from", "2099-01-02T00:00:00Z", "--until", "2099-01-01T00:00:00Z"];
    assert_refused(&home, &asked, "nothing was changed: it ends before it begins");
}
