//! Small edits of rules, as users make them.

use dag_engine::{FactKind, Millis, Severity};

use crate::{
    condition::Condition,
    rules::{Recipient, Rule, Rules, Step},
    script::Script,
};

/// An index past the end wraps around.
#[derive(Clone, Debug)]
pub enum Edit {
    /// The same rules again.
    Nothing,
    OpenAfter(usize, Millis),
    CloseAfter(usize, Millis),
    Severity(usize, Severity),
    When(usize, Condition),
    /// The condition must hold, too.
    Narrow(usize, Condition),
    /// It suffices that the condition holds.
    Widen(usize, Condition),
    Script(usize, Option<Script>),
    Inhibits(usize, Vec<&'static str>),
    /// It runs on another host, or again on this one.
    Cloud(usize, bool),
    Rename(usize, &'static str),
    Remove(usize),
    Add(Box<Rule>),
    Lapse(usize, Option<Millis>),
    InsertStep(usize, usize, Step),
    ChangeStep(usize, usize, Step),
    RemoveStep(usize, usize),
    Recipient(Box<Recipient>),
    RemoveRecipient(&'static str),
    Operators(Option<&'static str>),
    Zone(&'static str),
    Door(Option<FactKind>),
    All(Box<Rules>),
    /// The rules with which the history began.
    Undo,
}

impl Edit {
    pub fn apply(&self, mut rules: Rules, first: &Rules) -> Rules {
        self.make(&mut rules, first);
        rules.tidy()
    }

    fn make(&self, rules: &mut Rules, first: &Rules) {
        match self.clone() {
            Edit::Nothing => {}
            Edit::OpenAfter(at, length) => with(&mut rules.rules, at, |rule| rule.open_after = length),
            Edit::CloseAfter(at, length) => with(&mut rules.rules, at, |rule| rule.close_after = length),
            Edit::Severity(at, severity) => with(&mut rules.rules, at, |rule| rule.severity = severity),
            Edit::When(at, when) => with(&mut rules.rules, at, |rule| rule.when = when),
            Edit::Narrow(at, other) => with(&mut rules.rules, at, |rule| {
                rule.when = Condition::And(Box::new(rule.when.clone()), Box::new(other));
            }),
            Edit::Widen(at, other) => with(&mut rules.rules, at, |rule| {
                rule.when = Condition::Or(Box::new(rule.when.clone()), Box::new(other));
            }),
            Edit::Script(at, script) => with(&mut rules.rules, at, |rule| rule.script = script),
            Edit::Inhibits(at, inhibits) => with(&mut rules.rules, at, |rule| rule.inhibits = inhibits),
            Edit::Cloud(at, cloud) => with(&mut rules.rules, at, |rule| rule.cloud = cloud),
            Edit::Rename(at, name) => {
                if rules.rules.iter().all(|rule| rule.name != name) {
                    with(&mut rules.rules, at, |rule| rule.was = Some(std::mem::replace(&mut rule.name, name)));
                }
            }
            Edit::Remove(at) => {
                if rules.rules.len() > 1 {
                    rules.rules.remove(at % rules.rules.len());
                }
            }
            Edit::Add(rule) => rules.rules.push(*rule),
            Edit::Lapse(at, lapse) => {
                with(&mut rules.escalations, at, |escalation| escalation.ack_lapses_after = lapse)
            }
            Edit::InsertStep(at, place, step) => with(&mut rules.escalations, at, |escalation| {
                let place = place % (escalation.steps.len() + 1);
                escalation.steps.insert(place, step);
            }),
            Edit::ChangeStep(at, place, step) => with(&mut rules.escalations, at, |escalation| {
                with(&mut escalation.steps, place, |old| *old = step);
            }),
            Edit::RemoveStep(at, place) => with(&mut rules.escalations, at, |escalation| {
                if escalation.steps.len() > 1 {
                    escalation.steps.remove(place % escalation.steps.len());
                }
            }),
            Edit::Recipient(recipient) => {
                rules.recipients.retain(|other| other.name != recipient.name);
                rules.recipients.push(*recipient);
            }
            // One recipient must remain.
            Edit::RemoveRecipient(name) => rules.recipients.retain(|other| other.name != name || name == "nor"),
            Edit::Operators(operators) => rules.operators = operators,
            Edit::Zone(zone) => rules.zone = zone,
            Edit::Door(door) => rules.door = door,
            Edit::All(all) => *rules = *all,
            Edit::Undo => *rules = first.clone(),
        }
    }
}

fn with<T>(list: &mut [T], at: usize, change: impl FnOnce(&mut T)) {
    if !list.is_empty() {
        change(&mut list[at % list.len()]);
    }
}
