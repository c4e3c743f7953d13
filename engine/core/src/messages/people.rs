//! Requests of people about incidents: acknowledge, snooze, silence.

use super::Firing;
use crate::{
    Acknowledgement, GivenAs, Id, Input, Kind, Outcome, Refusal, Silence, Time,
    rules::Reachable,
    state::{ChannelRecord, SilenceRecord, Snooze, StepKey},
    step::Step,
};

/// The most silences of a device: all are stored with its state.
const MOST_SILENCES: usize = 64;

impl Step<'_> {
    /// Acknowledges an incident, and tells the others who were told of it.
    pub(crate) fn acknowledge(&mut self, id: Id, by: String) {
        let Some(at) = self.lasting(id, &by) else { return };
        self.with_incident(at, |step, incident| {
            let number = incident.acknowledged.as_ref().map_or(1, |last| last.number + 1);
            incident.acknowledged = Some(Acknowledgement { by: by.clone(), at: step.now, number, lapsed: None });
            incident.acknowledgement_holds = true;
            incident.last_hold = None;
            let rule = step.rule(&incident.rule);
            let escalation = rule.and_then(|rule| step.rules.escalation(rule));
            let lapses = incident.lapses(escalation.and_then(|escalation| escalation.ack_lapses_after));
            step.of(incident, Outcome::Acknowledged { by: by.clone(), lapses });
            // Nobody is told of what they did themselves, however they wrote their name.
            let own = by.to_lowercase();
            let is_other = |record: &&ChannelRecord| record.is_told() && record.recipient.to_lowercase() != own;
            let others = incident.channels.iter().filter(is_other);
            let mut others: Vec<Reachable> = others.map(|record| step.channel(incident, record)).collect();
            others.retain(|channel| match step.withheld(incident, channel.key()) {
                Some(reason) => {
                    step.withhold(incident, Kind::Acknowledged, channel, reason);
                    false
                }
                None => true,
            });
            let firing = Firing { key: StepKey::Position(0), step: 0, repeat: number };
            step.tell(rule, incident, Kind::Acknowledged, &firing, others);
        });
    }

    /// Snoozes an incident, or ends its snooze.
    pub(crate) fn snooze(&mut self, id: Id, until: Time, until_given: GivenAs, by: String) {
        let Some(at) = self.lasting(id, &by) else { return };
        self.with_incident(at, |step, incident| {
            if until > step.now {
                incident.snooze = Some(Snooze { by: by.clone(), until, until_given, at: step.now });
                step.of(incident, Outcome::Snoozed { by, until });
            } else if incident.snoozed_until().is_some_and(|until| step.now < until) {
                incident.snooze = None;
                step.of(incident, Outcome::SnoozeEnded { by });
            } else {
                step.refuse(Refusal::EndsInThePast, id.to_string());
            }
        });
    }

    /// Returns the position of the open incident `id`, after all that happened before; refuses where there is none.
    fn lasting(&mut self, id: Id, by: &str) -> Option<usize> {
        self.fire_to_horizon();
        if by.len() > Input::LONGEST_NAME {
            self.refuse(Refusal::TooLong, id.to_string());
            return None;
        }
        let Some(at) = self.state.incidents.iter().position(|incident| incident.id == id) else {
            self.refuse(Refusal::NoSuchIncident, id.to_string());
            return None;
        };
        // One that is over may still wait for its messages.
        if self.state.incidents.get(at).is_some_and(|incident| incident.ended.is_some()) {
            self.refuse(Refusal::AlreadyOver, id.to_string());
            return None;
        }
        Some(at)
    }

    /// Adds a silence, or ends the one with the same matcher.
    pub(crate) fn silence(&mut self, silence: Silence) {
        self.fire_to_horizon();
        self.forget_silences();
        let silences = &mut self.state.silences;
        let same = silences.iter().position(|other| other.silence.same_matcher(&silence));
        let names = [&silence.device, &silence.rule].into_iter().flatten().map(|name| name.as_str());
        let labels = silence.labels.iter().flat_map(|(label, value)| [label.as_str(), value.as_str()]);
        let long = names.chain(labels).chain([silence.by.as_str()]).any(|name| name.len() > Input::LONGEST_NAME);
        let refusal = if long || silence.labels.len() > MOST_SILENCES {
            Refusal::TooLong
        } else if silence.until <= self.now {
            if let Some(at) = same {
                let ended = silences.remove(at).silence;
                return self.decide(self.now, None, None, Outcome::SilenceEnded { silence: ended, by: silence.by });
            }
            Refusal::EndsInThePast
        } else if silence.until <= silence.from {
            Refusal::EndsBeforeItBegins
        } else if same.is_none() && silences.len() >= MOST_SILENCES {
            Refusal::TooManySilences
        } else {
            if let Some(at) = same {
                silences.remove(at);
            }
            silences.push(SilenceRecord { silence: silence.clone(), at: self.now });
            return self.decide(self.now, None, None, Outcome::Silenced { silence });
        };
        self.refuse(refusal, "a silence");
    }

    /// Forgets the silences that are over.
    pub(crate) fn forget_silences(&mut self) {
        let now = self.now;
        self.state.silences.retain(|silenced| now < silenced.silence.until);
    }
}
