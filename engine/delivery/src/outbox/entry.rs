//! One message in the outbox.

use dag_engine::{ClockShift, Input, Millis, Notification, Time, Withdrawal};
use serde::{Deserialize, Serialize};

use super::retry::{GIVE_UP_AFTER, MOST_ATTEMPTS, pause};
use crate::{Failure, MessageContent, Receipt};

/// The length of a lease: two minutes, which is longer than any attempt may take.
///
/// If the host dies during an attempt, the next attempt is due after this time. A host that starts again can
/// [release](crate::Outbox::release_all) its leases before.
pub const LEASE: Millis = Millis::new(120_000);

/// One message, from the decision to its end. Hosts store each change before they act on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The notification.
    pub notification: Notification,
    /// The time when it was queued.
    pub queued_at: Time,
    /// Its number among all messages of the host. Later messages have higher numbers.
    pub sequence: u64,
    /// The number of attempts that have begun.
    pub attempts: u32,
    /// The state.
    pub state: EntryState,
    /// The content, from the first attempt on.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    pub prepared: Option<MessageContent>,
    /// The error of the last attempt that failed.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    pub last_error: Option<String>,
}

/// The state of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum EntryState {
    /// It waits for its next attempt.
    Queued {
        /// The time of the next attempt.
        due: Time,
    },
    /// An attempt is under way.
    Leased {
        /// The time from which the attempt counts as lost with its host.
        until: Time,
    },
    /// Its receiver accepted it.
    Delivered {
        /// The time.
        at: Time,
    },
    /// The engine withdrew it before an attempt.
    Withdrawn {
        /// The time.
        at: Time,
        /// The reason.
        reason: Withdrawal,
    },
    /// It was given up. The last error says why.
    Undelivered {
        /// The time.
        at: Time,
    },
}

/// The outcome of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// The message arrived.
    Delivered,
    /// The message is retried.
    Retry {
        /// The time of the next attempt.
        due: Time,
    },
    /// The message is given up.
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
            state: EntryState::Queued { due: at_once(now) },
            prepared: None,
            last_error: None,
        }
    }

    /// Returns the time when the next attempt is due, or `None` after the end. A lease that has run out is due again:
    /// its host died between sending and storing the result.
    pub fn due(&self) -> Option<Time> {
        match self.state {
            EntryState::Queued { due } => Some(due),
            EntryState::Leased { until } => Some(until),
            _ => None,
        }
    }

    /// Returns whether an attempt is due at `now`. Never at [`Time::MAX`], see [`waits_for_host`](Entry::waits_for_host).
    pub(super) fn is_due(&self, now: Time) -> bool {
        self.due().is_some_and(|due| due <= now) && !self.waits_for_host()
    }

    /// Returns whether the next attempt is due at the calendar's end. Sums of times stop there: a lease would run out as
    /// it is given, and a pause be over as it begins. So time alone makes nothing due there, and the host
    /// [releases](crate::Outbox::release) the message, by a clock of its own.
    pub fn waits_for_host(&self) -> bool {
        self.due() == Some(Time::MAX)
    }

    /// Returns the pause after a failure of the last attempt. The receiver may ask for a longer one, of a day at most.
    pub fn pause_after(&self, failure: &Failure) -> Millis {
        let asked = match failure {
            Failure::Retry { after, .. } => after.unwrap_or_default(),
            Failure::Permanent { .. } => Millis::ZERO,
        };
        pause(self.notification.id, self.attempts).max(asked).min(GIVE_UP_AFTER)
    }

    /// Returns whether the message is at its end: delivered, withdrawn or undelivered.
    pub fn is_over(&self) -> bool {
        self.due().is_none()
    }

    /// Returns whether the message was given up.
    pub fn is_undelivered(&self) -> bool {
        matches!(self.state, EntryState::Undelivered { .. })
    }

    /// Returns whether an attempt is under way, as far as the host knows.
    pub fn is_leased(&self) -> bool {
        matches!(self.state, EntryState::Leased { .. })
    }

    /// Returns the engine's input for the beginning of an attempt.
    pub fn attempted(&self) -> Input {
        Input::Attempted(self.notification.reference())
    }

    /// Returns whether the attempt under way is the first. Its content was not rendered before.
    pub fn is_first_attempt(&self) -> bool {
        self.attempts <= 1
    }

    /// Begins an attempt if one is due. Returns whether it did.
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

    /// Gives a lease up, or ends a wait for the host: the message is due at once.
    pub(super) fn release(&mut self, now: Time) {
        if self.is_leased() || self.waits_for_host() {
            self.state = EntryState::Queued { due: at_once(now) };
        }
    }

    /// Applies the result of an attempt.
    ///
    /// A failure that can be retried is retried after a pause. If the receiver asked for a longer pause, that one
    /// counts. The last attempt is one day after the message was queued. At the calendar's end, where no day passes, it
    /// is the one that a day would have come to.
    pub(super) fn settle(&mut self, result: Result<&Receipt, &Failure>, now: Time) -> AttemptOutcome {
        let give_up_at = self.queued_at + GIVE_UP_AFTER;
        let (error, due) = match result {
            Ok(_) => {
                self.state = EntryState::Delivered { at: now };
                return AttemptOutcome::Delivered;
            }
            Err(Failure::Permanent { error }) => (error, None),
            Err(failure @ Failure::Retry { error, .. }) => {
                let due = (now + self.pause_after(failure)).min(give_up_at);
                let again = if due == Time::MAX { self.attempts < MOST_ATTEMPTS } else { due > now };
                (error, again.then_some(due))
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

    /// Withdraws the message if it is queued and no attempt is under way. Returns whether it did.
    pub(super) fn withdraw(&mut self, reason: Withdrawal, now: Time) -> bool {
        let waits = matches!(self.state, EntryState::Queued { .. });
        if waits {
            self.state = EntryState::Withdrawn { at: now, reason };
        }
        waits
    }

    /// Moves the times that a wrong clock recorded.
    pub(super) fn shift(&mut self, shift: ClockShift) {
        self.queued_at = shift.apply(self.queued_at);
        self.state = match self.state {
            EntryState::Queued { due } => EntryState::Queued { due: shift.apply(due) },
            EntryState::Leased { until } => EntryState::Leased { until: shift.apply(until) },
            over => over,
        };
    }
}

/// Returns when a message is due that is due at once: no later than just before the calendar's end, where
/// [nothing is due](Entry::waits_for_host).
fn at_once(now: Time) -> Time {
    now.min(Time::MAX.moved(-1))
}
