//! What was not sent in a story, and why: the answer to "why was nor not told?".

use super::expect::{Expected, Target};
use crate::{Channel, Decision, Kind, Name, Outcome};

/// A message that was withheld, or a step that was held or reached nobody.
#[derive(Debug)]
pub(super) struct Omission {
    /// When that was decided, from the start of the story.
    offset: String,
    rule: Option<Name>,
    what: Omitted,
    reason: String,
}

#[derive(Debug)]
enum Omitted {
    Message { kind: Kind, to: Name, by: Channel },
    Step(u32),
}

impl Omission {
    /// Returns what a decision keeps from being sent, if it does.
    pub fn of(decision: &Decision, offset: String) -> Option<Omission> {
        let (what, reason) = match &decision.outcome {
            Outcome::Withheld { kind, recipient, channel, reason } => {
                let message = Omitted::Message { kind: *kind, to: recipient.clone(), by: *channel };
                (message, reason.describe().to_owned())
            }
            Outcome::Held { step, reason } => (Omitted::Step(*step), format!("held, {}", reason.describe())),
            Outcome::NobodyToTell { step } => (Omitted::Step(*step), "it names nobody who can be reached".to_owned()),
            _ => return None,
        };
        Some(Omission { offset, rule: decision.rule.clone(), what, reason })
    }

    /// Returns whether this may be why an expected message was not sent.
    pub fn explains(&self, wanted: &Expected) -> bool {
        if wanted.rule.as_ref().zip(self.rule.as_ref()).is_some_and(|(wanted, rule)| wanted != rule) {
            return false;
        }
        match &self.what {
            Omitted::Message { kind, to, by } => {
                let is_for = |target: &Target| match target {
                    Target::Recipient(name) => name == to,
                    Target::Group { members, .. } => members.contains(to),
                };
                wanted.kind.is_none_or(|wanted| wanted == *kind)
                    && wanted.by.is_none_or(|wanted| wanted == *by)
                    && wanted.to.as_ref().is_none_or(is_for)
            }
            Omitted::Step(step) => {
                let is_of_a_step = |kind| matches!(kind, Kind::Opened | Kind::Escalated | Kind::Reminder);
                wanted.step.is_none_or(|wanted| wanted == *step) && wanted.kind.is_none_or(is_of_a_step)
            }
        }
    }

    /// Returns a line for people: `at 30s opened of outage to kim by email: these are quiet hours`.
    pub fn describe(&self) -> String {
        let Omission { offset, rule, what, reason } = self;
        let of = rule.as_ref().map(|rule| format!(" of {rule}")).unwrap_or_default();
        let what = match what {
            Omitted::Message { kind, to, by } => format!("{}{of} to {to} by {}", kind.as_str(), by.as_str()),
            Omitted::Step(step) => format!("step {step}{of}"),
        };
        format!("at {offset} {what}: {reason}")
    }
}
