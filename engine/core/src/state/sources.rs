//! The sources of a device: how far their reports have come.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Name, Report, Time, clock_shift::RecordShift, is_default};

/// The progress of a source: how far its reports have been applied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cursor {
    pub boot: u64,
    /// The number of the last reading applied.
    pub last: u64,
    /// Further parts of a backlog follow.
    #[serde(default, skip_serializing_if = "is_default")]
    pub more: bool,
    /// When each fact was last read in this boot: none of its readings counts as earlier.
    #[serde(default, skip_serializing_if = "is_default", with = "crate::time::map")]
    pub read: BTreeMap<Name, Time>,
}

impl Cursor {
    pub fn shift(&mut self, shift: RecordShift) {
        shift.move_all(self.read.values_mut());
    }
}

/// A report that waits for missing ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WaitingReport {
    pub report: Report,
    /// When it came.
    pub at: Time,
}

impl WaitingReport {
    pub fn shift(&mut self, boot: u64, shift: RecordShift) {
        shift.move_all([&mut self.at]);
        if self.report.boot == boot {
            self.report.uncertain &= !shift.sets_the_clock();
            shift.move_all(self.report.readings.iter_mut().map(|reading| &mut reading.at));
        }
    }
}
