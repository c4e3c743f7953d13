//! One device item at work: events go in, and what has to be written, sent and asked comes out. Nothing here waits for
//! anything.

mod sending;
mod taking;

use std::collections::BTreeSet;

use dag_delivery::{Entry, next_to_send};
use dag_engine::{Decision, Device, Engine, Id, Input, Millis, Notification, Outcome, Time};
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

/// A device item, taken out of the table to be worked on.
#[derive(Debug)]
pub struct Work<'a> {
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

/// What has to be sent once the commit is made. Sending it twice does no harm.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HandOver {
    /// The message that is due for the longest time: others go with it.
    pub delivery: Option<Id>,
    /// The delay of a timer message.
    pub timer: Option<Millis>,
    /// For the device.
    pub commands: Vec<Command>,
    /// What names the rules that the device is to be sent.
    pub rules: Option<Id>,
}

impl<'a> Work<'a> {
    /// Begins at `now`.
    pub fn new(engine: &'a Engine, stored: Stored, now: Time) -> Self {
        let Stored { item, version } = stored;
        Work {
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

    /// Says what the configuration has of the device; what the registry has counts more.
    pub fn introduce(&mut self, configured: Option<Device>) {
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

    /// Has the engine take an input over, and the outbox follow what was decided.
    pub fn step(&mut self, input: Input) {
        let before = self.item.state.clone();
        let decisions = self.engine.step(&mut self.item.state, input, self.now);
        self.changed |= !decisions.is_empty() || !before.same_but_for_now(&self.item.state);
        for decision in &decisions {
            match &decision.outcome {
                Outcome::Notify(notification) => {
                    self.item.last_sequence += 1;
                    let entry = Entry::new((**notification).clone(), self.item.last_sequence, self.now);
                    self.item.outbox.insert(notification.id, entry);
                }
                Outcome::Withdrawn { notification, reason } => {
                    if let Some(entry) = self.item.outbox.get_mut(notification)
                        && entry.withdraw(*reason, self.now)
                    {
                        self.finish(*notification);
                    }
                }
                _ => {}
            }
        }
        self.decisions.extend(decisions);
    }

    /// An entry that has come to its end leaves the outbox for the log.
    fn finish(&mut self, message: Id) {
        if let Some(mut entry) = self.item.outbox.remove(&message) {
            entry.prepared = None;
            self.finished.push(entry);
        }
    }

    /// What has to be written, if anything changed, and what has to be sent then. `again` says that this may have been
    /// done before and got lost on the way.
    pub fn end(mut self, again: bool) -> (Option<Commit>, HandOver) {
        // One record is enough, for whoever has it sends all that is due, and each that is sent hands the next over. One for
        // each message would be as many for each message again.
        let due = next_to_send(self.item.outbox.values(), self.now);
        let delivery = due.first().map(|entry| entry.notification.id);
        let timer = self.arm(again);
        let hand_over = HandOver { delivery, timer, commands: self.commands, rules: self.rules };
        let commit = self.changed.then(|| Commit {
            version: self.version,
            at: self.now,
            decisions: self.decisions,
            prepared: Vec::new(),
            finished: self.finished,
            unsuppressed: Vec::new(),
            item: self.item,
        });
        (commit, hand_over)
    }

    /// The delay of the next timer message, if one has to be sent.
    fn arm(&mut self, again: bool) -> Option<Millis> {
        let now = self.now;
        // What is due at once is handed over; what will be needs a timer. The end of a lease matters only where its host died:
        // then the record comes again, and whoever finds the lease waits for its end.
        let waiting = self.item.outbox.values().filter(|entry| again || !entry.is_leased());
        let messages = waiting.filter_map(Entry::due).filter(|due| *due > now);
        let next = messages.chain(self.item.state.next_deadline()).min()?;
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

/// The mail addresses among notifications.
pub fn addresses<'n>(notifications: impl Iterator<Item = &'n Notification>) -> Vec<String> {
    let addresses = notifications.filter_map(|notification| match &notification.address {
        dag_engine::Address::Email(address) => Some(address.clone()),
        dag_engine::Address::Webhook { .. } => None,
    });
    addresses.collect::<BTreeSet<_>>().into_iter().collect()
}
