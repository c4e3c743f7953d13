//! Measures `dag simulate` on the shipped rules, with a short trace and a long one: rows a second, its start included,
//! and memory. It prints figures beside their targets and asserts nothing.
//!
//! The mix is that of the engine's benchmark. There is a row every 10 s of the device's time. Of 20 rows 14 repeat
//! known values, 4 are new battery values, and 2 switch the power off and on. A third of the rows arrives in reports of
//! three. Twice a day the power stays off for half an hour, so that there are messages.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark may stop where a test may")]

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use dag_engine::{Millis, Time};

const START: Time = Time::from_millis(1_768_046_400_000);

fn main() {
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("trace.csv");
    for rows in [100_000, 2_000_000] {
        write_trace(&trace, rows);
        let mut rates: Vec<(f64, u64)> = (0..3).map(|_| simulate(&trace, rows)).collect();
        rates.sort_by(|one, other| one.0.total_cmp(&other.0));
        let (rate, resident) = rates.pop().unwrap();
        println!(
            "{rows:>9} rows            {rate:.0} rows a second, at most {resident} KiB    \
             target: 400000, and memory as for fewer"
        );
    }
}

fn write_trace(path: &Path, rows: u32) {
    let mut file = BufWriter::new(File::create(path).unwrap());
    writeln!(file, "at,device,fact,value,received_at").unwrap();
    for row in 0..rows {
        let at = START + Millis::new(10_000).times(row);
        let (fact, value) = reading(row);
        // Every ninth row begins a report of three.
        match row % 9 {
            begun @ 0..3 => {
                let received_at = at + Millis::new(10_000).times(2 - begun);
                writeln!(file, "{at},cottage,{fact},{value},{received_at}").unwrap();
            }
            _ => writeln!(file, "{at},cottage,{fact},{value},").unwrap(),
        }
    }
    file.flush().unwrap();
}

fn reading(row: u32) -> (&'static str, String) {
    let battery = |of: u32| ("battery", (30 + of / 20 % 50).to_string());
    // Of half a day, half an hour is an outage.
    let off = row % 4_320 >= 4_140;
    match row % 20 {
        5 | 9 | 13 | 17 => battery(row),
        3 | 7 => battery(row.saturating_sub(20)),
        10 => ("power", "off".to_owned()),
        _ => ("power", if off { "off" } else { "on" }.to_owned()),
    }
}

/// Rows a second, and the most memory that was resident, in KiB.
fn simulate(trace: &Path, rows: u32) -> (f64, u64) {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut command = Command::new(env!("CARGO_BIN_EXE_dag"));
    command.args(["simulate", "--format", "jsonl", "--trace"]).arg(trace);
    let begin = Instant::now();
    let mut child = command.arg("--config").arg(top.join("config.toml")).stdout(Stdio::null()).spawn().unwrap();
    let mut resident = 0;
    while child.try_wait().unwrap().is_none() {
        resident = most_resident(&child).unwrap_or(resident);
        thread::sleep(Duration::from_millis(5));
    }
    assert!(child.wait().unwrap().success());
    (f64::from(rows) / begin.elapsed().as_secs_f64(), resident)
}

/// The kernel's count of the most that was resident; none once the process has ended.
fn most_resident(child: &Child) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
