//! One rule.

use crate::{Millis, Name, Severity, condition::Condition, runs::RunOn, script::Script};

/// One rule: `[rule.NAME]`.
#[derive(Debug)]
pub(crate) struct Rule {
    pub name: Name,
    pub when: Condition,
    pub open_after: Millis,
    pub close_after: Millis,
    pub severity: Severity,
    pub escalation: Name,
    pub script: Option<Script>,
    pub run_on: RunOn,
    /// The rules whose messages an incident of this one holds back.
    pub inhibits: Vec<Name>,
    /// The rules that hold this one's messages back.
    pub inhibited_by: Vec<Name>,
    /// The number of rules that inhibit one another in a row down to this one: inhibitors are decided first.
    pub rank: u32,
    /// The name that the rule had before.
    pub was: Option<Name>,
}
