//! The item of a device in the table. It is read and written as a whole.

use std::collections::BTreeMap;

use dag_delivery::Outbox;
use dag_engine::{Device, Id, Name, State, Time};
use dag_uplink::{EdgeIncident, RefusedRules};
use serde::{Deserialize, Serialize};

use crate::{incarnations::Incarnations, presence::Presence, registry::Registration};

/// Everything that the table holds about a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceItem {
    /// The engine's state.
    pub state: State,
    /// The messages that are not finished. Their rendered content is stored beside the item.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    pub outbox: Outbox,
    /// The sequence number of the device's last message.
    #[serde(default)]
    pub last_sequence: u64,
    /// The state of the device's connection.
    #[serde(default)]
    pub presence: Presence,
    /// The number of readings of the connection so far. The next reading gets the next number.
    #[serde(default)]
    pub presence_readings: u64,
    /// The device's stores, each of which counts boots of its own.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    pub incarnations: Incarnations,
    /// The boot and number of the device's last report. Boots are counted over all incarnations.
    #[serde(rename = "heard", default, skip_serializing_if = "dag_engine::is_default")]
    pub last_report: Option<(u64, u64)>,
    /// The time at which the broker received that report.
    #[serde(rename = "heard_at", default, skip_serializing_if = "dag_engine::is_default")]
    pub last_report_at: Option<Time>,
    /// The id of the rules that the device runs.
    #[serde(rename = "rules", default, skip_serializing_if = "dag_engine::is_default")]
    pub reported_rules: Option<Id>,
    /// The id of the rules that were last sent to the device, and the time.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    pub rules_sent: Option<(Id, Time)>,
    /// The open incidents of the rules that run on the device.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    pub edge_incidents: Vec<EdgeIncident>,
    /// The names under which incidents of the device were acknowledged here. A name is kept until the device reports
    /// the acknowledgement, because the command may have been lost.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    pub edge_acknowledged: BTreeMap<Id, String>,
    /// The ids of the last requests. The queue may deliver a request twice.
    #[serde(rename = "asks", default, skip_serializing_if = "dag_engine::is_default")]
    pub recent_requests: Vec<Id>,
    /// The rules that the device refused last, with the reason.
    #[serde(rename = "refused", default, skip_serializing_if = "dag_engine::is_default")]
    pub refused_rules: Option<RefusedRules>,
    /// The device's entry in the registry.
    #[serde(rename = "registered", default, skip_serializing_if = "dag_engine::is_default")]
    pub registration: Option<Registration>,
    /// The time at which the last timer message arrives.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    pub armed: Option<Time>,
}

impl DeviceItem {
    /// Returns the item of a device that has not reported yet.
    pub fn new(device: Device) -> Self {
        DeviceItem {
            state: State::new(device),
            outbox: Outbox::default(),
            last_sequence: 0,
            presence: Presence::default(),
            presence_readings: 0,
            incarnations: Incarnations::default(),
            last_report: None,
            last_report_at: None,
            reported_rules: None,
            rules_sent: None,
            edge_incidents: Vec::new(),
            edge_acknowledged: BTreeMap::new(),
            recent_requests: Vec::new(),
            refused_rules: None,
            registration: None,
            armed: None,
        }
    }

    /// Returns the device's id.
    pub fn id(&self) -> &Name {
        &self.state.device().id
    }

    /// Returns the time of the engine's next deadline or of the next message, whichever is first.
    pub fn due(&self) -> Option<Time> {
        let message = self.outbox.next_due(usize::MAX);
        message.into_iter().chain(self.state.next_deadline()).min()
    }
}
