//! One transaction on a device item: events go in, and what has to be written, sent and asked comes out. Nothing here
//! waits for anything.

mod events;
mod leases;
mod messages;

pub use leases::Leases;
pub use messages::email;

use dag_delivery::Entry;
use dag_engine::{Decision, Device, Engine, Id, Input, Millis, Time};
use dag_uplink::Command;

use crate::{
    item::DeviceItem,
    registry::Registration,
    world::{Commit, Stored},
};

/// The longest delay of a record.
pub const LONGEST_DELAY: Millis = Millis::new(900_000);

/// A timer message may come so much before its time: clocks differ, and queues count seconds. One that is about to come may
/// be the one that is here, and is sent again.
const EARLY: Millis = Millis::new(2_000);

/// A device item between its reading and its commit.
#[derive(Debug)]
pub struct DeviceTransaction<'a> {
    engine: &'a Engine,
    item: DeviceItem,
    version: u64,
    now: Time,
    changed: bool,
    decisions: Vec<Decision>,
    finished: Vec<Entry>,
    commands: Vec<Command>,
    rules: Option<Id>,
}

/// What has to be done once the commit is made. Doing it twice does no harm.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AfterCommit {
    /// The delay of a timer message.
    pub timer: Option<Millis>,
    /// For the device.
    pub commands: Vec<Command>,
    /// What names the rules that the device is to be sent.
    pub rules: Option<Id>,
}

impl<'a> DeviceTransaction<'a> {
    /// Begins at `now`.
    pub fn new(engine: &'a Engine, stored: Stored, now: Time) -> Self {
        let Stored { mut item, version } = stored;
        item.outbox.continue_after(item.last_sequence);
        DeviceTransaction {
            engine,
            item,
            version,
            now,
            changed: version == 0,
            decisions: Vec::new(),
            finished: Vec::new(),
            commands: Vec::new(),
            rules: None,
        }
    }

    /// The item as it is now.
    pub fn item(&self) -> &DeviceItem {
        &self.item
    }

    /// Updates the device's record by the configuration and the registry. What the registry has counts more.
    pub fn update_device(&mut self, configured: Option<Device>) {
        let device = match &self.item.registered {
            Some(registered) => Some(registered.device(self.item.id(), configured)),
            None => configured,
        };
        if let Some(device) = device
            && device != *self.item.state.device()
        {
            self.step(Input::Account(device));
        }
    }

    /// Takes over what the registry has of the device. The device is sent the rules that it should run, even if that was
    /// done before: somebody wants it now.
    pub fn register(&mut self, registration: &Registration) {
        if self.item.registered.as_ref() != Some(registration) {
            self.item.registered = Some(registration.clone());
            self.changed = true;
        }
        self.item.rules_sent = None;
        self.item.refused = None;
        self.offer_rules();
    }

    /// Lets the engine apply an input, and the outbox what was decided.
    pub fn step(&mut self, input: Input) {
        let before = self.item.state.clone();
        let decisions = self.engine.step(&mut self.item.state, input, self.now);
        self.changed |= !decisions.is_empty() || !before.same_but_for_now(&self.item.state);
        let changed = self.item.outbox.apply(&decisions, self.now);
        self.finished.extend(changed.into_iter().filter(Entry::is_over));
        self.decisions.extend(decisions);
    }

    /// Returns what has to be written, if anything changed, and what has to be done then. `again` says that this may have
    /// been done before and got lost on the way.
    pub fn end(mut self, again: bool) -> (Option<Commit>, AfterCommit) {
        let timer = self.arm(again);
        let after = AfterCommit { timer, commands: self.commands, rules: self.rules };
        // What they say is kept beside the item, and forgotten with them.
        self.finished.iter_mut().for_each(|entry| entry.prepared = None);
        self.item.last_sequence = self.item.outbox.last_sequence();
        let commit = self.changed.then(|| Commit {
            version: self.version,
            at: self.now,
            decisions: self.decisions,
            prepared: Vec::new(),
            finished: self.finished,
            unsuppressed: Vec::new(),
            item: self.item,
        });
        (commit, after)
    }

    /// The delay of the next timer message, if one has to be sent.
    fn arm(&mut self, again: bool) -> Option<Millis> {
        let now = self.now;
        // What is due at once is leased or handed over; what will be needs a timer. The end of a lease matters only where its
        // holder died: then the record comes again, and whoever finds the lease waits for its end.
        let message = self.item.outbox.next_due_after(now, again);
        let next = message.into_iter().chain(self.item.state.next_deadline()).min()?;
        let delay = if next > now { next.since(now) } else { Millis::ZERO };
        let armed = self.item.armed.is_some_and(|armed| armed > now + EARLY && armed <= next);
        if delay > LONGEST_DELAY || (armed && !again) {
            return None;
        }
        if self.item.armed != Some(next) {
            self.item.armed = Some(next);
            self.changed = true;
        }
        Some(delay)
    }
}
