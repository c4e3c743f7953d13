//! Leases messages that are due, and settles their attempts.

use dag_delivery::{AttemptOutcome, Entry, Failure, Receipt};
use dag_engine::{Address, Id, Notification};

use super::{DeviceTransaction, leases::Leases};

impl DeviceTransaction<'_> {
    /// Leases messages that are due, `most` of the device at the same time. Returns them.
    ///
    /// A message to a `suppressed` address fails at once, for the reason given.
    pub fn lease(&mut self, leases: Leases, most: usize, suppressed: &[(String, Failure)]) -> Vec<Entry> {
        let (mut leased, mut tried) = (Vec::new(), 0);
        // An attempt may let the engine decide more, so that more is due.
        while tried < most {
            let due = match leases {
                Leases::New => self.item.outbox.lease_new(most, self.now),
                Leases::All => self.item.outbox.lease(most, self.now),
                Leases::None => Vec::new(),
            };
            if due.is_empty() {
                break;
            }
            self.changed = true;
            tried += due.len();
            for entry in due {
                self.step(entry.attempted());
                let address = email(&entry.notification);
                match suppressed.iter().find(|(suppressed, _)| Some(suppressed) == address) {
                    Some((_, failure)) => drop(self.settle(entry.notification.id, Err(failure))),
                    None => leased.push(entry),
                }
            }
        }
        leased
    }

    /// The message that would be leased next while `most` may be leased, if one is due.
    pub fn first_due(&self, most: usize) -> Option<Id> {
        self.item.outbox.first_due(most, self.now).map(|entry| entry.notification.id)
    }

    /// Applies what became of an attempt. Returns what that means for the message; `None` where it had come to its end.
    pub fn settle(&mut self, message: Id, result: Result<&Receipt, &Failure>) -> Option<AttemptOutcome> {
        let settlement = self.item.outbox.settle(message, result, self.now)?;
        self.changed = true;
        self.finished.extend(Some(settlement.entry).filter(Entry::is_over));
        self.step(settlement.input);
        Some(settlement.outcome)
    }
}

/// Returns the mail address of a notification that goes by email.
pub fn email(notification: &Notification) -> Option<&String> {
    match &notification.address {
        Address::Email(address) => Some(address),
        Address::Webhook { .. } => None,
    }
}
