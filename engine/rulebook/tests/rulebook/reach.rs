//! Rules that could tell nobody.

use std::{fs, path::Path};

use crate::{Home, check};

fn only_household(steps: &'static str) -> impl Fn(&Path) {
    move |rules| {
        for file in ["battery.toml", "contact.toml", "battery-low.rhai", "contact.rhai"] {
            fs::remove_file(rules.join(file)).unwrap();
        }
        fs::remove_dir_all(rules.join("tests")).unwrap();
        let people = "[recipient.nor]\nemail = \"nor@example.com\"\n[group]\nowners = [\"nor\"]\n";
        fs::write(rules.join("people.toml"), format!("{people}[escalation]\nhousehold = {steps}\n")).unwrap();
    }
}

#[test]
fn rules_that_could_tell_nobody_are_refused() {
    let told = &["no rule could tell anybody", "name a recipient"];
    check(only_household("[{ after = \"0s\", notify = [\"@account\"] }]"), told);
    check(only_household("[{ after = \"0s\", notify = [\"@account\", \"nor\"] }]"), &[]);
    // The cloud knows the addresses of accounts.
    let home = Home::shipped();
    only_household("[{ after = \"0s\", notify = [\"@account\"] }]")(&home.rules);
    home.prove(&home.config(&[("mode".into(), "cloud".into())])).unwrap_or_else(|refusal| panic!("{refusal}"));
}

#[test]
fn a_folder_without_a_rule_is_refused() {
    let remove = |files: &'static [&str]| {
        move |rules: &Path| files.iter().for_each(|file| fs::remove_file(rules.join(file)).unwrap())
    };
    let all = &["power.toml", "battery.toml", "contact.toml", "battery-low.rhai", "contact.rhai"];
    check(remove(all), &["there is no rule, so that this monitor would watch nothing"]);
    check(remove(&all[..2]), &["all rules run in the cloud alone, and this device decides by itself"]);
}

#[test]
fn a_step_that_reaches_nobody_is_warned_of() {
    let warnings = |steps: &'static str| {
        let home = Home::shipped();
        only_household(steps)(&home.rules);
        let config = home.config(&[]);
        home.prove(&config).unwrap_or_else(|refusal| panic!("{refusal}")).warnings(&config)
    };
    let account = "[{ notify = [\"nor\"] }, { after = \"1h\", notify = [\"@account\"] }]";
    let [warning] = &warnings(account)[..] else { panic!("one warning") };
    assert!(warning.starts_with("warning: step 1 of the escalation `household` reaches nobody here"), "{warning}");
    assert_eq!(warnings("[{ notify = [\"nor\", \"@account\"] }]"), Vec::<String>::new());
}
