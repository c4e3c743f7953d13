//! Messages as they go to the outbox.

use std::collections::BTreeMap;

use super::Firing;
use crate::{
    About, FactSnapshot, Id, IncidentSnapshot, Kind, Name, Notification, Outcome, Value, Withholding, Wording,
    rules::{Reachable, Rule},
    script::{Context, Hook},
    state::{Incident, StepKey},
    step::Step,
};

/// The part that all messages of one telling have in common.
pub(crate) struct Message {
    pub kind: Kind,
    pub step: u32,
    pub repeat: u32,
    pub about: About,
    pub wording: Option<Wording>,
}

impl Step<'_> {
    /// Queues one message for each of `channels`, unless the script does not allow it.
    pub(crate) fn tell(
        &mut self,
        rule: Option<&Rule>,
        incident: &mut Incident,
        kind: Kind,
        firing: &Firing,
        channels: Vec<Reachable>,
    ) {
        if channels.is_empty() {
            return;
        }
        let alert = matches!(kind, Kind::Opened | Kind::Escalated | Kind::Reminder);
        let mut wording = None;
        if let Some((rule, script)) = rule.and_then(|rule| rule.script.as_ref().map(|script| (rule, script))) {
            if kind != Kind::Resolved && script.has(Hook::Allow) {
                let answer = script.allow(self.message_context(rule, incident, kind, firing));
                if self.hook_answer(rule, Some(incident.id), Hook::Allow, answer) == Some(false) {
                    for channel in &channels {
                        self.withhold(incident, kind, channel, Withholding::Script);
                        if alert {
                            self.note_firing(incident, channel, firing);
                        }
                    }
                    return;
                }
            }
            // In a rule's own words nobody is told that what was removed is over.
            if script.has(Hook::Message) && !incident.is_of_removed_rule() {
                let answer = script.message(self.message_context(rule, incident, kind, firing));
                wording = self.hook_answer(rule, Some(incident.id), Hook::Message, answer).flatten();
            }
        }
        let about = About::Incident(self.incident_snapshot(incident));
        let message = Message { kind, step: firing.step, repeat: firing.repeat, about, wording };
        let facts = self.state.fact_snapshots();
        for channel in channels {
            let id = message_id(incident, kind, firing, &channel);
            if alert {
                self.note_firing(incident, &channel, firing);
            }
            if let Some(record) = incident.channel(channel.key()) {
                record.lead_to(&channel);
                // A channel that may know of the incident is told of its end in any case: nothing is withdrawn then.
                if !record.attempted {
                    record.queued.push(id);
                }
            }
            let notification = self.notification(id, &message, channel, facts.clone());
            self.of(incident, Outcome::Notify(Box::new(notification)));
        }
    }

    /// Notes that a channel was told of a firing, or that the script withheld it.
    fn note_firing(&self, incident: &mut Incident, channel: &Reachable, firing: &Firing) {
        let record = incident.record(channel);
        record.firings.retain(|key| key.0 != firing.key);
        record.firings.push(firing.firing_key());
        record.last_firing_at = Some(self.now);
    }

    pub(crate) fn message_context(&self, rule: &Rule, incident: &Incident, kind: Kind, firing: &Firing) -> Context {
        let ctx = self.context(rule, Some(incident), self.now).text("kind", kind.as_str());
        ctx.number("step", firing.step.into()).number("repeat", firing.repeat.into())
    }

    /// Returns the values at the end of an incident of the facts that its condition read then. What was known then may
    /// have been put right by a late reading.
    pub(crate) fn facts_at_end(&self, incident: &Incident) -> BTreeMap<Name, Option<Value>> {
        let Some(ended) = incident.ended else { return BTreeMap::new() };
        // Of a fact that changed in that very moment the noted value is the one that ended it.
        let fact = |name: &Name| self.state.facts.get(name).filter(|fact| !fact.changed_at(ended));
        let remembered = |name: &Name| fact(name).and_then(|fact| fact.remembered_at(ended));
        let facts = incident.facts_at_end.iter();
        facts.map(|(name, value)| (name.clone(), value.map(|value| remembered(name).unwrap_or(value)))).collect()
    }

    /// Returns whether the condition is another than the one by which an incident opened.
    fn is_edited(&self, incident: &Incident) -> bool {
        let condition = self.rules.rule(&incident.rule).map(|rule| rule.when.id);
        condition.zip(incident.condition).is_some_and(|(now, then)| now != then)
    }

    fn incident_snapshot(&self, incident: &Incident) -> IncidentSnapshot {
        let is_over = incident.ended.is_some();
        let unseen = self.state.rules.get(&incident.rule).is_some_and(|rule_state| rule_state.unanswered);
        IncidentSnapshot {
            id: incident.id,
            number: incident.number,
            rule: incident.rule.clone(),
            severity: incident.severity,
            since: incident.since,
            opened_at: incident.opened_at,
            ended: incident.ended,
            since_inexact: incident.begun_before || self.is_edited(incident),
            interrupted: incident.interrupted,
            // While it lasts, these are about an end that may still not be one.
            ended_by: incident.ended_by.filter(|_| is_over),
            facts_at_end: self.facts_at_end(incident),
            since_reported: incident.since_reported,
            ended_reported: incident.ended_reported.filter(|_| is_over),
            acknowledged: incident.acknowledged.clone(),
            unseen: unseen && !is_over,
            uncertain: incident.is_uncertain(),
        }
    }

    /// One message to one channel.
    pub(crate) fn notification(
        &self,
        id: Id,
        message: &Message,
        to: Reachable,
        facts: BTreeMap<Name, FactSnapshot>,
    ) -> Notification {
        Notification {
            id,
            at: self.now,
            kind: message.kind,
            step: message.step,
            repeat: message.repeat,
            recipient: to.recipient,
            address: to.address,
            timezone: to.timezone,
            device: self.state.device.clone(),
            about: message.about.clone(),
            facts,
            wording: message.wording.clone(),
        }
    }
}

/// Returns the id of a message: the same for the same message, on every host. A step that was put before another while
/// the incident lasts may stand where that one stood. A name tells them apart, where a step has one.
fn message_id(incident: &Incident, kind: Kind, firing: &Firing, to: &Reachable) -> Id {
    let alert = matches!(kind, Kind::Opened | Kind::Escalated | Kind::Reminder);
    let position = firing.step.to_be_bytes();
    let step = match &firing.key {
        StepKey::Name(name) if alert => name.as_bytes(),
        StepKey::Position(fired) if alert => &fired.to_be_bytes(),
        _ => &position,
    };
    Id::of(&[
        b"notification",
        incident.id.as_bytes(),
        kind.as_str().as_bytes(),
        step,
        &firing.repeat.to_be_bytes(),
        to.recipient.as_bytes(),
        to.address.channel().as_str().as_bytes(),
    ])
}
