//! The silences of a device.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::{Input, Silence, Time, clock_shift::RecordShift};

/// A silence, and when it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SilenceRecord {
    pub silence: Silence,
    pub at: Time,
}

impl SilenceRecord {
    pub fn shift(&mut self, shift: RecordShift, zone: &TimeZone) {
        let asked_before = self.at;
        shift.move_all([&mut self.at]);
        let Silence { from, from_given, until, until_given, .. } = &mut self.silence;
        let from_before = *from;
        *from = from_given.shifted(*from, (asked_before, self.at), zone);
        // It begins when it was asked for, at the earliest: a length counts from there, and so does a time of the day.
        let begins = (from_before.max(asked_before), (*from).max(self.at));
        *until = until_given.shifted(*until, begins, zone).min(begins.1 + Input::LONGEST_HOLD);
    }
}
