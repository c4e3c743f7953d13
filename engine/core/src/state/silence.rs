//! The silences of a device.

use serde::{Deserialize, Serialize};

use crate::{Silence, Time, clock_shift::RecordShift};

/// A silence, and when it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SilenceRecord {
    pub silence: Silence,
    pub at: Time,
}

impl SilenceRecord {
    pub fn shift(&mut self, shift: RecordShift) {
        let Silence { from, until, .. } = &mut self.silence;
        shift.move_with(&mut self.at, [from, until]);
    }
}
