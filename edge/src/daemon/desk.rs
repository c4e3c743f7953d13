//! The desk: every input passes over it, one at a time, and nothing leaves it before it is durable.

mod sending;
mod writing;

use std::{
    collections::{BTreeMap, VecDeque},
    time::Instant,
};

use dag_delivery::{Entry, EntryState};
use dag_engine::{
    ClockShift, Decision, Device, Id, Input, Name, Outcome, Reading, Report, State, Time, Value, describe,
};
use dag_rulebook::Rulebook;

pub use self::sending::Parcel;
use self::writing::Trouble;
use crate::{
    source::Observation,
    store::{Commit, GoodRules, Queued, Store, StoreError, StoredReading},
};

/// How many steps may wait for a disk that takes nothing, before the sources are left to wait too.
const MOST_UNWRITTEN: usize = 1_024;

/// The engine with its state, the outbox and the store behind them.
#[derive(Debug)]
pub struct Desk {
    rulebook: Rulebook,
    device: Name,
    state: State,
    store: Store,
    boot: u64,
    /// The last number given to a reading of each source in this boot.
    numbers: BTreeMap<Name, u64>,
    /// The number of each source's last reading in the boot before.
    befores: BTreeMap<Name, Option<u64>>,
    /// How many bytes may wait for the cloud; none where nothing is told to it.
    uplink_keep: Option<u64>,
    /// Something was queued for the cloud since this was last asked.
    enqueued: bool,
    /// The id of the folder of the rules in force.
    rules_id: Id,
    /// Every entry that is not finished.
    outbox: BTreeMap<Id, Entry>,
    last_sequence: u64,
    /// Steps that the disk has not taken yet, oldest first.
    unwritten: VecDeque<Commit>,
    /// Why it does not, and when it is tried again.
    trouble: Option<Trouble>,
}

impl Desk {
    /// Goes on from what the store has of `device`.
    ///
    /// # Errors
    /// What cannot be read from the store.
    pub fn open(rulebook: Rulebook, device: Device, store: Store, boot: u64) -> Result<Desk, StoreError> {
        let id = device.id.clone();
        let state = store.state(&id)?.unwrap_or_else(|| State::new(device));
        let mut outbox: BTreeMap<Id, Entry> = store.outbox()?.into_iter().collect();
        // The store is this daemon's alone, so whoever held these leases is dead.
        outbox.values_mut().for_each(|entry| entry.release(state.now()));
        let last_sequence = outbox.values().map(|entry| entry.sequence).max().unwrap_or(0);
        Ok(Desk {
            rules_id: rulebook.folder.id(),
            rulebook,
            device: id,
            state,
            store,
            boot,
            numbers: BTreeMap::new(),
            befores: BTreeMap::new(),
            uplink_keep: None,
            enqueued: false,
            outbox,
            last_sequence,
            unwritten: VecDeque::new(),
            trouble: None,
        })
    }

    /// The rules in force.
    pub fn rulebook(&self) -> &Rulebook {
        &self.rulebook
    }

    /// What names the content of the folder of rules in force, scenarios and templates included.
    pub fn rules_id(&self) -> Id {
        self.rules_id
    }

    /// Queues every reading for the cloud from now on, in so many bytes; none does not.
    pub fn report_to_the_cloud(&mut self, keep: Option<u64>) {
        self.uplink_keep = keep;
    }

    /// Whether something was queued for the cloud since this was last asked.
    pub fn take_enqueued(&mut self) -> bool {
        std::mem::take(&mut self.enqueued)
    }

    /// Whether the disk has taken everything.
    pub fn is_durable(&self) -> bool {
        self.unwritten.is_empty()
    }

    /// What the engine knows.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The store, for reading.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The entries that are not finished, in order.
    pub fn outbox(&self) -> impl Iterator<Item = &Entry> {
        self.outbox.values()
    }

