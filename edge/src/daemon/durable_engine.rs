//! The engine with everything that makes it durable: state, outbox and store. It takes one input at a time. A message
//! comes out only once the input and the decisions behind it are on the disk.

mod sending;
mod timed_holds;
mod write_failure;
mod writing;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Instant,
};

use dag_delivery::{Entry, LeasedMessage, Outbox};
use dag_engine::{
    ClockShift, Decision, Device, Id, Input, Name, Outcome, Reading, Report, State, Time, Value, describe,
};
use dag_rulebook::Rulebook;

use self::{timed_holds::TimedHolds, write_failure::WriteFailure};
use crate::{
    clock::{Clock, ClockCorrection, Machine},
    source::Observation,
    store::{Commit, GoodRules, QueuedReading, Store, StoreError, StoredReading},
};

/// The most steps that wait for a failing disk. Beyond it no readings are accepted, and the sources wait.
const MOST_UNWRITTEN: usize = 1_024;

/// The engine with its state, the outbox and the store behind them.
#[derive(Debug)]
pub struct DurableEngine {
    rulebook: Rulebook,
    device: Name,
    state: State,
    store: Arc<Store>,
    boot: u64,
    /// The last number given to a reading of each source in this boot.
    numbers: BTreeMap<Name, u64>,
    /// The number of each source's last reading in the previous boot.
    befores: BTreeMap<Name, Option<u64>>,
    /// The most bytes that wait for the cloud; `None` where nothing is reported to it.
    uplink_keep: Option<u64>,
    /// Something was queued for the cloud since the last [`DurableEngine::take_enqueued`].
    enqueued: bool,
    /// The id of the folder of the rules in force.
    rules_id: Id,
    outbox: Outbox,
    /// Messages whose leases are durable and that are not taken yet.
    ready: Vec<LeasedMessage>,
    /// The messages that were taken to be sent and are not settled.
    under_way: BTreeSet<Id>,
    /// Messages whose next attempts wait for the monotonic clock, and until when.
    pauses: BTreeMap<Id, Instant>,
    /// Messages are leased. False while the daemon starts or stops, because nothing would make the attempts.
    sends: bool,
    /// Steps that the disk has not taken yet, oldest first.
    unwritten: VecDeque<Commit>,
    /// The last failure of the disk, while it lasts.
    failure: Option<WriteFailure>,
}

