//! Edits that a user is likely to make: every shipped scenario must still pass with them.

use std::collections::BTreeMap;

use dag_engine::{Device, Engine};

use crate::{
    compile, device,
    folder::{files, shipped},
    play, play_on,
};

/// A reload plays the scenarios first, so one that pins a debounce would forbid the very first edit.
#[test]
fn no_scenario_objects_to_another_debounce() {
    for open_after in ["1s", "2s", "5s", "10s", "1m", "2m", "5m"] {
        for close_after in ["1s", "1m", "5m"] {
            nothing_objects(&[
                ("open_after = \"30s\"", &format!("open_after = \"{open_after}\"")),
                ("close_after = \"10s\"", &format!("close_after = \"{close_after}\"")),
            ]);
        }
    }
}

#[test]
fn no_scenario_objects_to_another_pace_of_the_escalation() {
    let pace = "{ after = \"30m\", notify = [\"neighbour\"], repeat = \"2h\", at_most = 6 }";
    for after in ["15m", "45m", "1h"] {
        for more in ["", ", repeat = \"1h\"", ", repeat = \"6h\", at_most = 2"] {
            let edited = format!("{{ after = \"{after}\", notify = [\"neighbour\"]{more} }}");
            // With the longest debounce the first message is the latest, and with it all others.
            nothing_objects(&[(pace, &edited), ("open_after = \"30s\"", "open_after = \"5m\"")]);
            nothing_objects(&[(pace, &edited)]);
        }
    }
}

#[test]
fn no_scenario_objects_to_other_quiet_hours_in_whatever_zone() {
    let quiet = "quiet = { from = \"22:30\", to = \"07:00\", unless = \"critical\" }";
    for edited in [
        "",
        // Here outages wait for the morning too.
        "quiet = { from = \"22:30\", to = \"07:00\" }",
        "quiet = { from = \"20:00\", to = \"09:30\", unless = \"warning\" }",
        "quiet = { from = \"19:00\", to = \"17:00\", unless = \"critical\" }",
    ] {
        nothing_objects(&[(quiet, edited)]);
    }
    for zone in ["Asia/Tokyo", "Australia/Sydney", "America/Los_Angeles", "Europe/Paris", "UTC"] {
        nothing_objects(&[("# timezone = \"Europe/London\"", &format!("timezone = \"{zone}\""))]);
    }
}

#[test]
fn no_scenario_objects_to_other_ways_of_reaching_people() {
    let email = "email = \"nor@example.com\"";
    nothing_objects(&[
        (email, "email = \"me@example.org\""),
        ("email = \"kim@example.com\"", "email = \"k@example.org\""),
    ]);
    nothing_objects(&[("fallback = \"neighbour\"\n", "")]);
    nothing_objects(&[("# fallback_after = \"30m\"", "fallback_after = \"30m\"")]);
    nothing_objects(&[("inhibits = [\"power-outage\"]", "")]);
}

/// A user's device has another name and other labels; only its id stays.
#[test]
fn no_scenario_objects_to_another_name_of_the_device() {
    let engine = Engine::new(compile(&shipped()));
    let mine = Device { name: "Grandma's house".to_owned(), labels: BTreeMap::new(), ..device("cottage", "") };
    let devices = BTreeMap::from([(mine.id.clone(), mine)]);
    for (file, text) in files("tests", "toml") {
        play_on(&engine, &devices, &file, &text);
    }
}

/// Checks that all scenarios pass with the shipped rules after these edits: the old text, and the new one.
#[track_caller]
fn nothing_objects(edits: &[(&str, &str)]) {
    let mut sources = shipped();
    for (there, then) in edits {
        let found: Vec<&mut String> = sources.files.values_mut().filter(|text| text.contains(there)).collect();
        let [text] = <[_; 1]>::try_from(found).unwrap_or_else(|_| panic!("`{there}` is in one file"));
        assert_eq!(text.matches(there).count(), 1, "`{there}`");
        *text = text.replace(there, then);
    }
    let engine = Engine::new(compile(&sources));
    for (file, text) in files("tests", "toml") {
        play(&engine, &file, &text);
    }
}
