//! One device item at work: events go in, and what has to be written, sent and asked comes out. Nothing here waits for
//! anything.

use std::collections::BTreeSet;

use dag_delivery::{Entry, Failure, Receipt, Settled, next_to_send};
use dag_engine::{
    Channel, Decision, Device, Engine, Id, Input, MessageRef, Millis, Name, Notification, Outcome, Reading, Report,
    Time, Value,
};
use dag_uplink::{Command, DeviceReport, PRESENCE};

use crate::{
    event::{Ask, Event, Feedback},
    incarnations::Standing,
    item::DeviceItem,
    presence::{Change, PresenceEvent},
    registry::Registration,
    world::{Commit, Stored},
};

/// The longest delay of a record.
pub const LONGEST_DELAY: Millis = Millis::new(900_000);

/// A timer message may come so much before its time: clocks differ, and queues count seconds. One that is about to come may
/// be the one that is here, and is sent again.
const EARLY: Millis = Millis::new(2_000);

/// So many askings are remembered, lest one that comes again tells people again.
const MOST_ASKS: usize = 16;

/// The same rules are sent to a device again after so long, if it still runs others.
const RULES_AGAIN: Millis = Millis::new(3_600_000);

/// A device item, taken out of the table to be worked on.
#[derive(Debug)]
pub struct Work<'a> {
    engine: &'a Engine,
    item: DeviceItem,
    version: u64,
    now: Time,
    changed: bool,
    decisions: Vec<Decision>,
    finished: Vec<Entry>,
    commands: Vec<Command>,
    rules: Option<Id>,
}

/// What has to be sent once the commit is made. Sending it twice does no harm.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HandOver {
    /// The message that is due for the longest time: others go with it.
    pub delivery: Option<Id>,
    /// The delay of a timer message.
    pub timer: Option<Millis>,
    /// For the device.
    pub commands: Vec<Command>,
    /// What names the rules that the device is to be sent.
    pub rules: Option<Id>,
}

impl<'a> Work<'a> {
    /// Begins at `now`.
    pub fn new(engine: &'a Engine, stored: Stored, now: Time) -> Self {
        let Stored { item, version } = stored;
        Work {
            engine,
            item,
            version,
            now,
            changed: version == 0,
            decisions: Vec::new(),
            finished: Vec::new(),
            commands: Vec::new(),
            rules: None,
        }
    }

    /// The item as it is now.
    pub fn item(&self) -> &DeviceItem {
        &self.item
    }

    /// Says what the configuration has of the device; what the registry has counts more.
    pub fn introduce(&mut self, configured: Option<Device>) {
        let device = match &self.item.registered {
            Some(registered) => Some(registered.device(self.item.id(), configured)),
            None => configured,
        };
        if let Some(device) = device
            && device != *self.item.state.device()
        {
            self.step(Input::Account(device));
        }
    }

    /// Takes over what the registry has of the device. The device is sent the rules that it should run, even if that was
    /// done before: somebody wants it now.
    pub fn register(&mut self, registration: &Registration) {
        if self.item.registered.as_ref() != Some(registration) {
            self.item.registered = Some(registration.clone());
            self.changed = true;
        }
        self.item.rules_sent = None;
        self.item.refused = None;
        self.offer_rules();
    }

    /// Takes an event over.
    ///
    /// # Errors
    /// Why nothing can be made of it. Then nothing was changed.
    pub fn take(&mut self, event: &Event) -> Result<(), String> {
        match event {
            Event::Report { device, received_at, payload } => {
                let report = DeviceReport::parse(payload).map_err(|error| error.to_string())?;
                if report.device != *device {
                    return Err(format!(
                        "the report says that it is of `{}`, and came on the topic of `{device}`",
                        report.device
                    ));
                }
                self.reported(report, *received_at);
                self.acknowledge_again();
            }
            Event::Presence(event) => {
                // What is still to come is not known to anybody, and would count for more than all that comes before it.
                let event = &PresenceEvent { timestamp: event.timestamp.min(self.now), ..event.clone() };
                match self.item.presence.event(event) {
                    Ok(change) => {
                        self.changed = true;
                        if let Some((change, at)) = change {
                            self.connection(change, at);
                        }
                    }
                    Err(stale) => {
                        tracing::info!(device = %event.client_id, ?stale, "a presence event says nothing new");
                    }
                }
                let gone = self.item.presence.state().is_some_and(|(connected, _)| !connected);
                if gone && event.event_type == Change::Disconnected {
                    // It may be there all the same, by another connection of which nothing was heard yet. Also when the
                    // event was known: it may have died with its host before the device was asked.
                    self.commands.push(Command::Report);
                }
            }
            Event::Timer { .. } => {
                if self.item.state.next_deadline().is_some_and(|deadline| deadline <= self.now) {
                    self.step(Input::Elapsed);
                }
            }
            Event::Asked { id, ask, .. } => self.asked(*id, ask.clone()),
            Event::Feedback(Feedback { message, text, .. }) => {
                tracing::warn!(message = %message.notification, recipient = %message.recipient, %text, "not delivered");
                self.step(Input::Failed { message: message.clone(), last: true });
            }
            // `register` has the first, `deliver.rs` the second.
            Event::Registered { .. } | Event::Deliver { .. } | Event::Sweep => {}
        }
        Ok(())
    }

