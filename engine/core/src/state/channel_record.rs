//! The record that an incident keeps of a channel.

use serde::{Deserialize, Serialize};

use super::firing::FiringKey;
use crate::{Address, Channel, Id, Kind, Name, Time, clock_shift::RecordShift, is_default};

/// A channel that was told of an incident, or should have been.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ChannelRecord {
    pub recipient: Name,
    /// The address used last: after the recipient or the rule is gone from the rules it is told there.
    pub address: Address,
    pub timezone: Name,
    /// Something was attempted: somebody may know of it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub attempted: bool,
    /// The messages that are queued and were never attempted.
    #[serde(default, skip_serializing_if = "is_default")]
    pub queued: Vec<Id>,
    /// The last firing of each step that it was told, the latest last.
    #[serde(rename = "heard", default, skip_serializing_if = "is_default")]
    pub firings: Vec<FiringKey>,
    /// When that was.
    #[serde(rename = "heard_at", default, skip_serializing_if = "is_default")]
    pub last_firing_at: Option<Time>,
    /// The last firing that was held back from it, until that is made up for.
    #[serde(rename = "missed", default, skip_serializing_if = "is_default")]
    pub missed_firing: Option<FiringKey>,
    /// The result of the last attempt.
    #[serde(default, skip_serializing_if = "is_default")]
    pub contact: Contact,
    /// The kind of its final message, once the incident is over and until that is sent.
    #[serde(rename = "last_word", default, skip_serializing_if = "is_default")]
    pub final_message: Option<Kind>,
}

impl ChannelRecord {
    pub fn shift(&mut self, shift: RecordShift) {
        shift.move_all(&mut self.last_firing_at);
        if let Contact::Failing(since) = &mut self.contact {
            shift.move_all([since]);
        }
    }

    pub fn key(&self) -> (&Name, Channel) {
        (&self.recipient, self.address.channel())
    }

    /// Returns whether a message was queued for it.
    pub fn is_told(&self) -> bool {
        self.attempted || !self.queued.is_empty()
    }

    /// Returns whether it was told this firing, or a later repeat of the step.
    pub fn has_firing(&self, firing: &FiringKey) -> bool {
        self.firings.iter().any(|key| key.0 == firing.0 && key.1 >= firing.1)
    }
}

/// The result of the last attempt to reach a channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Contact {
    #[default]
    Untried,
    Delivered,
    Failing(Time),
}
