//! What the operators are told of the daemon itself.

use crate::home::{Home, wait_until};

fn told(home: &Home, part: &str) -> bool {
    home.mails().iter().any(|subject| subject.contains(part))
}

#[test]
#[ignore = "the engine does not act on troubles yet"]
fn broken_rules_are_told_to_the_operators() {
    let home = Home::new();
    let _daemon = home.run();
    home.edit("rules/power.toml", "power == off", "pwoer == off");
    wait_until(|| told(&home, "rules").then_some(()));
}

#[test]
#[ignore = "the engine does not act on troubles yet"]
fn a_boot_with_broken_files_is_told_to_the_operators() {
    let home = Home::new();
    drop(home.run());
    home.edit("rules/power.toml", "power == off", "pwoer == off");
    let _daemon = home.run();
    wait_until(|| told(&home, "rules").then_some(()));
}
