//! The status of a running daemon.

use std::collections::BTreeMap;

use dag_delivery::Entry;
use dag_engine::{Channel, Device, Id, Kind, Name, Severity, Silence, Time, Value};
use serde::{Deserialize, Serialize};

use super::state::Daemon;
use crate::{
    home_assistant::{self, Bridge},
    store::{Backlog, Window},
};

/// The answer to `dag status`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
    /// The device.
    pub device: Device,
    /// The daemon's time.
    pub now: Time,
    /// The time at which the daemon was started.
    pub started: Time,
    /// The number of this start.
    pub boot: u64,
    /// The time until which the previous boot ran. Nothing was read between it and `started`.
    pub last_alive: Option<Time>,
    /// The facts, each with its value (`null` where it is unknown) and the time at which it was last read.
    pub facts: BTreeMap<Name, (Option<Value>, Time)>,
    /// The sources that are lost, each with the reason.
    pub lost: BTreeMap<Name, String>,
    /// The rules whose condition is true, not yet for long enough.
    pub pending: Vec<Pending>,
    /// The open incidents.
    pub incidents: Vec<OpenIncident>,
    /// The silences that are not over.
    pub silences: Vec<Silence>,
    /// The messages that wait to be sent, or to be tried again.
    pub waiting: Vec<MessageStatus>,
    /// The recent messages that could not be delivered.
    pub undelivered: Vec<MessageStatus>,
    /// The hash of the rules in force.
    pub rules: Id,
    /// The problems of the files, if they are rejected. The rules in force are older then.
    pub rejected: Option<String>,
    /// The scenarios that the rules in force fail. They run because no better ones are known.
    #[serde(default)]
    pub failing: Option<String>,
    /// The reason why the store cannot be written, so that nothing is sent.
    pub store: Option<String>,
    /// The reason why the daemon's time is uncertain.
    pub clock: Option<String>,
    /// The state of the connection to Home Assistant, if one is configured.
    pub home_assistant: Option<home_assistant::ConnectionState>,
    /// The time of the engine's next decision, if nothing happens before.
    pub next_deadline: Option<Time>,
    /// The connection to the cloud, in that mode.
    pub uplink: Option<UplinkStatus>,
}

/// The state of the connection to the cloud.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UplinkStatus {
    /// The address of the broker.
    pub endpoint: String,
    /// The beginning of the connection, while there is one.
    pub connected_since: Option<Time>,
    /// The reason why there is no connection.
    pub reason: Option<String>,
    /// The time of the next try to connect.
    pub again_at: Option<Time>,
    /// The readings that the broker has not confirmed yet, and those that were dropped.
    #[serde(flatten)]
    pub backlog: Backlog,
    /// The number of reports sent since the start.
    pub sent: u64,
    /// The reason why the last rules from the cloud were refused.
    pub rules_refused: Option<String>,
}

/// A rule whose condition is true, not yet for long enough.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pending {
    /// The rule.
    pub rule: Name,
    /// The time since which its condition is true.
    pub since: Time,
    /// The time at which an incident opens if it stays true.
    pub due: Time,
}

/// An open incident.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OpenIncident {
    /// Its id.
    pub id: Id,
    /// Its rule.
    pub rule: Name,
    /// The rule's severity.
    pub severity: Severity,
    /// The time at which it began.
    pub since: Time,
    /// The name of the person who acknowledged it.
    pub acknowledged_by: Option<String>,
    /// The end of its snooze.
    pub snoozed_until: Option<Time>,
}

/// A message that waits, or that could not be delivered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MessageStatus {
    /// Its id.
    pub id: Id,
    /// Its recipient.
    pub recipient: Name,
    /// Its channel.
    pub channel: Channel,
    /// Its kind.
    pub kind: Kind,
    /// The number of attempts.
    pub attempts: u32,
    /// The reason why the last attempt failed.
    pub last_error: Option<String>,
    /// The time of the next attempt.
    pub due: Option<Time>,
}

impl From<&Entry> for MessageStatus {
    fn from(entry: &Entry) -> Self {
        MessageStatus {
            id: entry.notification.id,
            recipient: entry.notification.recipient.clone(),
            channel: entry.notification.channel(),
            kind: entry.notification.kind,
            attempts: entry.attempts,
            last_error: entry.last_error.clone(),
            due: entry.due(),
        }
    }
}

/// The most finished messages that are searched for undelivered ones. A request must not read the whole store.
const RECENT_MESSAGES: usize = 200;

impl Daemon {
    pub(super) fn status(&self) -> Status {
        let state = self.engine.state();
        let finished: Vec<Entry> =
            self.engine.store().finished_entries(Window::newest(RECENT_MESSAGES)).unwrap_or_default();
        let undelivered = finished.iter().filter(|entry| entry.is_undelivered());
        Status {
            device: self.device.clone(),
            now: self.clock.now(),
            started: self.clock.began(),
            boot: self.store_info.boot,
            last_alive: self.store_info.last_alive,
            facts: state.facts().map(|(fact, value, at)| (fact.clone(), (value, at))).collect(),
            lost: self.lost_sources.clone(),
            pending: state.pending().map(|(rule, since, due)| Pending { rule: rule.clone(), since, due }).collect(),
            incidents: state
                .open_incidents()
                .map(|incident| OpenIncident {
                    id: incident.id,
                    rule: incident.rule.clone(),
                    severity: incident.severity,
                    since: incident.since,
                    acknowledged_by: incident.acknowledged.as_ref().map(|acknowledged| acknowledged.by.clone()),
                    snoozed_until: incident.snoozed_until().filter(|until| *until > state.now()),
                })
                .collect(),
            silences: state.silences().cloned().collect(),
            waiting: self.engine.outbox().iter().map(MessageStatus::from).collect(),
            undelivered: undelivered.map(MessageStatus::from).collect(),
            rules: self.engine.rulebook().engine.rules().hash(),
            rejected: self.files.rejected().map(str::to_owned),
            failing: self.files.failing().map(str::to_owned),
            store: self.engine.write_failure().map(str::to_owned),
            clock: self.clock.uncertainty().map(|uncertainty| uncertainty.describe().to_owned()),
            home_assistant: self.bridge.as_ref().map(Bridge::connection),
            next_deadline: state.next_deadline(),
            uplink: self.uplink_status(),
        }
    }
}
