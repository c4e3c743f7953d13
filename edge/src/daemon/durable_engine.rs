//! The engine with everything that makes it durable: state, outbox and store. Inputs go in one at a time, and no message
//! comes out before what led to it is on the disk.

mod sending;
mod write_failure;
mod writing;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Instant,
};

use dag_delivery::{Entry, LeasedMessage, Outbox};
use dag_engine::{
    ClockShift, Decision, Device, Id, Input, Name, Outcome, Reading, Report, State, Time, Value, describe,
};
use dag_rulebook::Rulebook;

use self::write_failure::WriteFailure;
use crate::{
    source::Observation,
    store::{Commit, GoodRules, Queued, Store, StoreError, StoredReading},
};

/// How many steps may wait for a disk that takes nothing, before the sources are left to wait too.
const MOST_UNWRITTEN: usize = 1_024;

/// The engine with its state, the outbox and the store behind them.
#[derive(Debug)]
pub struct DurableEngine {
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
    outbox: Outbox,
    /// Messages whose leases are durable, until they are taken to be sent.
    ready: Vec<LeasedMessage>,
    /// The messages that were taken to be sent and are not settled.
    under_way: BTreeSet<Id>,
    /// Messages are leased. Not while the daemon starts or stops: nobody would make the attempts.
    sends: bool,
    /// Steps that the disk has not taken yet, oldest first.
    unwritten: VecDeque<Commit>,
    /// Why the disk does not take them.
    failure: Option<WriteFailure>,
}

impl DurableEngine {
    /// Goes on from what the store has of `device`.
    ///
    /// # Errors
    /// What cannot be read from the store.
    pub fn open(rulebook: Rulebook, device: Device, store: Store, boot: u64) -> Result<DurableEngine, StoreError> {
        let id = device.id.clone();
        let state = store.state(&id)?.unwrap_or_else(|| State::new(device));
        let stored: Vec<(Id, Entry)> = store.outbox()?;
        let mut outbox = Outbox::new(stored.into_iter().map(|(_, entry)| entry));
        // The store is this daemon's alone, so whoever held these leases is dead.
        outbox.release_all(state.now());
        Ok(DurableEngine {
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
            ready: Vec::new(),
            under_way: BTreeSet::new(),
            sends: false,
            unwritten: VecDeque::new(),
            failure: None,
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

    /// The messages that have not come to their end.
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Why the disk takes nothing at present.
    pub fn write_failure(&self) -> Option<&str> {
        self.failure.as_ref().map(|failure| failure.reason.as_str())
    }

    /// When a disk that takes nothing is tried again.
    pub fn writes_again_at(&self) -> Option<Instant> {
        self.failure.as_ref().map(|failure| failure.again_at)
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
        self.step(Input::Report(report), Vec::new(), commit, now);
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

    /// Moves every time that was noted by the old clock: the clock was set. What waits goes on waiting for as long as it
    /// would have. `now` is by the new clock.
    pub fn clock_set(&mut self, shift: ClockShift, now: Time) {
        let ClockShift { began, shift_ms } = shift;
        let commit = Commit::at(now).shift_queue(began, shift_ms);
        let moved = self.outbox.shift(shift);
        self.step(Input::ClockSet { boot: self.boot, began, shift_ms }, moved, commit, now);
    }

    /// Applies one input and makes what follows durable. Returns what was decided.
    pub fn take(&mut self, input: Input, now: Time) -> Vec<Decision> {
        self.step(input, Vec::new(), Commit::at(now), now)
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
        let good = GoodRules { hash: self.rules_id, files: self.rulebook.folder.to_stored() };
        if let Err(error) = self.store.keep_rules(&good) {
            tracing::error!(%error, "the rules in force could not be kept for the next boot");
        }
    }

    /// Applies one input. What was decided, the entries that it `changed` and those that were `changed` before, and the
    /// leases of the messages that are due go to the disk in one transaction with `commit`.
    fn step(&mut self, input: Input, changed: Vec<Entry>, commit: Commit, now: Time) -> Vec<Decision> {
        let mut step = Step { changed: BTreeMap::new(), decisions: Vec::new(), commit };
        step.extend(changed);
        self.decide(input, &mut step, now);
        let decided = step.decisions.clone();
        self.finish(step, now);
        decided
    }

    /// Lets the engine apply an input, and the outbox what was decided.
    fn decide(&mut self, input: Input, step: &mut Step, now: Time) {
        let decisions = self.rulebook.engine.step(&mut self.state, input, now);
        decisions.iter().for_each(log_decision);
        step.extend(self.outbox.apply(&decisions, now));
        step.decisions.extend(decisions);
    }
}

/// What one transaction will hold.
struct Step {
    /// The entries to store, by their place in the outbox: each once, as it is last.
    changed: BTreeMap<u64, Entry>,
    decisions: Vec<Decision>,
    commit: Commit,
}

impl Step {
    fn extend(&mut self, changed: impl IntoIterator<Item = Entry>) {
        self.changed.extend(changed.into_iter().map(|entry| (entry.sequence, entry)));
    }

    fn into_commit(self) -> Commit {
        let mut commit = self.commit.decisions(self.decisions);
        for entry in self.changed.values() {
            let id = entry.notification.id;
            if let Err(error) = commit.outbox(id, entry, entry.is_over()) {
                tracing::error!(%error, message = %id, "an entry cannot be written as JSON");
            }
        }
        commit
    }
}

/// What people look for in a log, at the level that is shown; all else for those who ask for more.
fn log_decision(decision: &Decision) {
    let text = describe(decision, &|notification| notification.id.to_string());
    match decision.outcome {
        Outcome::Opened { .. } | Outcome::Resolved { .. } | Outcome::Acknowledged { .. } => tracing::info!("{text}"),
        Outcome::HookFailed { .. } | Outcome::NobodyToTell { .. } | Outcome::Refused { .. } => tracing::warn!("{text}"),
        _ => tracing::debug!("{text}"),
    }
}
