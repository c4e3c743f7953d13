//! Messages that leave the desk, and what became of them.

use std::collections::BTreeSet;

use dag_delivery::{Entry, Failure, Prepared, Receipt, Settled, next_due, next_to_send};
use dag_engine::{Channel, Id, Input, Name, Notification, Time};

use super::{Desk, put};
use crate::store::Commit;

/// How many messages may be under way at once.
const MOST_UNDER_WAY: usize = 32;

/// A message that may be sent now: its lease is durable.
#[derive(Debug)]
pub struct Parcel {
    /// Whom it is for, and what it says.
    pub notification: Notification,
    /// What goes over the wire, the same at every attempt.
    pub prepared: Prepared,
}

impl Desk {
    /// The messages that are due, leased, and free to go. `busy` are under way.
    pub fn parcels(&mut self, busy: &[Id], now: Time) -> Vec<Parcel> {
        // Nothing goes out while what led to it is not durable.
        if !self.unwritten.is_empty() {
            return Vec::new();
        }
        let free = MOST_UNDER_WAY.saturating_sub(busy.len());
        let mut taken: BTreeSet<(Name, Channel)> = BTreeSet::new();
        let mut due: Vec<Id> = Vec::new();
        for entry in next_to_send(self.sendable(busy), now) {
            let told = &entry.notification;
            if due.len() < free && taken.insert((told.recipient.clone(), told.channel())) {
                due.push(told.id);
            }
        }
        if due.is_empty() {
            return Vec::new();
        }
        let mut commit = Commit::at(now);
        let mut parcels = Vec::new();
        for id in due {
            let Some(entry) = self.outbox.get_mut(&id) else { continue };
            let prepared = match entry.prepared.clone() {
                Some(prepared) => prepared,
                None => {
                    let (prepared, problems) = self.rulebook.templates.prepare(&entry.notification);
                    for problem in problems {
                        tracing::error!(%problem, "a template failed: the message goes out in the built-in words");
                    }
                    entry.prepared.insert(prepared).clone()
                }
            };
            if !entry.lease(now) {
                continue;
            }
            commit = put(commit, entry);
            let notification = entry.notification.clone();
            commit = self.decide(Input::Attempted(notification.reference()), commit, now).1;
            parcels.push(Parcel { notification, prepared });
        }
        self.write(commit);
        if self.unwritten.is_empty() {
            return parcels;
        }
        // None of them goes out, so they must not wait for their leases to run out once the disk takes this.
        for parcel in parcels {
            if let Some(entry) = self.outbox.get_mut(&parcel.notification.id) {
                entry.release(now);
            }
        }
        Vec::new()
    }

    /// Notes what became of an attempt.
    pub fn settle(&mut self, id: Id, result: Result<Receipt, Failure>, now: Time) {
        let Some(entry) = self.outbox.get_mut(&id) else { return };
        let settled = entry.settle(result.as_ref(), now);
        let (recipient, channel) = (&entry.notification.recipient, entry.notification.channel().as_str());
        match (&settled, &result) {
            (Settled::Delivered, Ok(receipt)) => {
                tracing::info!(message = %id, %recipient, channel, answer = receipt.answer, "delivered");
            }
            (Settled::Retry { due }, Err(error)) => {
                tracing::warn!(message = %id, %recipient, channel, %error, again = %due, "not delivered yet");
            }
            (_, Err(error)) => {
                tracing::error!(message = %id, %recipient, channel, %error, "cannot be delivered, given up");
            }
            (_, Ok(_)) => {}
        }
        let input = match settled {
            Settled::Delivered => Input::Delivered(entry.notification.reference()),
            Settled::Retry { .. } => Input::Failed { message: entry.notification.reference(), last: false },
            Settled::Undelivered => Input::Failed { message: entry.notification.reference(), last: true },
            Settled::Over => return,
        };
        let commit = put(Commit::at(now), entry);
        if entry.is_over() {
            self.outbox.remove(&id);
        }
        self.step(input, commit, now);
    }

    /// When the desk has something to do though nothing is handed in: a deadline, or a message that is due.
    pub fn next_due(&self, busy: &[Id]) -> Option<Time> {
        let message = if busy.len() < MOST_UNDER_WAY { next_due(self.sendable(busy)) } else { None };
        message.into_iter().chain(self.state.next_deadline()).min()
    }

    /// The entries whose channel is free: a receiver gets one message at a time, so a slow one holds up itself alone.
    fn sendable(&self, busy: &[Id]) -> impl Iterator<Item = &Entry> {
        let channel = |entry: &Entry| (entry.notification.recipient.clone(), entry.notification.channel());
        let under_way: BTreeSet<(Name, Channel)> =
            busy.iter().filter_map(|id| self.outbox.get(id)).map(channel).collect();
        self.outbox.values().filter(move |entry| !under_way.contains(&channel(entry)))
    }
}
