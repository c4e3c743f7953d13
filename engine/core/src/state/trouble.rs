//! What is wrong with the monitor itself, and who was told.

use serde::{Deserialize, Serialize};

use crate::{Cause, Channel, Name, Time, clock_shift::RecordShift, is_default};

/// Something that is, or was, wrong with the monitor itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Trouble {
    pub cause: Cause,
    pub since: Time,
    pub lasts: bool,
    /// This spell of it was told.
    pub told: bool,
    /// When one was told last, and the number of that message.
    #[serde(default, skip_serializing_if = "is_default")]
    pub last_told: Option<(Time, u64)>,
    /// The channels that are told when their quiet hours end.
    #[serde(default, skip_serializing_if = "is_default")]
    pub missed: Vec<(Name, Channel)>,
}

impl Trouble {
    pub fn shift(&mut self, shift: RecordShift) {
        shift.move_all([&mut self.since].into_iter().chain(self.last_told.iter_mut().map(|(at, _)| at)));
    }
}
