//! The consumer: applies batches of records. It returns the ids of those that failed, so that the queue delivers them
//! again.

use std::collections::BTreeMap;

use dag_config::Config;
use dag_delivery::{Entry, Failure, LeasedMessage, Templates};
use dag_engine::{Device, Engine, Millis, Name, Runs, Time};
use dag_rulebook::Rulebook;
use dag_uplink::Command;
use futures::{StreamExt as _, stream};

use crate::{
    device_transaction::{AfterCommit, DeviceTransaction, LONGEST_DELAY, Leases, email},
    event::Event,
    item::DeviceItem,
    registry::Registration,
    world::{Commit, CommitError, Devices as _, Fault, Queues as _, SHARDS, Store as _, Stored, Suppression, World},
};

/// The most attempts at a transaction. Each fails because another writer changed the item meanwhile.
const MOST_CONFLICTS: usize = 5;

/// The most of these attempts that also lease new messages.
const MOST_WITH_NEW: usize = 2;

/// The most devices of a batch that are worked on at the same time.
const AT_ONCE: usize = 16;

/// The most messages of a device that are leased at the same time. Their attempts share one process.
const MOST_LEASED: usize = 8;

/// The time that a sweep looks ahead: a little more than the five minutes to the next one.
const AHEAD: Millis = Millis::new(6 * 60_000);

/// A record of a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The id by which the queue knows it.
    pub id: String,
    /// The content.
    pub body: String,
    /// The number of times that it was received, this time included.
    pub receives: u32,
}

/// Applies records by one set of rules. A process has one consumer for its whole life.
#[derive(Debug)]
pub struct Consumer<W> {
    pub(crate) world: W,
    pub(crate) engine: Engine,
    pub(crate) templates: Templates,
    config: Config,
}

/// A record with its event.
pub(crate) struct ReceivedEvent<'r> {
    pub record: &'r Record,
    pub event: Event,
}

/// The options of a transaction on a device item.
#[derive(Clone, Copy)]
pub(crate) struct TransactionOptions<'a> {
    /// The transaction may have been made before, and the work after its commit was lost.
    pub again: bool,
    /// What the registry has of the device, where that is new.
    pub registration: Option<&'a Registration>,
    /// The messages that are leased.
    pub leases: Leases,
}

/// The result of a transaction whose commit was made, or that changed nothing.
pub(crate) struct TransactionResult {
    /// The messages that the caller has to send.
    pub messages: Vec<LeasedMessage>,
    /// The fault that prevented a part of the work after the commit.
    pub fault: Option<Fault>,
}

impl<W: World> Consumer<W> {
    /// Returns a consumer with the rules of `rulebook`.
    pub fn new(world: W, config: Config, rulebook: Rulebook) -> Self {
        let Rulebook { engine, templates, .. } = rulebook;
        Consumer { world, engine: engine.running(Runs::Cloud), templates, config }
    }

    /// Returns the services around the consumer.
    pub fn world(&self) -> &W {
        &self.world
    }

    /// Applies a batch of records. Returns the ids of those that the queue has to deliver again.
    pub async fn handle(&self, records: &[Record]) -> Vec<String> {
        let mut failed = Vec::new();
        let mut devices: BTreeMap<Name, Vec<ReceivedEvent<'_>>> = BTreeMap::new();
        for record in records {
            match Event::parse(&record.body) {
                Ok(Event::Sweep) => {
                    if let Err(fault) = self.sweep().await {
                        tracing::error!(%fault, "the sweep is done again");
                        failed.push(record.id.clone());
                    }
                }
                Ok(event) => {
                    let device = event.device().cloned().unwrap_or_default();
                    devices.entry(device).or_default().push(ReceivedEvent { record, event });
                }
                Err(error) => failed.extend(self.dead_letter(record, &error.to_string()).await),
            }
        }
        let work = devices.into_iter().map(|(device, received)| self.handle_device(device, received));
        let mut results = stream::iter(work).buffer_unordered(AT_ONCE);
        while let Some(more) = results.next().await {
            failed.extend(more);
        }
        failed
    }

    /// Applies the records of one device. Deliveries come last, so that they see the effect of the other events.
    async fn handle_device(&self, device: Name, received: Vec<ReceivedEvent<'_>>) -> Vec<String> {
        let (deliveries, events): (Vec<_>, Vec<_>) =
            received.into_iter().partition(|received| matches!(received.event, Event::Deliver { .. }));
        let mut failed = Vec::new();
        for (received, result) in
            [(&events, self.apply(&device, &events).await), (&deliveries, self.deliver(&device, &deliveries).await)]
        {
            match result {
                Ok(more) => failed.extend(more),
                Err(fault) => {
                    tracing::error!(%device, %fault, records = received.len(), "the records come again");
                    failed.extend(received.iter().map(|received| received.record.id.clone()));
                }
            }
        }
        failed
    }