impl DurableEngine {
    /// Goes on from the state of `device` in the store.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn open(rulebook: Rulebook, device: Device, store: Store, boot: u64) -> Result<DurableEngine, StoreError> {
        let id = device.id.clone();
        let state = store.state(&id)?.unwrap_or_else(|| State::new(device));
        let stored: Vec<(Id, Entry)> = store.outbox()?;
        let mut outbox = Outbox::new(stored.into_iter().map(|(_, entry)| entry));
        // Only this daemon uses the store, so the holders of these leases are dead.
        outbox.release_all(state.now());
        Ok(DurableEngine {
            rules_id: rulebook.folder.id(),
            rulebook,
            device: id,
            state,
            store: Arc::new(store),
            boot,
            numbers: BTreeMap::new(),
            befores: BTreeMap::new(),
            uplink_keep: None,
            enqueued: false,
            outbox,
            ready: Vec::new(),
            under_way: BTreeSet::new(),
            pauses: BTreeMap::new(),
            sends: false,
            unwritten: VecDeque::new(),
            failure: None,
        })
    }

    /// Returns the rules in force.
    pub fn rulebook(&self) -> &Rulebook {
        &self.rulebook
    }

    /// Returns the id of the folder of the rules in force. Its scenarios and templates count too.
    pub fn rules_id(&self) -> Id {
        self.rules_id
    }

    /// Queues every reading for the cloud from now on, in at most `keep` bytes. `None` queues nothing.
    pub fn report_to_the_cloud(&mut self, keep: Option<u64>) {
        self.uplink_keep = keep;
    }

    /// Returns whether something was queued for the cloud since the last call.
    pub fn take_enqueued(&mut self) -> bool {
        std::mem::take(&mut self.enqueued)
    }

    /// Returns whether every step is on the disk.
    pub fn is_durable(&self) -> bool {
        self.unwritten.is_empty()
    }

    /// Returns the engine's state.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Returns the store, for reading.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Returns the store, for what is done beside the loop.
    pub fn shared_store(&self) -> Arc<Store> {
        Arc::clone(&self.store)
    }

    /// Returns the messages that are not finished.
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Returns why the disk cannot be written at present.
    pub fn write_failure(&self) -> Option<&str> {
        self.failure.as_ref().map(|failure| failure.reason.as_str())
    }

    /// Returns when a failing disk is tried again.
    pub fn writes_again_at(&self) -> Option<Instant> {
        self.failure.as_ref().map(|failure| failure.again_at)
    }

    /// Returns when the next step is due though nothing happens: at a deadline of the engine, or where a silence or a
    /// snooze begins or ends, so that the log says so then.
    pub fn next_step_at(&self) -> Option<Time> {
        self.state.next_deadline().into_iter().chain(TimedHolds::of(&self.state).next_edge()).min()
    }

    /// Returns whether more readings may be observed.
    pub fn has_room(&self) -> bool {
        self.unwritten.len() < MOST_UNWRITTEN
    }

    /// Applies the observations of a source. Their times are `uncertain` while the clock is not known to be set.
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
            commit = commit.enqueue(self.readings_to_queue(&report, known), keep);
            self.enqueued = true;
        }
        self.step(Input::Report(report), Vec::new(), commit, now);
    }

    /// Returns the readings to queue for the cloud. The report is not applied yet.
    fn readings_to_queue(&self, report: &Report, before: Option<u64>) -> Vec<QueuedReading> {
        let mut values: BTreeMap<&Name, Option<Value>> =
            self.state.facts().map(|(fact, value, _)| (fact, value)).collect();
        let numbered = report.readings.iter().zip(report.first..);
        let queued = numbered.map(|(reading, number)| {
            let last = values.insert(&reading.fact, reading.value).flatten();
            let is_number = matches!((last, reading.value), (Some(Value::Number(_)), Some(Value::Number(_))));
            QueuedReading {
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

    /// Returns the number of a source's last reading in the previous boot: 0 if it had none.
    fn last_of_the_boot_before(&self, source: &Name) -> Option<u64> {
        let boot = self.boot.checked_sub(1).filter(|boot| *boot > 0)?;
        Some(self.state.last_applied(source, boot).unwrap_or(0))
    }

    /// Starts the clock, by the clocks of the machine. It goes on from what was noted.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn start_clock(&mut self, machine: Arc<dyn Machine>, last_alive: Option<Time>) -> Result<Clock, StoreError> {
        // Time never goes back behind the last decision.
        let last = last_alive.map(|alive| alive.max(self.state.now()));
        Ok(Clock::start(machine, self.boot, self.store.boots()?, last))
    }

    /// Begins this boot: notes the device as it is, and the boots of the machine.
    pub fn begin(&mut self, device: Device, clock: &Clock) {
        let now = clock.now();
        let commit = Commit::at(now).boots(clock.boots());
        self.step(Input::Account(device), Vec::new(), commit, now);
    }

    /// Follows the system's clock if it was set. Returns by how much recorded times moved.
    pub fn follow(&mut self, clock: &Clock) -> Option<ClockCorrection> {
        let set = clock.look()?;
        let now = clock.now();
        for earlier in &set.earlier {
            let (boot, shift_ms) = (earlier.boot, earlier.shift.shift_ms);
            tracing::warn!(boot, shift_ms, "the clock of an earlier boot was ahead: its times move by an estimate");
        }
        tracing::warn!(shift_ms = set.own.shift_ms, %now, "the clock was set");
        self.set_clock(&set, now);
        Some(set)
    }

    /// Moves every time of the old clocks, after the clock was set. Waiting messages wait exactly as long as before.
    /// `now` is by the new clock.
    pub fn set_clock(&mut self, set: &ClockCorrection, now: Time) {
        let mut pending = PendingCommit::of(Commit::at(now).shift_queue(set.shifts()).boots(set.boots.clone()));
        // Before any decision: what is queued by the new clock does not move.
        for shift in set.shifts() {
            pending.extend(self.outbox.shift(shift));
        }
        let clock_set = |boot, shift: ClockShift, estimated| {
            let ClockShift { began, shift_ms } = shift;
            Input::ClockSet { boot, began, shift_ms, estimated }
        };
        for earlier in &set.earlier {
            self.decide(clock_set(earlier.boot, earlier.shift, true), &mut pending, now);
        }
        self.decide(clock_set(self.boot, set.own, false), &mut pending, now);
        self.finish(pending, now);
    }

    /// Applies one input, makes the result durable, and returns the decisions.
    pub fn apply(&mut self, input: Input, now: Time) -> Vec<Decision> {
        self.step(input, Vec::new(), Commit::at(now), now)
    }

    /// Puts other rules in force.
    pub fn replace_rulebook(&mut self, rulebook: Rulebook, now: Time) {
        self.rules_id = rulebook.folder.id();
        self.rulebook = rulebook;
        self.apply(Input::RulesChanged, now);
        self.keep_rulebook();
    }

    /// Keeps the rules in force for a boot with broken files.
    pub fn keep_rulebook(&mut self) {
        let good = GoodRules { hash: self.rules_id, files: self.rulebook.folder.to_stored() };
        if let Err(error) = self.store.keep_rules(&good) {
            tracing::error!(%error, "the rules in force could not be kept for the next boot");
        }
    }

    /// Applies one input and returns the decisions. One transaction with `commit` writes the decisions, the entries
    /// that they change, those `changed` before, and the leases of the messages that are due.
    fn step(&mut self, input: Input, changed: Vec<Entry>, commit: Commit, now: Time) -> Vec<Decision> {
        let mut pending = PendingCommit::of(commit);
        pending.extend(changed);
        self.decide(input, &mut pending, now);
        let decided = pending.decisions.clone();
        self.finish(pending, now);
        decided
    }

    /// Lets the engine apply an input, and the outbox the decisions.
    fn decide(&mut self, input: Input, pending: &mut PendingCommit, now: Time) {
        // When a clock is set, what was asked for moves with it: nothing begins or ends by that.
        let before = (!matches!(input, Input::ClockSet { .. })).then(|| TimedHolds::of(&self.state));
        let decisions = self.rulebook.engine.step(&mut self.state, input, now);
        decisions.iter().for_each(log_decision);
        for edge in before.iter().flat_map(|before| before.edges(&self.state)) {
            tracing::info!("{edge}");
        }
        pending.extend(self.outbox.apply(&decisions, now));
        pending.decisions.extend(decisions);
    }
}

/// The content of one transaction, while it is collected.
struct PendingCommit {
    /// The entries to store, by their sequence number: each once, in its last state.
    changed: BTreeMap<u64, Entry>,
    decisions: Vec<Decision>,
    commit: Commit,
}

impl PendingCommit {
    fn of(commit: Commit) -> Self {
        PendingCommit { changed: BTreeMap::new(), decisions: Vec::new(), commit }
    }

    fn extend(&mut self, changed: impl IntoIterator<Item = Entry>) {
        self.changed.extend(changed.into_iter().map(|entry| (entry.sequence, entry)));
    }

    fn into_commit(self) -> Commit {
        let mut commit = self.commit.decisions(self.decisions);
        for entry in self.changed.values() {
            let id = entry.notification.id;
            if let Err(error) = commit.store_entry(id, entry, entry.is_over()) {
                tracing::error!(%error, notification = %id, "an entry cannot be written as JSON");
            }
        }
        commit
    }
}

/// Logs a decision. Those that people look for are logged at `info` and `warn`, all others at `debug`.
fn log_decision(decision: &Decision) {
    let text = describe(decision, &|notification| notification.id.to_string());
    match decision.outcome {
        Outcome::Opened { .. }
        | Outcome::Resolved { .. }
        | Outcome::Acknowledged { .. }
        | Outcome::AcknowledgementLapsed { .. }
        | Outcome::Snoozed { .. }
        | Outcome::SnoozeEnded { .. }
        | Outcome::Silenced { .. }
        | Outcome::SilenceEnded { .. } => tracing::info!("{text}"),
        Outcome::HookFailed { .. } | Outcome::NobodyToTell { .. } | Outcome::Refused { .. } => tracing::warn!("{text}"),
        _ => tracing::debug!("{text}"),
    }
}
