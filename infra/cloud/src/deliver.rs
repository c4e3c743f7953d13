//! Messages on their way to people: leased, rendered once, sent a few at a time, and noted.

use dag_delivery::{Entry, Failure, Prepared, Receipt};
use dag_engine::{Id, Name};
use futures::{StreamExt as _, stream};

use crate::{
    consumer::{Consumer, Taken},
    event::Event,
    work::{Work, addresses},
    world::{CommitError, Fault, Messenger as _, Store as _, Stored, World},
};

/// So many messages of a device are sent at the same time.
const AT_ONCE: usize = 8;

/// How often noting is tried when the table refuses.
const MOST_NOTES: u32 = 3;

/// How often leasing is tried again: conflicts, and addresses that turn out to be marked.
const MOST_TRIES: usize = 5 + AT_ONCE;

impl<W: World> Consumer<W> {
    /// Sends what is due of a device. Which messages the records name matters little: one that is not due any more, or not
    /// yet, is not sent, and one that is due goes with those that are named.
    pub(crate) async fn deliver(&self, device: &Name, taken: &[Taken<'_>]) -> Result<Vec<String>, Fault> {
        if !taken.iter().any(|taken| matches!(taken.event, Event::Deliver { .. })) {
            return Ok(Vec::new());
        }
        let again = taken.iter().any(|taken| taken.record.receives > 1);
        let (parcels, mut known) = self.lease(device, again).await?;
        let sending = parcels.into_iter().map(|(entry, prepared)| async move {
            let notification = &entry.notification;
            let result = self.world.messenger().send(notification, &prepared, self.world.now()).await;
            match &result {
                Ok(receipt) => {
                    tracing::info!(%device, message = %notification.id, answer = receipt.answer, "delivered");
                }
                Err(error) => tracing::warn!(%device, message = %notification.id, %error, "not delivered"),
            }
            (notification.id, result)
        });
        let mut done = stream::iter(sending).buffer_unordered(AT_ONCE);
        let mut fault = None;
        // Noted as they come in, and one after the other: they would only be in each other's way.
        while let Some((message, result)) = done.next().await {
            fault = self.note(device, message, &result, &mut known).await.err().or(fault);
        }
        fault.map_or(Ok(Vec::new()), Err)
    }

    /// Notes what became of an attempt. What is not noted is sent again under the same id when the lease has run out, so a
    /// table that refuses once is asked again.
    async fn note(
        &self,
        device: &Name,
        message: Id,
        result: &Result<Receipt, Failure>,
        known: &mut Option<Stored>,
    ) -> Result<(), Fault> {
        let mut noted = Ok(());
        for attempt in 0..MOST_NOTES {
            let settle = |work: &mut Work<'_>| work.settle(message, result.as_ref());
            noted = self.redo(device, attempt > 0, None, known, settle).await.map(|_| ());
            if noted.is_ok() {
                break;
            }
        }
        noted
    }

    /// Leases what is due, and renders what was not rendered before. Nothing is sent before that is durable.
    /// Answers that, and the item as it is then.
    async fn lease(&self, device: &Name, again: bool) -> Result<(Vec<(Entry, Prepared)>, Option<Stored>), Fault> {
        let mut marked: Vec<(String, Failure)> = Vec::new();
        for tried in 0..MOST_TRIES {
            let now = self.world.now();
            let Some(stored) = self.stored(device, None).await? else { return Ok((Vec::new(), None)) };
            let mut work = Work::new(&self.engine, stored, now);
            let mut leased = work.lease(AT_ONCE);
            leased.retain(|entry| {
                let failure =
                    marked.iter().find(|(address, _)| addresses([&entry.notification].into_iter()).contains(address));
                if let Some((_, failure)) = failure {
                    work.settle(entry.notification.id, Err(failure));
                }
                failure.is_none()
            });
            // After a conflict the lease may be our own, of which the answer was lost: nobody sends before it has run out.
            let (commit, hand_over) = work.end(again || tried > 0);
            let Some(mut commit) = commit else {
                self.hand_over(device, hand_over).await?;
                return Ok((Vec::new(), None));
            };
            let mut parcels = Vec::new();
            for entry in leased {
                let (prepared, fresh) = self.prepared(device, &entry).await?;
                if fresh {
                    commit.prepared.push((entry.notification.id, prepared.clone()));
                }
                parcels.push((entry, prepared));
            }
            commit.unsuppressed = addresses(parcels.iter().map(|(entry, _)| &entry.notification));
            match self.world.store().commit(&commit).await {
                Ok(()) => {
                    // What waits behind these goes when they are settled.
                    self.hand_over(device, hand_over).await?;
                    return Ok((parcels, Some(commit.stored())));
                }
                Err(CommitError::Conflict) => {}
                Err(CommitError::Suppressed { address, suppression }) => {
                    let error = format!("{address} is not written to since {}: {}", suppression.at, suppression.text);
                    marked.push((address, Failure::Permanent { error }));
                }
                Err(CommitError::Fault(fault)) => return Err(fault),
            }
        }
        Err(Fault { what: "leasing", error: format!("{MOST_TRIES} tries were not enough") })
    }

    /// What a message says, and whether that was rendered just now.
    async fn prepared(&self, device: &Name, entry: &Entry) -> Result<(Prepared, bool), Fault> {
        if entry.attempts > 1
            && let Some(prepared) = self.world.store().prepared(device, entry.notification.id).await?
        {
            return Ok((prepared, false));
        }
        let (prepared, problems) = self.templates.prepare(&entry.notification);
        for problem in problems {
            tracing::error!(%problem, "a template failed: the message goes out in the built-in words");
        }
        Ok((prepared, true))
    }
}
