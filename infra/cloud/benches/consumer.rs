//! What the consumer costs by itself, with a table and queues in memory: prints figures, asserts nothing.
//! `cargo bench -p dag-cloud`. Time is the processor's, spent on this: what else the machine does meanwhile counts little.
//!
//! The rules are the repository's own, from `rules/`. `DAG_BENCH_DEVICES` says how many devices lose power.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a benchmark owns a clock and reads files"
)]

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use dag_book::{Book, Folder};
use dag_cloud::{Consumer, Event, Memory, Record};
use dag_config::Config;
use dag_engine::{Device, Millis, Time, Value};
use dag_uplink::{Clock, DeviceReport, SourceReport, UplinkReading, VERSION};
use serde_json::json;

const CONFIG: &str = r#"
mode = "standalone"
[site]
name = "Home"
timezone = "Europe/London"
operators = ["owners"]
[device.first]
power = { source = "simulated" }
[email]
transport = "outbox"
from = "detectordag <dag@example.com>"
"#;

/// Records in a batch.
const BATCH: usize = 10;

/// Devices that take turns to report.
const REPORTING: usize = 1_000;

const READINGS_SENT_AGAIN: u64 = 16;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        reports().await;
        outage().await;
    });
}

/// Reports of devices with which all is well.
async fn reports() {
    let count: usize = 20_000;
    let mut fleet = Fleet::new(REPORTING).await;
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
    let (requests, written) = fleet.counts();
    let took = fleet.take(bodies).await;
    let (requests, written) = fleet.since(requests, written);
    let each = took / u32::try_from(count).unwrap();
    println!("{:>12.0} a second  reports that tell nobody, on one core", 1.0 / each.as_secs_f64());
    println!("{:>12.3} ms        for one", each.as_secs_f64() * 1e3);
    println!("{:>12.2}           requests to the table for one", ratio(requests, count));
    println!("{:>12.0} bytes     written for one", ratio(written, count));
}

/// The mains of a whole region fail within a minute.
async fn outage() {
    let count = std::env::var("DAG_BENCH_DEVICES").ok().and_then(|count| count.parse().ok()).unwrap_or(100_000);
    let mut fleet = Fleet::new(count).await;
    fleet.all(|device| device.read("power", Value::On)).await;
    fleet.now = fleet.now + Millis::new(3_600_000);
    fleet.forget();
    println!("{:>12.0} MiB       with {count} devices in the table in memory", resident());
    let (requests, written) = fleet.counts();
    let begun = spent();
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
    let took = spent() - begun;
    let (requests, written) = fleet.since(requests, written);
    println!("{:>12.1} s         for {count} outages within a minute, until all are told", took.as_secs_f64());
    println!("{:>12}           messages sent", fleet.sent);
    println!("{:>12.2}           requests to the table for each device that tells", ratio(requests, count));
    println!("{:>12.0} bytes     written for each", ratio(written, count));
    println!("{:>12.0} MiB       of memory at the end, table and all", resident());
}

fn ratio(all: u64, count: usize) -> f64 {
    // Counts of a benchmark are far below what a double holds.
    f64::from(u32::try_from(all / 100).unwrap()) * 100.0 / f64::from(u32::try_from(count).unwrap())
}

struct Reporter {
    id: String,
    number: u64,
    read: Vec<(&'static str, Value)>,
    next: u64,
}

impl Reporter {
    fn read(&mut self, fact: &'static str, value: Value) {
        self.read.push((fact, value));
        self.next += 1;
        if self.read.len() > usize::try_from(READINGS_SENT_AGAIN).unwrap() + 1 {
            self.read.remove(0);
        }
    }

