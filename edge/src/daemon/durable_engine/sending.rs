//! Leases messages that are due, and settles their attempts.

use std::time::{Duration, Instant};

use dag_delivery::{AttemptOutcome, Entry, Failure, LeasedMessage, MessageContent, Receipt};
use dag_engine::{Id, Time};

use super::{DurableEngine, PendingCommit};
use crate::store::Commit;

/// The most attempts under way at once. Each holds a connection.
const MOST_ATTEMPTS: usize = 32;

impl DurableEngine {
    /// Returns the messages to send now. Each is to be settled.
    pub fn take_leased(&mut self, now: Time) -> Vec<LeasedMessage> {
        self.renew_leases(now);
        if self.next_attempt().is_some_and(|due| due <= now) {
            self.finish(PendingCommit::of(Commit::at(now)), now);
        }
        let ready = std::mem::take(&mut self.ready);
        self.under_way.extend(ready.iter().map(|message| message.notification.id));
        ready
    }

    /// Renews the leases that ran out while their attempts go on: the machine slept.
    fn renew_leases(&mut self, now: Time) {
        for message in &self.under_way {
            self.outbox.renew(*message, now);
        }
    }

    /// Returns when [`end_pauses`](DurableEngine::end_pauses) makes a message due next.
    pub fn pause_ends(&self) -> Option<Instant> {
        self.pauses.values().min().copied()
    }

    /// Makes the messages due whose pauses are over by the monotonic clock: those that were tried at the calendar's
    /// end.
    pub fn end_pauses(&mut self, monotonic: Instant, now: Time) {
        for (message, _) in self.pauses.extract_if(.., |_, end| *end <= monotonic) {
            // Once the clock is set, its time is known again.
            if self.outbox.get(message).is_some_and(|entry| entry.waits_for_host() && !entry.is_leased()) {
                self.outbox.release(message, now);
            }
        }
    }

    /// Begins to lease messages: from now on somebody makes the attempts.
    pub fn start_sending(&mut self) {
        self.sends = true;
    }

    /// Stops leasing messages: what is due waits for the next start.
    pub fn stop_sending(&mut self) {
        self.sends = false;
    }

    /// The number of attempts that are under way.
    pub fn attempts_under_way(&self) -> usize {
        self.under_way.len()
    }

    /// Applies the result of an attempt.
    pub fn settle(&mut self, id: Id, result: Result<Receipt, Failure>, now: Time) {
        self.under_way.remove(&id);
        let Some(settlement) = self.outbox.settle(id, result.as_ref(), now) else { return };
        log_settlement(&settlement.entry, settlement.outcome, &result);
        if let Err(failure) = &result
            && settlement.entry.waits_for_host()
        {
            self.pauses.insert(id, Instant::now() + Duration::from(settlement.entry.pause_after(failure)));
        }
        self.step(settlement.input, vec![settlement.entry], Commit::at(now), now);
    }

    /// Returns the time of the next step or of the next attempt, whichever is first.
    pub fn next_due(&self) -> Option<Time> {
        self.next_attempt().into_iter().chain(self.next_step_at()).min()
    }

    /// Returns when the next message is leased if nothing happens before.
    fn next_attempt(&self) -> Option<Time> {
        // No message goes out while its decision is not durable.
        (self.sends && self.is_durable()).then(|| self.outbox.next_due(MOST_ATTEMPTS)).flatten()
    }

    /// Leases the messages that are due and writes the step. They are ready once the step is on the disk.
    pub(super) fn finish(&mut self, mut pending: PendingCommit, now: Time) {
        self.renew_leases(now);
        let mut leased = Vec::new();
        // An attempt is an input too. It may lead to decisions by which more messages are due.
        while leased.len() < MOST_ATTEMPTS && self.next_attempt().is_some_and(|due| due <= now) {
            for entry in self.outbox.lease(MOST_ATTEMPTS, now) {
                let prepared = self.prepare(&entry);
                pending.extend(self.outbox.prepare(entry.notification.id, prepared.clone()).cloned());
                self.decide(entry.attempted(), &mut pending, now);
                leased.push(LeasedMessage { notification: entry.notification, prepared });
            }
        }
        self.write(pending.into_commit());
        if self.is_durable() {
            return self.ready.extend(leased);
        }
        // None of them goes out. Without the leases they are due as soon as the disk has this step.
        for message in leased {
            self.outbox.release(message.notification.id, now);
        }
    }

    /// Returns the content of a message, which is rendered at its first attempt.
    fn prepare(&self, entry: &Entry) -> MessageContent {
        entry.prepared.clone().unwrap_or_else(|| {
            let (prepared, problems) = self.rulebook.templates.prepare(&entry.notification);
            for problem in problems {
                tracing::error!(%problem, "a template failed: the message goes out in the built-in words");
            }
            prepared
        })
    }
}

fn log_settlement(entry: &Entry, outcome: AttemptOutcome, result: &Result<Receipt, Failure>) {
    let (id, recipient) = (entry.notification.id, &entry.notification.recipient);
    let channel = entry.notification.channel().as_str();
    match (outcome, result) {
        (AttemptOutcome::Retry { due }, Err(error)) => {
            tracing::warn!(notification = %id, %recipient, channel, %error, again = %due, "not delivered yet");
        }
        (_, Err(error)) => {
            tracing::error!(notification = %id, %recipient, channel, %error, "cannot be delivered, given up");
        }
        (_, Ok(receipt)) => {
            tracing::info!(notification = %id, %recipient, channel, answer = receipt.answer, "delivered");
        }
    }
}
