//! Edits while the daemon runs. A correct one is followed. One with a mistake changes nothing and is shown.

use std::fs;

use crate::home::{Home, text, wait_until};

fn rules(home: &Home) -> String {
    home.json(&["status"])["rules"].as_str().unwrap().to_owned()
}

fn rejected(home: &Home) -> Option<String> {
    home.json(&["status"])["rejected"].as_str().map(str::to_owned)
}

fn wait_for_other_rules(home: &Home, before: &str) {
    wait_until(|| (rules(home) != before).then_some(()));
}

/// Makes an edit that must not be followed, and checks that the old rules stay in force. Returns the problem as it is
/// shown.
fn refused_edit(edit: impl FnOnce(&Home)) -> String {
    let home = Home::new();
    let _daemon = home.run();
    let before = rules(&home);
    edit(&home);
    let problem = wait_until(|| rejected(&home));
    assert_eq!(rules(&home), before);
    home.json(&["unplug"]);
    // There is also a mail to the operators about the edit.
    home.wait_for_outage();
    problem
}

#[test]
fn an_edit_is_followed_without_a_restart() {
    let home = Home::new();
    let _daemon = home.run();
    let before = rules(&home);
    home.edit("rules/power.toml", "open_after = \"0s\"", "open_after = \"1h\"");
    wait_for_other_rules(&home, &before);
    home.json(&["unplug"]);
    let pending = home.json(&["status"])["pending"][0]["rule"].clone();
    assert_eq!(pending, "power-outage", "it waits for the hour");
    // Without the hour the incident is overdue, and opens at once.
    home.edit("rules/power.toml", "open_after = \"1h\"", "open_after = \"0s\"");
    assert_eq!(home.wait_for_mails(1).len(), 1);
}

#[test]
fn an_edit_by_renaming_is_followed() {
    let home = Home::new();
    let _daemon = home.run();
    let before = rules(&home);
    let edited = fs::read_to_string(home.path("rules/power.toml")).unwrap().replace("\"0s\"", "\"7s\"");
    fs::write(home.path("rules/.power.toml.swp"), &edited).unwrap();
    fs::rename(home.path("rules/.power.toml.swp"), home.path("rules/power.toml")).unwrap();
    wait_for_other_rules(&home, &before);
}

#[test]
fn a_folder_of_rules_that_is_replaced_is_followed() {
    let home = Home::new();
    let _daemon = home.run();
    for turn in 1..4 {
        let before = rules(&home);
        let (new, old) = (home.path("new"), home.path(&format!("old{turn}")));
        fs::create_dir(&new).unwrap();
        for file in ["power.toml", "people.toml"] {
            let text = fs::read_to_string(home.path("rules").join(file)).unwrap();
            fs::write(new.join(file), format!("{text}\n# turn {turn}\n")).unwrap();
        }
        fs::rename(home.path("rules"), old).unwrap();
        fs::rename(new, home.path("rules")).unwrap();
        wait_for_other_rules(&home, &before);
    }
}

#[test]
fn a_file_half_saved_changes_nothing_and_is_shown() {
    let problem = refused_edit(|home| home.edit("rules/power.toml", "when = \"power == off\"", "when = \"power == o"));
    assert!(problem.contains("/rules/power.toml:"), "{problem}");
}

#[test]
fn a_deleted_file_changes_nothing_and_is_shown() {
    let problem = refused_edit(|home| fs::remove_file(home.path("rules/people.toml")).unwrap());
    assert!(problem.contains("there is no escalation `household`"), "{problem}");
}

#[test]
fn a_folder_in_a_files_place_changes_nothing_and_is_shown() {
    let problem = refused_edit(|home| {
        fs::remove_file(home.path("rules/power.toml")).unwrap();
        fs::create_dir(home.path("rules/power.toml")).unwrap();
    });
    assert!(problem.contains("a file is expected here"), "{problem}");
}

