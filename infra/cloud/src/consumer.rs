//! The consumer: records come in, by batches; what cannot be done now is named, so that the queue brings it again.

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

/// The most attempts at a transaction that fail because somebody else wrote the item meanwhile.
const MOST_CONFLICTS: usize = 5;

/// The most of these attempts that also lease new messages.
const MOST_WITH_NEW: usize = 2;

/// The most devices of a batch that are worked on at the same time.
const AT_ONCE: usize = 16;

/// The most messages of a device that are leased at the same time.
pub(crate) const AT_ONCE_PER_DEVICE: usize = 8;

/// How far ahead a sweep looks: a little more than the time to the next one.
const AHEAD: Millis = Millis::new(6 * 60_000);

/// A record of a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// By what the queue knows it.
    pub id: String,
    /// What it says.
    pub body: String,
    /// How often it was received, this time counted.
    pub receives: u32,
}

/// Applies records, by one set of rules. There is one for the life of a process.
#[derive(Debug)]
pub struct Consumer<W> {
    pub(crate) world: W,
    pub(crate) engine: Engine,
    pub(crate) templates: Templates,
    config: Config,
}

/// A record with its event.
pub(crate) struct Received<'r> {
    pub record: &'r Record,
    pub event: Event,
}

/// How a transaction on a device item is made.
#[derive(Clone, Copy)]
pub(crate) struct Options<'a> {
    /// It may have been made before, and what followed from it was lost.
    pub again: bool,
    /// What the registry has of the device, where that is new.
    pub registered: Option<&'a Registration>,
    /// The messages that are leased.
    pub leases: Leases,
}

/// What a transaction led to.
pub(crate) struct Done {
    /// The messages that the caller has to send.
    pub messages: Vec<LeasedMessage>,
    /// The commit was made, and what followed from it was not done.
    pub fault: Option<Fault>,
}

impl<W: World> Consumer<W> {
    /// A consumer with the rules of `rulebook`.
    pub fn new(world: W, config: Config, rulebook: Rulebook) -> Self {
        let Rulebook { engine, templates, .. } = rulebook;
        Consumer { world, engine: engine.running(Runs::Cloud), templates, config }
    }

    /// The world around it.
    pub fn world(&self) -> &W {
        &self.world
    }

