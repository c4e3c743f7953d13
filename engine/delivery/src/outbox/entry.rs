//! One message in the outbox.

use dag_engine::{Millis, Notification, Time, Withdrawal};
use serde::{Deserialize, Serialize};

use super::retry::{GIVE_UP_AFTER, pause};
use crate::{Failure, Prepared, Receipt};

/// How long a lease lasts: longer than any attempt may take. Where the host dies during an attempt, the next one comes
/// this much later, unless the host knows that it held the lease itself and [releases](Entry::release) it.
pub const LEASE: Millis = Millis::new(120_000);

/// One message, from the decision to its end. Hosts store it after every change, and before what follows from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What is told, to whom, and where.
    pub notification: Notification,
    /// When it was put in.
    pub queued_at: Time,
    /// Its place among all messages of the host: later ones are higher.
    pub sequence: u64,
    /// How many attempts have begun.
    pub attempts: u32,
    /// Where it stands.
    pub state: EntryState,
    /// What is sent, from the first attempt on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prepared: Option<Prepared>,
    /// Why the last attempt failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

/// Where a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum EntryState {
    /// It waits for its next attempt.
    Queued {
        /// When that is.
        due: Time,
    },
    /// An attempt is being made.
    Leased {
        /// When the attempt counts as lost with its host.
        until: Time,
    },
    /// Its receiver took it.
    Delivered {
        /// When.
        at: Time,
    },
    /// The engine took it back before anyone tried to send it.
    Withdrawn {
        /// When.
        at: Time,
        /// Why.
        reason: Withdrawal,
    },
    /// It was given up; the last error says why.
    Undelivered {
        /// When.
        at: Time,
    },
}

/// What an attempt led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The message arrived.
    Delivered,
    /// It is tried again.
    Retry {
        /// When.
        due: Time,
    },
    /// It is given up.
    Undelivered,
    /// The message had ended before; nothing changed.
    Over,
}

impl Entry {
    /// A message that is due at once.
    pub fn new(notification: Notification, sequence: u64, now: Time) -> Self {
        Entry {
            notification,
            queued_at: now,
            sequence,
            attempts: 0,
            state: EntryState::Queued { due: now },
            prepared: None,
            last_error: None,
        }
    }

    /// When the next attempt is due; `None` after the end. A lease that has run out is due again: its host died between
    /// sending and noting.
    pub fn due(&self) -> Option<Time> {
        match self.state {
            EntryState::Queued { due } => Some(due),
            EntryState::Leased { until } => Some(until),
            _ => None,
        }
    }

    /// Whether it has come to its end: delivered, withdrawn or undelivered.
    pub fn is_over(&self) -> bool {
        self.due().is_none()
    }

    /// Whether an attempt is being made.
    pub fn is_leased(&self) -> bool {
        matches!(self.state, EntryState::Leased { .. })
    }

    /// Begins an attempt, if one is due. Store this before the attempt, with [`prepared`](Entry::prepared) filled in.
    #[must_use = "without a lease there may be no attempt"]
    pub fn lease(&mut self, now: Time) -> bool {
        let due = self.due().is_some_and(|due| due <= now);
        if due {
            self.attempts = self.attempts.saturating_add(1);
            self.state = EntryState::Leased { until: now + LEASE };
        }
        due
    }

    /// Gives a lease up whose attempt died with the host: it is due at once. For a host that starts and knows that no
    /// other holds leases.
    pub fn release(&mut self, now: Time) {
        if self.is_leased() {
            self.state = EntryState::Queued { due: now };
        }
    }

    /// Notes what an attempt led to.
    ///
    /// A failure that may be better later is tried again after a pause, or after what the receiver asked for if that is
    /// longer; the last time one day after the message was queued.
    pub fn settle(&mut self, result: Result<&Receipt, &Failure>, now: Time) -> Settled {
        if self.is_over() {
            return Settled::Over;
        }
        let give_up_at = self.queued_at + GIVE_UP_AFTER;
        let (error, due) = match result {
            Ok(_) => {
                self.state = EntryState::Delivered { at: now };
                return Settled::Delivered;
            }
            Err(Failure::Permanent { error }) => (error, None),
            Err(Failure::Retry { error, after }) => {
                let pause = pause(self.notification.id, self.attempts).max(after.unwrap_or_default());
                (error, Some((now + pause).min(give_up_at)).filter(|due| *due > now))
            }
        };
        self.last_error = Some(error.clone());
        match due {
            Some(due) => {
                self.state = EntryState::Queued { due };
                Settled::Retry { due }
            }
            None => {
                self.state = EntryState::Undelivered { at: now };
                Settled::Undelivered
            }
        }
    }

    /// Takes a message back, if no attempt is under way and it has not come to its end. Answers whether it did.
    pub fn withdraw(&mut self, reason: Withdrawal, now: Time) -> bool {
        let waits = matches!(self.state, EntryState::Queued { .. });
        if waits {
            self.state = EntryState::Withdrawn { at: now, reason };
        }
        waits
    }
}
