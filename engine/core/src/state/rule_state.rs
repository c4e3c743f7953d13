//! The state of a rule, in the table of its life.

use serde::{Deserialize, Serialize};

use crate::{Time, clock_shift::RecordShift, is_default};

/// The state of one rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RuleState {
    pub phase: Phase,
    /// When the condition last turned: it is never asked before that.
    pub edge: Time,
    /// The condition reads a fact that is not known: the phase stands still.
    #[serde(default, skip_serializing_if = "is_default")]
    pub unanswered: bool,
    /// When the condition may change by time alone.
    #[serde(default, skip_serializing_if = "is_default")]
    pub until: Option<Time>,
    /// When its last incident ended: the next one does not begin before.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ended: Option<Time>,
    /// The number of incidents so far: part of the next one's id.
    #[serde(default, skip_serializing_if = "is_default")]
    pub count: u64,
}

impl RuleState {
    pub fn shift(&mut self, shift: RecordShift) {
        shift.move_all([&mut self.edge].into_iter().chain(&mut self.ended));
        // What changes by time alone is found anew when the condition is asked.
        self.until = None;
        self.phase.shift(shift);
    }
}

/// A rule's life, as the table of the engine's page has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Phase {
    #[default]
    Quiet,
    /// The condition is true, not yet for long enough.
    Pending {
        since: Time,
        due: Time,
        #[serde(default, skip_serializing_if = "is_default")]
        uncertain: bool,
        /// When `since` became known, if that was late.
        #[serde(default, skip_serializing_if = "is_default")]
        reported: Option<Time>,
    },
    /// There is an incident.
    Open,
    /// There is an incident, and its condition is false, not yet for long enough.
    Closing {
        since: Time,
        due: Time,
        #[serde(default, skip_serializing_if = "is_default")]
        uncertain: bool,
    },
}

impl Phase {
    pub fn shift(&mut self, shift: RecordShift) {
        if let Phase::Pending { reported, .. } = self {
            shift.move_all(reported);
        }
        if let Phase::Pending { since, due, uncertain, .. } | Phase::Closing { since, due, uncertain } = self {
            *uncertain = shift.is_uncertain(*since, *uncertain);
            shift.move_with(since, [due]);
        }
    }
}