    fn reported(&mut self, report: DeviceReport, received_at: Time) {
        let heard = self.item.heard;
        let met = self.item.incarnations.meet(report.incarnation, heard.is_some());
        let message = (met.boot(report.boot), report.number);
        let stale = met.standing == Standing::Former || heard.is_some_and(|heard| message <= heard);
        if stale {
            // What it says of the device is old, its readings may still fill a gap.
            tracing::info!(device = %report.device, boot = message.0, number = message.1, "a report that was overtaken");
        } else {
            if met.standing == Standing::New {
                tracing::warn!(device = %report.device, "another store counts the device's boots: a new memory card?");
                // It has none of what the one before was sent.
                self.item.rules_sent = None;
            }
            self.item.heard = Some(message);
            self.item.rules = report.rules;
            self.item.refused.clone_from(&report.refused);
            self.item.edge_incidents.clone_from(&report.incidents);
            self.changed = true;
            self.offer_rules();
            let text = report.dropped.map(|dropped| {
                format!(
                    "the device had no room to keep {} readings for the cloud, of {} to {}",
                    dropped.readings, dropped.from, dropped.until
                )
            });
            let about = Name::new_static("uplink");
            if text.is_some() || self.item.state.troubles().any(|(cause, _)| cause.key() == "host/uplink") {
                self.step(Input::Trouble { about, text });
            }
        }
        for part in report.reports(received_at) {
            let boot = met.boot(part.boot);
            self.step(Input::Report(Report { boot, ..part }));
        }
        if !stale && let Some((change, at)) = self.item.presence.report(received_at) {
            self.connection(change, at);
        }
    }

    fn connection(&mut self, change: Change, at: Time) {
        let value = if change == Change::Connected { Value::Connected } else { Value::Disconnected };
        self.item.presence_readings += 1;
        let first = self.item.presence_readings;
        let (source, fact) = (Name::new_static(PRESENCE.0), Name::new_static(PRESENCE.1));
        let readings = vec![Reading { fact, value: Some(value), at }];
        self.step(Input::Report(Report { source, boot: 1, first, readings, ..Report::default() }));
    }

    /// Sends the device the rules that it should run, if it runs others and did not refuse them.
    fn offer_rules(&mut self) {
        let Some(hash) = self.item.registered.as_ref().and_then(|registered| registered.rules) else { return };
        let sent_lately =
            self.item.rules_sent.is_some_and(|(sent, at)| sent == hash && self.now.since(at) < RULES_AGAIN);
        let refused = self.item.refused.as_ref().is_some_and(|refused| refused.rules == hash);
        if self.item.rules != Some(hash) && !sent_lately && !refused {
            self.item.rules_sent = Some((hash, self.now));
            self.changed = true;
            self.rules = Some(hash);
        }
    }

    /// Tells the device again who took its incidents on, as long as it does not say so itself.
    fn acknowledge_again(&mut self) {
        let DeviceItem { edge_incidents, edge_acknowledged, .. } = &mut self.item;
        let open = |id: &Id| edge_incidents.iter().any(|edge| edge.id == *id && edge.acknowledged_by.is_none());
        let before = edge_acknowledged.len();
        edge_acknowledged.retain(|incident, _| open(incident));
        self.changed |= edge_acknowledged.len() != before;
        let again = edge_acknowledged.iter();
        self.commands.extend(again.map(|(incident, by)| Command::Acknowledge { incident: *incident, by: by.clone() }));
    }

    fn asked(&mut self, id: Id, ask: Ask) {
        let edge = |incident: &Id| self.item.edge_incidents.iter().any(|edge| edge.id == *incident);
        if let Ask::Acknowledge { incident, by } = &ask
            && edge(incident)
        {
            self.commands.push(Command::Acknowledge { incident: *incident, by: by.clone() });
            self.changed |= self.item.edge_acknowledged.insert(*incident, by.clone()).as_ref() != Some(by);
            return;
        }
        if self.item.asks.contains(&id) {
            return;
        }
        if self.item.asks.len() >= MOST_ASKS {
            self.item.asks.remove(0);
        }
        self.item.asks.push(id);
        self.changed = true;
        match ask {
            Ask::Acknowledge { incident, by } => self.step(Input::Acknowledge { incident, by }),
            Ask::Snooze { incident, until, by } => self.step(Input::Snooze { incident, until, by }),
            Ask::Silence(silence) => self.step(Input::Silence(silence)),
        }
    }

