//! Messages to people: which may go now, and what became of them.

use dag_delivery::{Entry, Failure, Receipt, Settled};
use dag_engine::{Address, Id, Notification};

use super::DeviceTransaction;

impl DeviceTransaction<'_> {
    /// Leases the messages that are due, while fewer than `most` of the device are leased. Returns them.
    ///
    /// What would go to a `suppressed` address fails at once, for the reason given.
    pub fn lease(&mut self, most: usize, suppressed: &[(String, Failure)]) -> Vec<Entry> {
        let mut leased = Vec::new();
        loop {
            // An attempt may let the engine decide more, so that more is due.
            let due = self.item.outbox.lease(most, self.now);
            if due.is_empty() {
                return leased;
            }
            self.changed = true;
            for entry in due {
                self.step(entry.attempted());
                let address = email(&entry.notification);
                match suppressed.iter().find(|(suppressed, _)| Some(suppressed) == address) {
                    Some((_, failure)) => drop(self.settle(entry.notification.id, Err(failure))),
                    None => leased.push(entry),
                }
            }
        }
    }

    /// The message that [`lease`](Self::lease) would take first.
    pub fn first_due(&self) -> Option<Id> {
        self.item.outbox.first_due(self.now).map(|entry| entry.notification.id)
    }

    /// Applies what became of an attempt. Returns what that means for the message; `None` where it had come to its end.
    pub fn settle(&mut self, message: Id, result: Result<&Receipt, &Failure>) -> Option<Settled> {
        let settlement = self.item.outbox.settle(message, result, self.now)?;
        self.changed = true;
        self.finished.extend(Some(settlement.entry).filter(Entry::is_over));
        self.step(settlement.input);
        Some(settlement.outcome)
    }
}

/// The mail address of a notification that goes by email.
pub fn email(notification: &Notification) -> Option<&String> {
    match &notification.address {
        Address::Email(address) => Some(address),
        Address::Webhook { .. } => None,
    }
}
