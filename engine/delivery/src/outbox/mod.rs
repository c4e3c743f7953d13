//! The outbox: the open messages of one host, as pure state.
//!
//! An [`Outbox`] owns the whole life of a message. The host gives it decisions, clock changes and results, and stores
//! the entries that it returns. It has no clock and no connection.
//!
//! A message goes through these states:
//!
//! ```text
//! decision ──apply──▶ queued ──lease──▶ leased ──settle──▶ delivered | undelivered
//!                       │  ▲              │
//!              withdraw ▼  └──── retry ◀──┘
//!                    withdrawn
//! ```
//!
//! # Design
//!
//! *Leases, not a list of running attempts.* A lease is stored with the message, so that it says the same to the
//! process that made it, to another process of the same host, and to the next start. A channel is busy while one of its
//! messages is leased. Whoever makes a lease durable makes the attempt, and nobody else.
//!
//! *At the calendar's end the host waits.* A clock that was set there stays there, and every sum of times with it. So
//! nothing is due at [`Time::MAX`]: see [`Entry::waits_for_host`].

mod entry;
mod retry;

use std::collections::{BTreeMap, BTreeSet};

use dag_engine::{Channel, ClockShift, Decision, Id, Input, Outcome, Time};
use serde::{Deserialize, Serialize};

use crate::{Failure, MessageContent, Receipt};

pub use entry::{AttemptOutcome, Entry, EntryState, LEASE};

/// A recipient and the kind of address. Each gets one message at a time.
type ChannelKey<'a> = (&'a str, Channel);

/// The messages of one host that are not at their end.
///
/// It serialises as a map of its entries. The last sequence number is kept by the host, see
/// [`continue_after`](Outbox::continue_after).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Outbox {
    entries: BTreeMap<Id, Entry>,
    /// The highest sequence number given so far.
    #[serde(skip)]
    last_sequence: u64,
}

/// Outboxes are equal if their entries are.
impl PartialEq for Outbox {
    fn eq(&self, other: &Self) -> bool {
        self.entries == other.entries
    }
}

impl Eq for Outbox {}

/// An applied result of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The outcome.
    pub outcome: AttemptOutcome,
    /// The engine's input.
    pub input: Input,
    /// The entry to store.
    pub entry: Entry,
}

impl Outbox {
    /// Returns an outbox with stored entries. Sequence numbers continue after the highest of them.
    pub fn new(entries: impl IntoIterator<Item = Entry>) -> Self {
        let entries = entries.into_iter().map(|entry| (entry.notification.id, entry)).collect();
        let mut outbox = Outbox { entries, last_sequence: 0 };
        outbox.continue_after(0);
        outbox
    }

    /// Lets sequence numbers continue after `sequence`, or after the highest of an entry if that is higher.
    pub fn continue_after(&mut self, sequence: u64) {
        let highest = self.entries.values().map(|entry| entry.sequence).max();
        self.last_sequence = self.last_sequence.max(sequence).max(highest.unwrap_or(0));
    }

    /// Returns the highest sequence number given so far.
    pub fn last_sequence(&self) -> u64 {
        self.last_sequence
    }

    /// Returns whether there is no open message.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the number of open messages.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns an open message.
    pub fn get(&self, message: Id) -> Option<&Entry> {
        self.entries.get(&message)
    }

    /// Returns the open messages, in order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// Queues the notifications of decisions, and withdraws those that the engine withdrew. Returns the entries to
    /// store.
    ///
    /// A message with an attempt under way is not withdrawn.
    pub fn apply(&mut self, decisions: &[Decision], now: Time) -> Vec<Entry> {
        let mut changed = Vec::new();
        for decision in decisions {
            match &decision.outcome {
                Outcome::Notify(notification) => {
                    self.last_sequence += 1;
                    let entry = Entry::new((**notification).clone(), self.last_sequence, now);
                    self.entries.insert(notification.id, entry.clone());
                    changed.push(entry);
                }
                Outcome::Withdrawn { notification, reason } => {
                    let entry = self.entries.get_mut(notification);
                    if entry.is_some_and(|entry| entry.withdraw(*reason, now)) {
                        changed.extend(self.entries.remove(notification));
                    }
                }
                _ => {}
            }
        }
        changed
    }