    /// Has the engine take an input over, and the outbox follow what was decided.
    pub fn step(&mut self, input: Input) {
        let before = self.item.state.clone();
        let decisions = self.engine.step(&mut self.item.state, input, self.now);
        self.changed |= !decisions.is_empty() || !before.same_but_for_now(&self.item.state);
        for decision in &decisions {
            match &decision.outcome {
                Outcome::Notify(notification) => {
                    self.item.last_sequence += 1;
                    let entry = Entry::new((**notification).clone(), self.item.last_sequence, self.now);
                    self.item.outbox.insert(notification.id, entry);
                }
                Outcome::Withdrawn { notification, reason } => {
                    if let Some(entry) = self.item.outbox.get_mut(notification)
                        && entry.withdraw(*reason, self.now)
                    {
                        self.finish(*notification);
                    }
                }
                _ => {}
            }
        }
        self.decisions.extend(decisions);
    }

    /// An entry that has come to its end leaves the outbox for the log.
    fn finish(&mut self, message: Id) {
        if let Some(mut entry) = self.item.outbox.remove(&message) {
            entry.prepared = None;
            self.finished.push(entry);
        }
    }

    /// The messages that are due and free to go, leased: at most one for each channel, and `most` in all.
    pub fn lease(&mut self, most: usize) -> Vec<Entry> {
        let mut channels: BTreeSet<(Name, Channel)> = BTreeSet::new();
        let key = |entry: &Entry| (entry.notification.recipient.clone(), entry.notification.channel());
        // A receiver gets one message at a time.
        let busy = self.item.outbox.values().filter(|entry| entry.due().is_some_and(|due| due > self.now));
        channels.extend(busy.filter(|entry| entry.is_leased()).map(key));
        let due = next_to_send(self.item.outbox.values(), self.now);
        let due: Vec<Id> = due
            .into_iter()
            .filter(|entry| channels.insert(key(entry)))
            .map(|entry| entry.notification.id)
            .take(most)
            .collect();
        let mut leased = Vec::new();
        for id in due {
            let now = self.now;
            if let Some(entry) = self.item.outbox.get_mut(&id)
                && entry.lease(now)
            {
                leased.push(entry.clone());
                self.changed = true;
            }
        }
        for entry in &leased {
            self.step(Input::Attempted(entry.notification.reference()));
        }
        leased
    }

    /// Notes what became of an attempt. Answers what that means for the message.
    pub fn settle(&mut self, message: Id, result: Result<&Receipt, &Failure>) -> Settled {
        let Some(entry) = self.item.outbox.get_mut(&message) else { return Settled::Over };
        let settled = entry.settle(result, self.now);
        let reference: MessageRef = entry.notification.reference();
        let over = entry.is_over();
        if over {
            self.finish(message);
        }
        self.changed = true;
        match settled {
            Settled::Delivered => self.step(Input::Delivered(reference)),
            Settled::Retry { .. } => self.step(Input::Failed { message: reference, last: false }),
            Settled::Undelivered => self.step(Input::Failed { message: reference, last: true }),
            Settled::Over => {}
        }
        settled
    }

    /// What has to be written, if anything changed, and what has to be sent then. `again` says that this may have been
    /// done before and got lost on the way.
    pub fn end(mut self, again: bool) -> (Option<Commit>, HandOver) {
        // One record is enough, for whoever has it sends all that is due, and each that is sent hands the next over. One for
        // each message would be as many for each message again.
        let due = next_to_send(self.item.outbox.values(), self.now);
        let delivery = due.first().map(|entry| entry.notification.id);
        let timer = self.arm(again);
        let hand_over = HandOver { delivery, timer, commands: self.commands, rules: self.rules };
        let commit = self.changed.then(|| Commit {
            version: self.version,
            at: self.now,
            decisions: self.decisions,
            prepared: Vec::new(),
            finished: self.finished,
            unmarked: Vec::new(),
            item: self.item,
        });
        (commit, hand_over)
    }

    /// The delay of the next timer message, if one has to be sent.
    fn arm(&mut self, again: bool) -> Option<Millis> {
        let now = self.now;
        // What is due at once is handed over; what will be needs a timer. The end of a lease matters only where its host died:
        // then the record comes again, and whoever finds the lease waits for its end.
        let waiting = self.item.outbox.values().filter(|entry| again || !entry.is_leased());
        let messages = waiting.filter_map(Entry::due).filter(|due| *due > now);
        let next = messages.chain(self.item.state.next_deadline()).min()?;
        let delay = if next > now { next.since(now) } else { Millis::ZERO };
        let armed = self.item.armed.is_some_and(|armed| armed > now + EARLY && armed <= next);
        if delay > LONGEST_DELAY || (armed && !again) {
            return None;
        }
        if self.item.armed != Some(next) {
            self.item.armed = Some(next);
            self.changed = true;
        }
        Some(delay)
    }
}

/// The mail addresses among notifications.
pub fn addresses<'n>(notifications: impl Iterator<Item = &'n Notification>) -> Vec<String> {
    let addresses = notifications.filter_map(|notification| match &notification.address {
        dag_engine::Address::Email(address) => Some(address.clone()),
        dag_engine::Address::Webhook { .. } => None,
    });
    addresses.collect::<BTreeSet<_>>().into_iter().collect()
}
