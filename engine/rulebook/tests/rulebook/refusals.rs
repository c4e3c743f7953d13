//! What a refusal says: short, with places that can be opened, and with the command that shows the rest.

use std::fs;

use insta::assert_snapshot;

use crate::Home;

fn refusal(edit: impl FnOnce(&Home)) -> String {
    let home = Home::shipped();
    edit(&home);
    let refusal = home.prove(&home.config(&[])).unwrap_err();
    refusal.to_string().replace(&format!("{}/", home.dir.path().display()), "")
}

/// Adds scenarios that expect a message that is never sent.
fn add_scenarios(home: &Home, count: usize) {
    for at in 0..count {
        let scenario = format!(
            "name = \"no\"\ndevice = \"cottage\"\nstart = \"2026-01-10T18:00:00Z\"\n\
             [[step]]\nat = \"0s\"\nexpect = [{{ to = \"nor\" }}]\n# {at}\n"
        );
        fs::write(home.rules.join(format!("tests/no-{at}.toml")), scenario).unwrap();
    }
}

fn keep_own_scenarios_alone(home: &Home) {
    fs::remove_dir_all(home.rules.join("tests")).unwrap();
    fs::create_dir(home.rules.join("tests")).unwrap();
}

#[test]
fn a_scenario_that_fails_is_one_line() {
    let told = refusal(|home| {
        keep_own_scenarios_alone(home);
        add_scenarios(home, 1);
    });
    assert_snapshot!(told, @"
    1 of 1 scenario went otherwise than expected:
      rules/tests/no-0.toml:6:11: this was not sent
    `dag test` shows what was sent instead. If that is what you want, `dag test --update` writes it into the scenarios.
    ");
}

#[test]
fn of_many_scenarios_that_fail_the_first_are_named() {
    let told = refusal(|home| {
        keep_own_scenarios_alone(home);
        add_scenarios(home, 7);
    });
    assert_snapshot!(told, @"
    7 of 7 scenarios went otherwise than expected:
      rules/tests/no-0.toml:6:11: this was not sent
      rules/tests/no-1.toml:6:11: this was not sent
      rules/tests/no-2.toml:6:11: this was not sent
      rules/tests/no-3.toml:6:11: this was not sent
      rules/tests/no-4.toml:6:11: this was not sent
      and 2 more
    `dag test` shows what was sent instead. If that is what you want, `dag test --update` writes it into the scenarios.
    ");
}

#[test]
fn of_many_mistakes_the_first_are_shown_and_the_others_counted() {
    let told = refusal(|home| {
        let rules: String = (0..7).map(|at| format!("[rule.r{at}]\nwhen = \"pwoer == off\"\n")).collect();
        fs::write(home.rules.join("more.toml"), rules.replace("off\"\n", "off\"\nescalation = \"household\"\n"))
            .unwrap();
    });
    assert_eq!(told.matches("error: ").count(), 5, "{told}");
    assert!(told.contains("--> rules/more.toml:2:9"), "{told}");
    let end = "7 problems found; nothing was changed. `dag check` shows the other 2";
    assert!(told.ends_with(end), "{told}");
}

/// `dag test --update` never rewrites what must hold in any case.
#[test]
fn where_no_expect_is_wrong_an_update_is_not_advised() {
    let told = refusal(|home| {
        keep_own_scenarios_alone(home);
        let scenario = "name = \"no\"\nstart = \"2026-01-10T18:00:00Z\"\n\
                        [[step]]\nat = \"0s\"\ntold = [{ kind = \"opened\" }]\n";
        fs::write(home.rules.join("tests/no.toml"), scenario).unwrap();
    });
    assert_snapshot!(told, @"
    1 of 1 scenario went otherwise than expected:
      rules/tests/no.toml:5:9: this was not sent
    `dag test` shows what was sent instead. Mend the rules, or change or delete the scenario.
    ");
}
