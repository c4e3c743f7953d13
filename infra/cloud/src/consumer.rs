//! The consumer: records come in, by batches; what cannot be done now is named, so that the queue brings it again.

use std::collections::BTreeMap;

use dag_config::Config;
use dag_delivery::Templates;
use dag_engine::{Device, Engine, Millis, Name, Runs, Time};
use dag_rulebook::Rulebook;
use dag_uplink::Command;
use futures::{StreamExt as _, stream};

use crate::{
    event::Event,
    item::DeviceItem,
    registry::Registration,
    work::{HandOver, LONGEST_DELAY, Work},
    world::{Commit, CommitError, Devices as _, Fault, Queues as _, SHARDS, Store as _, Stored, World},
};

/// How often a step is done again because somebody else wrote the item meanwhile.
const MOST_CONFLICTS: usize = 5;

/// So many devices of a batch are worked on at the same time.
const AT_ONCE: usize = 16;

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

/// Takes records over, with one set of rules. One for the life of a process.
#[derive(Debug)]
pub struct Consumer<W> {
    pub(crate) world: W,
    pub(crate) engine: Engine,
    pub(crate) templates: Templates,
    config: Config,
}

/// What is needed to answer for a record.
pub(crate) struct Taken<'r> {
    pub record: &'r Record,
    pub event: Event,
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

    /// Takes a batch over. Answers the ids of the records that have to come again.
    pub async fn handle(&self, records: &[Record]) -> Vec<String> {
        let mut failed = Vec::new();
        let mut devices: BTreeMap<Name, Vec<Taken<'_>>> = BTreeMap::new();
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
                    devices.entry(device).or_default().push(Taken { record, event });
                }
                Err(error) => failed.extend(self.bury(record, &error.to_string()).await),
            }
        }
        let work = devices.into_iter().map(|(device, taken)| self.device(device, taken));
        let mut done = stream::iter(work).buffer_unordered(AT_ONCE);
        while let Some(more) = done.next().await {
            failed.extend(more);
        }
        failed
    }

    /// What one batch brings of one device: first what happened, then what is to be sent.
    async fn device(&self, device: Name, taken: Vec<Taken<'_>>) -> Vec<String> {
        let (deliver, happened): (Vec<_>, Vec<_>) =
            taken.into_iter().partition(|taken| matches!(taken.event, Event::Deliver { .. }));
        let mut failed = Vec::new();
        for (taken, done) in
            [(&happened, self.happened(&device, &happened).await), (&deliver, self.deliver(&device, &deliver).await)]
        {
            match done {
                Ok(more) => failed.extend(more),
                Err(fault) => {
                    tracing::error!(%device, %fault, records = taken.len(), "the records come again");
                    failed.extend(taken.iter().map(|taken| taken.record.id.clone()));
                }
            }
        }
        failed
    }

    async fn happened(&self, device: &Name, taken: &[Taken<'_>]) -> Result<Vec<String>, Fault> {
        if taken.is_empty() {
            return Ok(Vec::new());
        }
        for taken in taken {
            if let Event::Feedback(feedback) = &taken.event {
                let suppression = crate::world::Suppression { at: self.world.now(), text: feedback.text.clone() };
                for address in &feedback.addresses {
                    self.world.store().suppress(address, &suppression).await?;
                }
            }
        }
        let again = taken.iter().any(|taken| taken.record.receives > 1);
        let mut refused: Vec<(&Record, String)> = Vec::new();
        let registered = match taken.iter().any(|taken| matches!(taken.event, Event::Registered { .. })) {
            true => self.world.store().registration(device).await?,
            false => None,
        };
        let mut unknown = None;
        let done = self.redo(device, again, registered.as_ref(), &mut unknown, |work| {
            refused.clear();
            for taken in taken {
                if let Err(reason) = work.take(&taken.event) {
                    refused.push((taken.record, reason));
                }
            }
        });
        if done.await?.is_none() {
            // The broker tells of everybody's connections, those of other clients of the account too.
            let (others, unknown): (Vec<_>, Vec<_>) =
                taken.iter().partition(|taken| matches!(taken.event, Event::Presence(_)));
            if !others.is_empty() {
                tracing::info!(%device, events = others.len(), "is no device here, and its connection is its own affair");
            }
            let reason = format!("no device `{device}` is known here");
            refused = unknown.into_iter().map(|taken| (taken.record, reason.clone())).collect();
        }
        let mut failed = Vec::new();
        for (record, reason) in refused {
            failed.extend(self.bury(record, &reason).await);
        }
        Ok(failed)
    }

    /// Does `work` on the item of a device until nobody else wrote it meanwhile; then hands over what has to be sent.
    /// `None` where there is no such device, and none is `registered` now. `known` is the item as this wrote it last, which
    /// saves reading it: if another wrote it since, the commit says so.
    pub(crate) async fn redo<T>(
        &self,
        device: &Name,
        again: bool,
        registered: Option<&Registration>,
        known: &mut Option<Stored>,
        mut work: impl FnMut(&mut Work<'_>) -> T,
    ) -> Result<Option<T>, Fault> {
        for attempt in 0..MOST_CONFLICTS {
            let now = self.world.now();
            let stored = match known.take() {
                Some(stored) => Some(stored),
                None => self.stored(device, registered).await?,
            };
            let Some(stored) = stored else { return Ok(None) };
            let mut working = Work::new(&self.engine, stored, now);
            if let Some(registration) = registered {
                working.register(registration);
            }
            working.introduce(self.configured(device));
            let result = work(&mut working);
            // What was done before a conflict may be what another one handed over, or lost.
            let (commit, hand_over) = working.end(again || attempt > 0);
            let committed = match &commit {
                Some(commit) => self.world.store().commit(commit).await,
                None => Ok(()),
            };
            match committed {
                Ok(()) => {
                    *known = commit.map(Commit::stored);
                    self.hand_over(device, hand_over).await?;
                    return Ok(Some(result));
                }
                Err(CommitError::Conflict) => {}
                Err(CommitError::Fault(fault)) => return Err(fault),
                Err(suppressed @ CommitError::Suppressed { .. }) => {
                    return Err(Fault { what: "writing the item", error: suppressed.to_string() });
                }
            }
        }
        Err(Fault { what: "writing the item", error: format!("{MOST_CONFLICTS} others wrote it first") })
    }

    /// The item of a device; a new one where the table has none, and the configuration has the device or it is `registered`
    /// now.
    pub(crate) async fn stored(
        &self,
        device: &Name,
        registered: Option<&Registration>,
    ) -> Result<Option<Stored>, Fault> {
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

    pub(crate) async fn hand_over(&self, device: &Name, hand_over: HandOver) -> Result<(), Fault> {
        let HandOver { delivery, timer, mut commands, rules } = hand_over;
        if let Some(message) = delivery {
            self.world.queues().deliveries(vec![Event::deliver(device, message)]).await?;
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

    /// Puts a record that nothing can be made of aside. Where even that fails it comes again.
    async fn bury(&self, record: &Record, reason: &str) -> Option<String> {
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
