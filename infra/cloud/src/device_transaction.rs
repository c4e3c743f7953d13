//! One transaction on a device item. Events go in. The commit comes out, with the timer and the commands to send after
//! it. Nothing here does input or output.

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

/// The longest delay of a record: 15 minutes, the limit of SQS.
pub const LONGEST_DELAY: Millis = Millis::new(900_000);

/// The most time by which a timer message may arrive early: clocks differ, and queues count whole seconds. A timer that
/// would arrive this soon may be the one that is being processed, so another one is sent.
const EARLY: Millis = Millis::new(2_000);

/// A device item from its reading to its commit.
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

/// The work that follows a commit. It may be done twice without harm.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AfterCommit {
    /// The delay of the timer message to send.
    pub timer: Option<Millis>,
    /// The commands for the device.
    pub commands: Vec<Command>,
    /// The id of the rules to send to the device.
    pub rules: Option<Id>,
}

impl<'a> DeviceTransaction<'a> {
    /// Begins a transaction at `now`.
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

    /// Returns the item with the changes so far.
    pub fn item(&self) -> &DeviceItem {
        &self.item
    }

    /// Updates the device's record by the configuration and the registry. Values of the registry take precedence.
    pub fn update_device(&mut self, configured: Option<Device>) {
        let device = match &self.item.registration {
            Some(registration) => Some(registration.device(self.item.id(), configured)),
            None => configured,
        };
        if let Some(device) = device
            && device != *self.item.state.device()
        {
            self.step(Input::Account(device));
        }
    }

    /// Stores the device's entry of the registry. The desired rules are sent to the device, even if they were sent or
    /// refused before: a registration asks for it.
    pub fn register(&mut self, registration: &Registration) {
        if self.item.registration.as_ref() != Some(registration) {
            self.item.registration = Some(registration.clone());
            self.changed = true;
        }
        self.item.rules_sent = None;
        self.item.refused_rules = None;
        self.offer_rules();
    }

    /// Lets the engine apply an input, and the outbox the decisions.
    pub fn step(&mut self, input: Input) {
        let before = self.item.state.clone();
        let decisions = self.engine.step(&mut self.item.state, input, self.now);
        self.changed |= !decisions.is_empty() || !before.same_but_for_now(&self.item.state);
        let changed = self.item.outbox.apply(&decisions, self.now);
        self.finished.extend(changed.into_iter().filter(Entry::is_over));
        self.decisions.extend(decisions);
    }

    /// Returns the commit, if anything changed, and the work that follows it. `again` means that this work may have
    /// been lost after an earlier commit, so it is returned once more.
    pub fn end(mut self, again: bool) -> (Option<Commit>, AfterCommit) {
        let timer = self.arm(again);
        let after = AfterCommit { timer, commands: self.commands, rules: self.rules };
        // The content of a message is stored beside the item, and removed when the message is finished.
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

    /// Returns the delay of the next timer message, if one has to be sent.
    fn arm(&mut self, again: bool) -> Option<Millis> {
        let now = self.now;
        // Messages that are due now are leased, or sent by the receiver of a record. Only later ones need a timer. The
        // end of a lease needs one only if its holder died. The queue then delivers the record `again`.
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
