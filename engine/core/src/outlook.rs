//! The outlook: how the pending rules and the open incidents of a device stand, and what happens next.
//!
//! Nothing here is worked out a second time. How an incident stands is asked of the functions that decide its messages,
//! and the next messages are those that [`Engine::step`] decides at the deadlines ahead, on a copy of the state. So a
//! script is asked as it will be asked then, and what the outlook says next is what the next
//! [`Input::Elapsed`](crate::Input::Elapsed) decides, if nothing is read and nobody asks for anything before.

use serde::{Deserialize, Serialize};

use crate::{
    Channel, Decision, Engine, Hold, Id, Input, Kind, Name, Outcome, State, Time, Withholding, is_default, state::Phase,
};

/// The most deadlines that are looked at. A condition with `changes` may have one for each change that is remembered,
/// which are 64, before the next message.
const MOST_DEADLINES: usize = 96;

/// How things stand, and what happens next.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outlook {
    /// The rules whose condition is true, not yet for long enough, in the order of their names.
    pub pending: Vec<PendingOutlook>,
    /// The open incidents, in the order in which they opened.
    pub incidents: Vec<IncidentOutlook>,
    /// The messages that are decided, and sent when the quiet hours of their recipients end.
    pub held: Vec<HeldMessage>,
}

/// A rule whose condition is true, not yet for long enough.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingOutlook {
    /// The rule.
    pub rule: Name,
    /// The time since which its condition is true.
    pub since: Time,
    /// The time at which an incident opens if it stays true. While the rule stands still, it may have passed.
    pub due: Time,
    /// The unknown facts that leave the condition without an answer. While there are any, the rule stands still: no
    /// incident opens before the condition has an answer again.
    #[serde(default, skip_serializing_if = "is_default")]
    pub unknown: Vec<Name>,
}

/// An open incident: who was told, what is held and why, and what is next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentOutlook {
    /// The incident.
    pub incident: Id,
    /// The unknown facts that leave the condition without an answer. While there are any, the incident does not end.
    #[serde(default, skip_serializing_if = "is_default")]
    pub unknown: Vec<Name>,
    /// The end that is near: the condition is false, not yet for long enough.
    #[serde(default, skip_serializing_if = "is_default")]
    pub closing: Option<ClosingOutlook>,
    /// The reason why no step fires at present.
    #[serde(default, skip_serializing_if = "is_default")]
    pub hold: Option<HoldOutlook>,
    /// The time at which the acknowledgement lapses, if it holds and its escalation says so.
    #[serde(default, skip_serializing_if = "is_default")]
    pub acknowledgement_lapses: Option<Time>,
    /// The time until which a silence matches, also where another reason comes before it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub silenced_until: Option<Time>,
    /// The channels that were told, in the order in which they were first told.
    pub told: Vec<ToldChannel>,
    /// The channels that a step was for and that were not told of it, each with the reason.
    pub held: Vec<HeldChannel>,
    /// The next messages; `None` if time alone brings none before the incident is over.
    #[serde(default, skip_serializing_if = "is_default")]
    pub next: Option<NextMessages>,
}

/// An incident whose condition is false, not yet for long enough.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClosingOutlook {
    /// The time since which the condition is false.
    pub since: Time,
    /// The time at which the incident is over if it stays false. While the condition has no answer, it may have passed.
    pub due: Time,
}

/// A reason why no step of an incident fires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldOutlook {
    /// The reason that the engine gives: the first of several.
    pub reason: Hold,
    /// The time at which this reason is over by itself; `None` if only an event ends it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub until: Option<Time>,
    /// The rules whose incidents inhibit this one.
    #[serde(default, skip_serializing_if = "is_default")]
    pub inhibited_by: Vec<Name>,
}

/// A channel that was told of an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldChannel {
    /// The recipient.
    pub recipient: Name,
    /// The channel.
    pub channel: Channel,
    /// The time of its last message.
    #[serde(default, skip_serializing_if = "is_default")]
    pub at: Option<Time>,
    /// The state of what was sent there.
    pub delivery: DeliveryState,
}

/// The state of the messages of an incident to one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// The message is queued, and no attempt was made yet.
    Queued,
    /// An attempt was made, and its result is not known yet.
    Attempted,
    /// The last result was a delivery.
    Delivered,
    /// Attempts fail since this time.
    Failing(Time),
}

/// A channel that a step was for and that was not told of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldChannel {
    /// The recipient.
    pub recipient: Name,
    /// The channel.
    pub channel: Channel,
    /// The reason.
    pub reason: Withholding,
    /// The end of the quiet hours, where they are the reason.
    #[serde(default, skip_serializing_if = "is_default")]
    pub until: Option<Time>,
    /// The rule whose incident inhibits this one, where that is the reason.
    #[serde(default, skip_serializing_if = "is_default")]
    pub inhibited_by: Option<Name>,
}

/// The next moment at which a step of an incident fires, or a message about it goes out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextMessages {
    /// The time.
    pub at: Time,
    /// The steps that fire. None does where quiet hours end, or a fallback is told.
    #[serde(default, skip_serializing_if = "is_default")]
    pub steps: Vec<StepFiring>,
    /// The channels that are told.
    pub notify: Vec<MessageTarget>,
    /// The channels that are not told then, each with the reason.
    #[serde(default, skip_serializing_if = "is_default")]
    pub held: Vec<HeldChannel>,
}

