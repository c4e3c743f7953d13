//! Mistakes over several files and in scripts, and limits.

use dag_engine::{FactKind, Ruleset, Sources};
use insta::assert_snapshot;

use super::{alone, problems, script};
use crate::host::sources;

#[test]
fn a_file_that_is_not_toml_is_told_beside_the_problems_of_the_others() {
    let files = [("a.toml", "[rule.r\nwhen = "), ("b.toml", "[rul.r]"), ("c.rhai", "fn open_after(ctx) {")];
    assert_snapshot!(problems(&files), @"
    error: unclosed table, expected `]`
     --> a.toml:1:8
      |
    1 | [rule.r
      |        ^

    error: unknown key `when`
     --> a.toml:2:1
      |
    2 | when = 
      | ^^^^
      |
      = help: known here: `rule`, `escalation`, `recipient`, `group`

    error: unknown key `rul`
     --> b.toml:1:2
      |
    1 | [rul.r]
      |  ^^^
      |
      = help: did you mean `rule`?

    error: this is not Rhai: Expecting '}' to terminate this block
     --> c.rhai:1:21
      |
    1 | fn open_after(ctx) {
      |                     ^
      |
      = help: the `{` of line 1 is not closed: a `}` is missing

    4 problems found; nothing was changed
    ");
}

#[test]
fn inputs_of_other_devices_may_be_named_and_stay_unknown() {
    let rules = "[rule.flood]\nwhen = 'flood == off || known(gate) && power == off'\nopen_after = \"30s\"\n\
                 close_after = \"10s\"\nescalation = \"all\"\nscript = \"hooks.rhai\"\n\
                 [escalation]\nall = [{ notify = [\"nor\"] }]\n\
                 [recipient.nor]\nemail = \"nor@example.com\"\n";
    let script = "fn allow(ctx) { ctx.facts.cellar == () }";
    let here = sources(&[("a.toml", rules), ("hooks.rhai", script)]);
    let problems = Ruleset::compile(&here).unwrap_err().to_string();
    assert!(["`flood`", "`gate`", "`cellar`"].iter().all(|name| problems.contains(name)), "{problems}");

    let rules = Ruleset::compile(&Sources { other_devices: true, ..here }).unwrap();
    let declared: Vec<&str> = rules.facts().collect();
    assert_eq!(declared, ["battery", "battery_mv", "cellar", "connection", "door", "flood", "gate", "power"]);
    assert_eq!(rules.fact("flood"), Some(FactKind::Switch));
    // A value is still a value, and a mistake of another kind still one.
    let wrong = [("'flood < 3'", "flood < 3"), ("'flood.chnges(\"10m\") > 2'", "chnges"), ("'knwn(flood)'", "knwn")];
    for (when, named) in wrong {
        let rules = format!("[rule.flood]\nwhen = {when}\nopen_after = \"30s\"\nescalation = \"all\"\n");
        let sources = Sources { other_devices: true, ..sources(&[("a.toml", &rules)]) };
        let problems = Ruleset::compile(&sources).unwrap_err().to_string();
        assert!(problems.contains(named), "{problems}");
    }
}

#[test]
fn the_configuration_is_checked_with_the_rules() {
    let sources = Sources {
        timezone: "Europe/Londom".into(),
        operators: vec!["owner".into()],
        ..sources(&[("a.toml", "[group]\nowners = [\"@account\"]")])
    };
    assert_snapshot!(Ruleset::compile(&sources).unwrap_err().to_string(), @"
    error: `operators` in `[site]` names the group `owner`, which no rules file defines
    --> config.toml
     = help: did you mean `owners`?

    error: there is no time zone `Europe/Londom`: did you mean `Europe/London`?
    --> config.toml

    2 problems found; nothing was changed
    ");
}

#[test]
fn scripts_are_checked_when_they_are_compiled() {
    assert_snapshot!(script("fn open_aftr(ctx) { \"1m\" }"), @r#"
    error: `open_aftr` is no hook, and nothing calls it
     --> hooks.rhai:1:4
      |
    1 | fn open_aftr(ctx) { "1m" }
      |    ^^^^^^^^^
      |
      = help: did you mean `open_after`?
    "#);
    assert_snapshot!(script("fn open_after(ctx) { ctx.locl.hour }"), @"
    error: there is no field `locl` here
     --> hooks.rhai:1:26
      |
    1 | fn open_after(ctx) { ctx.locl.hour }
      |                          ^^^^
      |
      = help: did you mean `local`?
    ");
    assert_snapshot!(script("fn allow(ctx) { ctx.local.hours > 3 }"), @"
    error: there is no field `hours` here
     --> hooks.rhai:1:27
      |
    1 | fn allow(ctx) { ctx.local.hours > 3 }
      |                           ^^^^^
      |
      = help: did you mean `hour`?
    ");
    assert_snapshot!(script("fn allow(c) { c.incident.sinse == () }"), @"
    error: there is no field `sinse` here
     --> hooks.rhai:1:26
      |
    1 | fn allow(c) { c.incident.sinse == () }
      |                          ^^^^^
      |
      = help: did you mean `since`?
    ");
    assert_snapshot!(script("fn allow(ctx, names) { true }"), @"
    error: `allow` takes 1 parameters, not 2
     --> hooks.rhai:1:4
      |
    1 | fn allow(ctx, names) { true }
      |    ^^^^^
      |
      = help: write `fn allow(ctx)`
    ");
    assert_snapshot!(script("fn allow(ctx) { is_quiet(ctx) }"), @"
    error: there is no function `is_quiet`
     --> hooks.rhai:1:17
      |
    1 | fn allow(ctx) { is_quiet(ctx) }
      |                 ^^^^^^^^
    ");
    assert_snapshot!(script("let x = 1;\nfn allow(ctx) { true }"), @"
    error: this stands outside every function and would never run
     --> hooks.rhai:1:1
      |
    1 | let x = 1;
      | ^^^
      |
      = help: move it into a hook or a function that one calls
    ");
    assert_snapshot!(script("fn allow(ctx) { print(1); true }"), @"
    error: this is not Rhai: reserved keyword 'print' is disabled
     --> hooks.rhai:1:17
      |
    1 | fn allow(ctx) { print(1); true }
      |                 ^
    ");
    assert_snapshot!(script("fn open_after(ctx) { if ctx.facts.pwoer == () { \"1m\" } }"), @r#"
    error: there is no field `pwoer` here
     --> hooks.rhai:1:35
      |
    1 | fn open_after(ctx) { if ctx.facts.pwoer == () { "1m" } }
      |                                   ^^^^^
      |
      = help: did you mean `power`?
    "#);
    assert_snapshot!(script("fn allow(ctx) { sleep(3600); true }"), @"
    error: there is no function `sleep`
     --> hooks.rhai:1:17
      |
    1 | fn allow(ctx) { sleep(3600); true }
      |                 ^^^^^
    ");
    assert_snapshot!(script("fn allow(ctx) { cxt.kind == \"opened\" }"), @r#"
    error: there is no variable `cxt` here
     --> hooks.rhai:1:17
      |
    1 | fn allow(ctx) { cxt.kind == "opened" }
      |                 ^^^
    "#);
    assert_snapshot!(script("fn allow(ctx) {\n  if ctx.kind = {\n}"), @"
    error: this is not Rhai: Possibly a typo of '=='?
     --> hooks.rhai:2:15
      |
    2 |   if ctx.kind = {
      |               ^
    ");
}

#[test]
fn an_unused_script_and_an_unsigned_webhook_are_warnings() {
    let rules = Ruleset::compile(&sources(&[
        ("hooks.rhai", "fn allow(ctx) { true }"),
        ("rules.toml", "[recipient.a]\nwebhook = { url = \"https://example.com/\" }"),
    ]));
    let warnings = rules.unwrap().warnings().iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_snapshot!(warnings.join("\n"), @r#"
    warning: no rule uses this script
     --> hooks.rhai:1:1
      |
    1 | fn allow(ctx) { true }
      | ^
      |
      = help: name it in a rule: script = "hooks.rhai"
    warning: calls of this webhook are not signed
     --> rules.toml:2:19
      |
    2 | webhook = { url = "…" }
      |                   ^^^
      |
      = help: anyone who knows the URL can forge calls to it: add secret = "env:NAME"
    "#);
}

#[test]
fn a_file_above_its_limit_is_refused_without_being_read() {
    let long = format!("# {}\n[rul.r]", "x".repeat(10 << 20));
    assert_snapshot!(alone(&long), @"
    error: the file is longer than 1024 KiB
     --> rules.toml:1:1
      |
    1 | # xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...
      | ^
      |
      = help: split it: all files of the folder are read together

    1 problem found; nothing was changed
    ");
    assert_snapshot!(problems(&[("a.rhai", &long)]), @"
    error: the script is longer than 1024 KiB
     --> a.rhai:1:1
      |
    1 | # xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...
      | ^

    1 problem found; nothing was changed
    ");
    let fits = format!("# {}\n", "x".repeat((1 << 20) - 3));
    assert_eq!(alone(&fits), "no problem");
}

#[test]
fn a_file_full_of_mistakes_shows_the_first_of_them() {
    let mistakes: String = (0..60_000).map(|n| format!("k{n} = {n}\n")).collect();
    let Err(problems) = Ruleset::compile(&sources(&[("a.toml", &mistakes)])) else { panic!("it compiled") };
    assert_eq!(problems.0.len(), 101);
    assert_snapshot!(problems.0.last().unwrap().to_string(), @"
    error: 59900 more problems of this file are not shown: mend these first
     --> a.toml:1:1
      |
    1 | k0 = 0
      | ^
    ");
}

#[test]
fn the_same_sources_have_the_same_hash_and_others_another_one() {
    let hash = |sources: &Sources| Ruleset::compile(sources).unwrap().hash();
    let plain = sources(&[("a.toml", ""), ("b.toml", "# b")]);
    assert_eq!(hash(&plain), hash(&plain.clone()));
    let mut others = vec![plain.clone(); 4];
    others[0].files.insert("b.toml".into(), "# c".into());
    others[1].timezone = "UTC".into();
    others[2].facts.insert("door".into(), FactKind::Number);
    others[3].facts.clear();
    for other in others {
        assert_ne!(hash(&plain), hash(&other));
    }
}

#[test]
fn thousands_of_unknown_names_are_refused_without_comparing_them_all() {
    let recipients: String = (0..8_000).map(|at| format!("[recipient.known{at}]\nemail = \"a@b\"\n")).collect();
    let groups: String = (0..8_000).map(|at| format!("group{at} = [\"nknown{at}\"]\n")).collect();
    let told = alone(&format!("{recipients}[group]\n{groups}"));
    assert!(told.contains("did you mean `known0`?"), "{}", told.get(..400).unwrap());
    assert!(told.ends_with("101 problems found; nothing was changed"), "{}", told.get(..400).unwrap());
}
