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
        wrong(&[command, "--until", "tonight"], "`tonight` is no moment: write a time of the day (22:00), a date");
        wrong(&[command, "--until", "noon"], "`noon` is no moment: did you mean `12:00`?");
        wrong(&[command, "--until", "2 hours"], "this is a length of time: write `--for 2h`");
        wrong(&[command, "--until", "22:00Z"], "`22:00Z` has a zone and no date: write `22:00`, by the device's clock");
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
fn a_silence_that_takes_the_place_of_another_says_so_and_none_that_begins_later_ends_one_that_holds() {
    let home = Home::new();
    let _daemon = home.run();
    let first = home.json(&["silence", "--for", "8h"]);
    assert!(first["replaces"].is_null());
    let second = home.json(&["silence", "--for", "9h"]);
    assert_eq!(second["replaces"], first["silence"]);
    let later = home.dag(&["silence", "--from", "2099-01-01", "--for", "8h"]);
    let error = text(&later.stderr);
    assert_eq!(later.status.code(), Some(1));
    assert!(error.starts_with("nothing was changed: a silence of just that holds until "), "{error}");
    assert!(error.contains("so that steps fire until 00:00:00 on Thu 1 Jan 2099."), "{error}");
    assert!(error.contains("end that one first with `dag silence --lift`, or silence something else"), "{error}");
    // Of another kind it may begin later, and before it begins nothing holds that it could end.
    let of_rule = ["silence", "--from", "2099-01-01", "--for", "8h", "--rule", "power-outage"];
    assert!(home.json(&of_rule)["replaces"].is_null());
    assert_eq!(home.json(&of_rule)["replaces"]["from"], "2099-01-01T00:00:00Z");
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
fn a_time_of_the_day_is_the_next_such_moment_by_the_devices_clock_and_kept_as_given() {
    let (home, _daemon) = Home::with_outage();
    let said = text(&home.dag(&["silence", "--until", "22:00", "--by", "nor"]).stdout).to_owned();
    assert!(said.contains("22:00:00 ") && said.contains(" (given as 22:00): no step fires in this time"), "{said}");
    let status = home.json(&["status"]);
    let silence = &status["silences"][0];
    assert_eq!(silence["until_given"], serde_json::json!({ "time_of_day": "22:00" }));
    assert!(silence["until"].as_str() > status["now"].as_str(), "{silence}");
    let status = text(&home.dag(&["status"]).stdout).to_owned();
    assert!(status.contains("Silent: everything, since ") && status.contains(" (given as 22:00), by nor."), "{status}");

    // From the evening until the morning after it.
    let asked = ["silence", "--from", "10:30pm", "--until", "6:00", "--rule", "power-outage"];
    let silence = &home.json(&asked)["silence"];
    let hours = |moment: &serde_json::Value| moment.as_str().unwrap()[11..16].to_owned();
    let winter = ("22:30".to_owned(), "06:00".to_owned());
    let found = (hours(&silence["from"]), hours(&silence["until"]));
    assert!(found == winter || found == ("21:30".to_owned(), "05:00".to_owned()), "{silence}");
    assert_eq!(silence["from_given"], serde_json::json!({ "time_of_day": "22:30" }));

    let said = text(&home.dag(&["snooze", "--until", "22:00", "--by", "nor"]).stdout).to_owned();
    assert!(said.contains(" (given as 22:00): no step of it fires before"), "{said}");
    let incident = &home.json(&["status"])["incidents"][0];
    assert_eq!(incident["snooze_given"], serde_json::json!({ "time_of_day": "22:00" }));
    let status = text(&home.dag(&["status"]).stdout).to_owned();
    assert!(status.contains("snoozed      by nor until ") && status.contains("(given as 22:00)\n"), "{status}");
}

/// A moment in the past is a slip, and not an order to do it at once: github.com/systemd/systemd, issue 40882.
#[test]
fn a_hold_that_is_over_or_lasts_for_decades_is_refused_and_the_earlier_one_stays() {
    let (home, _daemon) = Home::with_outage();
    home.json(&["silence", "--for", "8h"]);
    for (words, error) in [
        (
            vec!["silence", "--until", "2026-01-10"],
            "nothing was changed: it would end at 00:00:00 on Sat 10 Jan 2026, and",
        ),
        (vec!["silence", "--until", "1969-12-31"], "Thu 1 Jan 1970, where the calendar begins, and it is "),
        (vec!["silence", "--until=-009999-01-01"], "Thu 1 Jan 1970, where the calendar begins, and it is "),
        (
            vec!["silence", "--until", "9999-12-31"],
            "on Thu 30 Dec 9999, where the calendar ends, and the longest is 3660 days",
        ),
        (
            vec!["snooze", "--until", "9999-12-31T23:59:59Z"],
            "where the calendar ends, and the longest is 3660 days, until",
        ),
        (
            vec!["silence", "--from", "2099-01-02", "--until", "2099-01-01"],
            "nothing was changed: it would end at 00:00:00 on Thu 1 Jan 2099, and not begin before 00:00:00 on Fri 2",
        ),
    ] {
        let output = home.dag(&words);
        let said = text(&output.stderr);
        assert!(output.status.code() == Some(1) && said.contains(error), "{words:?}: {said}");
    }
    assert_eq!(home.json(&["status"])["silences"].as_array().unwrap().len(), 1);
}
