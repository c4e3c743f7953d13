//! Traces with and without mistakes.

use std::process::Command;

use serde_json::Value;

use crate::{HEADER, WITH_ARRIVAL, assert_refused, jsonl, messages, rows, run, shipped, text};

#[test]
fn white_space_around_cells_is_no_part_of_them() {
    let trace = "    at, device,fact,value\n    2026-01-10T10:00:00Z, cottage ,power,off \n";
    let output = run(&shipped(), trace.as_bytes(), &["--until", "2026-01-10T10:00:10Z"]);
    assert!(text(&output.stdout).starts_with("1 row: 0 incidents"), "{}", text(&output.stderr));
}

#[test]
fn an_empty_arrival_and_no_such_column_are_the_same() {
    let cells = ["10:00:00Z,cottage,power,off", "10:05:00Z,cottage,power,on", "10:06:00Z,cottage,battery,70"];
    let with = rows(&cells.map(|row| format!("{row},")).each_ref().map(String::as_str));
    let without = jsonl(&rows(&cells), &[]);
    assert_eq!(without.len(), 4);
    assert_eq!(jsonl(&with.replace(HEADER, WITH_ARRIVAL), &[]), without);
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
fn each_mistake_is_told_with_its_line_and_what_to_do() {
    let after = |row: &str| format!("{HEADER}2026-01-10T10:00:00Z,cottage,power,on\n{row}\n");
    let no_time = "is no time: write it with its zone, like 2026-01-10T18:00:00Z or 2026-01-10T18:00:00+01:00";
    let header = "make it `at,device,fact,value` or `at,device,fact,value,received_at`, exactly so";
    assert_refused("", "trace.csv:1: the trace is empty: begin it with the line `at,device,fact,value`");
    assert_refused("time,device\n", &format!("trace.csv:1: the first line is `time,device`: {header}"));
    assert_refused(
        "device,at,fact,value\n",
        &format!("trace.csv:1: the first line is `device,at,fact,value`: {header}"),
    );
    for none in ["2026-02-30T14:10:00Z", "2026-02-20T14:10:61Z", "2026-02-20T25:10:00.5+01:00"] {
        let look = "look at the day, the hour, the minute and the second";
        let error = format!("trace.csv:3: there is no `{none}` in `at`: {look}");
        assert_refused(after(&format!("{none},cottage,power,on")), &error);
    }
    assert_refused(
        after("2026-01-10T11:00:00Z,cottage,power"),
        "trace.csv:3: this row has 3 cells: give it the 4 of `at,device,fact,value`",
    );
    assert_refused(
        after("2026-01-10T11:00:00Z,cottage,power,on,2026-01-10T11:00:00Z"),
        "trace.csv:3: this row has 5 cells: give it the 4 of `at,device,fact,value`",
    );
    assert_refused(
        format!("{WITH_ARRIVAL}2026-01-10T11:00:00Z,cottage,power,on\n"),
        "trace.csv:2: this row has 4 cells: give it the 5 of `at,device,fact,value,received_at`",
    );
    assert_refused(
        after(&",".repeat(4_095)),
        "trace.csv:3: this row has 4096 cells: give it the 4 of `at,device,fact,value`",
    );
    assert_refused(after("10 o'clock,cottage,power,on"), &format!("trace.csv:3: `10 o'clock` in `at` {no_time}"));
    assert_refused(
        after("2026-01-10T11:00:00,cottage,power,on"),
        &format!("trace.csv:3: `2026-01-10T11:00:00` in `at` {no_time}"),
    );
    assert_refused(
        format!("{WITH_ARRIVAL}2026-01-10T11:00:00Z,cottage,power,on,soon\n"),
        &format!("trace.csv:2: `soon` in `received_at` {no_time}"),
    );
    assert_refused(
        after("2026-01-10T11:00:00Z,cotage,power,on"),
        "trace.csv:3: there is no device `cotage`: did you mean `cottage`?",
    );
    assert_refused(
        after("2026-01-10T11:00:00Z,lighthouse,power,on"),
        "trace.csv:3: there is no device `lighthouse`: declare it in config.toml",
    );
    assert_refused(
        after("2026-01-10T11:00:00Z,cottage,pwoer,on"),
        "trace.csv:3: there is no fact `pwoer`: did you mean `power`?",
    );
    assert_refused(
        after("2026-01-10T11:00:00Z,cottage,humidity,on"),
        "trace.csv:3: there is no fact `humidity`: there are battery, battery_mv, connection, power",
    );
    assert_refused(
        after("2026-01-10T11:00:00Z,cottage,power,0"),
        "trace.csv:3: `power` cannot be `0`: it is `on` or `off`, or `unknown`",
    );
    assert_refused(
        after("2026-01-10T11:00:00Z,cottage,battery,12.5"),
        "trace.csv:3: `battery` cannot be `12.5`: it is a whole number, or `unknown`",
    );
    assert_refused(
        after("2026-01-10T09:59:59Z,cottage,power,on"),
        "trace.csv:3: this row arrives at 2026-01-10T09:59:59Z, before the one above it (2026-01-10T10:00:00Z): sort \
         the rows by when they arrive",
    );
    assert_refused(
        [after("").as_bytes(), b"2026-01-10T11:00:00Z,cottage,power,\xff\n"].concat(),
        "trace.csv:4: this line is not UTF-8: save the trace as UTF-8",
    );
    assert_refused(
        after("2026-01-10T11:00:00Z,\"cottage,power,on\n2026-01-10T11:00:01Z,cottage,power,on"),
        "trace.csv:3: a quotation mark is opened on this line and not closed: close it, or take it away",
    );
    assert_refused(
        after(&"x".repeat(4_097)),
        "trace.csv:3: this line is longer than 4096 bytes: write each row on a line of its own",
    );
    assert_refused(
        after(&format!("{},cottage,power,on", "x".repeat(100))),
        &format!("trace.csv:3: `{}…` in `at` {no_time}", "x".repeat(60)),
    );
}

#[test]
fn a_time_beyond_the_calendar_counts_as_its_end() {
    let trace = format!(
        "{HEADER}-009999-01-01T00:00:00Z,cottage,power,on\n1969-12-31T23:59:60Z,cottage,power,on\n\
         2016-12-31T23:59:60Z,cottage,power,off\n9999-12-31T23:59:59Z,cottage,power,off\n\
         12026-01-01T00:00:00Z,cottage,power,off\n"
    );
    let lines = jsonl(&trace, &[]);
    assert_eq!(lines[0]["since"], "2016-12-31T23:59:59Z");
}

#[test]
fn a_missing_trace_is_an_error() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dag"));
    let output = command.args(["simulate", "--trace", "nowhere.csv", "--config"]).arg(shipped()).output().unwrap();
    assert_eq!(
        text(&output.stderr),
        "nowhere.csv:1: the trace cannot be read: No such file or directory (os error 2)\n"
    );
}

#[test]
fn rows_before_a_mistake_count() {
    let trace = rows(&["10:00:00Z,cottage,power,off", "10:05:00Z,cottage,power,on", "11:00:00Z,cottage,power,maybe"]);
    let output = run(&shipped(), trace.as_bytes(), &["--format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).starts_with("trace.csv:4: "), "{}", text(&output.stderr));
    // The deadline after the last good row does not fire: the time of the next row is not known.
    let lines: Vec<Value> = text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(messages(&lines), ["2026-01-10T10:00:30Z opened 0 nor"]);
}
