//! `dag simulate`: runs the rules on a trace.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail the test"
)]

mod incidents;
mod output;
mod traces;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

const HEADER: &str = "at,device,fact,value\n";
const WITH_ARRIVAL: &str = "at,device,fact,value,received_at\n";

/// The `config.toml` of the repository.
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

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    assert_eq!(text(&output.stderr), "");
    assert!(output.status.success());
    text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Returns the output for programs.
fn jsonl(trace: &str, words: &[&str]) -> Vec<Value> {
    lines(&run(&shipped(), trace.as_bytes(), &[&["--format", "jsonl"], words].concat()))
}

/// Returns the time, kind, step and recipient of each message.
fn messages(lines: &[Value]) -> Vec<String> {
    let messages = lines.iter().filter(|line| line["type"] == "notification");
    let part = |line: &Value, field: &str| line[field].to_string().replace('"', "");
    messages.map(|line| ["at", "kind", "step", "recipient"].map(|field| part(line, field)).join(" ")).collect()
}

/// Returns a trace of rows without arrivals, all of one day.
fn rows(rows: &[&str]) -> String {
    let rows: Vec<String> = rows.iter().map(|row| format!("2026-01-10T{row}\n")).collect();
    format!("{HEADER}{}", rows.concat())
}

/// Checks the one line that is printed for a trace with a mistake.
#[track_caller]
fn assert_refused(trace: impl AsRef<[u8]>, error: &str) {
    let output = run(&shipped(), trace.as_ref(), &[]);
    assert_eq!(text(&output.stderr), format!("{error}\n"));
    assert_eq!(output.status.code(), Some(1));
}
