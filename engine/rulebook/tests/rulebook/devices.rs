//! The device that runs the rules: the warnings about it, and the rules of its fleet.

use std::fs;

use crate::{Home, in_full};

#[test]
fn the_shipped_files_have_no_warning_and_say_what_cannot_fire_here() {
    let home = Home::shipped();
    let config = home.config(&[]);
    let rulebook = home.prove(&config).unwrap();
    assert_eq!(rulebook.warnings(&config), [""; 0]);
    assert_eq!(
        rulebook.notes(&config),
        [
            "note: the rule `battery-low` reads `battery`, for which config.toml names no source: it is never known here",
            "note: these rules run in the cloud alone, and never fire here: `lost-contact`, `off-then-lost`"
        ]
    );
}

#[test]
fn several_devices_are_each_started_by_name() {
    let home = Home::shipped();
    let config = home.config(&[("device.barn".to_owned(), "{ power = { source = 'simulated' } }".to_owned())]);
    let notes = home.prove(&config).unwrap().notes(&config);
    let note = "note: config.toml has several devices: start each with `dag run --device NAME`";
    assert!(notes.iter().any(|one| one == note), "{notes:?}");
}

#[test]
fn a_trial_and_reality_side_by_side_are_warned_of() {
    let home = Home::shipped();
    let warnings = |overrides: &[(&str, &str)]| {
        let set = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let config = home.config(&overrides.iter().map(set).collect::<Vec<_>>());
        (home.prove(&config).unwrap().warnings(&config), home.prove(&config).unwrap().notes(&config))
    };
    let smtp = [("email.transport", "smtp"), ("email.smtp", "{ server = 'localhost' }")];
    assert_eq!(
        warnings(&smtp).0,
        [
            "warning: `power` of the device `cottage` is simulated, and messages are really sent (`transport = \
             \"smtp\"`): nothing real is noticed. Give it the source \"gpio\" or \"nut\" in config.toml",
            "warning: nobody reads dag@example.com, the sender's address: write a real one as `from` in `[email]`",
            "warning: nobody reads kim@example.com, the address of `neighbour`: write a real one in rules/",
            "warning: nobody reads nor@example.com, the address of `nor`: write a real one in rules/",
        ]
    );
    let gpio = ("device.cottage.power", "{ source = 'gpio', pin = 4 }");
    assert_eq!(
        warnings(&[gpio]).0,
        [
            "warning: the device `cottage` has a real source, and no message leaves it (`transport = \"outbox\"`): nobody \
          is told. Set `transport = \"smtp\"` in `[email]`"
        ]
    );
    assert_eq!(
        warnings(&[("device.cottage.power", "{ source = 'none' }")]).0,
        ["warning: the device `cottage` has no source at all, so that it notices nothing: give it one in config.toml"]
    );
    let people = home.rules.join("people.toml");
    let text = fs::read_to_string(&people).unwrap().replace("@example.com", "@detectordag.org");
    let hook = "[recipient.pager]\nwebhook = { url = \"https://hooks.example.org/token\", secret = \"env:PAGER\" }\n";
    fs::write(&people, text + hook).unwrap();
    let (told, notes) = warnings(&[smtp[0], smtp[1], gpio, ("email.from", "Cottage <dag@detectordag.org>")]);
    assert_eq!(
        told,
        ["warning: nobody reads hooks.example.org, the host of the webhook of `pager`: write a real one in rules/"]
    );
    let heartbeat = "note: nobody is told if this monitor dies: `[heartbeat.NAME]` in config.toml changes that";
    assert_eq!(notes.last().unwrap(), heartbeat);
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
    assert_eq!(about, ["alone"], "{warnings:#?}");
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
