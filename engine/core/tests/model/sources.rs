//! The senders of reports: they number their readings, and some reports are lost on the way.

use dag_engine::{Name, Reading, Report, Time, Value};

use crate::history::{Fate, Read};

const NAMES: [&str; 2] = ["gpio", "gauge"];

#[derive(Default)]
pub struct Senders {
    pub boot: u64,
    senders: [Sender; 2],
    lost: Vec<Report>,
    sent: Vec<Report>,
}

#[derive(Default)]
struct Sender {
    readings: Vec<Reading>,
    /// The number of the last reading of the boot before, still to be named.
    before: Option<u64>,
}

impl Senders {
    pub fn new() -> Self {
        Senders { boot: 1, ..Senders::default() }
    }

    pub fn boot(&mut self, names_before: bool) {
        self.boot += 1;
        for sender in &mut self.senders {
            sender.before = names_before.then_some(sender.readings.len() as u64);
            sender.readings.clear();
        }
    }

    /// Sends readings of a source, and returns the reports that arrive.
    pub fn read(&mut self, read: &Read, now: Time) -> Vec<Report> {
        let readings = read.readings.iter().map(|(fact, value, age)| reading(fact, *value, now.moved(-age)));
        let report = self.report(read.source, readings.collect(), read.resent);
        let report = Report { more: read.more, uncertain: read.uncertain, ..report };
        match read.fate {
            Fate::Comes => vec![report],
            Fate::Doubled => vec![report.clone(), report],
            Fate::Lost => {
                self.lost.push(report);
                vec![]
            }
        }
    }

    /// A report of new readings behind some that were sent before.
    fn report(&mut self, source: usize, new: Vec<Reading>, resent: usize) -> Report {
        let sender = &mut self.senders[source];
        let resent = resent.min(sender.readings.len());
        let from = sender.readings.len() - resent;
        sender.readings.extend(new);
        let report = Report {
            source: Name::new(NAMES[source]),
            boot: self.boot,
            before: sender.before.take(),
            first: from as u64 + 1,
            resent: resent as u64,
            readings: sender.readings[from..].to_vec(),
            ..Report::default()
        };
        self.sent.push(report.clone());
        report
    }

    /// The power goes off and on again, a millisecond apart.
    pub fn flicker(&mut self, times: u8, now: Time) -> Report {
        let value = |n: u8| Some(if n.is_multiple_of(2) { Value::Off } else { Value::On });
        let readings = (0..times).map(|n| reading("power", value(n), now.moved(i64::from(n) - i64::from(times))));
        self.report(0, readings.collect(), 0)
    }

    /// Returns this many reports, each of which misses the one before it.
    pub fn holes(&mut self, count: u8, now: Time) -> Vec<Report> {
        let value = |n: u8| Some(if n.is_multiple_of(2) { Value::Off } else { Value::On });
        let mut reports = Vec::new();
        for n in 0..count {
            let missing = self.report(0, vec![reading("battery", Some(Value::Number(50)), now)], 0);
            self.lost.push(missing);
            reports.push(self.report(0, vec![reading("power", value(n), now)], 0));
        }
        reports
    }

    /// Returns the first report of a source that sends no other.
    pub fn of_another(&self, number: u8, now: Time) -> Report {
        let source = Name::from(format!("other-{}-{number}", self.boot));
        let readings = vec![reading("battery", Some(Value::Number(50)), now)];
        Report { source, boot: self.boot, first: 1, readings, ..Report::default() }
    }

    /// Returns one of the lost reports.
    pub fn late(&mut self, pick: usize) -> Option<Report> {
        let count = self.lost.len();
        (count > 0).then(|| self.lost.remove(pick % count))
    }

    /// Returns one of the last reports again.
    pub fn again(&self, pick: usize) -> Option<Report> {
        self.sent.iter().rev().nth(pick % self.sent.len().max(1)).cloned()
    }
}

fn reading(fact: &str, value: Option<Value>, at: Time) -> Reading {
    Reading { fact: fact.into(), value, at }
}
