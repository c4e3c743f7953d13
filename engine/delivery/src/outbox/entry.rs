//! One message in the outbox.

use dag_engine::{ClockShift, Input, Millis, Notification, Time, Withdrawal};
use serde::{Deserialize, Serialize};

use super::retry::{GIVE_UP_AFTER, pause};
use crate::{Failure, MessageContent, Receipt};

/// The length of a lease: two minutes, longer than any attempt may take. Where the host dies during an attempt, the next
/// one comes this much later, unless the host starts again and [releases](crate::Outbox::release_all) its leases.
pub const LEASE: Millis = Millis::new(120_000);

/// One message, from the decision to its end. Hosts store it after each change, before they act on the change.
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
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    pub prepared: Option<MessageContent>,
    /// Why the last attempt failed.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
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
pub enum AttemptOutcome {
    /// The message arrived.
    Delivered,
    /// It is tried again.
    Retry {
        /// When.
        due: Time,
    },
    /// It is given up.
    Undelivered,
}

impl Entry {
    /// A message that is due at once.
    pub(super) fn new(notification: Notification, sequence: u64, now: Time) -> Self {
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

    /// Returns whether an attempt is due at `now`.
    pub(super) fn is_due(&self, now: Time) -> bool {
        self.due().is_some_and(|due| due <= now)
    }

    /// Returns whether it has come to its end: delivered, withdrawn or undelivered.
    pub fn is_over(&self) -> bool {
        self.due().is_none()
    }

    /// Returns whether it was given up.
    pub fn is_undelivered(&self) -> bool {
        matches!(self.state, EntryState::Undelivered { .. })
    }

    /// Returns whether an attempt is under way, as far as is known.
    pub fn is_leased(&self) -> bool {
        matches!(self.state, EntryState::Leased { .. })
    }

    /// What the engine is told when an attempt begins.
    pub fn attempted(&self) -> Input {
        Input::Attempted(self.notification.reference())
    }

    /// Begins an attempt if one is due.
    pub(super) fn lease(&mut self, now: Time) -> bool {
        let due = self.is_due(now);
        if due {
            self.attempts = self.attempts.saturating_add(1);
            self.state = EntryState::Leased { until: now + LEASE };
        }
        due
    }

    /// Renews a lease that has run out.
    pub(super) fn renew(&mut self, now: Time) {
        if self.is_leased() && self.is_due(now) {
            self.state = EntryState::Leased { until: now + LEASE };
        }
    }

    /// Gives a lease up: the message is due at once.
    pub(super) fn release(&mut self, now: Time) {
        if self.is_leased() {
            self.state = EntryState::Queued { due: now };
        }
    }

    /// Notes what an attempt led to.
    ///
    /// A failure that may be better later is tried again after a pause, or after what the receiver asked for if that is
    /// longer; the last time one day after the message was queued.
    pub(super) fn settle(&mut self, result: Result<&Receipt, &Failure>, now: Time) -> AttemptOutcome {
        let give_up_at = self.queued_at + GIVE_UP_AFTER;
        let (error, due) = match result {
            Ok(_) => {
                self.state = EntryState::Delivered { at: now };
                return AttemptOutcome::Delivered;
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
                AttemptOutcome::Retry { due }
            }
            None => {
                self.state = EntryState::Undelivered { at: now };
                AttemptOutcome::Undelivered
            }
        }
    }

    /// Takes a message back if it waits and no attempt is under way. Returns whether it did.
    pub(super) fn withdraw(&mut self, reason: Withdrawal, now: Time) -> bool {
        let waits = matches!(self.state, EntryState::Queued { .. });
        if waits {
            self.state = EntryState::Withdrawn { at: now, reason };
        }
        waits
    }

    /// Moves its times where a wrong clock recorded them.
    pub(super) fn shift(&mut self, shift: ClockShift) {
        self.queued_at = shift.apply(self.queued_at);
        self.state = match self.state {
            EntryState::Queued { due } => EntryState::Queued { due: shift.apply(due) },
            EntryState::Leased { until } => EntryState::Leased { until: shift.apply(until) },
            over => over,
        };
    }
}