#[test]
fn a_time_zone_that_does_not_exist_changes_nothing_and_is_shown() {
    let problem = refused_edit(|home| home.edit("config.toml", "Europe/London", "Europe/Lodnon"));
    assert!(problem.contains("Europe/London"), "{problem}");
}

#[test]
fn a_source_that_cannot_be_had_changes_nothing_and_is_shown() {
    let problem = refused_edit(|home| {
        home.edit("config.toml", "power = { source = \"simulated\" }", "power = { source = \"gpio\", pin = 99 }");
    });
    assert!(problem.contains("no GPIO here") || problem.contains("pin"), "{problem}");
}

#[test]
fn another_device_in_the_daemons_place_changes_nothing_and_is_shown() {
    let problem = refused_edit(|home| home.edit("config.toml", "[device.cottage]", "[device.cabin]"));
    assert!(problem.contains("the device `cottage` is gone"), "{problem}");
}

#[test]
fn another_source_is_followed() {
    let home = Home::new();
    let _daemon = home.run();
    home.edit(
        "config.toml",
        "# freezer_door = { source = \"gpio\", pin = 17, on_when = \"low\", on = \"open\", off = \"closed\" }",
        "door = { source = \"simulated\" }",
    );
    wait_until(|| (home.json(&["status"])["facts"]["door"][0] == "on").then_some(()));
    home.json(&["unplug", "door"]);
    home.json(&["unplug"]);
    assert_eq!(home.wait_for_mails(1).len(), 1);
}

#[test]
fn a_fact_whose_source_is_taken_away_is_not_known_any_more() {
    let home = Home::new();
    let door = "door = { source = \"simulated\" }";
    home.edit(
        "config.toml",
        "# freezer_door = { source = \"gpio\", pin = 17, on_when = \"low\", on = \"open\", off = \"closed\" }",
        door,
    );
    let none = "door = { source = \"none\" }";
    let daemon = home.run();
    let is_unknown = || home.json(&["status"])["facts"]["door"][0].is_null();
    assert!(!is_unknown());
    home.edit("config.toml", door, none);
    wait_until(|| is_unknown().then_some(()));
    home.edit("config.toml", none, door);
    wait_until(|| (!is_unknown()).then_some(()));
    drop(daemon);
    home.edit("config.toml", door, none);
    let _daemon = home.run();
    assert!(is_unknown());
}

#[test]
fn a_scenario_that_goes_otherwise_changes_nothing_and_is_shown() {
    let problem = refused_edit(add_failing_scenario);
    assert!(problem.contains("this was not sent"), "{problem}");
}

/// Adds a scenario that expects a message that is never sent.
fn add_failing_scenario(home: &Home) {
    fs::create_dir_all(home.path("rules/tests")).unwrap();
    let scenario = "name = \"no\"\ndevice = \"cottage\"\nstart = \"2026-01-10T18:00:00Z\"\n\
                    [[step]]\nat = \"0s\"\nexpect = [{ to = \"nor\" }]\n";
    fs::write(home.path("rules/tests/no.toml"), scenario).unwrap();
}

#[test]
fn a_first_start_with_a_failing_scenario_runs_and_says_so_everywhere() {
    let home = Home::new();
    add_failing_scenario(&home);
    let failing = || home.json(&["status"])["failing"].as_str().map(str::to_owned);
    let _daemon = home.run();
    let place = home.path("rules/tests/no.toml");
    let told =
        format!("1 of 1 scenario went otherwise than expected:\n  {}:6:11: this was not sent\n", place.display());
    assert!(failing().unwrap().contains(&told), "{failing:?}", failing = failing());
    assert_eq!(rejected(&home), None, "they are in force");
    let status = home.dag(&["status"]);
    assert!(text(&status.stdout).contains("ALTHOUGH SCENARIOS FAIL"), "{}", text(&status.stdout));
    home.wait_for_mail("[Monitor: scenarios fail]");
    let check = home.dag(&["check"]);
    assert_eq!(check.status.code(), Some(1));
    assert!(text(&check.stderr).contains(&told), "{}", text(&check.stderr));
    assert!(text(&check.stderr).contains("`dag check --no-scenarios`"), "{}", text(&check.stderr));
    assert!(home.dag(&["check", "--no-scenarios"]).status.success());
    // It watches, and follows edits: the rules in force are no better.
    let before = rules(&home);
    home.edit("rules/power.toml", "close_after = \"0s\"", "close_after = \"1s\"");
    wait_for_other_rules(&home, &before);
    assert!(failing().is_some());
    home.json(&["unplug"]);
    home.wait_for_outage();
    // Once they pass, rules that fail are not put in force any more.
    fs::remove_file(home.path("rules/tests/no.toml")).unwrap();
    wait_until(|| failing().is_none().then_some(()));
    add_failing_scenario(&home);
    assert!(wait_until(|| rejected(&home)).contains(&told));
}

