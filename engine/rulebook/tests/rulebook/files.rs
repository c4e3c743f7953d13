//! Files that are missing, damaged, too long or no rules at all.

use std::fs;

use crate::check;

#[test]
fn a_file_half_saved_is_shown_with_its_line() {
    check(
        |rules| {
            let whole = fs::read_to_string(rules.join("power.toml")).unwrap();
            let half = whole.find("escalation = \"house").unwrap() + 18;
            fs::write(rules.join("power.toml"), &whole[..half]).unwrap();
        },
        &["power.toml:", "escalation = \"hous\n", "expected `\"`"],
    );
}

#[test]
fn a_missing_file_leaves_names_that_nothing_defines() {
    check(
        |rules| fs::remove_file(rules.join("people.toml")).unwrap(),
        &[
            "there is no escalation `household`",
            "`operators` in `[site]` names the group `owners`, which no rules file defines",
        ],
    );
}

#[test]
fn a_folder_in_the_place_of_a_file_is_refused() {
    check(
        |rules| {
            fs::remove_file(rules.join("power.toml")).unwrap();
            fs::create_dir(rules.join("power.toml")).unwrap();
        },
        &["power.toml", "a file is expected here, and this is none"],
    );
}

#[test]
fn a_missing_folder_of_rules_is_a_problem() {
    check(|rules| fs::remove_dir_all(rules).unwrap(), &["the folder cannot be read"]);
}

#[test]
fn a_file_that_is_not_utf8_is_shown_with_the_byte() {
    check(
        |rules| fs::write(rules.join("power.toml"), b"[rule.a]\nwhen = \"\xff\"").unwrap(),
        &["power.toml", "not UTF-8 (byte 17): save it as UTF-8"],
    );
}

#[test]
fn a_file_of_10_mb_is_refused() {
    check(
        |rules| fs::write(rules.join("power.toml"), vec![b'#'; 10_000_000]).unwrap(),
        &["power.toml", "longer than 1024 KiB"],
    );
}

#[test]
fn all_problems_of_all_files_are_shown_at_once() {
    check(
        |rules| {
            fs::write(rules.join("a.toml"), "[rule.a]\nwhen = \"pwoer == off\"\nescalation = \"household\"").unwrap();
            fs::write(rules.join("b.toml"), "[recipient.x]\nemial = \"x@example.com\"").unwrap();
        },
        &[
            "a.toml:2:9",
            "did you mean `power`?",
            "b.toml:2:1",
            "did you mean `email`?",
            "problems found; nothing was changed",
        ],
    );
}

#[test]
fn backup_files_of_editors_are_not_read() {
    check(
        |rules| {
            for name in [".power.toml.swp", "power.toml~", "#power.toml#", ".#power.toml", "4913"] {
                fs::write(rules.join(name), b"\xff not rules").unwrap();
            }
        },
        &[],
    );
}
