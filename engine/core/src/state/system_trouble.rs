//! Trouble of the monitor itself, and who was told.

use serde::{Deserialize, Serialize};

use crate::{Cause, Channel, Name, Time, clock_shift::RecordShift, is_default};

/// Something that is, or was, wrong with the monitor itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SystemTrouble {
    pub cause: Cause,
    pub since: Time,
    pub lasts: bool,
    /// This spell of it was told.
    #[serde(rename = "told")]
    pub announced: bool,
    /// When one was told last, and the number of that message.
    #[serde(rename = "last_told", default, skip_serializing_if = "is_default")]
    pub last_announced: Option<(Time, u64)>,
    /// The channels that are told when their quiet hours end.
    #[serde(rename = "missed", default, skip_serializing_if = "is_default")]
    pub waiting: Vec<(Name, Channel)>,
}

impl SystemTrouble {
    pub fn shift(&mut self, shift: RecordShift) {
        shift.move_all([&mut self.since].into_iter().chain(self.last_announced.iter_mut().map(|(at, _)| at)));
    }
}
