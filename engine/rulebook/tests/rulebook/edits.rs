//! The edits that an owner makes: none is refused. `edge/tests/daemon/edits.rs` makes the same ones while a daemon runs.

use crate::{Home, in_full, shared_edits::EDITS};

#[test]
fn no_edit_that_an_owner_is_likely_to_make_is_refused() {
    let mut refused = Vec::new();
    for edit in EDITS {
        let home = Home::shipped();
        edit.make(home.dir.path());
        let config = home.config(&[]);
        assert!(config.devices.contains_key(edit.device), "{}", edit.name);
        if let Err(refusal) = home.prove(&config) {
            refused.push(format!("{}:\n{}", edit.name, in_full(&refusal)));
        }
    }
    assert!(refused.is_empty(), "{} of {} edits\n{}", refused.len(), EDITS.len(), refused.join("\n\n"));
}

/// The scenarios say something: rules that tell nobody, or that trust a lost sensor, do not pass them.
#[test]
fn the_scenarios_find_rules_that_do_not_tell_of_outages() {
    for (from, to, expected) in [
        ("when = \"power == off\"", "when = \"power == on\"", "this was not sent"),
        ("open_after = \"30s\"", "open_after = \"30d\"", "this was not sent"),
        ("when = \"power == off\"", "when = \"known(power) && power == off\"", "this was sent"),
    ] {
        let home = Home::shipped();
        let power = home.rules.join("power.toml");
        let text = std::fs::read_to_string(&power).unwrap();
        assert!(text.contains(from), "{from}");
        std::fs::write(&power, text.replace(from, to)).unwrap();
        let problems = in_full(&home.prove(&home.config(&[])).unwrap_err());
        assert!(problems.contains(expected), "{to}: {problems}");
    }
}
