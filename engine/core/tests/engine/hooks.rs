//! Scripts: what their functions may change, and that none of them can cost an alert.

use insta::assert_snapshot;

use crate::host::{Host, cottage, engine};

const RULES: &str = r#"
[rule.outage]
when = "power == off"
open_after = "30s"
close_after = "10s"
escalation = "all"
script = "hooks.rhai"
[escalation]
all = [{ notify = ["nor"] }, { after = "30m", notify = ["kim"] }]
"#;

fn with(script: &str, story: &str) -> String {
    Host::with(engine(RULES, Some(script))).play(story)
}

#[test]
fn a_script_chooses_the_debounce_or_leaves_it_to_the_file() {
    let script = r#"
        fn open_after(ctx) { if ctx.local.hour >= 18 { "2m" } }
        fn close_after(ctx) { if ctx.incident.lasted == "5m" { "1s" } else { "3s" } }
    "#;
    assert_snapshot!(with(script, "0s power=off \n 5m power=on \n 6m"), @"
    0s outage pending until 2m
    2m outage opened since 0s
    2m outage fired 0
    2m outage told nor by email: opened 0
    5m outage closing until 5m1s
    5m1s outage resolved, 0s to 5m
    5m1s outage told nor by email: resolved 0
    ");
    assert_snapshot!(with("fn open_after(ctx) { () }", "0s power=off \n 30s"), @"
    0s outage pending until 30s
    30s outage opened since 0s
    30s outage fired 0
    30s outage told nor by email: opened 0
    ");
}

#[test]
fn a_script_chooses_the_recipients() {
    let script = r#"fn recipients(ctx, names) {
        if ctx.device.labels.area == "hay-on-wye" { names + ["pager"] } else { names }
    }"#;
    assert_snapshot!(with(script, "0s power=off \n 1m"), @"
    0s outage pending until 30s
    30s outage opened since 0s
    30s outage fired 0
    30s outage told nor by email: opened 0
    30s outage told pager by email: opened 0
    30s outage told pager by webhook: opened 0
    ");
}

#[test]
fn a_script_withholds_messages_but_never_the_one_of_the_end() {
    let script = r#"fn allow(ctx) { ctx.kind == "opened" }"#;
    assert_snapshot!(with(script, "0s power=off \n 31m \n 40m ack web \n 1h power=on \n 2h"), @"
    0s outage pending until 30s
    30s outage opened since 0s
    30s outage fired 0
    30s outage told nor by email: opened 0
    30m30s outage fired 1
    30m30s outage withheld from kim: escalated (Script)
    40m outage acknowledged by web
    40m outage withheld from nor: acknowledged (Script)
    1h outage closing until 1h10s
    1h10s outage resolved, 0s to 1h
    1h10s outage told nor by email: resolved 1
    ");
    assert_snapshot!(with("fn allow(ctx) { false }", "0s power=off \n 1m power=on \n 2h"), @"
    0s outage pending until 30s
    30s outage opened since 0s
    30s outage fired 0
    30s outage withheld from nor: opened (Script)
    1m outage closing until 1m10s
    1m10s outage resolved, 0s to 1m
    ");
}

#[test]
fn a_script_writes_the_message() {
    let script = r##"fn message(ctx) {
        if ctx.kind == "resolved" { return; }
        let subject = `${ctx.device.name}: ${ctx.rule.name} ${ctx.kind} ${ctx.step}`;
        #{ subject: subject, text: "since " + ctx.incident.since }
    }"##;
    assert_snapshot!(with(script, "0s power=off \n 1m power=on \n 2m"), @r#"
    0s outage pending until 30s
    30s outage opened since 0s
    30s outage fired 0
    30s outage told nor by email: opened 0 "Cottage: outage opened 0"
    1m outage closing until 1m10s
    1m10s outage resolved, 0s to 1m
    1m10s outage told nor by email: resolved 0
    "#);
}

#[test]
fn a_script_sees_every_fact_and_an_unknown_one_as_nothing() {
    let script = r##"fn message(ctx) {
        let f = ctx.facts;
        let l = ctx.local;
        let facts = `${f.power} ${f.battery} ${f.door == ()} ${ctx.incident.ended == ()} ${ctx.repeat}`;
        let times = `${l.weekday} ${l.date} ${l.time} ${ctx.now} ${ctx.incident.number}`;
        #{ subject: `${facts} ${times}`, text: "" }
    }"##;
    assert_snapshot!(with(script, "0s power=off battery=42 \n 1m"), @r#"
    0s outage pending until 30s
    30s outage opened since 0s
    30s outage fired 0
    30s outage told nor by email: opened 0 "off 42 true true 0 sat 2026-01-10 18:00 2026-01-10T18:00:30Z 1"
    "#);
}

/// The alert goes out with the values of the file.
#[test]
fn a_hook_that_fails_never_costs_an_alert() {
    for (what, body) in [
        ("throws", "throw \"no\""),
        ("loops", "loop { }"),
        ("recurses", "again(ctx)"),
        ("allocates text", "let s = \"x\"; loop { s += s; }"),
        ("allocates a list", "let a = [1]; loop { a += a; }"),
        ("allocates a map", "let m = #{}; let i = 0; loop { m[`k${i}`] = m; i += 1; }"),
        ("divides by zero", "1 / (ctx.local.hour - ctx.local.hour)"),
        ("overflows", "9223372036854775807 + ctx.local.hour"),
        ("reads a label that is not there", "ctx.device.labels.nowhere"),
        ("reads past a list", "[1][7]"),
        ("answers nonsense", "#{ odd: 1 }"),
        ("answers a number", "42"),
    ] {
        for (hook, params) in [
            ("open_after", "ctx"),
            ("close_after", "ctx"),
            ("recipients", "ctx, names"),
            ("allow", "ctx"),
            ("message", "ctx"),
        ] {
            let helper = if what == "recurses" { "fn again(ctx) { again(ctx) }" } else { "" };
            let script = format!("{helper}\nfn {hook}({params}) {{ {body} }}");
            let told = with(&script, "0s power=off \n 1m power=on \n 2m");
            assert!(told.contains("30s outage told nor by email: opened 0"), "{hook} {what}:\n{told}");
            assert!(told.contains("1m10s outage told nor by email: resolved 0"), "{hook} {what}:\n{told}");
            assert!(told.contains(&format!("outage hook {hook} failed: ")), "{hook} {what}:\n{told}");
        }
    }
}

#[test]
fn a_failed_hook_is_a_decision_that_says_why() {
    for (script, line) in [
        (
            "fn open_after(ctx) { 42 }",
            "0s outage hook open_after failed: it answered i64, where a duration like \"2m\" or () is expected",
        ),
        (
            "fn open_after(ctx) { \"soon\" }",
            "0s outage hook open_after failed: `soon` is not a duration: write integers with units, like `500ms`, \
             `30s`, `5m`, `1h30m` or `2d`",
        ),
        ("fn recipients(ctx, names) { [] }", "30s outage hook recipients failed: it named nobody who can be reached"),
        (
            "fn recipients(ctx, names) { [\"nobody\"] }",
            "30s outage hook recipients failed: it named `nobody`, who is no recipient or group",
        ),
        (
            "fn recipients(ctx, names) { \"nor\" }",
            "30s outage hook recipients failed: it answered string, where a list of names is expected",
        ),
        ("fn allow(ctx) { 1 }", "30s outage hook allow failed: it answered i64, where true or false is expected"),
        (
            "fn message(ctx) { #{ subject: \"two\\nlines\", text: \"\" } }",
            "30s outage hook message failed: its subject is empty or has more than one line",
        ),
        (
            "fn message(ctx) { #{ subject: \"a bell \\x07\", text: \"\" } }",
            "30s outage hook message failed: its subject holds a control character",
        ),
        (
            "fn message(ctx) { #{ subjct: \"typo\", text: \"\" } }",
            "30s outage hook message failed: it answered no map of texts like #{ subject: \"...\", text: \"...\" }, \
             nor ()",
        ),
    ] {
        let told = with(script, "0s power=off \n 1m");
        assert!(told.lines().any(|told| told == line), "{script}\n{told}");
    }
}

#[test]
fn a_debounce_is_asked_for_once_on_entering() {
    let script = r#"fn open_after(ctx) { if ctx.facts.battery == 50 { "1m" } else { "1s" } }"#;
    assert_snapshot!(with(script, "0s battery=50 \n 0s power=off \n 10s battery=40 \n 2m"), @"
    0s outage pending until 1m
    1m outage opened since 0s
    1m outage fired 0
    1m outage told nor by email: opened 0
    ");
}

#[test]
fn a_removed_rules_final_message_does_not_use_its_script() {
    let script = r##"fn message(ctx) { #{ subject: "the power is back", text: "" } }"##;
    let mut host = Host::with(engine(RULES, Some(script)));
    host.play("0s power=off \n 1m");
    let other = RULES.replace("outage", "other").replace("script = \"hooks.rhai\"", "").replace("power", "door");
    assert_snapshot!(host.reload(&other, "2m", ""), @"
    2m rules changed
    2m outage resolved, 0s to 2m by RuleRemoved
    2m outage told nor by email: resolved 0
    ");
}

#[test]
fn a_script_may_write_a_function_in_place() {
    let script = r#"fn recipients(ctx, names) { names.filter(|name| name != "nor") + ["kim"] }"#;
    assert_snapshot!(with(script, "0s power=off \n 1m"), @"
    0s outage pending until 30s
    30s outage opened since 0s
    30s outage fired 0
    30s outage told kim by email: opened 0
    ");
}

#[test]
fn a_script_cannot_sleep_by_any_name() {
    let told = with(r#"fn allow(ctx) { Fn("sleep").call(3600); false }"#, "0s power=off \n 1m");
    assert!(told.contains("a script cannot sleep") && told.ends_with("told nor by email: opened 0"), "{told}");
}

#[test]
fn a_long_error_of_a_script_is_cut() {
    let told = with(r#"fn allow(ctx) { let s = "no"; for i in 0..12 { s += s; } throw s }"#, "0s power=off \n 1m");
    let error = told.lines().find(|line| line.contains("hook allow failed")).unwrap();
    assert!((400..500).contains(&error.len()), "{}", error.len());
    assert!(told.ends_with("told nor by email: opened 0"), "{told}");
}

/// The host says how long scripts are tried. The first situation of a rule is always tried.
#[test]
fn the_check_of_scripts_ends_when_the_host_says_so() {
    let report = |script: &str, most: usize| {
        let mut asked = 0;
        let mut go_on = || {
            asked += 1;
            asked <= most
        };
        let noon = "2026-01-10T12:00:00Z".parse().unwrap();
        let report = engine(RULES, Some(script)).check_hooks(&cottage(), noon, &mut go_on);
        (report.problems.len(), report.mute.len(), asked)
    };
    let at_night = "fn allow(ctx) { if ctx.local.hour == 3 { 1 / 0 == 1 } else { true } }";
    assert_eq!(report(at_night, usize::MAX).0, 1);
    assert_eq!(report(at_night, 0), (0, 0, 1));
    let never = "fn allow(ctx) { false }";
    assert_eq!(report(never, usize::MAX).1, 1);
    assert_eq!(report(never, 5), (0, 0, 6), "what was not tried may let a message out");
    assert_eq!(report("fn allow(ctx) { 1 / 0 == 1 }", 0).0, 1);
}