    /// Why the disk takes nothing at present.
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_ref().map(|trouble| trouble.reason.as_str())
    }

    /// When a disk that takes nothing is tried again.
    pub fn writes_again_at(&self) -> Option<Instant> {
        self.trouble.as_ref().map(|trouble| trouble.again)
    }

    /// Whether sources may hand more in.
    pub fn has_room(&self) -> bool {
        self.unwritten.len() < MOST_UNWRITTEN
    }

    /// Takes what a source saw. The times of that are `uncertain` while the clock is not known to be set.
    pub fn observe(&mut self, source: &Name, observations: Vec<Observation>, uncertain: bool, now: Time) {
        if observations.is_empty() {
            return;
        }
        let is_first = !self.numbers.contains_key(source);
        if is_first {
            self.befores.insert(source.clone(), self.last_of_the_boot_before(source));
        }
        let known = self.befores.get(source).copied().flatten();
        let before = known.filter(|_| is_first);
        let last = self.numbers.entry(source.clone()).or_insert(0);
        let first = *last + 1;
        *last += observations.len() as u64;
        let readings = observations.into_iter().map(|seen| Reading { fact: seen.fact, value: seen.value, at: seen.at });
        let report = Report {
            source: source.clone(),
            boot: self.boot,
            before,
            first,
            uncertain,
            readings: readings.collect(),
            ..Report::default()
        };
        let mut commit = Commit::at(now).report(&report);
        if let Some(keep) = self.uplink_keep {
            commit = commit.enqueue(self.queued(&report, known), keep);
            self.enqueued = true;
        }
        self.step(Input::Report(report), commit, now);
    }

    /// What the cloud is to be told of a report that is about to be taken over.
    fn queued(&self, report: &Report, before: Option<u64>) -> Vec<Queued> {
        let mut values: BTreeMap<&Name, Option<Value>> =
            self.state.facts().map(|(fact, value, _)| (fact, value)).collect();
        let numbered = report.readings.iter().zip(report.first..);
        let queued = numbered.map(|(reading, number)| {
            let last = values.insert(&reading.fact, reading.value).flatten();
            let is_number = matches!((last, reading.value), (Some(Value::Number(_)), Some(Value::Number(_))));
            Queued {
                reading: StoredReading {
                    source: report.source.clone(),
                    boot: report.boot,
                    number,
                    reading: reading.clone(),
                },
                before,
                is_change: last != reading.value && !is_number,
            }
        });
        queued.collect()
    }

    /// The number of a source's last reading in the boot before: 0 if it had none.
    fn last_of_the_boot_before(&self, source: &Name) -> Option<u64> {
        let boot = self.boot.checked_sub(1).filter(|boot| *boot > 0)?;
        Some(self.state.last_applied(source, boot).unwrap_or(0))
    }

    /// The clock was set: moves every time that was noted by the old clock, so that what waits goes on waiting for as
    /// long as it would have. `now` is by the new clock.
    pub fn clock_set(&mut self, ClockShift { began, shift_ms }: ClockShift, now: Time) {
        let mut commit = Commit::at(now).shift_queue(began, shift_ms);
        for entry in self.outbox.values_mut() {
            shift(entry, began, shift_ms);
            commit = put(commit, entry);
        }
        self.step(Input::ClockSet { boot: self.boot, began, shift_ms }, commit, now);
    }

    /// Takes one input over and makes what follows durable. Returns what was decided.
    pub fn take(&mut self, input: Input, now: Time) -> Vec<Decision> {
        self.step(input, Commit::at(now), now)
    }

    /// Puts other rules in force.
    pub fn replace_rulebook(&mut self, rulebook: Rulebook, now: Time) {
        self.rules_id = rulebook.folder.id();
        self.rulebook = rulebook;
        self.take(Input::RulesChanged, now);
        self.keep_rulebook();
    }

    /// Keeps the rules in force for a boot with broken files.
    pub fn keep_rulebook(&mut self) {
        let good = GoodRules { hash: self.rules_id, files: self.rulebook.folder.to_keep() };
        if let Err(error) = self.store.keep_rules(&good) {
            tracing::error!(%error, "the rules in force could not be kept for the next boot");
        }
    }

    fn step(&mut self, input: Input, commit: Commit, now: Time) -> Vec<Decision> {
        let (decisions, commit) = self.decide(input, commit, now);
        self.write(commit);
        decisions
    }

    /// Has the engine take an input over, and the outbox follow what was decided.
    fn decide(&mut self, input: Input, commit: Commit, now: Time) -> (Vec<Decision>, Commit) {
        let decisions = self.rulebook.engine.step(&mut self.state, input, now);
        let mut commit = commit.decisions(decisions.iter().cloned());
        for decision in &decisions {
            tell_the_log(decision);
            match &decision.outcome {
                Outcome::Notify(notification) => {
                    self.last_sequence += 1;
                    let entry = Entry::new((**notification).clone(), self.last_sequence, now);
                    commit = put(commit, &entry);
                    self.outbox.insert(notification.id, entry);
                }
                Outcome::Withdrawn { notification, reason } => {
                    if let Some(entry) = self.outbox.get_mut(notification)
                        && entry.withdraw(*reason, now)
                    {
                        commit = put(commit, entry);
                        self.outbox.remove(notification);
                    }
                }
                _ => {}
            }
        }
        (decisions, commit)
    }
}

/// Moves the times of an entry that were noted since `began`, by a clock that was wrong.
fn shift(entry: &mut Entry, began: Time, shift_ms: i64) {
    let moved = |time: Time| {
        if time < began { time } else { Time::from_millis(time.as_millis().saturating_add(shift_ms)) }
    };
    entry.queued_at = moved(entry.queued_at);
    entry.state = match entry.state {
        EntryState::Queued { due } => EntryState::Queued { due: moved(due) },
        EntryState::Leased { until } => EntryState::Leased { until: moved(until) },
        over => over,
    };
}

/// An entry as it is now: in the outbox, or, if it is finished, in the log.
fn put(mut commit: Commit, entry: &Entry) -> Commit {
    let id = entry.notification.id;
    if let Err(error) = commit.outbox(id, entry, entry.is_over()) {
        tracing::error!(%error, message = %id, "an entry cannot be written as JSON");
    }
    commit
}

/// What people look for in a log, at the level that is shown; all else for those who ask for more.
fn tell_the_log(decision: &Decision) {
    let text = describe(decision, &|notification| notification.id.to_string());
    match decision.outcome {
        Outcome::Opened { .. } | Outcome::Resolved { .. } | Outcome::Acknowledged { .. } => tracing::info!("{text}"),
        Outcome::HookFailed { .. } | Outcome::NobodyToTell { .. } | Outcome::Refused { .. } => tracing::warn!("{text}"),
        _ => tracing::debug!("{text}"),
    }
}
