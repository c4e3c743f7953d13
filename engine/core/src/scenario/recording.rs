//! A record of what was decided in a story: the timeline, and since the last `expect` what was sent and what was not.

use std::collections::BTreeMap;

use super::{expect::Sent, omission::Omission};
use crate::{Decision, Id, MessageRef, Notification, Outcome, Refusal, Time, describe};

/// A record of the decisions, as far as the story asks for them.
pub(super) struct Recording<'s> {
    subject: &'s dyn Fn(&Notification) -> String,
    start: Time,
    /// The messages since the last `expect`.
    pub sent: Vec<Sent>,
    /// What was withheld or held since then, with the reasons.
    pub omitted: Vec<Omission>,
    /// The reasons for which the engine refused inputs of the present act.
    pub refused: Vec<Refusal>,
    pub timeline: String,
    /// Each message so far in words, by its id: what becomes of one later names the id alone.
    messages: BTreeMap<Id, String>,
}

impl<'s> Recording<'s> {
    pub fn new(subject: &'s dyn Fn(&Notification) -> String, start: Time) -> Self {
        Recording {
            subject,
            start,
            sent: Vec::new(),
            omitted: Vec::new(),
            refused: Vec::new(),
            timeline: String::new(),
            messages: BTreeMap::new(),
        }
    }

    /// Records a decision. If it sends a message, `failed` says that its delivery failed.
    pub fn record(&mut self, decision: &Decision, failed: bool) {
        let mut text = describe(decision, self.subject);
        match &decision.outcome {
            Outcome::Notify(notification) => {
                let subject = (self.subject)(notification);
                let (to, by, kind) = (&notification.recipient, notification.channel(), notification.kind);
                let words = format!("message to {to} by {}, {}", by.as_str(), kind.as_str());
                self.messages.insert(notification.id, words);
                self.sent.push(Sent { notification: (**notification).clone(), subject, failed });
                if failed {
                    text += "; the delivery failed";
                }
            }
            Outcome::Refused { reason, .. } => self.refused.push(*reason),
            Outcome::Withdrawn { notification, .. } => {
                if let Some(message) = self.messages.get(notification) {
                    text += &format!(" ({message})");
                }
            }
            _ => {}
        }
        self.omitted.extend(Omission::of(decision, self.offset(decision.at)));
        self.line(decision.at, &text);
    }

    /// Records that a message arrived after all, whose first delivery had failed.
    pub fn record_arrival(&mut self, message: &MessageRef, at: Time) {
        if let Some(words) = self.messages.get(&message.notification).cloned() {
            self.line(at, &format!("{words}, arrives"));
        }
    }

    /// Returns what was sent since the last `expect`, and what was not, and forgets it.
    pub fn take_sent(&mut self) -> (Vec<Sent>, Vec<Omission>) {
        (std::mem::take(&mut self.sent), std::mem::take(&mut self.omitted))
    }

    fn offset(&self, at: Time) -> String {
        at.since(self.start).to_string()
    }

    fn line(&mut self, at: Time, text: &str) {
        let offset = self.offset(at);
        self.timeline.push_str(&format!("{offset:>10}  {text}\n"));
    }
}
