//! Scripts and templates that fail.

use std::{fs, path::Path};

use crate::{Home, check};

/// The advice where a script calculates with a fact that is unknown.
const NOTHING: &str = "= help: while a fact is unknown it is `()`: ask for it first, like `ctx.facts.battery != ()`";

#[test]
fn a_script_without_bounds_is_stopped_and_shown() {
    for (script, told) in [
        ("fn message(ctx) { loop { } }", "operations"),
        ("fn message(ctx) { deeper(ctx) } fn deeper(ctx) { deeper(ctx) }", "overflow"),
        ("fn message(ctx) { let s = \"x\"; loop { s += s; } }", "too large"),
        ("fn message(ctx) { let a = []; loop { a.push(a); } }", "too large"),
        ("fn message(ctx) { 42 }", "it answered no map of texts"),
    ] {
        let place = "rules/bad.rhai:1:";
        check(|rules| add_script(rules, script), &[place, "the script of the rule `bad` fails in `message`", told]);
    }
}

/// A hook is called in many situations: one that fails in the night, or at a low battery, is found by day.
#[test]
fn a_hook_that_fails_in_one_situation_alone_is_shown_with_its_place() {
    for (script, told) in [
        ("fn open_after(ctx) {\n    \"5min\"\n}", &["bad.rhai:1:4", "fails in `open_after`", "5min"][..]),
        ("fn close_after(ctx) { 5 }", &["bad.rhai:1:4", "fails in `close_after`: it answered i64"]),
        (
            "fn open_after(ctx) {\n    if ctx.local.hour == 3 { 60 / 0 } else { () }\n}",
            &["bad.rhai:2:33", "fails in `open_after`"],
        ),
        (
            "fn message(ctx) {\n    if ctx.local.weekday == \"sun\" { 42 } else { () }\n}",
            &["bad.rhai:1:4", "it answered no map of texts"],
        ),
        // The limit is the rule's own, then one of the script's.
        (
            "fn allow(ctx) {\n    ctx.facts.battery == () || ctx.facts.battery != 20 || 1 / 0 == 1\n}",
            &["bad.rhai:2:", "fails in `allow`"],
        ),
        (
            "fn allow(ctx) {\n    ctx.facts.battery_mv == () || ctx.facts.battery_mv >= 3300 || 1 / 0 == 1\n}",
            &["bad.rhai:2:", "fails in `allow`"],
        ),
        // An unknown fact is `()`, which has no order.
        ("fn allow(ctx) { ctx.facts.battery.abs() >= 0 }", &["bad.rhai:1:", "fails in `allow`", NOTHING]),
        ("fn allow(ctx) {\n    ctx.facts.battery + 1 > 0\n}", &["bad.rhai:2:", "not found: + ((), i64)", NOTHING]),
        ("fn recipients(ctx, names) { [\"nro\"] }", &["bad.rhai:1:4", "it named `nro`, who is no recipient or group"]),
        (
            "fn recipients(ctx, names) {\n    if ctx.kind == \"reminder\" { names.gone } else { names }\n}",
            &["bad.rhai:2:", "fails in `recipients`"],
        ),
    ] {
        check(|rules| add_script(rules, script), told);
    }
}

#[test]
fn a_hook_that_lets_no_message_out_is_warned_of() {
    let warnings = |script: &str| {
        let home = Home::shipped();
        add_script(&home.rules, script);
        fs::remove_dir_all(home.rules.join("tests")).unwrap();
        let config = home.config(&[]);
        let warnings = home.prove(&config).unwrap_or_else(|refusal| panic!("{refusal}")).warnings(&config);
        warnings.into_iter().filter(|warning| warning.contains("`allow`")).collect::<Vec<_>>()
    };
    let [warning] = &warnings("fn allow(ctx) {\n    ctx.kind == \"open\"\n}")[..] else { panic!("one warning") };
    assert!(warning.contains("`allow` lets no message of the rule `bad` out"), "{warning}");
    assert!(warning.contains("rules/bad.rhai:1:4"), "{warning}");
    // By night, on Sundays, for one kind: sometimes it lets one out.
    for script in [
        "fn allow(ctx) { ctx.local.hour < 4 }",
        "fn allow(ctx) { ctx.local.weekday == \"sun\" }",
        "fn allow(ctx) { ctx.kind == \"reminder\" }",
        "fn allow(ctx) { ctx.step == 1 }",
        "fn allow(ctx) { ctx.facts.battery != () && ctx.facts.battery < 10 }",
        "fn allow(ctx) { ctx.facts.connection == \"disconnected\" }",
    ] {
        assert_eq!(warnings(script), Vec::<String>::new(), "{script}");
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
    let rule = "[rule.bad]\nwhen = \"power == off && (!known(battery) || battery < 20)\"\n\
                escalation = \"household\"\nscript = \"bad.rhai\"";
    fs::write(rules.join("bad.toml"), rule).unwrap();
    fs::write(rules.join("bad.rhai"), script).unwrap();
}

/// A step that an escalation does not have is not asked for: its recipients would be none.
#[test]
fn a_script_that_narrows_the_recipients_of_the_only_step_is_good() {
    for script in
        ["fn recipients(ctx, names) { names }", "fn recipients(ctx, names) { names.filter(|n| n != \"kim\") }"]
    {
        check(
            |rules| {
                add_script(rules, script);
                let people = fs::read_to_string(rules.join("people.toml")).unwrap();
                let second = "  { after = \"30m\", notify = [\"neighbour\"], repeat = \"2h\", at_most = 6 },\n";
                assert!(people.contains(second));
                fs::write(rules.join("people.toml"), people.replace(second, "")).unwrap();
            },
            &[],
        );
    }
}

/// Not in every situation, which would take a minute.
#[test]
fn a_hook_that_fails_at_its_limit_is_called_once() {
    let hooks = ["open_after(ctx)", "close_after(ctx)", "recipients(ctx, names)", "allow(ctx)", "message(ctx)"];
    let script: String = hooks.iter().map(|hook| format!("fn {hook} {{ while true {{}} }}\n")).collect();
    check(|rules| add_script(rules, &script), &["fails in `open_after`", "fails in `message`", "5 problems found"]);
}
