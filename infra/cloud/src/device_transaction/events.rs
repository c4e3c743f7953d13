//! Events: what happened to the device, and what people ask for.

use dag_engine::{Id, Input, Millis, Name, Reading, Report, Time, Value};
use dag_uplink::{Command, DeviceReport, PRESENCE};

use super::DeviceTransaction;
use crate::{
    event::{Event, Request},
    feedback::Feedback,
    incarnations::IncarnationStatus,
    item::DeviceItem,
    presence::{ConnectionChange, PresenceEvent},
};

/// So many askings are remembered, lest one that comes again tells people again.
const MOST_ASKS: usize = 16;

/// The same rules are sent to a device again after so long, if it still runs others and its connection is the same.
const RULES_AGAIN: Millis = Millis::new(3_600_000);

impl DeviceTransaction<'_> {
    /// Applies an event.
    ///
    /// # Errors
    /// Why nothing can be made of it. Then nothing was changed.
    pub fn apply(&mut self, event: &Event) -> Result<(), String> {
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
                        if event.event_type == ConnectionChange::Connected {
                            self.connected_anew();
                        }
                    }
                    Err(stale) => {
                        tracing::info!(device = %event.client_id, ?stale, "a presence event says nothing new");
                    }
                }
                let gone = self.item.presence.state().is_some_and(|(connected, _)| !connected);
                if gone && event.event_type == ConnectionChange::Disconnected {
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
            Event::Request { id, request, .. } => self.request(*id, request.clone()),
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
        let incarnation = self.item.incarnations.identify(report.incarnation, heard.is_some());
        let message = (incarnation.boot(report.boot), report.number);
        let stale = incarnation.status == IncarnationStatus::Former || heard.is_some_and(|heard| message <= heard);
        if stale {
            // What it says of the device is old, its readings may still fill a gap.
            tracing::info!(device = %report.device, boot = message.0, number = message.1, "a report that was overtaken");
        } else {
            if incarnation.status == IncarnationStatus::New {
                tracing::warn!(device = %report.device, "another store counts the device's boots: a new memory card?");
                // It has none of what the one before was sent.
                self.item.rules_sent = None;
            }
            self.item.heard = Some(message);
            self.item.heard_at = Some(received_at);
            self.item.reported_rules = report.rules;
            self.item.refused.clone_from(&report.refused);
            self.item.edge_incidents.clone_from(&report.incidents);
            self.changed = true;
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
            let boot = incarnation.boot(part.boot);
            self.step(Input::Report(Report { boot, ..part }));
        }
        if !stale {
            if let Some((change, at)) = self.item.presence.report(received_at) {
                self.connection(change, at);
                self.item.rules_sent = None;
            }
            self.offer_rules();
        }
    }

    /// What was sent before a connection began may have been lost, for the broker keeps nothing for a device that is not
    /// there. Now it may not listen yet, and it reports as soon as it does; but that report may have overtaken the event, so
    /// that the device is asked for another, which is lost where it is not needed.
    fn connected_anew(&mut self) {
        self.item.rules_sent = None;
        if self.lacks_rules().is_some() {
            self.commands.push(Command::Report);
        }
    }

    fn connection(&mut self, change: ConnectionChange, at: Time) {
        let value = if change == ConnectionChange::Connected { Value::Connected } else { Value::Disconnected };
        self.item.presence_readings += 1;
        let first = self.item.presence_readings;
        let (source, fact) = (Name::new_static(PRESENCE.0), Name::new_static(PRESENCE.1));
        let readings = vec![Reading { fact, value: Some(value), at }];
        self.step(Input::Report(Report { source, boot: 1, first, readings, ..Report::default() }));
    }

    /// What names the rules that the device should run, if it runs others and did not refuse them.
    fn lacks_rules(&self) -> Option<Id> {
        let desired = self.item.registered.as_ref().and_then(|registered| registered.desired_rules)?;
        let refused = self.item.refused.as_ref().is_some_and(|refused| refused.rules == desired);
        (self.item.reported_rules != Some(desired) && !refused).then_some(desired)
    }

    /// Sends the device the rules that it lacks, if they may not be on their way.
    pub(super) fn offer_rules(&mut self) {
        let Some(hash) = self.lacks_rules() else { return };
        let sent_lately =
            self.item.rules_sent.is_some_and(|(sent, at)| sent == hash && self.now.since(at) < RULES_AGAIN);
        if !sent_lately {
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

    fn request(&mut self, id: Id, request: Request) {
        let edge = |incident: &Id| self.item.edge_incidents.iter().any(|edge| edge.id == *incident);
        if let Request::Acknowledge { incident, by } = &request
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
        match request {
            Request::Acknowledge { incident, by } => self.step(Input::Acknowledge { incident, by }),
            Request::Snooze { incident, until, by } => self.step(Input::Snooze { incident, until, by }),
            Request::Silence(silence) => self.step(Input::Silence(silence)),
        }
    }
}
