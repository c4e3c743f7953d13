//! The status of a running daemon, as `dag status --format json` prints it. The types document the JSON.

mod incident;
mod message;
mod uplink;

use std::collections::BTreeMap;

use dag_delivery::Entry;
use dag_engine::{Device, HeldMessage, Id, Name, PendingOutlook, Silence, Time, Value};
use serde::{Deserialize, Serialize};

pub use incident::OpenIncident;
pub use message::MessageStatus;
pub use uplink::UplinkStatus;

use super::{heartbeats::HeartbeatStatus, receivers::ReceiverStatus, state::Daemon};
use crate::{
    home_assistant::{self, Bridge},
    store::Window,
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
    /// The time until which the previous boot ran. Nothing was read between it and `started`. While `clock` says that
    /// the time is uncertain, so are both.
    pub last_alive: Option<Time>,
    /// The facts, each with its value (`null` where it is unknown) and the time at which it was last read.
    pub facts: BTreeMap<Name, (Option<Value>, Time)>,
    /// The sources that are lost, each with the reason.
    pub lost: BTreeMap<Name, String>,
    /// The rules whose condition is true, not yet for long enough.
    pub pending: Vec<PendingOutlook>,
    /// The open incidents.
    pub incidents: Vec<OpenIncident>,
    /// The silences that are not over, also those that begin later.
    pub silences: Vec<Silence>,
    /// The messages that are decided, and sent when the quiet hours of their recipients end.
    #[serde(default)]
    pub held: Vec<HeldMessage>,
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
    /// Whether messages would reach their receivers.
    #[serde(default)]
    pub receivers: ReceiverStatus,
    /// The heartbeats, by name.
    #[serde(default)]
    pub heartbeats: BTreeMap<Name, HeartbeatStatus>,
    /// What a real monitor would not have.
    #[serde(default)]
    pub deployment: Vec<String>,
    /// The state of the connection to Home Assistant, if one is configured.
    pub home_assistant: Option<home_assistant::ConnectionState>,
    /// The time of the engine's next decision, if nothing happens before.
    pub next_deadline: Option<Time>,
    /// The connection to the cloud, in that mode.
    pub uplink: Option<UplinkStatus>,
}

/// The most finished messages that are searched for undelivered ones. A request must not read the whole store.
const RECENT_MESSAGES: usize = 200;

impl Daemon {
    pub(super) fn status(&self) -> Status {
        let (state, now) = (self.engine.state(), self.clock.now());
        let outlook = self.engine.rulebook().engine.outlook(state, now);
        let incidents = state.open_incidents().zip(outlook.incidents);
        let finished: Vec<Entry> =
            self.engine.store().finished_entries(Window::newest(RECENT_MESSAGES)).unwrap_or_default();
        let undelivered = finished.iter().filter(|entry| entry.is_undelivered());
        Status {
            device: self.device.clone(),
            now,
            started: self.clock.started(),
            boot: self.store_info.boot,
            last_alive: self.store_info.last_alive,
            facts: state.facts().map(|(fact, value, at)| (fact.clone(), (value, at))).collect(),
            lost: self.lost_sources.clone(),
            pending: outlook.pending,
            incidents: incidents.map(|(incident, outlook)| OpenIncident::new(incident, outlook, now)).collect(),
            silences: state.silences().filter(|silence| silence.until > now).cloned().collect(),
            held: outlook.held,
            waiting: self.engine.outbox().iter().map(MessageStatus::from).collect(),
            undelivered: undelivered.map(MessageStatus::from).collect(),
            rules: self.engine.rulebook().engine.rules().hash(),
            rejected: self.files.rejected().map(str::to_owned),
            failing: self.files.failing().map(str::to_owned),
            store: self.engine.write_failure().map(str::to_owned),
            clock: self.clock.uncertainty().map(|uncertainty| uncertainty.describe().to_owned()),
            receivers: self.receivers.status(),
            heartbeats: self.heartbeats.status(),
            deployment: self.engine.rulebook().deployment_warnings(&self.start.config),
            home_assistant: self.bridge.as_ref().map(Bridge::connection),
            next_deadline: state.next_deadline(),
            uplink: self.uplink_status(),
        }
    }
}
