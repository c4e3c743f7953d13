//! What a running daemon tells of itself.

use std::collections::BTreeMap;

use dag_delivery::Entry;
use dag_engine::{Channel, Device, Id, Kind, Name, Severity, Silence, Time, Value};
use serde::{Deserialize, Serialize};

use super::state::Daemon;
use crate::{
    home_assistant::{self, Bridge},
    store::{Backlog, Window},
};

/// `dag status`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
    /// The device.
    pub device: Device,
    /// The daemon's time.
    pub now: Time,
    /// When the daemon was started.
    pub started: Time,
    /// Which start this is.
    pub boot: u64,
    /// Until when the boot before ran; from then to `started` nothing was read.
    pub last_alive: Option<Time>,
    /// The facts with their values, `null` where not known, and when each was last read.
    pub facts: BTreeMap<Name, (Option<Value>, Time)>,
    /// Sources that are lost, and why.
    pub lost: BTreeMap<Name, String>,
    /// Rules whose condition is true, not yet for long enough.
    pub pending: Vec<Pending>,
    /// What is open.
    pub incidents: Vec<OpenIncident>,
    /// The silences that are not over.
    pub silences: Vec<Silence>,
    /// What waits to be sent, or to be tried again.
    pub waiting: Vec<MessageStatus>,
    /// What could not be delivered, of late.
    pub undelivered: Vec<MessageStatus>,
    /// The hash of the rules in force.
    pub rules: Id,
    /// What is wrong with the files; the rules in force are older than they.
    pub rejected: Option<String>,
    /// Why nothing can be noted, and so nothing sent.
    pub store: Option<String>,
    /// Why the daemon's time is uncertain.
    pub clock: Option<String>,
    /// How the connection to Home Assistant is, where one is wanted.
    pub home_assistant: Option<home_assistant::ConnectionState>,
    /// When the engine has to decide something next, if nothing happens before.
    pub next_deadline: Option<Time>,
    /// How it stands with the cloud, in that mode.
    pub uplink: Option<UplinkStatus>,
}

/// The way to the cloud.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UplinkStatus {
    /// The broker.
    pub endpoint: String,
    /// Since when there is a connection; none if there is none.
    pub connected_since: Option<Time>,
    /// Why there is none.
    pub reason: Option<String>,
    /// When it is tried again.
    pub again_at: Option<Time>,
    /// What the broker has not confirmed yet, and what had to go.
    #[serde(flatten)]
    pub backlog: Backlog,
    /// How many reports were sent since the start.
    pub sent: u64,
    /// Why the last rules from the cloud were not taken.
    pub rules_refused: Option<String>,
}

/// A rule that waits.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pending {
    /// The rule.
    pub rule: Name,
    /// Since when its condition is true.
    pub since: Time,
    /// When an incident opens if it stays so.
    pub due: Time,
}

/// An incident that is open.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OpenIncident {
    /// Its id.
    pub id: Id,
    /// Its rule.
    pub rule: Name,
    /// The rule's severity.
    pub severity: Severity,
    /// When it began.
    pub since: Time,
    /// Who took it on.
    pub acknowledged_by: Option<String>,
    /// Until when somebody wants no step of it to fire.
    pub snoozed_until: Option<Time>,
}

/// A message that is not delivered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MessageStatus {
    /// Its id.
    pub id: Id,
    /// For whom.
    pub recipient: Name,
    /// By which means.
    pub channel: Channel,
    /// Why it is sent.
    pub kind: Kind,
    /// How often it was tried.
    pub attempts: u32,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// When it is tried next.
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

/// How many finished messages are looked through for undelivered ones.
const LOOKED_AT: usize = 200;

impl Daemon {
    pub(super) fn status(&self) -> Status {
        let state = self.engine.state();
        let finished: Vec<Entry> = self.engine.store().finished(Window::newest(LOOKED_AT)).unwrap_or_default();
        let undelivered = finished.iter().filter(|entry| entry.is_undelivered());
        Status {
            device: self.device.clone(),
            now: self.clock.now(),
            started: self.clock.began(),
            boot: self.opened.boot,
            last_alive: self.opened.last_alive,
            facts: state.facts().map(|(fact, value, at)| (fact.clone(), (value, at))).collect(),
            lost: self.lost.clone(),
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
            rejected: self.rejected.clone(),
            store: self.engine.write_failure().map(str::to_owned),
            clock: self.clock.uncertainty().map(|uncertainty| uncertainty.describe().to_owned()),
            home_assistant: self.bridge.as_ref().map(Bridge::connection),
            next_deadline: state.next_deadline(),
            uplink: self.uplink_status(),
        }
    }
}