    /// Applies a batch of records. Returns the ids of those that have to come again.
    pub async fn handle(&self, records: &[Record]) -> Vec<String> {
        let mut failed = Vec::new();
        let mut devices: BTreeMap<Name, Vec<Received<'_>>> = BTreeMap::new();
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
                    devices.entry(device).or_default().push(Received { record, event });
                }
                Err(error) => failed.extend(self.dead_letter(record, &error.to_string()).await),
            }
        }
        let work = devices.into_iter().map(|(device, received)| self.device(device, received));
        let mut done = stream::iter(work).buffer_unordered(AT_ONCE);
        while let Some(more) = done.next().await {
            failed.extend(more);
        }
        failed
    }

    /// What one batch brings of one device: first what happened, then what is to be sent.
    async fn device(&self, device: Name, received: Vec<Received<'_>>) -> Vec<String> {
        let (deliver, happened): (Vec<_>, Vec<_>) =
            received.into_iter().partition(|received| matches!(received.event, Event::Deliver { .. }));
        let mut failed = Vec::new();
        for (received, done) in
            [(&happened, self.apply(&device, &happened).await), (&deliver, self.deliver(&device, &deliver).await)]
        {
            match done {
                Ok(more) => failed.extend(more),
                Err(fault) => {
                    tracing::error!(%device, %fault, records = received.len(), "the records come again");
                    failed.extend(received.iter().map(|received| received.record.id.clone()));
                }
            }
        }
        failed
    }

    async fn apply(&self, device: &Name, received: &[Received<'_>]) -> Result<Vec<String>, Fault> {
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
        let registered = match received.iter().any(|received| matches!(received.event, Event::Registered { .. })) {
            true => self.world.store().registration(device).await?,
            false => None,
        };
        let again = received.iter().any(|received| received.record.receives > 1);
        let options = Options { again, registered: registered.as_ref(), leases: Leases::New };
        let mut known = None;
        let done = self.transact(device, options, &mut known, |transaction| {
            refused.clear();
            for received in received {
                if let Err(reason) = transaction.apply(&received.event) {
                    refused.push((received.record, reason));
                }
            }
        });
        match done.await? {
            Some(done) => self.send(device, done, Leases::New, &mut known).await?,
            None => {
                // The broker tells of everybody's connections, those of other clients of the account too.
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

    /// Runs a transaction on the item of a device until nobody else wrote it meanwhile, leases what is due in it, and does
    /// what follows from it.
    ///
    /// Returns `None` where there is no such device, and none is registered now. `known` is the item as this wrote it last,
    /// which saves reading it: if another wrote it since, the commit says so.
    pub(crate) async fn transact(
        &self,
        device: &Name,
        options: Options<'_>,
        known: &mut Option<Stored>,
        mut work: impl FnMut(&mut DeviceTransaction<'_>),
    ) -> Result<Option<Done>, Fault> {
        let Options { again, registered, leases } = options;
        let (mut conflicts, mut suppressed) = (0, Vec::<(String, Failure)>::new());
        while conflicts < MOST_CONFLICTS && suppressed.len() <= AT_ONCE_PER_DEVICE {
            let stored = match known.take() {
                Some(stored) => Some(stored),
                None => self.stored(device, registered).await?,
            };
            let Some(stored) = stored else { return Ok(None) };
            let mut transaction = DeviceTransaction::new(&self.engine, stored, self.world.now());
            if let Some(registration) = registered {
                transaction.register(registration);
            }
            transaction.update_device(self.configured(device));
            work(&mut transaction);
            // The rows of addresses are in the transaction of a lease. An address that many devices tell at once must not
            // keep an event from being written.
            let leases = if leases == Leases::New && conflicts >= MOST_WITH_NEW { Leases::None } else { leases };
            let leased = transaction.lease(leases, AT_ONCE_PER_DEVICE, &suppressed);
            // One record is enough, for whoever gets it sends all that is due.
            let deliver = transaction.first_due(AT_ONCE_PER_DEVICE).map(|message| Event::deliver(device, message));
            // What was done before a conflict may be what another one handed over, or lost.
            let tried_before = again || conflicts > 0 || !suppressed.is_empty();
            let (commit, after) = transaction.end(tried_before);
            let Some(mut commit) = commit else {
                let fault = self.hand_over(device, after, deliver).await.err();
                return Ok(Some(Done { messages: Vec::new(), fault }));
            };
            let messages = self.prepare(device, leased, &mut commit).await?;
            commit.unsuppressed = messages.iter().filter_map(|message| email(&message.notification).cloned()).collect();
            match self.world.store().commit(&commit).await {
                Ok(()) => {
                    *known = Some(commit.stored());
                    let fault = self.hand_over(device, after, deliver).await.err();
                    return Ok(Some(Done { messages, fault }));
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

    /// Fills in what the leased messages say. What is rendered now is written with the commit.
    async fn prepare(
        &self,
        device: &Name,
        leased: Vec<Entry>,
        commit: &mut Commit,
    ) -> Result<Vec<LeasedMessage>, Fault> {
        let mut messages = Vec::new();
        for entry in leased {
            let id = entry.notification.id;
            let known = match entry.attempts {
                0 | 1 => None,
                _ => self.world.store().prepared(device, id).await?,
            };
            let prepared = known.unwrap_or_else(|| {
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

    /// The item of a device; a new one where the table has none, and the configuration has the device or it is `registered`
    /// now.
    async fn stored(&self, device: &Name, registered: Option<&Registration>) -> Result<Option<Stored>, Fault> {
        if let Some(stored) = self.world.store().load(device).await? {
            return Ok(Some(stored));
        }
        let configured = self.configured(device);
        let device = match registered {
            Some(registration) => Some(registration.device(device, configured)),
            None => configured,
        };
        Ok(device.map(|device| Stored { item: DeviceItem::new(device), version: 0 }))
    }

    fn configured(&self, device: &Name) -> Option<Device> {
        self.config.device(Some(device)).ok()
    }

    /// Does what follows from a commit. `deliver` is the record for whoever sends the messages.
    async fn hand_over(&self, device: &Name, after: AfterCommit, deliver: Option<String>) -> Result<(), Fault> {
        let AfterCommit { timer, mut commands, rules } = after;
        if let Some(record) = deliver {
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
            // Most devices that are asked are not there. What is lost is sent again when they report.
            if let Err(fault) = self.world.devices().command(device, &command).await {
                // Nothing else shows that somebody took it on.
                if matches!(command, Command::Acknowledge { .. }) {
                    return Err(fault);
                }
                tracing::warn!(%device, %fault, "a command was not sent");
            }
        }
        Ok(())
    }

    /// Finds what is overdue, and what is due before the next sweep. A part of the index that cannot be read does not keep
    /// the others waiting.
    async fn sweep(&self) -> Result<(), Fault> {
        let now = self.world.now();
        let mut parts = stream::iter(0..SHARDS).map(|shard| self.sweep_part(shard, now)).buffer_unordered(AT_ONCE);
        let mut fault = None;
        while let Some(swept) = parts.next().await {
            fault = swept.err().or(fault);
        }
        fault.map_or(Ok(()), Err)
    }

    async fn sweep_part(&self, shard: u8, now: Time) -> Result<(), Fault> {
        let due = self.world.store().due(shard, now + AHEAD).await?;
        let waits = due.iter().filter(|due| due.armed.is_none_or(|armed| armed <= now || armed > due.at));
        let delay = |at: Time| if at > now { at.since(now).min(LONGEST_DELAY) } else { Millis::ZERO };
        let records: Vec<_> = waits.map(|due| (Event::timer(&due.device), delay(due.at))).collect();
        if records.is_empty() { Ok(()) } else { self.world.queues().events(records).await }
    }

    /// Makes a dead letter of a record that nothing can be made of. Where even that fails it comes again.
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