    /// What the topic rule makes of a report of the last reading, with those before it again.
    fn report(&mut self, now: Time) -> String {
        self.number += 1;
        let count = self.read.len() as u64;
        let reading = |(at, (fact, value)): (usize, &(&str, Value))| {
            let age_ms = (count - 1 - at as u64) * 1_000;
            UplinkReading { fact: (*fact).into(), value: Some(*value), age_ms }
        };
        let source = SourceReport {
            source: "pins".into(),
            boot: 1,
            before: None,
            first: self.next - count,
            resent: count - 1,
            more: false,
            readings: self.read.iter().enumerate().map(reading).collect(),
        };
        let report = DeviceReport {
            v: VERSION,
            device: self.id.as_str().into(),
            incarnation: None,
            boot: 1,
            number: self.number,
            sent_at: now,
            clock: Clock::Set,
            rules: None,
            incidents: Vec::new(),
            dropped: None,
            sources: vec![source],
        };
        let payload = BASE64.encode(serde_json::to_vec(&report).unwrap());
        json!({ "event": "report", "device": self.id, "received_at": now.as_millis(), "payload": payload }).to_string()
    }
}

struct Fleet {
    consumer: Consumer<Memory>,
    devices: Vec<Reporter>,
    now: Time,
    sent: usize,
}

impl Fleet {
    async fn new(count: usize) -> Fleet {
        let config = Config::parse(CONFIG, Path::new("config.toml"), [], &[]).unwrap();
        let rules = Folder::read_rules(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules")).unwrap();
        let book = Book::compile(rules, &config).unwrap_or_else(|problems| panic!("{problems}"));
        let now = "2026-01-10T12:00:00Z".parse().unwrap();
        let consumer = Consumer::new(Memory::new(now), config, book, None);
        let reporter = |number| Reporter { id: format!("d{number}"), number: 0, read: Vec::new(), next: 1 };
        let mut fleet = Fleet { consumer, devices: (0..count).map(reporter).collect(), now, sent: 0 };
        let registered = fleet.devices.iter().map(|device| {
            Event::registered(Device {
                id: device.id.as_str().into(),
                name: device.id.clone(),
                labels: BTreeMap::new(),
                timezone: None,
                account_emails: Vec::new(),
            })
        });
        let registered = registered.collect();
        fleet.take(registered).await;
        fleet
    }

    /// Every device reads and reports, a second later.
    async fn all(&mut self, read: impl Fn(&mut Reporter)) {
        self.now = self.now + Millis::new(1_000);
        let now = self.now;
        let bodies = self.devices.iter_mut().map(|device| {
            read(device);
            device.report(now)
        });
        let bodies = bodies.collect();
        self.take(bodies).await;
    }

    /// Takes records over, in batches. Answers the processor's time that went there.
    async fn take(&mut self, bodies: Vec<String>) -> Duration {
        self.consumer.world().inside().now = self.now;
        let mut took = Duration::ZERO;
        let mut bodies = bodies.into_iter().peekable();
        while bodies.peek().is_some() {
            let record = |(at, body): (usize, String)| Record { id: at.to_string(), body, receives: 1 };
            let batch: Vec<Record> = bodies.by_ref().take(BATCH).enumerate().map(record).collect();
            let begun = spent();
            let failed = self.consumer.handle(&batch).await;
            took += spent() - begun;
            assert!(failed.is_empty(), "{failed:?}");
            self.forget();
        }
        took
    }

    /// What the queues hold now.
    async fn work(&mut self) {
        loop {
            let mut bodies = Vec::new();
            {
                let mut inside = self.consumer.world().inside();
                let later: Vec<_> = inside.events.drain(..).collect();
                for (at, body) in later {
                    if at <= self.now { bodies.push(body) } else { inside.events.push_back((at, body)) }
                }
                bodies.extend(inside.deliveries.drain(..));
            }
            if bodies.is_empty() {
                return;
            }
            self.take(bodies).await;
        }
    }

    /// A table in memory keeps what people got and what was decided, and a real one does so elsewhere.
    fn forget(&mut self) {
        let mut inside = self.consumer.world().inside();
        self.sent += inside.sent.len();
        inside.sent.clear();
        inside.finished.clear();
        inside.decisions.clear();
    }

    fn counts(&self) -> (u64, u64) {
        let inside = self.consumer.world().inside();
        (inside.requests, inside.written)
    }

    fn since(&self, requests: u64, written: u64) -> (u64, u64) {
        let (now_requests, now_written) = self.counts();
        (now_requests - requests, now_written - written)
    }
}

/// The processor's time that this process has taken.
fn spent() -> Duration {
    rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime).try_into().unwrap_or_default()
}

/// MiB of memory in use.
fn resident() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap_or_default() / 1_024.0
}
