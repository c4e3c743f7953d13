//! Messages on their way to people: sent a few at a time, and settled.

use std::collections::BTreeMap;

use dag_delivery::{Failure, LeasedMessage, Receipt};
use dag_engine::{Id, Millis, Name, Time};
use futures::{StreamExt as _, stream::FuturesUnordered};

use crate::{
    consumer::{Consumer, Done, Options, Received, Sending},
    event::{Event, Lease},
    world::{Fault, Messenger as _, Store as _, Stored, World},
};

/// The most attempts at settling a message while the table refuses.
const MOST_SETTLING: u32 = 3;

/// How long one invocation goes on with what becomes due while it sends: 10 s of the minute that it has.
const GOES_ON: Millis = Millis::new(10_000);

/// The least that is left of a lease when an attempt begins: 30 s, more than any attempt takes in the cloud.
const LEAST_LEFT: Millis = Millis::new(30_000);

impl<W: World> Consumer<W> {
    /// Sends what is due of a device. What a record says was leased for it is sent as it is. Otherwise it matters little
    /// which message a record names: one that is not due is not sent, and one that is due goes with it.
    pub(crate) async fn deliver(&self, device: &Name, received: &[Received<'_>]) -> Result<Vec<String>, Fault> {
        let mut leases = Vec::new();
        let mut searches = None;
        for received in received {
            match &received.event {
                // Where it comes again, nobody knows whether an attempt was made: the lease runs out first.
                Event::Deliver { lease: Some(lease), .. } if received.record.receives == 1 => leases.push(lease),
                Event::Deliver { .. } => searches = Some(received.record.receives > 1 || searches == Some(true)),
                _ => {}
            }
        }
        let began = self.world.now();
        let (mut messages, mut known, mut fault) = (Vec::new(), None, None);
        if !leases.is_empty() {
            (messages, known) = self.leased(device, &leases, began).await?;
            if messages.len() < leases.iter().map(|lease| lease.messages.len()).sum() {
                // Whoever has the others may be dead: a timer is set for the end of their leases.
                searches = Some(true);
            }
        }
        if let Some(again) = searches {
            let options = Options { again, registered: None, sending: Sending::Here };
            match self.transact(device, options, &mut known, |_| {}).await {
                Ok(Some(done)) => {
                    messages.extend(done.messages);
                    fault = done.fault;
                }
                Ok(None) => {}
                // The messages that were leased for us are sent all the same.
                Err(error) => fault = Some(error),
            }
        }
        let send = |message: LeasedMessage| self.attempt(device, message);
        let mut attempts: FuturesUnordered<_> = messages.into_iter().map(send).collect();
        // Settled as they come in, and one after the other: they would only be in each other's way.
        while let Some((message, result)) = attempts.next().await {
            let goes_on = self.world.now().since(began) < GOES_ON;
            let sending = if goes_on { Sending::Here } else { Sending::Later };
            let done = self.settle(device, message, &result, sending, &mut known).await;
            attempts.extend(done.messages.into_iter().map(send));
            fault = done.fault.or(fault);
        }
        fault.map_or(Ok(Vec::new()), Err)
    }

    async fn attempt(&self, device: &Name, message: LeasedMessage) -> (Id, Result<Receipt, Failure>) {
        let LeasedMessage { notification, prepared } = message;
        let result = self.world.messenger().send(&notification, &prepared, self.world.now()).await;
        match &result {
            Ok(receipt) => tracing::info!(%device, message = %notification.id, answer = receipt.answer, "delivered"),
            Err(error) => tracing::warn!(%device, message = %notification.id, %error, "not delivered"),
        }
        (notification.id, result)
    }

    /// Settles a message. What is not settled is sent again under the same id when the lease has run out, so a table that
    /// refuses once is asked again.
    async fn settle(
        &self,
        device: &Name,
        message: Id,
        result: &Result<Receipt, Failure>,
        sending: Sending,
        known: &mut Option<Stored>,
    ) -> Done {
        let mut settled = Done { messages: Vec::new(), fault: None };
        for attempt in 0..MOST_SETTLING {
            let options = Options { again: attempt > 0, registered: None, sending };
            let done = self.transact(device, options, known, |transaction| {
                transaction.settle(message, result.as_ref());
            });
            settled.fault = match done.await {
                Ok(Some(done)) => {
                    settled.messages.extend(done.messages);
                    done.fault
                }
                Ok(None) => None,
                Err(fault) => Some(fault),
            };
            if settled.fault.is_none() {
                break;
            }
        }
        settled
    }

    /// The messages that a commit leased for us, and the item. A lease that is gone, or has run out, is left alone.
    async fn leased(
        &self,
        device: &Name,
        leases: &[&Lease],
        now: Time,
    ) -> Result<(Vec<LeasedMessage>, Option<Stored>), Fault> {
        let wanted: BTreeMap<Id, Time> =
            leases.iter().flat_map(|lease| lease.messages.iter().map(|message| (*message, lease.until))).collect();
        let ids: Vec<Id> = wanted.keys().copied().collect();
        let Some((stored, mut prepared)) = self.world.store().load_prepared(device, &ids).await? else {
            return Ok((Vec::new(), None));
        };
        let messages = wanted.into_iter().filter(|(_, until)| now + LEAST_LEFT <= *until);
        let messages = messages.filter_map(|(message, until)| {
            let entry =
                stored.item.outbox.get(message).filter(|entry| entry.is_leased() && entry.due() == Some(until))?;
            let prepared = prepared.remove(&message)?;
            Some(LeasedMessage { notification: entry.notification.clone(), prepared })
        });
        let messages = messages.collect();
        Ok((messages, Some(stored)))
    }
}
