//! The steps of an escalation that fired.

use serde::{Deserialize, Serialize};

use crate::{Name, Time, clock_shift::RecordShift, is_default};

/// A step that fired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FiredStep {
    pub step: StepKey,
    pub at: Time,
    /// When it fired or repeated last.
    pub last: Time,
    /// The number of repeats that fired, or were passed over because a later one stood for them.
    #[serde(default, skip_serializing_if = "is_default")]
    pub repeats: u32,
}

impl FiredStep {
    pub fn shift(&mut self, shift: RecordShift) {
        shift.move_all([&mut self.at, &mut self.last]);
    }
}

/// The name or position by which a step is known again after the rules changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum StepKey {
    Position(u32),
    Name(Name),
}

/// A firing, as a channel remembers it: the step, and which repeat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FiringKey(pub StepKey, pub u32);
