//! What is kept of a device: one item of the table, read and written as a whole.

use std::collections::BTreeMap;

use dag_delivery::Outbox;
use dag_engine::{Device, Id, Name, State, Time};
use dag_uplink::{EdgeIncident, RefusedRules};
use serde::{Deserialize, Serialize};

use crate::{incarnations::Incarnations, presence::Presence, registry::Registration};

/// Everything that the consumer knows of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceItem {
    /// What the engine knows.
    pub state: State,
    /// The messages that have not come to their end. What they say, once that is rendered, is kept beside the item.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    pub outbox: Outbox,
    /// The place of the last message among all of the device.
    #[serde(default)]
    pub last_sequence: u64,
    /// Its connection.
    #[serde(default)]
    pub presence: Presence,
    /// How many readings of the connection there were: their numbers.
    #[serde(default)]
    pub presence_readings: u64,
    /// Which of its stores count its boots.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    pub incarnations: Incarnations,
    /// The boot and number of its last message; boots are counted over all incarnations.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    pub heard: Option<(u64, u64)>,
    /// When the broker took that.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    pub heard_at: Option<Time>,
    /// What names the rules that it runs.
    #[serde(rename = "rules", default, skip_serializing_if = "dag_engine::is_default")]
    pub reported_rules: Option<Id>,
    /// Which rules were sent to it last, and when.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    pub rules_sent: Option<(Id, Time)>,
    /// The open incidents of the rules that it runs by itself.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    pub edge_incidents: Vec<EdgeIncident>,
    /// Who took on which of those, until the device says so itself: it may not have been there when it was told.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    pub edge_acknowledged: BTreeMap<Id, String>,
    /// What was asked last: the queue may bring it again.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    pub asks: Vec<Id>,
    /// What the rules were that it was sent and did not take, and why.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    pub refused: Option<RefusedRules>,
    /// What the registry has of it.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    pub registered: Option<Registration>,
    /// When the timer message goes off that was sent last.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    pub armed: Option<Time>,
}

impl DeviceItem {
    /// A device of which nothing was heard yet.
    pub fn new(device: Device) -> Self {
        DeviceItem {
            state: State::new(device),
            outbox: Outbox::default(),
            last_sequence: 0,
            presence: Presence::default(),
            presence_readings: 0,
            incarnations: Incarnations::default(),
            heard: None,
            heard_at: None,
            reported_rules: None,
            rules_sent: None,
            edge_incidents: Vec::new(),
            edge_acknowledged: BTreeMap::new(),
            asks: Vec::new(),
            refused: None,
            registered: None,
            armed: None,
        }
    }

    /// The device's id.
    pub fn id(&self) -> &Name {
        &self.state.device().id
    }

    /// When something has to be done though nothing comes: a deadline, or a message that is due.
    pub fn due(&self) -> Option<Time> {
        let message = self.outbox.next_due(usize::MAX);
        message.into_iter().chain(self.state.next_deadline()).min()
    }
}
