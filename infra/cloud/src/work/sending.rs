//! Messages to people: which may go now, and what became of them.

use std::collections::BTreeSet;

use dag_delivery::{Entry, Failure, Receipt, Settled, next_to_send};
use dag_engine::{Channel, Id, Input, MessageRef, Name};

use super::Work;

impl Work<'_> {
    /// The messages that are due and free to go, leased: at most one for each channel, and `most` in all.
    pub fn lease(&mut self, most: usize) -> Vec<Entry> {
        let mut channels: BTreeSet<(Name, Channel)> = BTreeSet::new();
        let key = |entry: &Entry| (entry.notification.recipient.clone(), entry.notification.channel());
        // A receiver gets one message at a time.
        let busy = self.item.outbox.values().filter(|entry| entry.due().is_some_and(|due| due > self.now));
        channels.extend(busy.filter(|entry| entry.is_leased()).map(key));
        let due = next_to_send(self.item.outbox.values(), self.now);
        let due: Vec<Id> = due
            .into_iter()
            .filter(|entry| channels.insert(key(entry)))
            .map(|entry| entry.notification.id)
            .take(most)
            .collect();
        let mut leased = Vec::new();
        for id in due {
            let now = self.now;
            if let Some(entry) = self.item.outbox.get_mut(&id)
                && entry.lease(now)
            {
                leased.push(entry.clone());
                self.changed = true;
            }
        }
        for entry in &leased {
            self.step(Input::Attempted(entry.notification.reference()));
        }
        leased
    }

    /// Notes what became of an attempt. Answers what that means for the message.
    pub fn settle(&mut self, message: Id, result: Result<&Receipt, &Failure>) -> Settled {
        let Some(entry) = self.item.outbox.get_mut(&message) else { return Settled::Over };
        let settled = entry.settle(result, self.now);
        let reference: MessageRef = entry.notification.reference();
        let over = entry.is_over();
        if over {
            self.finish(message);
        }
        self.changed = true;
        match settled {
            Settled::Delivered => self.step(Input::Delivered(reference)),
            Settled::Retry { .. } => self.step(Input::Failed { message: reference, last: false }),
            Settled::Undelivered => self.step(Input::Failed { message: reference, last: true }),
            Settled::Over => {}
        }
        settled
    }
}
