//! A world in memory, with a clock that is set by hand. The tests of `infra/cloud` and the benchmark, which measures the
//! consumer without AWS, include this file by `#[path]`.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use dag_cloud::{
    Commit, CommitError, DeviceItem, Devices, Due, Fault, Messenger, Queues, Registration, Store, Stored, Suppression,
    World, shard,
};
use dag_delivery::{Entry, Failure, MessageContent, Receipt};
use dag_engine::{Decision, Id, Millis, Name, Notification, Time};
use dag_uplink::{Command, SignedRules};

/// The services that a consumer uses, in maps and lists.
#[derive(Debug, Default)]
pub struct Memory(Mutex<MemoryState>);

/// The contents of a [`Memory`].
#[derive(Debug, Default)]
pub struct MemoryState {
    /// The time now.
    pub now: Time,
    /// The items as JSON, with their versions, so that they hold only what the table would hold.
    pub items: BTreeMap<Name, (String, u64)>,
    /// The decisions, by device.
    pub decisions: BTreeMap<Name, Vec<Decision>>,
    /// The prepared messages.
    pub prepared: BTreeMap<(Name, Id), MessageContent>,
    /// The messages that ended.
    pub finished: Vec<(Name, Entry)>,
    /// The registrations of devices.
    pub registrations: BTreeMap<Name, Registration>,
    /// The signed rules, by their hash.
    pub rules: BTreeMap<Id, SignedRules>,
    /// The suppression list, by address.
    pub suppressions: BTreeMap<String, Suppression>,
    /// The records of `events`, each with the time from which it is visible.
    pub events: VecDeque<(Time, String)>,
    /// The records of `deliveries`.
    pub deliveries: VecDeque<String>,
    /// The dead letters, each with its reason.
    pub dead_letters: Vec<(String, String)>,
    /// The commands to devices.
    pub commands: Vec<(Name, Command)>,
    /// The messages to people.
    pub sent: Vec<SentMessage>,
    /// The number of requests to the table.
    pub requests: u64,
    /// The bytes of items and decisions that were written.
    pub written: u64,
}

/// A message that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentMessage {
    /// The time of the attempt.
    pub at: Time,
    /// The message.
    pub notification: Notification,
    /// Its rendered text.
    pub prepared: MessageContent,
}

impl Memory {
    /// An empty world at `now`.
    pub fn new(now: Time) -> Self {
        Memory(Mutex::new(MemoryState { now, ..MemoryState::default() }))
    }

    /// Locks the contents, to read or change them.
    pub fn lock(&self) -> MutexGuard<'_, MemoryState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MemoryState {
    /// Returns the item of a device.
    pub fn item(&self, device: &str) -> Option<DeviceItem> {
        self.items.get(device).and_then(|(json, _)| serde_json::from_str(json).ok())
    }
}

impl World for Memory {
    fn store(&self) -> &impl Store {
        self
    }

    fn queues(&self) -> &impl Queues {
        self
    }

    fn devices(&self) -> &impl Devices {
        self
    }

    fn messenger(&self) -> &impl Messenger {
        self
    }

    fn now(&self) -> Time {
        self.lock().now
    }
}

impl Store for Memory {
    async fn load(&self, device: &str) -> Result<Option<Stored>, Fault> {
        let mut state = self.lock();
        state.requests += 1;
        let Some((json, version)) = state.items.get(device) else { return Ok(None) };
        let broken = |error: serde_json::Error| Fault { what: "reading the item", error: error.to_string() };
        Ok(Some(Stored { item: serde_json::from_str(json).map_err(broken)?, version: *version }))
    }

    async fn commit(&self, commit: &Commit) -> Result<(), CommitError> {
        let mut state = self.lock();
        state.requests += 1;
        let device = commit.item.id().clone();
        if state.items.get(&device).map_or(0, |(_, version)| *version) != commit.version {
            return Err(CommitError::Conflict);
        }
        if let Some((address, suppression)) =
            commit.unsuppressed.iter().find_map(|to| state.suppressions.get_key_value(to))
        {
            return Err(CommitError::Suppressed { address: address.clone(), suppression: suppression.clone() });
        }
        let broken = |error: serde_json::Error| Fault { what: "writing the item", error: error.to_string() };
        let json = serde_json::to_string(&commit.item).map_err(broken)?;
        let decisions = serde_json::to_string(&commit.decisions).map_err(broken)?;
        state.written += (json.len() + decisions.len()) as u64;
        state.items.insert(device.clone(), (json, commit.version + 1));
        state.decisions.entry(device.clone()).or_default().extend(commit.decisions.iter().cloned());
        for (message, prepared) in &commit.prepared {
            state.prepared.insert((device.clone(), *message), prepared.clone());
        }
        for entry in &commit.finished {
            state.prepared.remove(&(device.clone(), entry.notification.id));
            state.finished.push((device.clone(), entry.clone()));
        }
        Ok(())
    }

    async fn prepared(&self, device: &str, message: Id) -> Result<Option<MessageContent>, Fault> {
        let mut state = self.lock();
        state.requests += 1;
        Ok(state.prepared.get(&(Name::new(device), message)).cloned())
    }

    async fn due(&self, part: u8, until: Time) -> Result<Vec<Due>, Fault> {
        let mut state = self.lock();
        state.requests += 1;
        let devices: Vec<Name> = state.items.keys().filter(|device| shard(device) == part).cloned().collect();
        let due = devices.iter().filter_map(|device| {
            let item = state.item(device)?;
            let at = item.due().filter(|at| *at <= until)?;
            Some(Due { device: device.clone(), at, armed: item.armed })
        });
        let mut due: Vec<Due> = due.collect();
        due.sort_by_key(|due| due.at);
        Ok(due)
    }

    async fn registration(&self, device: &str) -> Result<Option<Registration>, Fault> {
        Ok(self.lock().registrations.get(device).cloned())
    }

    async fn rules(&self, hash: Id) -> Result<Option<SignedRules>, Fault> {
        Ok(self.lock().rules.get(&hash).cloned())
    }

    async fn suppress(&self, address: &str, suppression: &Suppression) -> Result<(), Fault> {
        self.lock().suppressions.insert(address.to_owned(), suppression.clone());
        Ok(())
    }
}

impl Queues for Memory {
    async fn events(&self, records: Vec<(String, Millis)>) -> Result<(), Fault> {
        let mut state = self.lock();
        let now = state.now;
        state.events.extend(records.into_iter().map(|(body, delay)| (now + delay, body)));
        Ok(())
    }

    async fn deliveries(&self, records: Vec<String>) -> Result<(), Fault> {
        self.lock().deliveries.extend(records);
        Ok(())
    }

    async fn dead_letter(&self, body: &str, reason: &str) -> Result<(), Fault> {
        self.lock().dead_letters.push((body.to_owned(), reason.to_owned()));
        Ok(())
    }
}

impl Devices for Memory {
    async fn command(&self, device: &str, command: &Command) -> Result<(), Fault> {
        self.lock().commands.push((Name::new(device), command.clone()));
        Ok(())
    }
}

impl Messenger for Memory {
    async fn send(
        &self,
        notification: &Notification,
        prepared: &MessageContent,
        now: Time,
    ) -> Result<Receipt, Failure> {
        let (notification, prepared) = (notification.clone(), prepared.clone());
        self.lock().sent.push(SentMessage { at: now, notification, prepared });
        Ok(Receipt { answer: "kept".to_owned() })
    }
}
