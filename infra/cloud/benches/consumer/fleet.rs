//! Devices that report, and the consumer that processes their reports in batches.

use std::{path::Path, sync::MutexGuard, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use dag_cloud::{Consumer, Event, Record, Registration, World};
use dag_config::Config;
use dag_engine::{Millis, Name, Time, Value};
use dag_rulebook::{Rulebook, RulesFolder};
use dag_uplink::{ClockState, DeviceReport, SourceReport, UplinkReading, VERSION};
use serde_json::json;

use crate::memory::{Memory, MemoryState};
use crate::spent;

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

/// The number of records in a batch, as SQS delivers them.
const BATCH: usize = 10;

pub const READINGS_SENT_AGAIN: u64 = 16;

pub struct Reporter {
    id: String,
    number: u64,
    read: Vec<(&'static str, Value)>,
    next: u64,
}

impl Reporter {
    pub fn read(&mut self, fact: &'static str, value: Value) {
        self.read.push((fact, value));
        self.next += 1;
        if self.read.len() > usize::try_from(READINGS_SENT_AGAIN).unwrap() + 1 {
            self.read.remove(0);
        }
    }

    /// Returns the record of a report of the last reading, which repeats the readings before it.
    pub fn report(&mut self, now: Time) -> String {
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
            incarnation: None,
            device: self.id.as_str().into(),
            boot: 1,
            number: self.number,
            sent_at: now,
            clock: ClockState::Set,
            rules: None,
            refused: None,
            incidents: Vec::new(),
            dropped: None,
            sources: vec![source],
        };
        let payload = BASE64.encode(serde_json::to_vec(&report).unwrap());
        json!({ "event": "report", "device": self.id, "received_at": now.as_millis(), "payload": payload }).to_string()
    }
}

/// A world with a clock that is set by hand, and queues and messages in memory.
pub trait Bench: World {
    fn lock(&self) -> MutexGuard<'_, MemoryState>;

    /// Makes a device known to the registry.
    async fn register(&self, device: Name);
}

impl Bench for Memory {
    fn lock(&self) -> MutexGuard<'_, MemoryState> {
        Memory::lock(self)
    }

    async fn register(&self, device: Name) {
        self.lock().registrations.insert(device, Registration::default());
    }
}

pub struct Fleet<W> {
    consumer: Consumer<W>,
    pub devices: Vec<Reporter>,
    pub now: Time,
    /// The number of messages to people.
    pub sent: usize,
}

impl<W: Bench> Fleet<W> {
    pub async fn new(world: W, count: usize) -> Fleet<W> {
        let config = Config::parse(CONFIG, Path::new("config.toml"), [], &[]).unwrap();
        let rules = RulesFolder::read_rules(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules")).unwrap();
        let rulebook = Rulebook::compile(rules, &config).unwrap_or_else(|problems| panic!("{problems}"));
        let now = world.now();
        let consumer = Consumer::new(world, config, rulebook);
        let reporter = |number| Reporter { id: format!("d{number}"), number: 0, read: Vec::new(), next: 1 };
        let mut fleet = Fleet { consumer, devices: (0..count).map(reporter).collect(), now, sent: 0 };
        let ids: Vec<Name> = fleet.devices.iter().map(|device| device.id.as_str().into()).collect();
        let registered = ids.iter().map(Event::registered).collect();
        for id in ids {
            fleet.consumer.world().register(id).await;
        }
        fleet.take(registered).await;
        fleet
    }

    /// Lets every device read and report, a second later.
    pub async fn all(&mut self, read: impl Fn(&mut Reporter)) {
        self.now = self.now + Millis::new(1_000);
        let now = self.now;
        let bodies = self.devices.iter_mut().map(|device| {
            read(device);
            device.report(now)
        });
        let bodies = bodies.collect();
        self.take(bodies).await;
    }

    /// Processes records in batches. Returns the processor time that it took.
    pub async fn take(&mut self, bodies: Vec<String>) -> Duration {
        self.consumer.world().lock().now = self.now;
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

    /// Processes the records of the queues until none is visible.
    pub async fn work(&mut self) {
        loop {
            let mut bodies = Vec::new();
            {
                let mut state = self.consumer.world().lock();
                let later: Vec<_> = state.events.drain(..).collect();
                for (at, body) in later {
                    if at <= self.now { bodies.push(body) } else { state.events.push_back((at, body)) }
                }
                bodies.extend(state.deliveries.drain(..));
            }
            if bodies.is_empty() {
                return;
            }
            self.take(bodies).await;
        }
    }

    /// Drops the messages and decisions that a real table would not keep in memory.
    pub fn forget(&mut self) {
        let mut state = self.consumer.world().lock();
        self.sent += state.sent.len();
        state.sent.clear();
        state.finished.clear();
        state.decisions.clear();
    }

    /// Returns the requests to the table and the bytes that they wrote, since the last reset.
    pub fn counts(&self) -> (u64, u64) {
        let state = self.consumer.world().lock();
        (state.requests, state.written)
    }

    pub fn count_anew(&mut self) {
        let mut state = self.consumer.world().lock();
        (state.requests, state.written) = (0, 0);
    }
}
