//! Measures the consumer itself, with a table and queues in memory: `cargo bench -p dag-cloud`. It prints figures
//! and asserts nothing. Times are processor times of this process, so that other load on the machine counts little.
//!
//! The rules are the repository's own, from `rules/`. `DAG_BENCH_DEVICES` is the number of devices that lose power.
//! With `DAG_BENCH_MOTO` that many do so again with a table in moto (`DAG_TEST_VENV` names a Python environment with
//! it). That measures moto, by the wall clock: some ten devices a second.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a benchmark owns a clock and reads files"
)]

#[allow(dead_code, reason = "tests use the rest of it")]
#[path = "../../tests/aws/stack.rs"]
mod stack;

#[allow(dead_code, reason = "tests use the rest of it")]
#[path = "../../../tests/moto.rs"]
mod moto;

mod fleet;
#[path = "../../../tests/memory.rs"]
mod memory;
mod moto_table;

use std::{
    fs,
    time::{Duration, Instant},
};

use dag_engine::{Millis, Time, Value};

use crate::{
    fleet::{Bench, Fleet, READINGS_SENT_AGAIN},
    memory::Memory,
    moto_table::MotoTable,
    stack::Stack,
};

/// The number of devices that report in turn.
const REPORTING: usize = 1_000;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        reports().await;
        let count = count_from_env("DAG_BENCH_DEVICES").unwrap_or(100_000);
        let table = outage(Memory::new(start()), count).await;
        let (requests, written) = table.counts();
        drop(table);
        println!("{:>12.2}           requests to the table for each device that tells", ratio(requests, count));
        println!("{:>12.0} bytes     written for each", ratio(written, count));
        if let Some(count) = count_from_env("DAG_BENCH_MOTO") {
            println!("with moto for a table:");
            let stack = Stack::start().await;
            outage(MotoTable::new(&stack, start()), count).await;
        }
    });
}

/// Measures reports that change nothing for people.
async fn reports() {
    let count: usize = 20_000;
    let mut fleet = Fleet::new(Memory::new(start()), REPORTING).await;
    fleet.all(|device| device.read("power", Value::On)).await;
    for percent in 0..i64::try_from(READINGS_SENT_AGAIN).unwrap() {
        fleet.all(|device| device.read("battery", Value::Number(60 + percent % 2))).await;
    }
    fleet.forget();
    let bodies: Vec<String> = (0..count)
        .map(|number| {
            let now = fleet.now;
            let device = &mut fleet.devices[number % REPORTING];
            device.read("battery", Value::Number(62 + i64::try_from(number / REPORTING).unwrap()));
            device.report(now)
        })
        .collect();
    fleet.count_anew();
    let took = fleet.take(bodies).await;
    let (requests, written) = fleet.counts();
    let each = took / u32::try_from(count).unwrap();
    println!("{:>12.0} a second  reports that tell nobody, on one core", 1.0 / each.as_secs_f64());
    println!("{:>12.3} ms        for one", each.as_secs_f64() * 1e3);
    println!("{:>12.2}           requests to the table for one", ratio(requests, count));
    println!("{:>12.0} bytes     written for one", ratio(written, count));
}

/// Measures an outage of a whole region within a minute. Returns the fleet, whose counts start with the outage.
async fn outage<W: Bench>(world: W, count: usize) -> Fleet<W> {
    let mut fleet = Fleet::new(world, count).await;
    fleet.all(|device| device.read("power", Value::On)).await;
    fleet.now = fleet.now + Millis::new(3_600_000);
    fleet.forget();
    fleet.count_anew();
    println!("{:>12.0} MiB       with {count} devices", resident());
    let (begun, began_at) = (spent(), Instant::now());
    let began = fleet.now;
    for second in 0..60 {
        fleet.now = began + Millis::new(second * 1_000);
        let of = |part: i64| count * usize::try_from(part).unwrap() / 60;
        let now = fleet.now;
        let bodies = fleet.devices[of(second)..of(second + 1)].iter_mut().map(|device| {
            device.read("power", Value::Off);
            device.report(now)
        });
        let bodies = bodies.collect();
        fleet.take(bodies).await;
        fleet.work().await;
    }
    for second in 60..100 {
        fleet.now = began + Millis::new(second * 1_000);
        fleet.work().await;
    }
    let (took, passed) = (spent() - begun, began_at.elapsed());
    println!("{:>12.1} s         for {count} outages within a minute, until all are told", took.as_secs_f64());
    println!("{:>12.1} s         by the clock", passed.as_secs_f64());
    println!("{:>12}           messages sent", fleet.sent);
    println!("{:>12.0} MiB       of memory at the end", resident());
    fleet
}

fn start() -> Time {
    "2026-01-10T12:00:00Z".parse().unwrap()
}

fn count_from_env(name: &str) -> Option<usize> {
    std::env::var(name).ok()?.parse().ok()
}

fn ratio(all: u64, count: usize) -> f64 {
    // A double holds the counts of a benchmark exactly.
    f64::from(u32::try_from(all / 100).unwrap()) * 100.0 / f64::from(u32::try_from(count).unwrap())
}

/// Returns the processor time of this process.
fn spent() -> Duration {
    rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime).try_into().unwrap_or_default()
}

/// Returns the memory in use, in MiB.
fn resident() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap_or_default() / 1_024.0
}
