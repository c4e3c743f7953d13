//! How an open incident stands: who was told, what is held, why, and until when. Nothing is decided here.

use super::Firing;
use crate::{
    ClosingOutlook, DeliveryState, HeldChannel, HeldMessage, Hold, HoldOutlook, IncidentOutlook, Name, PastIncident,
    Time, ToldChannel, Withholding,
    state::{ChannelRecord, Contact, Incident, Phase, State},
    step::Step,
};

impl Step<'_> {
    /// Returns how an open incident stands now, without what is next.
    pub(crate) fn standing(&mut self, incident: &Incident) -> IncidentOutlook {
        let escalation = self.rule(&incident.rule).and_then(|rule| self.rules.escalation(rule));
        IncidentOutlook {
            incident: incident.id,
            unknown: Vec::new(),
            closing: self.closing(incident),
            acknowledgement_lapses: incident.lapses(escalation.and_then(|escalation| escalation.ack_lapses_after)),
            silenced_until: self.end_of_silences(incident),
            told: incident.channels.iter().filter(|record| record.is_told()).map(told).collect(),
            held: incident.channels.iter().filter_map(|record| self.held_channel(incident, record)).collect(),
            hold: self.hold_outlook(incident),
            next: None,
        }
    }

    /// Returns the final messages of the incidents of `state` that quiet hours hold back.
    pub(crate) fn held_final_messages(&self, state: &State) -> impl Iterator<Item = HeldMessage> {
        let over = state.incidents.iter().filter_map(|incident| Some((incident, incident.ended?)));
        over.flat_map(move |(incident, ended)| {
            incident.channels.iter().filter_map(move |record| {
                let (recipient, channel) = record.key();
                Some(HeldMessage {
                    recipient: recipient.clone(),
                    channel,
                    kind: record.final_message?,
                    until: self.quiet_until(recipient, incident.severity)?,
                    incident: Some(PastIncident {
                        id: incident.id,
                        rule: incident.rule.clone(),
                        since: incident.since,
                        ended,
                    }),
                })
            })
        })
    }

    fn closing(&self, incident: &Incident) -> Option<ClosingOutlook> {
        match self.state.rules.get(&incident.rule)?.phase {
            Phase::Closing { since, due, .. } => Some(ClosingOutlook { since, due }),
            _ => None,
        }
    }

    /// Returns the reason why no step fires, and when it is over. That a start is inhibited is found only where a step
    /// is due, and then noted.
    fn hold_outlook(&mut self, incident: &Incident) -> Option<HoldOutlook> {
        let inhibited = incident.last_hold.filter(|hold| *hold == Hold::Inhibited && incident.alerted_at.is_none());
        let reason = self.hold(incident).or(inhibited)?;
        let escalation = self.rule(&incident.rule).and_then(|rule| self.rules.escalation(rule));
        let until = match reason {
            Hold::Closing => self.closing(incident).map(|closing| closing.due),
            Hold::Acknowledged => incident.lapses(escalation.and_then(|escalation| escalation.ack_lapses_after)),
            Hold::Snoozed => incident.snoozed_until(),
            Hold::Silenced => self.end_of_silences(incident),
            Hold::Inhibited => None,
        };
        let inhibited_by = if reason == Hold::Inhibited { self.inhibitors(incident) } else { Vec::new() };
        Some(HoldOutlook { reason, until, inhibited_by })
    }

    /// Returns the rules that inhibit the channels of the first step, each once.
    fn inhibitors(&mut self, incident: &Incident) -> Vec<Name> {
        let Some(rule) = self.rule(&incident.rule) else { return Vec::new() };
        let Some(escalation) = self.rules.escalation(rule) else { return Vec::new() };
        let opening = self.recipients(rule, escalation, incident, &Firing::first(escalation));
        let mut inhibitors: Vec<Name> = Vec::new();
        for inhibitor in opening.iter().filter_map(|channel| self.inhibitor(incident, channel.key())) {
            if !inhibitors.contains(inhibitor) {
                inhibitors.push(inhibitor.clone());
            }
        }
        inhibitors
    }

    /// Returns the end of the silences that match an incident now. One may go on where another ends.
    fn end_of_silences(&mut self, incident: &Incident) -> Option<Time> {
        let now = self.now;
        let mut end = None;
        while let Some(until) = self.silent_until(incident) {
            end = Some(until);
            self.now = until;
        }
        self.now = now;
        end
    }

    /// Returns why a channel was not told of a step that was for it, if it was not.
    fn held_channel(&self, incident: &Incident, record: &ChannelRecord) -> Option<HeldChannel> {
        let key = record.key();
        let (recipient, channel) = (key.0.clone(), key.1);
        let reason = if record.missed_firing.is_some() {
            let gone = self.leads(key).is_none().then_some(Withholding::RecipientGone);
            gone.or_else(|| self.withheld(incident, key))?
        } else if record.is_told() || record.firings.is_empty() {
            return None;
        } else {
            // A step was for it, and no message was queued: only `allow` does that.
            Withholding::Script
        };
        let until = self.quiet_until(&recipient, incident.severity).filter(|_| reason == Withholding::Quiet);
        let inhibited_by = self.inhibitor(incident, key).filter(|_| reason == Withholding::Inhibited).cloned();
        Some(HeldChannel { recipient, channel, reason, until, inhibited_by })
    }
}

fn told(record: &ChannelRecord) -> ToldChannel {
    let delivery = match record.contact {
        Contact::Failing(since) => DeliveryState::Failing(since),
        Contact::Delivered => DeliveryState::Delivered,
        Contact::Untried if record.attempted => DeliveryState::Attempted,
        Contact::Untried => DeliveryState::Queued,
    };
    ToldChannel {
        recipient: record.recipient.clone(),
        channel: record.address.channel(),
        at: record.last_firing_at,
        delivery,
    }
}
