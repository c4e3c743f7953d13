//! Applies events: reports, connections, timers, requests of people, and feedback of the mail service.

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

/// The most request ids that are kept. A request that the queue delivers twice is applied once, so that people get no
/// second message. It comes within minutes, and nobody makes 16 requests in that time.
const MOST_REQUESTS: usize = 16;

/// The shortest time after which the same rules are sent again over the same connection, if the device still runs
/// others: one hour. A device that is slow to compile them gets them once.
const RULES_INTERVAL: Millis = Millis::new(3_600_000);

impl DeviceTransaction<'_> {
    /// Applies an event.
    ///
    /// # Errors
    /// The event is invalid. Nothing is changed then.
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
                self.apply_report(report, *received_at);
                self.repeat_acknowledgements();
            }
            Event::Presence(event) => {
                // A time in the future is wrong, and would make every later event stale.
                let event = &PresenceEvent { timestamp: event.timestamp.min(self.now), ..event.clone() };
                match self.item.presence.event(event) {
                    Ok(change) => {
                        self.changed = true;
                        if let Some((change, at)) = change {
                            self.apply_connection(change, at);
                        }
                        if event.event_type == ConnectionChange::Connected {
                            self.prepare_rules_for_new_connection();
                        }
                    }
                    Err(stale) => {
                        tracing::info!(device = %event.client_id, ?stale, "a presence event says nothing new");
                    }
                }
                let gone = self.item.presence.state().is_some_and(|(connected, _)| !connected);
                if gone && event.event_type == ConnectionChange::Disconnected {
                    // The device may have another connection, whose event is still on its way. It is asked also when
                    // the event is stale: the first time, the process may have died before it asked.
                    self.commands.push(Command::Report);
                }
            }
            Event::Timer { .. } => {
                if self.item.state.next_deadline().is_some_and(|deadline| deadline <= self.now) {
                    self.step(Input::Elapsed);
                }
            }
            Event::Request { id, request, .. } => self.apply_request(*id, request.clone()),
            Event::Feedback(Feedback { message, text, .. }) => {
                tracing::warn!(notification = %message.notification, recipient = %message.recipient, %text, "not delivered");
                self.step(Input::Failed { message: message.clone(), last: true });
            }
            // `register` applies the first, and `deliver.rs` the second. A sweep is about no device.
            Event::Registered { .. } | Event::Deliver { .. } | Event::Sweep => {}
        }
        Ok(())
    }

    fn apply_report(&mut self, report: DeviceReport, received_at: Time) {
        let last = self.item.last_report;
        let incarnation = self.item.incarnations.identify(report.incarnation, last.is_some());
        let (boot, number) = (incarnation.boot(report.boot), report.number);
        let stale = incarnation.status == IncarnationStatus::Former || last.is_some_and(|last| (boot, number) <= last);
        if stale {
            // Its state of the device is old, but its readings may fill a gap.
            tracing::info!(device = %report.device, boot, number, "a report that was overtaken");
        } else {
            if incarnation.status == IncarnationStatus::New {
                tracing::warn!(device = %report.device, "another store counts the device's boots: a new memory card?");
                // The rules were sent to the former store.
                self.item.rules_sent = None;
            }
            self.item.last_report = Some((boot, number));
            self.item.last_report_at = Some(received_at);
            self.item.reported_rules = report.rules;
            self.item.refused_rules.clone_from(&report.refused);
            self.item.edge_incidents.clone_from(&report.incidents);
            self.changed = true;
            let text = report.dropped.map(|dropped| {
                format!(
                    "the device had no room to keep {} reading{} for the cloud, of {} to {}",
                    dropped.readings,
                    if dropped.readings == 1 { "" } else { "s" },
                    dropped.from,
                    dropped.until
                )
            });
            let about = Name::new_static("uplink");
            if text.is_some() || self.item.state.troubles().any(|(cause, _)| cause.key() == "host/uplink") {
                self.step(Input::Trouble { about, text });
            }
        }
        // Its readings may be of the hours without a connection. A rule about that is over now, and not as of then.
        let heard_again = if stale { None } else { self.item.presence.report(received_at) };
        if let Some((change, at)) = heard_again {
            self.apply_connection(change, at);
            self.item.rules_sent = None;
        }
        for part in report.reports(received_at) {
            let boot = incarnation.boot(part.boot);
            self.step(Input::Report(Report { boot, ..part }));
        }
        if !stale {
            self.offer_rules();
        }
    }

    /// Lets the rules be sent again over a new connection. The broker keeps nothing for an absent device, so rules that
    /// were sent before may be lost.
    ///
    /// They are sent with the next report, since the device may not have subscribed yet. It reports as soon as it has,
    /// but that report may have been processed before this event. So the device is asked for another one. If it has not
    /// subscribed yet, the command is lost, and its first report is still to come.
    fn prepare_rules_for_new_connection(&mut self) {
        self.item.rules_sent = None;
        if self.missing_rules().is_some() {
            self.commands.push(Command::Report);
        }
    }

    fn apply_connection(&mut self, change: ConnectionChange, at: Time) {
        let value = if change == ConnectionChange::Connected { Value::Connected } else { Value::Disconnected };
        self.item.presence_readings += 1;
        let first = self.item.presence_readings;
        let (source, fact) = (Name::new_static(PRESENCE.0), Name::new_static(PRESENCE.1));
        let readings = vec![Reading { fact, value: Some(value), at }];
        self.step(Input::Report(Report { source, boot: 1, first, readings, ..Report::default() }));
    }

    /// Returns the id of the desired rules, if the device runs others and did not refuse these.
    fn missing_rules(&self) -> Option<Id> {
        let desired = self.item.registration.as_ref().and_then(|registration| registration.desired_rules)?;
        let refused = self.item.refused_rules.as_ref().is_some_and(|refused| refused.rules == desired);
        (self.item.reported_rules != Some(desired) && !refused).then_some(desired)
    }

    /// Sends the device the rules that it lacks, unless they were sent lately.
    pub(super) fn offer_rules(&mut self) {
        let Some(hash) = self.missing_rules() else { return };
        let sent_lately =
            self.item.rules_sent.is_some_and(|(sent, at)| sent == hash && self.now.since(at) < RULES_INTERVAL);
        if !sent_lately {
            self.item.rules_sent = Some((hash, self.now));
            self.changed = true;
            self.rules = Some(hash);
        }
    }

    /// Sends the acknowledgements again that the device does not report.
    fn repeat_acknowledgements(&mut self) {
        let DeviceItem { edge_incidents, edge_acknowledged, .. } = &mut self.item;
        let open = |id: &Id| edge_incidents.iter().any(|edge| edge.id == *id && edge.acknowledged_by.is_none());
        let before = edge_acknowledged.len();
        edge_acknowledged.retain(|incident, _| open(incident));
        self.changed |= edge_acknowledged.len() != before;
        let again = edge_acknowledged.iter();
        self.commands.extend(again.map(|(incident, by)| Command::Acknowledge { incident: *incident, by: by.clone() }));
    }

    fn apply_request(&mut self, id: Id, request: Request) {
        let edge = |incident: &Id| self.item.edge_incidents.iter().any(|edge| edge.id == *incident);
        if let Request::Acknowledge { incident, by } = &request
            && edge(incident)
        {
            self.commands.push(Command::Acknowledge { incident: *incident, by: by.clone() });
            self.changed |= self.item.edge_acknowledged.insert(*incident, by.clone()).as_ref() != Some(by);
            return;
        }
        if self.item.recent_requests.contains(&id) {
            return;
        }
        if self.item.recent_requests.len() >= MOST_REQUESTS {
            self.item.recent_requests.remove(0);
        }
        self.item.recent_requests.push(id);
        self.changed = true;
        match request {
            Request::Acknowledge { incident, by } => self.step(Input::Acknowledge { incident, by }),
            Request::Snooze { incident, until, until_given, by } => {
                self.step(Input::Snooze { incident, until, until_given, by })
            }
            Request::Silence(silence) => self.step(Input::Silence(silence)),
        }
    }
}