#[test]
fn a_start_with_a_failing_scenario_runs_on_earlier_good_rules() {
    let home = Home::new();
    drop(home.run());
    home.edit("rules/power.toml", "close_after = \"0s\"", "close_after = \"1s\"");
    add_failing_scenario(&home);
    let _daemon = home.run();
    assert!(rejected(&home).unwrap().contains("rules/tests/no.toml:6:11"));
}

#[test]
fn rules_that_run_although_scenarios_fail_are_replaced_at_a_start_by_others() {
    let home = Home::new();
    add_failing_scenario(&home);
    let first = home.run();
    let before = rules(&home);
    drop(first);
    home.edit("rules/power.toml", "close_after = \"0s\"", "close_after = \"1s\"");
    let _daemon = home.run();
    assert_ne!(rules(&home), before);
    assert_eq!(rejected(&home), None);
}

#[test]
fn a_folder_without_rules_never_replaces_rules() {
    let problem = refused_edit(|home| fs::remove_file(home.path("rules/power.toml")).unwrap());
    assert!(problem.contains("there is no rule, so that this monitor would watch nothing"), "{problem}");
    let home = Home::new();
    fs::remove_file(home.path("rules/power.toml")).unwrap();
    let output = home.dag(&["run"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("there is no rule"), "{}", text(&output.stderr));
}

#[test]
fn a_repaired_file_is_followed_and_its_problem_forgotten() {
    let home = Home::new();
    let _daemon = home.run();
    home.edit("rules/power.toml", "power == off", "pwoer == off");
    assert!(wait_until(|| rejected(&home)).contains("did you mean `power`?"));
    home.edit("rules/power.toml", "pwoer == off", "power == off");
    wait_until(|| rejected(&home).is_none().then_some(()));
}

#[test]
fn a_hangup_reads_the_files_again() {
    let home = Home::new();
    let daemon = home.run();
    home.edit("rules/power.toml", "power == off", "pwoer == off");
    daemon.signal("HUP");
    daemon.wait_for("the edit changes nothing");
}

#[test]
fn reload_says_what_is_wrong_where_it_was_asked() {
    let home = Home::new();
    let _daemon = home.run();
    home.edit("rules/power.toml", "power == off", "pwoer == off");
    let output = home.dag(&["reload"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("there is no fact or value `pwoer`"), "{}", text(&output.stderr));
}

#[test]
fn a_boot_with_broken_files_runs_on_the_last_good_rules() {
    let home = Home::new();
    let first = home.run();
    let good = rules(&home);
    drop(first);
    home.edit("rules/power.toml", "power == off", "pwoer == off");
    let _daemon = home.run();
    assert_eq!(rules(&home), good);
    assert!(rejected(&home).unwrap().contains("did you mean `power`?"));
    home.json(&["unplug"]);
    home.wait_for_outage();
}

#[test]
fn a_first_boot_with_broken_files_is_refused() {
    let home = Home::new();
    home.edit("rules/power.toml", "power == off", "pwoer == off");
    let output = home.dag(&["run"]);
    assert_eq!(output.status.code(), Some(1));
    let error = text(&output.stderr);
    assert!(error.contains("did you mean `power`?") && error.contains("no earlier good rules"), "{error}");
}
