//! The store on real files and disks, and in processes that are killed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail as tests do"
)]

mod contents;
mod copies;
mod damage;
mod disk;
mod kill;
mod migrations;
mod power_cut;
mod refusals;
mod retention;
mod uplink_queue;

use std::path::{Path, PathBuf};

use dag::store::{Commit, QueuedReading, Retention, Store, StoreError, StoreInfo, StoredReading, Window};
use dag_engine::{Decision, Id, Outcome, Reading, Report, Time, Value};
use serde::Serialize;
use tempfile::TempDir;

/// No test fills this, except those of the retention itself.
const RETENTION: Retention = Retention { bytes: 64 << 20 };

/// Returns a new folder, and the path of a store in it.
fn scratch() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dag.redb");
    (folder, path)
}

fn open(path: &Path) -> (Store, StoreInfo) {
    Store::open(path, RETENTION).unwrap()
}

/// Returns the error of a store that must not open.
fn open_error(path: &Path) -> StoreError {
    Store::open(path, RETENTION).expect_err("the store should have been refused")
}

/// Returns the text of `error` with the store's path shortened to `dag.redb`.
fn text(error: &StoreError, path: &Path) -> String {
    error.to_string().replace(path.to_str().unwrap(), "dag.redb")
}

fn time(millis: i64) -> Time {
    Time::from_millis(millis)
}

fn id(number: u64) -> Id {
    Id::parse(&format!("{number:032x}")).unwrap()
}

/// Returns a decision that names `number`, about the incident of its last digit.
fn decision(number: u64) -> Decision {
    Decision {
        at: time(number as i64),
        rule: Some("power-outage".into()),
        incident: Some(id(number % 10)),
        outcome: Outcome::Acknowledged { by: number.to_string(), lapses: None },
    }
}

fn report(number: u64) -> Report {
    let value = if number.is_multiple_of(2) { Value::On } else { Value::Off };
    let reading = Reading { fact: "power".into(), value: Some(value), at: time(number as i64) };
    Report { source: "gpio".into(), boot: 1, first: number, readings: vec![reading], ..Report::default() }
}

/// The limit of the queue for the cloud in bytes. No test of steps fills it.
const QUEUE: u64 = 1 << 30;

/// Returns the reading of [`report`] as it is queued for the cloud.
fn queued_reading(number: u64) -> QueuedReading {
    let reading = report(number).readings.remove(0);
    let reading = StoredReading { source: "gpio".into(), boot: 1, number, reading };
    QueuedReading { reading, before: None, is_change: true }
}

/// Adds an entry of the outbox that is not finished.
fn queue(mut step: Commit, number: u64, entry: &impl Serialize) -> Commit {
    step.store_entry(id(number), entry, false).unwrap();
    step
}

/// Adds an entry of the outbox that is finished.
fn finish(mut step: Commit, number: u64, entry: &impl Serialize) -> Commit {
    step.store_entry(id(number), entry, true).unwrap();
    step
}

/// Returns step `number`. The state is the number. The step has a decision and a reading, which is queued for the cloud
/// too. Its message is queued, and the one of the step before is finished.
fn step(number: u64) -> Commit {
    let step = Commit::at(time(number as i64)).state("cottage", &number).unwrap();
    let step = step.enqueue([queued_reading(number)], QUEUE).report(&report(number)).decisions([decision(number)]);
    let step = queue(step, number, &number);
    if number > 1 { finish(step, number - 1, &(number - 1)) } else { step }
}

/// Checks that the store holds the steps 1 to n, whole and in order. Returns n.
fn steps(store: &Store) -> u64 {
    let last = store.state::<u64>("cottage").unwrap().unwrap_or(0);
    let all = Window::newest(usize::MAX);
    let numbers = 1..=last;
    assert_eq!(store.decisions(all).unwrap(), numbers.clone().map(decision).collect::<Vec<_>>());
    let readings: Vec<_> = store.readings(all).unwrap().into_iter().map(|reading| reading.number).collect();
    assert_eq!(readings, numbers.clone().collect::<Vec<_>>());
    assert_eq!(store.finished_entries::<u64>(all).unwrap(), (1..last).collect::<Vec<_>>());
    let for_the_cloud: Vec<_> =
        store.queued_readings(usize::MAX).unwrap().into_iter().map(|(_, queued)| queued).collect();
    assert_eq!(for_the_cloud, numbers.clone().map(queued_reading).collect::<Vec<_>>());
    let queued: Vec<_> = numbers.rev().take(1).map(|number| (id(number), number)).collect();
    assert_eq!(store.outbox::<u64>().unwrap(), queued);
    last
}

/// SplitMix64: gives the same numbers for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}
