//! A device, and its broker.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use dag_engine::{Id, Millis, Name, Time, Value};
use dag_uplink::{ClockState, DeviceReport, SourceReport, UplinkReading, VERSION};
use serde_json::json;

/// The number of earlier readings that each report repeats.
const AGAIN: usize = 16;

/// After this time without a connection the broker's count restarts.
const FORGETS: Millis = Millis::new(3_600_000);

/// The readings of one boot.
#[derive(Clone, Debug)]
struct Boot {
    boot: u64,
    before: Option<u64>,
    readings: Vec<(Name, Option<Value>, Time)>,
    sent: usize,
}

#[derive(Clone, Debug)]
pub struct Device {
    pub id: Name,
    /// The number of the memory card, from 1, and the boots that it counted.
    card: u64,
    boots: Vec<Boot>,
    number: u64,
    /// The number of readings in one part of a backlog.
    part: usize,
    pub connected: bool,
    version: Option<u64>,
    gone: Option<Time>,
    sessions: u64,
}

impl Device {
    pub fn new(id: &str, part: usize) -> Device {
        let boot = Boot { boot: 1, before: None, readings: Vec::new(), sent: 0 };
        Device {
            id: Name::new(id),
            card: 1,
            boots: vec![boot],
            number: 0,
            part,
            connected: false,
            version: None,
            gone: None,
            sessions: 0,
        }
    }

    fn last(&mut self) -> &mut Boot {
        self.boots.last_mut().unwrap()
    }

    pub fn read(&mut self, fact: &str, value: Option<Value>, at: Time) {
        self.last().readings.push((Name::new(fact), value, at));
    }

    pub fn restart(&mut self) {
        let last = self.last();
        let boot =
            Boot { boot: last.boot + 1, before: Some(last.readings.len() as u64), readings: Vec::new(), sent: 0 };
        self.boots.push(boot);
        self.boots.retain(|boot| boot.sent < boot.readings.len() || boot.readings.is_empty());
        self.number = 0;
    }

    /// Inserts a new memory card, without the readings and counts of the old one.
    pub fn new_card(&mut self) {
        self.card += 1;
        self.boots = vec![Boot { boot: 1, before: None, readings: Vec::new(), sent: 0 }];
        self.number = 0;
    }

    /// Returns the reports to send: the backlog in parts, each with the last readings before it.
    pub fn reports(&mut self, now: Time) -> Vec<DeviceReport> {
        let (device, current, most) = (self.id.clone(), self.last().boot, self.part);
        let incarnation = Some(Id::of(&[device.as_bytes(), &self.card.to_be_bytes()]));
        let mut reports = Vec::new();
        for boot in &mut self.boots {
            let mut more = true;
            while more {
                let from = boot.sent.saturating_sub(AGAIN);
                let until = (boot.sent + most).min(boot.readings.len());
                more = until < boot.readings.len();
                let reading = |(fact, value, at): &(Name, Option<Value>, Time)| UplinkReading {
                    fact: fact.clone(),
                    value: *value,
                    age_ms: now.since(*at).get().unsigned_abs(),
                };
                let source = SourceReport {
                    source: "pins".into(),
                    boot: boot.boot,
                    before: boot.before.filter(|_| from == 0),
                    first: from as u64 + 1,
                    resent: (boot.sent - from) as u64,
                    more,
                    readings: boot.readings[from..until].iter().map(reading).collect(),
                };
                boot.sent = until;
                self.number += 1;
                reports.push(DeviceReport {
                    v: VERSION,
                    device: device.clone(),
                    incarnation,
                    boot: current,
                    number: self.number,
                    sent_at: now,
                    clock: ClockState::Set,
                    rules: None,
                    refused: None,
                    incidents: Vec::new(),
                    dropped: None,
                    sources: vec![source],
                });
            }
        }
        self.boots.retain(|boot| boot.boot == current);
        reports
    }

    /// Returns the broker's event for the begin of a connection.
    pub fn connect(&mut self, now: Time) -> String {
        let forgotten = self.gone.is_none_or(|gone| now.since(gone) >= FORGETS);
        let version = self.version.filter(|_| !forgotten).map_or(0, |version| version + 1);
        (self.version, self.connected) = (Some(version), true);
        self.sessions += 1;
        presence(&self.id, "connected", version, &format!("s{}", self.sessions), now)
    }

    /// Returns the broker's event for the end of the connection.
    pub fn disconnect(&mut self, now: Time) -> String {
        (self.gone, self.connected) = (Some(now), false);
        presence(&self.id, "disconnected", self.version.unwrap(), &format!("s{}", self.sessions), now)
    }
}

/// Returns the record that the topic rule makes of a report.
pub fn record(report: &DeviceReport, received_at: Time) -> String {
    raw(&report.device, &serde_json::to_vec(report).unwrap(), received_at)
}

/// Returns the record that the topic rule makes of any bytes that are published as a report.
pub fn raw(device: &str, payload: &[u8], received_at: Time) -> String {
    let payload = BASE64.encode(payload);
    json!({ "event": "report", "device": device, "received_at": received_at.as_millis(), "payload": payload })
        .to_string()
}

/// Returns the record that the topic rule makes of the broker's event.
pub fn presence(device: &str, what: &str, version: u64, session: &str, at: Time) -> String {
    json!({
        "event": "presence",
        "received_at": at.as_millis(),
        "clientId": device,
        "timestamp": at.as_millis(),
        "eventType": what,
        "sessionIdentifier": session,
        "principalIdentifier": "000000000000/ABCDEFGHIJKLMNOPQRSTU:some-user/ABCDEFGHIJKLMNOPQRSTU:some-user",
        "ipAddress": "192.0.2.0",
        "versionNumber": version,
    })
    .to_string()
}
