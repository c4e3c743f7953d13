//! Escalations: who is told when.

use crate::{Millis, Name};

/// One list of steps: a key of `[escalation]`.
#[derive(Debug)]
pub(crate) struct Escalation {
    pub steps: Vec<EscalationStep>,
    pub ack_lapses_after: Option<Millis>,
}

/// One step of an escalation.
#[derive(Debug)]
pub(crate) struct EscalationStep {
    pub name: Option<Name>,
    /// The time after the first step at which it fires.
    pub after: Millis,
    /// Recipients, groups and `@account`.
    pub notify: Vec<Name>,
    pub repeat: Option<Millis>,
    /// The number of repeats; `None` for as long as the incident lasts.
    pub at_most: Option<u32>,
}
