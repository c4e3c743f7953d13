//! Sends the messages of a device, and settles each attempt.

use dag_delivery::{Failure, LeasedMessage, Receipt};
use dag_engine::{Id, Millis, Name};
use futures::{StreamExt as _, stream::FuturesUnordered};

use crate::{
    consumer::{Consumer, ReceivedEvent, TransactionOptions, TransactionResult},
    device_transaction::Leases,
    world::{Fault, Messenger as _, Stored, World},
};

/// The most attempts at settling a message while the table fails.
const MOST_SETTLE_ATTEMPTS: u32 = 3;

/// How long a batch goes on with what becomes due while it sends: 5 s of the 30 s that the function has. One attempt
/// may take 12 s.
const LONGEST_SENDING: Millis = Millis::new(5_000);

impl<W: World> Consumer<W> {
    /// Sends what is due of a device. It matters little which messages the records name: one that is not due is not
    /// sent, and one that is due goes with those that are named.
    pub(crate) async fn deliver(&self, device: &Name, received: &[ReceivedEvent<'_>]) -> Result<Vec<String>, Fault> {
        if received.is_empty() {
            return Ok(Vec::new());
        }
        let again = received.iter().any(|received| received.record.receives > 1);
        let options = TransactionOptions { again, registration: None, leases: Leases::All };
        let mut known = None;
        if let Some(done) = self.transact(device, options, &mut known, |_| {}).await? {
            self.send(device, done, Leases::All, &mut known).await?;
        }
        Ok(Vec::new())
    }

    /// Sends the messages that a transaction leased, and those that become due meanwhile. `known` is the item after
    /// that transaction.
    ///
    /// # Errors
    /// Something that followed from a commit was not done. Every message that is leased was sent all the same.
    pub(crate) async fn send(
        &self,
        device: &Name,
        done: TransactionResult,
        leases: Leases,
        known: &mut Option<Stored>,
    ) -> Result<(), Fault> {
        let (TransactionResult { messages, mut fault }, began) = (done, self.world.now());
        let attempt = |message: LeasedMessage| self.attempt(device, message);
        let mut attempts: FuturesUnordered<_> = messages.into_iter().map(attempt).collect();
        // Settled as they come in, and one after the other: they would only be in each other's way.
        while let Some((message, result)) = attempts.next().await {
            let goes_on = self.world.now().since(began) < LONGEST_SENDING;
            let leases = if goes_on { leases } else { Leases::None };
            let done = self.settle(device, message, &result, leases, known).await;
            attempts.extend(done.messages.into_iter().map(attempt));
            fault = done.fault.or(fault);
        }
        fault.map_or(Ok(()), Err)
    }

    async fn attempt(&self, device: &Name, message: LeasedMessage) -> (Id, Result<Receipt, Failure>) {
        let LeasedMessage { notification, prepared } = message;
        let result = self.world.messenger().send(&notification, &prepared, self.world.now()).await;
        match &result {
            Ok(receipt) => {
                tracing::info!(%device, notification = %notification.id, answer = receipt.answer, "delivered")
            }
            Err(error) => tracing::warn!(%device, notification = %notification.id, %error, "not delivered"),
        }
        (notification.id, result)
    }

    /// Settles a message. One that is not settled is sent again under the same id when its lease has run out, so a
    /// table that refuses once is asked again.
    async fn settle(
        &self,
        device: &Name,
        message: Id,
        result: &Result<Receipt, Failure>,
        leases: Leases,
        known: &mut Option<Stored>,
    ) -> TransactionResult {
        let mut settled = TransactionResult { messages: Vec::new(), fault: None };
        for attempt in 0..MOST_SETTLE_ATTEMPTS {
            let options = TransactionOptions { again: attempt > 0, registration: None, leases };
            let transaction = self.transact(device, options, known, |transaction| {
                transaction.settle(message, result.as_ref());
            });
            settled.fault = match transaction.await {
                Ok(Some(result)) => {
                    settled.messages.extend(result.messages);
                    result.fault
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
}
