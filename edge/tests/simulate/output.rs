//! The output of the command, and its exit code.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::Stdio,
};

use crate::{HEADER, command, rows, run, shipped, text};

#[test]
fn the_formats_say_the_same() {
    let trace = rows(&["10:00:00Z,cottage,power,off", "10:05:00Z,cottage,power,on", "11:00:00Z,cottage,power,on"]);
    let printed = |format: &str| text(&run(&shipped(), trace.as_bytes(), &["--format", format]).stdout).to_owned();
    assert_eq!(printed("json"), printed("jsonl"));
    let expected = "\
        2026-01-10 10:00:30 GMT  cottage  power-outage is open, since 2026-01-10 10:00:00 GMT\n\
        2026-01-10 10:00:30 GMT  cottage    opened to nor by email: [Power is out] Cottage, 10 Jan 10:00\n\
        2026-01-10 10:05:10 GMT  cottage  power-outage is over, \
        from 2026-01-10 10:00:00 GMT to 2026-01-10 10:05:00 GMT\n\
        2026-01-10 10:05:10 GMT  cottage    resolved to nor by email: \
        [Power is back after 5 minutes] Cottage, 10 Jan 10:00\n\
        3 rows: 1 incident, 2 messages\n";
    assert_eq!(printed("text"), expected);
}

#[test]
fn a_trace_without_rows_has_nothing_to_tell() {
    let output = run(&shipped(), HEADER.as_bytes(), &[]);
    assert_eq!(text(&output.stdout), "0 rows: 0 incidents, 0 messages\n");
}

#[test]
fn a_trace_that_ends_while_a_rule_waits_says_so() {
    let trace = rows(&["14:10:00Z,cottage,power,off"]);
    let output = run(&shipped(), trace.as_bytes(), &[]);
    assert_eq!(
        text(&output.stdout),
        "1 row: 0 incidents, 0 messages\n\
         power-outage of cottage was waiting until 2026-01-10 14:10:30 GMT: see `--until`\n"
    );
    assert_eq!(text(&run(&shipped(), trace.as_bytes(), &["--format", "jsonl"]).stdout), "");
}

#[test]
fn a_reader_that_stops_reading_ends_the_command_quietly() {
    let day = |row: u32| format!("2026-{:02}-{:02}T", row / 28 % 12 + 1, row % 28 + 1);
    let outage = |row: u32| format!("{0}10:00:00Z,cottage,power,off\n{0}11:00:00Z,cottage,power,on\n", day(row));
    let trace = format!("{HEADER}{}", (0..336).map(outage).collect::<String>());
    let (_dir, mut command) = command(&shipped(), trace.as_bytes(), &["--format", "jsonl"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.contains("power-outage"));
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
}

#[test]
fn an_answer_that_cannot_be_written_is_a_failure() {
    let (_dir, mut command) = command(&shipped(), HEADER.as_bytes(), &[]);
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let output = command.stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stderr), "what was found cannot be printed: No space left on device (os error 28)\n");
}

#[test]
fn an_end_that_is_no_time_is_wrong_use() {
    let output = run(&shipped(), HEADER.as_bytes(), &["--until", "tomorrow"]);
    assert_eq!(output.status.code(), Some(2));
    let error = text(&output.stderr);
    assert!(error.contains("`tomorrow` is no moment: write a time of the day (22:00), a date (2026-12-01)"), "{error}");
    // A trace is of any day.
    let output = run(&shipped(), HEADER.as_bytes(), &["--until", "10pm"]);
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    let advice = "a trace has no next 22:00: write the date too, like 2026-01-10T22:00 by the clock of the site";
    assert!(error.contains(advice), "{error}");
}