    /// The message that [`lease`](Outbox::lease) takes first, if it takes any.
    pub fn first_due(&self, most: usize, now: Time) -> Option<&Entry> {
        (self.leased(now).count() < most).then(|| self.due(now).into_iter().next()).flatten()
    }

    /// Leases messages that are due at `now`, the longest due first, while fewer than `most` are leased. Returns them.
    ///
    /// A message waits for earlier messages of the same incident to the same channel, so that nobody reads of an end
    /// before the beginning. A message about the monitor itself waits for none. A channel gets one message at a time,
    /// so that a slow receiver delays only itself.
    ///
    /// The host stores each lease before it makes the attempt, and gives the engine [`Entry::attempted`] in the same
    /// transaction.
    #[must_use = "a lease without an attempt delays the message until it runs out"]
    pub fn lease(&mut self, most: usize, now: Time) -> Vec<Entry> {
        self.lease_where(most, now, |_| true)
    }

    /// Leases as [`lease`](Outbox::lease) does, but only messages of which no attempt was made.
    #[must_use = "a lease without an attempt delays the message until it runs out"]
    pub fn lease_new(&mut self, most: usize, now: Time) -> Vec<Entry> {
        self.lease_where(most, now, |entry| entry.attempts == 0)
    }

    fn lease_where(&mut self, most: usize, now: Time, wanted: impl Fn(&Entry) -> bool) -> Vec<Entry> {
        let free = most.saturating_sub(self.leased(now).count());
        let due = self.due(now).into_iter().filter(|entry| wanted(entry)).take(free);
        let due: Vec<Id> = due.map(|entry| entry.notification.id).collect();
        let leased = due.into_iter().filter_map(|message| {
            let entry = self.entries.get_mut(&message)?;
            entry.lease(now).then(|| entry.clone())
        });
        leased.collect()
    }

    /// Keeps the content of a leased message, so that every attempt sends the same. Returns the entry to store.
    pub fn prepare(&mut self, message: Id, prepared: MessageContent) -> Option<&Entry> {
        let entry = self.entries.get_mut(&message)?;
        entry.prepared = Some(prepared);
        Some(entry)
    }

    /// Applies the result of an attempt. Returns `None` if the message was at its end before.
    pub fn settle(&mut self, message: Id, result: Result<&Receipt, &Failure>, now: Time) -> Option<Settlement> {
        let entry = self.entries.get_mut(&message)?;
        let outcome = entry.settle(result, now);
        let reference = entry.notification.reference();
        let (input, is_over) = match outcome {
            AttemptOutcome::Delivered => (Input::Delivered(reference), true),
            AttemptOutcome::Retry { .. } => (Input::Failed { message: reference, last: false }, false),
            AttemptOutcome::Undelivered => (Input::Failed { message: reference, last: true }, true),
        };
        let entry = if is_over { self.entries.remove(&message)? } else { entry.clone() };
        Some(Settlement { outcome, input, entry })
    }

    /// Renews a lease that has run out although its attempt is still under way: the machine slept.
    pub fn renew(&mut self, message: Id, now: Time) {
        if let Some(entry) = self.entries.get_mut(&message) {
            entry.renew(now);
        }
    }

    /// Gives up the lease of an attempt that was not made, or ends a [wait for the host](Entry::waits_for_host): the
    /// message is due at once.
    pub fn release(&mut self, message: Id, now: Time) {
        if let Some(entry) = self.entries.get_mut(&message) {
            entry.release(now);
        }
    }

