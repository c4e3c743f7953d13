//! `dag simulate`: what the rules would have done on a trace, as its users and programs read it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail the test"
)]

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};

const HEADER: &str = "at,device,fact,value\n";
const WITH_ARRIVAL: &str = "at,device,fact,value,received_at\n";

/// The repository's own deployment, or that one with another `config.toml` and `rules/`.
fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../config.toml")
}

fn command(config: &Path, trace: &[u8], words: &[&str]) -> (tempfile::TempDir, Command) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("trace.csv"), trace).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_dag"));
    command.current_dir(dir.path()).args(["simulate", "--trace", "trace.csv", "--config"]).arg(config).args(words);
    (dir, command)
}

fn run(config: &Path, trace: &[u8], words: &[&str]) -> Output {
    let (_dir, mut command) = command(config, trace, words);
    command.output().unwrap()
}

fn said(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    assert_eq!(said(&output.stderr), "");
    assert!(output.status.success());
    said(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What is printed for programs.
fn jsonl(trace: &str, words: &[&str]) -> Vec<Value> {
    lines(&run(&shipped(), trace.as_bytes(), &[&["--format", "jsonl"], words].concat()))
}

/// Of each message when it was decided, its kind, step and recipient.
fn messages(lines: &[Value]) -> Vec<String> {
    let messages = lines.iter().filter(|line| line["type"] == "notification");
    let part = |line: &Value, field: &str| line[field].to_string().replace('"', "");
    messages.map(|line| ["at", "kind", "step", "recipient"].map(|field| part(line, field)).join(" ")).collect()
}

/// A trace of rows without arrivals, all of one day.
fn rows(rows: &[&str]) -> String {
    let rows: Vec<String> = rows.iter().map(|row| format!("2026-01-10T{row}\n")).collect();
    format!("{HEADER}{}", rows.concat())
}

/// Checks the one line that a trace with a mistake gets.
#[track_caller]
fn refused(trace: impl AsRef<[u8]>, words: &str) {
    let output = run(&shipped(), trace.as_ref(), &[]);
    assert_eq!(said(&output.stderr), format!("{words}\n"));
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn an_outage_that_is_reported_after_its_end_is_told_once_to_those_of_the_first_step() {
    let trace = format!(
        "{WITH_ARRIVAL}2026-01-10T14:10:00Z,cottage,power,off,2026-01-10T20:00:00Z\n\
         2026-01-10T14:45:00Z,cottage,power,on,2026-01-10T20:00:00Z\n"
    );
    let lines = jsonl(&trace, &["--until", "2026-01-12T00:00:00Z"]);
    let incident = &lines[0]["incident"];
    let expected = [
        json!({
            "type": "incident", "at": "2026-01-10T20:00:00Z", "device": "cottage", "rule": "power-outage",
            "incident": incident, "state": "open", "since": "2026-01-10T14:10:00Z", "ended": null
        }),
        json!({
            "type": "incident", "at": "2026-01-10T20:00:00Z", "device": "cottage", "rule": "power-outage",
            "incident": incident, "state": "resolved", "since": "2026-01-10T14:10:00Z", "ended": "2026-01-10T14:45:00Z"
        }),
        json!({
            "type": "notification", "at": "2026-01-10T20:00:00Z", "id": lines[2]["id"], "device": "cottage",
            "rule": "power-outage", "incident": incident, "kind": "past", "step": 0, "repeat": 0,
            "severity": "critical", "recipient": "nor", "channel": "email",
            "subject": "[Power was out 14:10 to 14:45] Cottage, 10 Jan 14:10"
        }),
    ];
    assert_eq!(lines, expected);
}

#[test]
fn deadlines_fire_between_the_rows_and_before_a_row_of_the_same_time() {
    let trace = rows(&[
        "10:00:00Z,cottage,power,on",
        "11:00:00Z,cottage,power,off",
        "11:00:29Z,cottage,power,on",
        "12:00:00Z,cottage,power,off",
        "12:00:30Z,cottage,power,on",
    ]);
    // The first was shorter than the rule's half minute. The second was exactly as long: the deadline comes first.
    let told = messages(&jsonl(&trace, &["--until", "2026-01-10T13:00:00Z"]));
    assert_eq!(told, ["2026-01-10T12:00:30Z opened 0 nor", "2026-01-10T12:00:40Z resolved 0 nor"]);
}

#[test]
fn it_ends_with_the_last_row_or_earlier_or_later() {
    let trace = rows(&["10:00:00Z,cottage,power,off", "10:10:00Z,cottage,power,off", "10:40:00Z,cottage,power,off"]);
    let opened = "2026-01-10T10:00:30Z opened 0 nor";
    let escalated = "2026-01-10T10:30:30Z escalated 1 neighbour";
    let reminded = "2026-01-10T12:30:30Z reminder 1 neighbour";
    assert_eq!(messages(&jsonl(&trace, &[])), [opened, escalated]);
    assert_eq!(messages(&jsonl(&trace, &["--until", "2026-01-10T10:30:00Z"])), [opened]);
    assert_eq!(messages(&jsonl(&trace, &["--until", "2026-01-10T10:00:29Z"])), [] as [&str; 0]);
    assert_eq!(messages(&jsonl(&trace, &["--until", "2026-01-10T13:30:30+01:00"])), [opened, escalated, reminded]);
}

#[test]
fn an_empty_cell_for_the_arrival_and_no_such_column_are_the_same() {
    let cells = ["10:00:00Z,cottage,power,off", "10:05:00Z,cottage,power,on", "10:06:00Z,cottage,battery,70"];
    let with = rows(&cells.map(|row| format!("{row},")).each_ref().map(String::as_str));
    let without = jsonl(&rows(&cells), &[]);
    assert_eq!(without.len(), 4);
    assert_eq!(jsonl(&with.replace(HEADER, WITH_ARRIVAL), &[]), without);
}

#[test]
fn an_unknown_value_neither_opens_nor_ends_anything() {
    let trace =
        rows(&["10:00:00Z,cottage,power,off", "10:00:10Z,cottage,power,unknown", "11:00:00Z,cottage,power,off"]);
    let opened = jsonl(&trace, &[]).iter().filter(|line| line["state"] == "open").cloned().collect::<Vec<_>>();
    // It goes on with its old time.
    assert_eq!((opened.len(), &opened[0]["since"]), (1, &json!("2026-01-10T10:00:00Z")));
}

#[test]
fn every_rule_runs_those_of_the_cloud_too() {
    let trace = rows(&["10:00:00Z,cottage,power,on", "10:01:00Z,cottage,connection,disconnected"]);
    let told = messages(&jsonl(&trace, &["--until", "2026-01-10T11:00:00Z"]));
    assert_eq!(told, ["2026-01-10T10:16:00Z opened 0 nor"]);
}

#[test]
fn the_formats_say_the_same() {
    let trace = rows(&["10:00:00Z,cottage,power,off", "10:05:00Z,cottage,power,on", "11:00:00Z,cottage,power,on"]);
    let said = |format: &str| said(&run(&shipped(), trace.as_bytes(), &["--format", format]).stdout).to_owned();
    assert_eq!(said("json"), said("jsonl"));
    let text = "\
        2026-01-10 10:00:30 GMT  cottage  power-outage is open, since 2026-01-10 10:00:00 GMT\n\
        2026-01-10 10:00:30 GMT  cottage    opened to nor by email: [Power is out] Cottage, 10 Jan 10:00\n\
        2026-01-10 10:05:10 GMT  cottage  power-outage is over, from 2026-01-10 10:00:00 GMT to 2026-01-10 10:05:00 GMT\n\
        2026-01-10 10:05:10 GMT  cottage    resolved to nor by email: [Power is back after 5 minutes] Cottage, 10 Jan 10:00\n\
        3 rows: 1 incident, 2 messages\n";
    assert_eq!(said("text"), text);
}

#[test]
fn several_devices_are_called_in_order_of_time() {
    let dir = tempfile::tempdir().unwrap();
    let config = fs::read_to_string(shipped()).unwrap();
    let cabin = "[device.cabin]\nname = \"Cabin\"\npower = { source = \"none\" }\n\n[storage]";
    fs::write(dir.path().join("config.toml"), config.replace("[storage]", cabin)).unwrap();
    fs::create_dir(dir.path().join("rules")).unwrap();
    for file in ["power.toml", "people.toml"] {
        fs::copy(shipped().with_file_name("rules").join(file), dir.path().join("rules").join(file)).unwrap();
    }
    // No secret is looked for, and a device without a source is one like others.
    let people = dir.path().join("rules/people.toml");
    let hook = "webhook = { url = \"https://example.com/\", secret = \"env:NOT_SET_ANYWHERE\" }\n# webhook";
    fs::write(&people, fs::read_to_string(&people).unwrap().replace("# webhook", hook)).unwrap();

    let trace = rows(&[
        "10:00:00Z,cottage,power,off",
        "10:00:05Z,cabin,power,off",
        "10:00:32Z,cottage,power,on",
        "10:00:33Z,cabin,power,on",
    ]);
    let words = ["--format", "jsonl", "--until", "2026-01-10T11:00:00Z"];
    let lines = lines(&run(&dir.path().join("config.toml"), trace.as_bytes(), &words));
    let seen = |line: &Value| format!("{} {}", &line["at"].as_str().unwrap()[11..19], line["device"].as_str().unwrap());
    let mut seen: Vec<String> = lines.iter().map(seen).collect();
    seen.dedup();
    assert_eq!(seen, ["10:00:30 cottage", "10:00:42 cottage"], "the cabin's was but 28 seconds");
}

#[test]
fn a_report_of_any_length_is_one_report() {
    let mut trace = WITH_ARRIVAL.to_owned();
    for row in 0..25_000 {
        // For a quarter of an hour off at every second; what came after it is not told, for it was over by then.
        let (minute, second) = (row / 60 % 60, row % 60);
        let value = if row < 900 { "off" } else { "on" };
        let hour = row / 3_600;
        trace.push_str(&format!(
            "2026-01-10T{hour:02}:{minute:02}:{second:02}Z,cottage,power,{value},2026-01-10T20:00:00Z\n"
        ));
    }
    let lines = jsonl(&trace, &[]);
    assert_eq!(messages(&lines), ["2026-01-10T20:00:00Z past 0 nor"]);
    assert_eq!(lines[1]["ended"], "2026-01-10T00:15:00Z");
}

#[test]
fn what_editors_and_spreadsheets_write_is_read() {
    let plain = rows(&["10:00:00Z,cottage,power,off", "10:05:00Z,cottage,power,on", "11:00:00Z,cottage,battery,70"]);
    let expected = jsonl(&plain, &[]);
    assert_eq!(expected.len(), 4);
    for other in [
        plain.replace('\n', "\r\n"),
        format!("\u{feff}{plain}"),
        plain.trim_end().to_owned(),
        plain.replace('\n', "\n\n"),
        plain.replace("cottage", "\"cottage\""),
        plain.replace("10:05:00Z", "11:05:00+01:00"),
    ] {
        assert_eq!(jsonl(&other, &[]), expected, "{other:?}");
    }
}

#[test]
fn a_trace_without_rows_has_nothing_to_tell() {
    let output = run(&shipped(), HEADER.as_bytes(), &[]);
    assert_eq!(said(&output.stdout), "0 rows: 0 incidents, 0 messages\n");
}

#[test]
fn each_mistake_is_told_with_its_line_and_what_to_do() {
    let after = |row: &str| format!("{HEADER}2026-01-10T10:00:00Z,cottage,power,on\n{row}\n");
    let no_time = "is no time: write it with its zone, like 2026-01-10T18:00:00Z or 2026-01-10T18:00:00+01:00";
    let header = "make it `at,device,fact,value` or `at,device,fact,value,received_at`, exactly so";
    refused("", "trace.csv:1: the trace is empty: begin it with the line `at,device,fact,value`");
    refused("time,device\n", &format!("trace.csv:1: the first line is `time,device`: {header}"));
    refused("device,at,fact,value\n", &format!("trace.csv:1: the first line is `device,at,fact,value`: {header}"));
    refused(
        after("2026-01-10T11:00:00Z,cottage,power"),
        "trace.csv:3: this row has 3 cells: give it the 4 of `at,device,fact,value`",
    );
    refused(
        after("2026-01-10T11:00:00Z,cottage,power,on,2026-01-10T11:00:00Z"),
        "trace.csv:3: this row has 5 cells: give it the 4 of `at,device,fact,value`",
    );
    refused(
        format!("{WITH_ARRIVAL}2026-01-10T11:00:00Z,cottage,power,on\n"),
        "trace.csv:2: this row has 4 cells: give it the 5 of `at,device,fact,value,received_at`",
    );
    refused(after(&",".repeat(4_095)), "trace.csv:3: this row has 4096 cells: give it the 4 of `at,device,fact,value`");
    refused(after("10 o'clock,cottage,power,on"), &format!("trace.csv:3: `10 o'clock` in `at` {no_time}"));
    refused(
        after("2026-01-10T11:00:00,cottage,power,on"),
        &format!("trace.csv:3: `2026-01-10T11:00:00` in `at` {no_time}"),
    );
    refused(
        format!("{WITH_ARRIVAL}2026-01-10T11:00:00Z,cottage,power,on,soon\n"),
        &format!("trace.csv:2: `soon` in `received_at` {no_time}"),
    );
    refused(
        after("2026-01-10T11:00:00Z,cotage,power,on"),
        "trace.csv:3: there is no device `cotage`: did you mean `cottage`?",
    );
    refused(
        after("2026-01-10T11:00:00Z,lighthouse,power,on"),
        "trace.csv:3: there is no device `lighthouse`: declare it in config.toml",
    );
    refused(
        after("2026-01-10T11:00:00Z,cottage,pwoer,on"),
        "trace.csv:3: there is no fact `pwoer`: did you mean `power`?",
    );
    refused(
        after("2026-01-10T11:00:00Z,cottage,humidity,on"),
        "trace.csv:3: there is no fact `humidity`: there are battery, battery_mv, connection, power",
    );
    refused(
        after("2026-01-10T11:00:00Z,cottage,power,0"),
        "trace.csv:3: `power` cannot be `0`: it is `on` or `off`, or `unknown`",
    );
    refused(
        after("2026-01-10T11:00:00Z,cottage,battery,12.5"),
        "trace.csv:3: `battery` cannot be `12.5`: it is a whole number, or `unknown`",
    );
    refused(
        after("2026-01-10T09:59:59Z,cottage,power,on"),
        "trace.csv:3: this row arrives at 2026-01-10T09:59:59Z, before the one above it (2026-01-10T10:00:00Z): sort \
         the rows by when they arrive",
    );
    refused(
        [after("").as_bytes(), b"2026-01-10T11:00:00Z,cottage,power,\xff\n"].concat(),
        "trace.csv:4: this line is not UTF-8: save the trace as UTF-8",
    );
    refused(
        after("2026-01-10T11:00:00Z,\"cottage,power,on\n2026-01-10T11:00:01Z,cottage,power,on"),
        "trace.csv:3: a quotation mark is opened on this line and not closed: close it, or take it away",
    );
    refused(
        after(&"x".repeat(4_097)),
        "trace.csv:3: this line is longer than 4096 bytes: write each row on a line of its own",
    );
    refused(
        after(&format!("{},cottage,power,on", "x".repeat(100))),
        &format!("trace.csv:3: `{}…` in `at` {no_time}", "x".repeat(60)),
    );
}

#[test]
fn a_trace_that_is_not_there_is_told() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dag"));
    let output = command.args(["simulate", "--trace", "nowhere.csv", "--config"]).arg(shipped()).output().unwrap();
    assert_eq!(
        said(&output.stderr),
        "nowhere.csv:1: the trace cannot be read: No such file or directory (os error 2)\n"
    );
}

#[test]
fn what_came_before_a_mistake_is_printed() {
    let trace = rows(&["10:00:00Z,cottage,power,off", "10:05:00Z,cottage,power,on", "11:00:00Z,cottage,power,maybe"]);
    let output = run(&shipped(), trace.as_bytes(), &["--format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output.stderr).starts_with("trace.csv:4: "), "{}", said(&output.stderr));
    // What the deadline after the last good row would have done is not known: the next row was to say when it came.
    let lines: Vec<Value> = said(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(messages(&lines), ["2026-01-10T10:00:30Z opened 0 nor"]);
}

#[test]
fn a_reader_that_has_read_enough_ends_it_quietly() {
    let day = |row: u32| format!("2026-{:02}-{:02}T", row / 28 % 12 + 1, row % 28 + 1);
    let outage = |row: u32| format!("{0}10:00:00Z,cottage,power,off\n{0}11:00:00Z,cottage,power,on\n", day(row));
    let trace = format!("{HEADER}{}", (0..336).map(outage).collect::<String>());
    let (_dir, mut command) = command(&shipped(), trace.as_bytes(), &["--format", "jsonl"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.contains("power-outage"));
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), said(&output.stderr)), (Some(0), ""));
}

#[test]
fn an_answer_that_cannot_be_written_is_a_failure() {
    let (_dir, mut command) = command(&shipped(), HEADER.as_bytes(), &[]);
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let output = command.stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(said(&output.stderr), "what was found cannot be printed: No space left on device (os error 28)\n");
}

#[test]
fn a_time_to_end_at_that_is_none_is_wrong_use() {
    let output = run(&shipped(), HEADER.as_bytes(), &["--until", "tomorrow"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output.stderr).contains("this is no time: write it with its zone"), "{}", said(&output.stderr));
}
