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
    assert!(text(&output.stderr).contains("this is no time: write it with its zone"), "{}", text(&output.stderr));
}