    /// Gives up every lease, and ends every [wait for the host](Entry::waits_for_host). It is for the start of a host whose earlier process is gone and that has no other process.
    pub fn release_all(&mut self, now: Time) {
        self.entries.values_mut().for_each(|entry| entry.release(now));
    }

    /// Moves the times that a wrong clock recorded, after the clock was set. Returns the entries to store.
    pub fn shift(&mut self, shift: ClockShift) -> Vec<Entry> {
        self.entries.values_mut().for_each(|entry| entry.shift(shift));
        self.entries.values().cloned().collect()
    }

    /// Returns the time from which [`lease`](Outbox::lease) returns a message if nothing else happens. It may be in the
    /// past. The end of a lease counts, since its holder may have died.
    pub fn next_due(&self, most: usize) -> Option<Time> {
        let due = self.attempt_times().map(|(at, _)| at).min()?;
        // This lease is the one whose end leaves fewer than `most`.
        let mut ends: Vec<Time> = self.iter().filter(|entry| entry.is_leased()).filter_map(Entry::due).collect();
        ends.sort_unstable();
        let next = ends.len().checked_sub(most).and_then(|left| ends.get(left)).map_or(due, |end| due.max(*end));
        Some(next).filter(|next| *next < Time::MAX)
    }

    /// Returns the first time after `now` at which a message is due. A message that waits for the end of a lease counts
    /// only if the holder of the lease `may_be_dead`.
    pub fn next_due_after(&self, now: Time, may_be_dead: bool) -> Option<Time> {
        let times = self.attempt_times().filter(|(at, waits)| *at > now && (may_be_dead || !waits));
        times.map(|(at, _)| at).min()
    }

    /// Returns the time of the next attempt of each message that waits for no other, and whether it waits for the end
    /// of a lease, its own or its channel's.
    fn attempt_times(&self) -> impl Iterator<Item = (Time, bool)> {
        let mut free = BTreeMap::<ChannelKey<'_>, Time>::new();
        for leased in self.iter().filter(|entry| entry.is_leased()) {
            let end = leased.due().unwrap_or(Time::MIN);
            free.entry(channel(leased)).and_modify(|free| *free = end.max(*free)).or_insert(end);
        }
        heads(self.iter()).filter_map(move |head| {
            let (due, free) = (head.due()?, free.get(&channel(head)).copied());
            Some((free.map_or(due, |free| due.max(free)), free.is_some())).filter(|(at, _)| *at < Time::MAX)
        })
    }

    /// Returns the messages that are due, one for each free channel.
    fn due(&self, now: Time) -> Vec<&Entry> {
        let mut busy: BTreeSet<ChannelKey<'_>> = self.leased(now).map(channel).collect();
        let mut due: Vec<&Entry> = heads(self.iter()).filter(|entry| entry.is_due(now)).collect();
        due.sort_by_key(|entry| (entry.due(), entry.sequence));
        due.retain(|entry| busy.insert(channel(entry)));
        due
    }

    /// Returns the messages that are leased at `now`.
    fn leased(&self, now: Time) -> impl Iterator<Item = &Entry> {
        self.iter().filter(move |entry| entry.is_leased() && !entry.is_due(now))
    }
}

fn channel(entry: &Entry) -> ChannelKey<'_> {
    (&entry.notification.recipient, entry.notification.channel())
}

/// Returns the first message of each incident and channel, and every message about the monitor itself. The latter are
/// independent of each other, so that one that fails does not delay another.
fn heads<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> impl Iterator<Item = &'a Entry> {
    let mut heads = BTreeMap::<(Id, &str, Channel), &Entry>::new();
    for entry in entries {
        let notification = &entry.notification;
        let story = notification.incident().map_or(notification.id, |incident| incident.id);
        let head = heads.entry((story, notification.recipient.as_str(), notification.channel())).or_insert(entry);
        if entry.sequence < head.sequence {
            *head = entry;
        }
    }
    heads.into_values()
}