    async fn apply(&self, device: &Name, received: &[ReceivedEvent<'_>]) -> Result<Vec<String>, Fault> {
        if received.is_empty() {
            return Ok(Vec::new());
        }
        for received in received {
            if let Event::Feedback(feedback) = &received.event {
                let suppression = Suppression { at: self.world.now(), text: feedback.text.clone() };
                for address in &feedback.addresses {
                    self.world.store().suppress(address, &suppression).await?;
                }
            }
        }
        let mut refused: Vec<(&Record, String)> = Vec::new();
        let registration = match received.iter().any(|received| matches!(received.event, Event::Registered { .. })) {
            true => self.world.store().registration(device).await?,
            false => None,
        };
        let again = received.iter().any(|received| received.record.receives > 1);
        let options = TransactionOptions { again, registration: registration.as_ref(), leases: Leases::New };
        let mut known = None;
        let result = self.transact(device, options, &mut known, |transaction| {
            refused.clear();
            for received in received {
                if let Err(reason) = transaction.apply(&received.event) {
                    refused.push((received.record, reason));
                }
            }
        });
        match result.await? {
            Some(result) => self.send(device, result, Leases::New, &mut known).await?,
            None => {
                // The broker reports the connections of all clients of the account.
                let (others, unknown): (Vec<_>, Vec<_>) =
                    received.iter().partition(|received| matches!(received.event, Event::Presence(_)));
                if !others.is_empty() {
                    tracing::info!(%device, events = others.len(), "is no device here: its connection is left alone");
                }
                let reason = format!("no device `{device}` is known here");
                refused = unknown.into_iter().map(|received| (received.record, reason.clone())).collect();
            }
        }
        let mut failed = Vec::new();
        for (record, reason) in refused {
            failed.extend(self.dead_letter(record, &reason).await);
        }
        Ok(failed)
    }

    /// Runs a transaction on the item of a device, leases the messages that are due, commits, and does the work after
    /// the commit. After a conflict with another writer it starts anew.
    ///
    /// Returns `None` if there is no such device, and none is registered now. `known` is the item as this process wrote
    /// it last, which saves a read. A conflict shows whether another writer changed it since.
    pub(crate) async fn transact(
        &self,
        device: &Name,
        options: TransactionOptions<'_>,
        known: &mut Option<Stored>,
        mut work: impl FnMut(&mut DeviceTransaction<'_>),
    ) -> Result<Option<TransactionResult>, Fault> {
        let TransactionOptions { again, registration, leases } = options;
        let (mut conflicts, mut suppressed) = (0, Vec::<(String, Failure)>::new());
        while conflicts < MOST_CONFLICTS && suppressed.len() <= MOST_LEASED {
            let stored = match known.take() {
                Some(stored) => Some(stored),
                None => self.load_or_create(device, registration).await?,
            };
            let Some(stored) = stored else { return Ok(None) };
            let mut transaction = DeviceTransaction::new(&self.engine, stored, self.world.now());
            if let Some(registration) = registration {
                transaction.register(registration);
            }
            transaction.update_device(self.configured_device(device));
            work(&mut transaction);
            // The rows of addresses are in the transaction of a lease. An address that many devices tell at once must
            // not keep an event from being written.
            let leases = if leases == Leases::New && conflicts >= MOST_WITH_NEW { Leases::None } else { leases };
            let leased = transaction.lease(leases, MOST_LEASED, &suppressed);
            // One record is enough, for whoever gets it sends all that is due.
            let deliver = transaction.first_due(MOST_LEASED).map(|message| Event::deliver(device, message));
            // What was done before a conflict may be what another one handed over, or lost.
            let tried_before = again || conflicts > 0 || !suppressed.is_empty();
            let (commit, after) = transaction.end(tried_before);
            let Some(mut commit) = commit else {
                let fault = self.finish_commit(device, after, deliver).await.err();
                return Ok(Some(TransactionResult { messages: Vec::new(), fault }));
            };
            let messages = self.prepare(device, leased, &mut commit).await?;
            commit.unsuppressed = messages.iter().filter_map(|message| email(&message.notification).cloned()).collect();
            match self.world.store().commit(&commit).await {
                Ok(()) => {
                    *known = Some(commit.stored());
                    let fault = self.finish_commit(device, after, deliver).await.err();
                    return Ok(Some(TransactionResult { messages, fault }));
                }
                Err(CommitError::Conflict) => conflicts += 1,
                Err(CommitError::Suppressed { address, suppression }) => {
                    let error = format!("{address} is not written to since {}: {}", suppression.at, suppression.text);
                    suppressed.push((address, Failure::Permanent { error }));
                }
                Err(CommitError::Fault(fault)) => return Err(fault),
            }
        }
        let error = format!("{conflicts} others wrote it first, {} addresses are suppressed", suppressed.len());
        Err(Fault { what: "writing the item", error })
    }

    /// Returns the leased messages with their content. Content that is rendered now is added to the commit.
    async fn prepare(
        &self,
        device: &Name,
        leased: Vec<Entry>,
        commit: &mut Commit,
    ) -> Result<Vec<LeasedMessage>, Fault> {
        let mut messages = Vec::new();
        for entry in leased {
            let id = entry.notification.id;
            let stored = match entry.is_first_attempt() {
                true => None,
                false => self.world.store().prepared(device, id).await?,
            };
            let prepared = stored.unwrap_or_else(|| {
                let (prepared, problems) = self.templates.prepare(&entry.notification);
                for problem in problems {
                    tracing::error!(%problem, "a template failed: the message goes out in the built-in words");
                }
                commit.prepared.push((id, prepared.clone()));
                prepared
            });
            messages.push(LeasedMessage { notification: entry.notification, prepared });
        }
        Ok(messages)
    }

    /// Returns the item of a device. If the table has none, returns a new one for a device that has a `registration` or
    /// is in the configuration.
    async fn load_or_create(
        &self,
        device: &Name,
        registration: Option<&Registration>,
    ) -> Result<Option<Stored>, Fault> {
        if let Some(stored) = self.world.store().load(device).await? {
            return Ok(Some(stored));
        }
        let configured = self.configured_device(device);
        let device = match registration {
            Some(registration) => Some(registration.device(device, configured)),
            None => configured,
        };
        Ok(device.map(|device| Stored { item: DeviceItem::new(device), version: 0 }))
    }

    fn configured_device(&self, device: &Name) -> Option<Device> {
        self.config.device(Some(device)).ok()
    }

    /// Does the work after a commit. `delivery` is the record for the queue `deliveries`.
    async fn finish_commit(&self, device: &Name, after: AfterCommit, delivery: Option<String>) -> Result<(), Fault> {
        let AfterCommit { timer, mut commands, rules } = after;
        if let Some(record) = delivery {
            self.world.queues().deliveries(vec![record]).await?;
        }
        if let Some(delay) = timer {
            self.world.queues().events(vec![(Event::timer(device), delay)]).await?;
        }
        if let Some(hash) = rules {
            match self.world.store().rules(hash).await {
                Ok(Some(signed)) => commands.push(Command::Rules(signed)),
                Ok(None) => {
                    tracing::error!(%device, rules = %hash, "the rules that it should run are not in the table")
                }
                Err(fault) => tracing::warn!(%device, %fault, "the rules that it should run are sent later"),
            }
        }
        for command in commands {
            // Most commands to report go to devices that are absent. Lost rules are sent again when a device reports.
            if let Err(fault) = self.world.devices().command(device, &command).await {
                // An acknowledgement must not be lost without a trace.
                if matches!(command, Command::Acknowledge { .. }) {
                    return Err(fault);
                }
                tracing::warn!(%device, %fault, "a command was not sent");
            }
        }
        Ok(())
    }

    /// Sends timer messages for the devices that are overdue, and for those that are due before the next sweep. A shard
    /// that cannot be read does not stop the others.
    async fn sweep(&self) -> Result<(), Fault> {
        let now = self.world.now();
        let mut results = stream::iter(0..SHARDS).map(|shard| self.sweep_shard(shard, now)).buffer_unordered(AT_ONCE);
        let mut fault = None;
        while let Some(result) = results.next().await {
            fault = result.err().or(fault);
        }
        fault.map_or(Ok(()), Err)
    }

    async fn sweep_shard(&self, shard: u8, now: Time) -> Result<(), Fault> {
        let due = self.world.store().due(shard, now + AHEAD).await?;
        let waits = due.iter().filter(|due| due.armed.is_none_or(|armed| armed <= now || armed > due.at));
        let delay = |at: Time| if at > now { at.since(now).min(LONGEST_DELAY) } else { Millis::ZERO };
        let records: Vec<_> = waits.map(|due| (Event::timer(&due.device), delay(due.at))).collect();
        if records.is_empty() { Ok(()) } else { self.world.queues().events(records).await }
    }

    /// Moves an invalid record to the dead-letter queue. Returns its id if even that fails, so that it comes again.
    async fn dead_letter(&self, record: &Record, reason: &str) -> Option<String> {
        tracing::warn!(record = %record.id, %reason, "put aside");
        match self.world.queues().dead_letter(&record.body, reason).await {
            Ok(()) => None,
            Err(fault) => {
                tracing::error!(record = %record.id, %fault, "cannot be put aside: it comes again");
                Some(record.id.clone())
            }
        }
    }
}