#[test]
fn an_end_is_by_the_clock_of_the_site_and_within_the_calendar() {
    let trace = rows(&["10:00:00Z,cottage,power,on"]).replace("2026-01-10", "2026-07-10");
    let waits = rows(&["10:00:00Z,cottage,power,off"]).replace("2026-01-10", "2026-07-10");
    let printed = |trace: &str, until: &str| {
        let output = run(&shipped(), trace.as_bytes(), &[&format!("--until={until}")]);
        assert_eq!(text(&output.stderr), "");
        text(&output.stdout).to_owned()
    };
    assert_eq!(
        printed(&waits, "2026-07-10T11:00:10"),
        "1 row: 0 incidents, 0 messages\n\
         power-outage of cottage was waiting until 2026-07-10 11:00:30 BST: see `--until`\n"
    );
    for (until, taken) in [
        ("9999-12-31", "9999-12-30T22:00:00Z"),
        ("9999-12-31T23:59:60Z", "9999-12-30T22:00:00Z"),
        ("12026-01-01T00:00:00Z", "9999-12-30T22:00:00Z"),
        ("1969-12-31", "1970-01-01T00:00:00Z"),
        ("-009999-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
    ] {
        let rows = if taken.starts_with('9') { "1 row" } else { "0 rows" };
        let place = if taken.starts_with("1970") { "begins" } else { "ends" };
        let expected =
            format!("{rows}: 0 incidents, 0 messages\n`--until` is taken as {taken}: there the calendar {place}\n");
        assert_eq!(printed(&trace, until), expected, "{until}");
    }
}

#[test]
fn what_was_not_sent_is_counted_and_shown_with_the_reason_when_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    fs::copy(shipped(), dir.path().join("config.toml")).unwrap();
    fs::create_dir(dir.path().join("rules")).unwrap();
    let rules = r#"
[rule.outage]
when = "power == off"
escalation = "all"
inhibits = ["low"]
[rule.low]
when = "battery < 20"
escalation = "mine"
[escalation]
mine = [{ notify = ["nor"] }]
all = [{ notify = ["nor", "kim"] }, { after = "1h", notify = ["@account"] }]
[recipient.nor]
email = "nor@example.com"
[recipient.kim]
email = "kim@example.com"
quiet = { from = "09:00", to = "17:00" }
[group]
owners = ["nor"]
"#;
    fs::write(dir.path().join("rules/rules.toml"), rules).unwrap();
    let trace = rows(&["10:00:00Z,cottage,power,off", "10:05:00Z,cottage,battery,5", "11:30:00Z,cottage,power,off"]);
    let config = dir.path().join("config.toml");
    let printed = |words: &[&str]| text(&run(&config, trace.as_bytes(), words).stdout).to_owned();
    insta::assert_snapshot!(printed(&[]), @"
    2026-01-10 10:00:00 GMT  cottage  outage is open, since 2026-01-10 10:00:00 GMT
    2026-01-10 10:00:00 GMT  cottage    opened to nor by email: [Power is out] Cottage, 10 Jan 10:00
    2026-01-10 10:05:00 GMT  cottage  low is open, since 2026-01-10 10:05:00 GMT
    3 rows: 2 incidents, 1 message, 3 withheld: see `--withheld`
    ");
    insta::assert_snapshot!(printed(&["--withheld"]), @"
    2026-01-10 10:00:00 GMT  cottage  outage is open, since 2026-01-10 10:00:00 GMT
    2026-01-10 10:00:00 GMT  cottage    opened of outage to kim by email is withheld: these are quiet hours
    2026-01-10 10:00:00 GMT  cottage    opened to nor by email: [Power is out] Cottage, 10 Jan 10:00
    2026-01-10 10:05:00 GMT  cottage  low is open, since 2026-01-10 10:05:00 GMT
    2026-01-10 10:05:00 GMT  cottage    step 0 of low is held: everybody it tells was told of an incident that inhibits this one
    2026-01-10 11:00:00 GMT  cottage    step 1 of outage names nobody who can be reached
    3 rows: 2 incidents, 1 message, 3 withheld
    ");
    let types = |words: &[&str]| -> Vec<String> {
        let lines = crate::lines(&run(&config, trace.as_bytes(), &[&["--format", "jsonl"], words].concat()));
        let mut types: Vec<String> = lines.iter().map(|line| line["type"].as_str().unwrap().to_owned()).collect();
        types.dedup();
        types
    };
    assert_eq!(types(&[]), ["incident", "notification", "incident"]);
    let all = types(&["--withheld"]);
    for kind in ["withheld", "held", "nobody_to_tell"] {
        assert!(all.iter().any(|line| line == kind), "{kind}: {all:?}");
    }
}
