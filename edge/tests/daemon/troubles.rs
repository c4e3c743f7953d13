//! Messages to the operators about the daemon itself.

use crate::home::Home;

#[test]
fn broken_rules_are_told_to_the_operators() {
    let home = Home::new();
    let _daemon = home.run();
    home.edit("rules/power.toml", "power == off", "pwoer == off");
    home.wait_for_mail("[Monitor: an edit is not in force]");
}

#[test]
fn a_boot_with_broken_files_is_told_to_the_operators() {
    let home = Home::new();
    drop(home.run());
    home.edit("rules/power.toml", "power == off", "pwoer == off");
    let _daemon = home.run();
    home.wait_for_mail("[Monitor: an edit is not in force]");
}
