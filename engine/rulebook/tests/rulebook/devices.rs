//! The device that runs the rules: the warnings about it, and the rules of its fleet.

use std::fs;

use crate::{Home, in_full};

#[test]
fn the_shipped_rules_warn_only_of_rules_that_cannot_fire_on_this_device() {
    let home = Home::shipped();
    let config = home.config(&[]);
    let warnings = home.prove(&config).unwrap().warnings(&config);
    let about = |rule: &str| format!("warning: the rule `{rule}` ");
    let rules = ["battery-low", "lost-contact", "off-then-lost"];
    assert!(warnings.iter().zip(rules).all(|(warning, rule)| warning.starts_with(&about(rule))), "{warnings:#?}");
    assert_eq!(warnings.len(), rules.len(), "{warnings:#?}");
}

/// In the mode `cloud` the other rules run in the cloud, and only the cloud knows of connections.
#[test]
fn in_the_mode_cloud_only_rules_that_run_on_the_device_are_warned_of() {
    let home = Home::shipped();
    let own = "[rule.alone]\nwhen = \"connection == disconnected\"\nescalation = \"household\"\nrun_on = \"edge\"\n";
    fs::write(home.rules.join("alone.toml"), own).unwrap();
    // The scenarios run every rule, and expect none like this one.
    fs::remove_dir_all(home.rules.join("tests")).unwrap();
    let config = home.config(&[("mode".into(), "cloud".into())]);
    let warnings = home.prove(&config).unwrap().warnings(&config);
    let about: Vec<&str> = warnings.iter().filter_map(|warning| warning.split('`').nth(1)).collect();
    assert_eq!(about, ["alone", "battery-low"], "{warnings:#?}");
}

const BARN: &str = r#"
mode = "cloud"
[site]
name = "Home"
timezone = "Europe/London"
[device.barn]
power = { source = "gpio", pin = 4 }
[email]
from = "dag@example.com"
transport = "outbox"
"#;

#[test]
fn a_device_that_knows_only_itself_accepts_the_rules_of_its_fleet() {
    let home = Home::shipped();
    let flood = "[rule.flood]\nwhen = \"flood == off\"\nescalation = \"household\"\n";
    fs::write(home.rules.join("flood.toml"), flood).unwrap();
    let prove = |config: &str| {
        fs::write(home.dir.path().join("config.toml"), config).unwrap();
        home.prove(&home.config(&[]))
    };
    // Nothing here has a sensor of floods.
    let rulebook = prove(BARN).unwrap_or_else(|problems| panic!("{problems}"));
    assert!(rulebook.engine.rules().fact("flood").is_some());

    // Its own scenarios are played, and what concerns everybody is a mistake all the same.
    let add_scenario = |device: &str| {
        let scenario = format!(
            "name = \"nothing is expected\"\ndevice = \"{device}\"\nstart = \"2026-01-10T18:00:00Z\"\n\
             [[step]]\nat = \"0s\"\nset = {{ power = \"on\" }}\n[[step]]\nat = \"1m\"\nset = {{ power = \"off\" }}\n\
             [[step]]\nat = \"2m\"\nexpect = []\n"
        );
        fs::write(home.rules.join("tests/own.toml"), scenario).unwrap();
    };
    add_scenario("shed");
    prove(BARN).unwrap_or_else(|problems| panic!("{problems}"));
    add_scenario("barn");
    let problems = in_full(&prove(BARN).unwrap_err());
    assert!(problems.contains("1 more sent than expected") && problems.contains("own.toml"), "{problems}");

    // Where the fleet is looked after every device is known.
    let fleet = format!("{BARN}[aws]\nregion = \"eu-west-1\"\n");
    let problems = in_full(&prove(&fleet).unwrap_err());
    assert!(problems.contains("there is no fact or value `flood`"), "{problems}");
    fs::remove_file(home.rules.join("flood.toml")).unwrap();
    add_scenario("shed");
    let problems = in_full(&prove(&fleet).unwrap_err());
    assert!(problems.contains("there is no device `shed`"), "{problems}");
}
