//! Scripts and templates that fail.

use std::{fs, path::Path};

use crate::check;

#[test]
fn a_script_without_bounds_is_stopped_and_shown() {
    for (script, told) in [
        ("fn message(ctx) { loop { } }", "operations"),
        ("fn message(ctx) { deeper(ctx) } fn deeper(ctx) { deeper(ctx) }", "overflow"),
        ("fn message(ctx) { let s = \"x\"; loop { s += s; } }", "too large"),
        ("fn message(ctx) { let a = []; loop { a.push(a); } }", "too large"),
        ("fn message(ctx) { 42 }", "it answered no map of texts"),
    ] {
        check(|rules| add_script(rules, script), &["the script of the rule `bad` fails in `message`", told]);
    }
}

#[test]
fn a_misspelt_field_in_a_script_is_shown_with_its_place() {
    check(
        |rules| add_script(rules, "fn allow(ctx) {\n    ctx.device.nmae != \"x\"\n}"),
        &["bad.rhai:2:16", "there is no field `nmae` here", "did you mean `name`?"],
    );
}

#[test]
fn a_template_that_fails_is_shown_before_it_is_needed() {
    check(
        |rules| {
            fs::create_dir_all(rules.join("templates")).unwrap();
            fs::write(rules.join("templates/subject.txt"), "{{ device.nmae }}").unwrap();
        },
        &["templates/subject.txt:1", "nmae"],
    );
}

/// Adds a rule with a script.
fn add_script(rules: &Path, script: &str) {
    let rule = "[rule.bad]\nwhen = \"power == off\"\nescalation = \"household\"\nscript = \"bad.rhai\"";
    fs::write(rules.join("bad.toml"), rule).unwrap();
    fs::write(rules.join("bad.rhai"), script).unwrap();
}