/// A step that fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepFiring {
    /// Its position, from 0.
    pub step: u32,
    /// Which repeat, from 1; 0 is the step itself.
    pub repeat: u32,
}

/// A channel that a message goes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageTarget {
    /// The recipient.
    pub recipient: Name,
    /// The channel.
    pub channel: Channel,
    /// The kind of the message.
    pub kind: Kind,
    /// The recipient that messages fail to reach, where this is the fallback for it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub in_place_of: Option<Name>,
}

/// A message that is decided, and is sent when the quiet hours of its recipient end. Messages about open incidents are
/// not among them: they are decided anew then, and [`IncidentOutlook::held`] has them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldMessage {
    /// The recipient.
    pub recipient: Name,
    /// The channel.
    pub channel: Channel,
    /// The kind of the message: that an incident is over, or trouble of the monitor itself.
    pub kind: Kind,
    /// The end of the quiet hours.
    pub until: Time,
    /// The incident that it is about; `None` where it is about the monitor itself.
    #[serde(default, skip_serializing_if = "is_default")]
    pub incident: Option<PastIncident>,
}

/// An incident that is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastIncident {
    /// Its id.
    pub id: Id,
    /// Its rule.
    pub rule: Name,
    /// The time at which it began.
    pub since: Time,
    /// The time at which it ended.
    pub ended: Time,
}

impl Engine {
    /// Returns how things stand at `now`, and what happens next if nothing is read and nobody asks for anything. The
    /// state is not changed.
    pub fn outlook(&self, state: &State, now: Time) -> Outlook {
        let now = now.max(state.now());
        let pending = state.rules.iter().filter_map(|(name, rule_state)| match rule_state.phase {
            Phase::Pending { since, due, .. } => {
                Some(PendingOutlook { rule: name.clone(), since, due, unknown: self.unknown_facts(state, name) })
            }
            _ => None,
        });
        let pending = pending.collect();
        // A script that fails while it is asked leaves a decision in the copy, and nothing elsewhere.
        let mut copy = state.clone();
        let mut step = self.begin(&mut copy, now);
        let mut incidents: Vec<IncidentOutlook> = state
            .open_incidents()
            .map(|incident| IncidentOutlook {
                unknown: self.unknown_facts(state, &incident.rule),
                ..step.standing(incident)
            })
            .collect();
        let held = step.held_final_messages(state).chain(step.held_announcements(state)).collect();
        self.foresee(state.clone(), &mut incidents);
        Outlook { pending, incidents, held }
    }

    /// Returns the facts that a rule reads and that are not known, where they leave its condition without an answer.
    fn unknown_facts(&self, state: &State, rule: &Name) -> Vec<Name> {
        let unanswered = state.rules.get(rule).is_some_and(|rule_state| rule_state.unanswered);
        let reads = self.rules().rule(rule).filter(|_| unanswered).map(|rule| &rule.when.reads);
        let unknown = reads.into_iter().flatten().filter(|fact| state.value(fact).is_none());
        unknown.cloned().collect()
    }

    /// Lets the deadlines of a copy fire, until the next messages of every incident are found.
    fn foresee(&self, mut copy: State, incidents: &mut [IncidentOutlook]) {
        let mut wanted: Vec<&mut IncidentOutlook> = incidents.iter_mut().collect();
        for _ in 0..MOST_DEADLINES {
            let Some(at) = copy.next_deadline().filter(|_| !wanted.is_empty()) else { return };
            let decisions = self.step(&mut copy, Input::Elapsed, at);
            wanted.retain_mut(|outlook| {
                let own = || decisions.iter().filter(|decision| decision.incident == Some(outlook.incident));
                // The messages about its end are no next step.
                if own().any(|decision| matches!(decision.outcome, Outcome::Resolved { .. })) {
                    return false;
                }
                let next = NextMessages::among(own(), at);
                outlook.next = next;
                outlook.next.is_none()
            });
        }
    }
}

impl NextMessages {
    /// Returns what the decisions about one incident, all of one moment, say to whom.
    fn among<'a>(decisions: impl Iterator<Item = &'a Decision>, at: Time) -> Option<NextMessages> {
        let mut next = NextMessages { at, steps: Vec::new(), notify: Vec::new(), held: Vec::new() };
        // The messages to a fallback follow the decision that it is told.
        let mut fallback: Option<(&Name, &Name)> = None;
        for decision in decisions {
            match &decision.outcome {
                Outcome::FellBack { recipient, to } => fallback = Some((to, recipient)),
                Outcome::Fired { step, repeat } => next.steps.push(StepFiring { step: *step, repeat: *repeat }),
                Outcome::Notify(notification) => next.notify.push(MessageTarget {
                    recipient: notification.recipient.clone(),
                    channel: notification.channel(),
                    kind: notification.kind,
                    in_place_of: fallback
                        .filter(|(to, _)| **to == notification.recipient)
                        .map(|(_, recipient)| recipient.clone()),
                }),
                // Another message of the same moment goes to that channel.
                Outcome::Withheld { reason: Withholding::OneMessageAStep, .. } => {}
                Outcome::Withheld { recipient, channel, reason, .. } => next.held.push(HeldChannel {
                    recipient: recipient.clone(),
                    channel: *channel,
                    reason: *reason,
                    until: None,
                    inhibited_by: None,
                }),
                _ => {}
            }
        }
        (!next.steps.is_empty() || !next.notify.is_empty()).then_some(next)
    }
}
