//! An open incident: its steps fire, and channels that missed a firing are told of it.

use super::{
    Firing,
    due::{self, note_fired, recalled},
};
use crate::{
    Hold, Kind, Outcome, Withholding,
    rules::{Escalation, Reachable, Rule},
    script::{Hook, HookResult, Script},
    state::Incident,
    step::Step,
};

/// A channel, and the firings that are for it now.
pub(super) struct ChannelFirings {
    pub channel: Reachable,
    pub firings: Vec<Firing>,
}

/// Adds a firing to those of a channel.
fn add_firing(channels: &mut Vec<ChannelFirings>, channel: Reachable, firing: Option<&Firing>) {
    let at = channels.iter().position(|one| one.channel.key() == channel.key());
    let at = at.unwrap_or_else(|| {
        channels.push(ChannelFirings { channel, firings: Vec::new() });
        channels.len() - 1
    });
    if let Some(one) = channels.get_mut(at) {
        one.firings.extend(firing.cloned());
    }
}

impl Step<'_> {
    pub(super) fn escalate(&mut self, incident: &mut Incident) {
        let rules = self.rules;
        let Some(rule) = self.rule(&incident.rule) else { return };
        let Some(escalation) = rules.escalation(rule) else { return };
        if let Some(lapsed) = incident.lapses(escalation.ack_lapses_after).filter(|lapses| *lapses <= self.now) {
            incident.acknowledgement_holds = false;
            if let Some(acknowledged) = &mut incident.acknowledged {
                acknowledged.lapsed = Some(lapsed);
                let by = acknowledged.by.clone();
                self.of(incident, Outcome::AcknowledgementLapsed { by });
            }
        }
        let due = due::times(escalation, incident, self.now).filter(|(at, _)| *at <= self.now);
        let due: Vec<Firing> = due.map(|(_, firing)| firing).collect();
        if let Some(reason) = self.hold(incident) {
            return self.note_held(incident, &due, reason);
        }
        let mut channels = Vec::new();
        if let Some(first) = due.first() {
            let opening = self.recipients(rule, escalation, incident, first);
            if first.kind() == Kind::Opened
                && !opening.is_empty()
                && opening.iter().all(|channel| self.is_inhibited(incident, channel.key()))
            {
                return self.note_held(incident, &due, Hold::Inhibited);
            }
            incident.last_hold = None;
            self.fire(rule, escalation, incident, &due, opening, &mut channels);
        }
        for record in incident.channels.iter().filter(|record| record.missed_firing.is_some()) {
            add_firing(&mut channels, self.channel(incident, record), None);
        }
        self.serve(rule, incident, channels);
        // Also for what was queued just now for somebody who cannot be reached: a fallback may have one itself.
        while let Some(channels) = self.fall_back(rule, incident) {
            self.serve(rule, incident, channels);
        }
    }

    fn note_held(&mut self, incident: &mut Incident, due: &[Firing], reason: Hold) {
        let Some(step) = due.first().map(|first| first.step) else { return };
        if incident.last_hold.replace(reason) != Some(reason) {
            self.of(incident, Outcome::Held { step, reason });
        }
    }

    fn fire(
        &mut self,
        rule: &Rule,
        escalation: &Escalation,
        incident: &mut Incident,
        due: &[Firing],
        opening: Vec<Reachable>,
        channels: &mut Vec<ChannelFirings>,
    ) {
        let mut opening = Some(opening);
        for firing in due {
            note_fired(incident, firing, self.now);
            let Firing { step, repeat, .. } = *firing;
            self.of(incident, Outcome::Fired { step, repeat });
            let reached = opening.take().unwrap_or_else(|| self.recipients(rule, escalation, incident, firing));
            if reached.is_empty() {
                self.of(incident, Outcome::NobodyToTell { step });
            }
            for channel in reached {
                add_firing(channels, channel, Some(firing));
            }
        }
    }

    /// Returns the channels that a firing is for: those of the step's names, or of what the script makes of them.
    pub(super) fn recipients(
        &mut self,
        rule: &Rule,
        escalation: &Escalation,
        incident: &Incident,
        firing: &Firing,
    ) -> Vec<Reachable> {
        let names = escalation.steps.get(firing.step as usize).map(|step| step.notify.as_slice()).unwrap_or_default();
        let own = self.rules.reach(names, &self.state.device);
        let Some(script) = rule.script.as_ref().filter(|script| script.has(Hook::Recipients)) else { return own };
        let answer = self.scripted_recipients(rule, script, incident, firing.kind(), firing);
        self.hook_answer(rule, Some(incident.id), Hook::Recipients, answer).unwrap_or(own)
    }

    /// Returns the channels that a script makes of a step's names.
    pub(crate) fn scripted_recipients(
        &self,
        rule: &Rule,
        script: &Script,
        incident: &Incident,
        kind: Kind,
        firing: &Firing,
    ) -> HookResult<Vec<Reachable>> {
        let escalation = self.rules.escalation(rule);
        let step = escalation.and_then(|escalation| escalation.steps.get(firing.step as usize));
        let names = step.map(|step| step.notify.as_slice()).unwrap_or_default();
        let names = script.recipients(self.message_context(rule, incident, kind, firing), names)?;
        if let Some(unknown) = names.iter().find(|name| !self.rules.is_target(name)) {
            return Err(format!("it named `{unknown}`, who is no recipient or group").into());
        }
        let reached = self.rules.reach(&names, &self.state.device);
        if reached.is_empty() { Err("it named nobody who can be reached".to_owned().into()) } else { Ok(reached) }
    }

    /// Sends every channel one message at most, and notes what those that are held back missed.
    fn serve(&mut self, rule: &Rule, incident: &mut Incident, channels: Vec<ChannelFirings>) {
        if channels.is_empty() {
            return;
        }
        let mut messages: Vec<(Firing, Kind, Reachable)> = Vec::new();
        for ChannelFirings { channel, firings } in channels {
            let latest = firings.iter().max_by_key(|firing| (firing.step, firing.repeat)).cloned();
            let key = channel.key();
            let before = incident.channel(key);
            let missed_firing = before.as_ref().and_then(|record| record.missed_firing.clone());
            let was_told = before.is_some_and(|record| record.is_told());
            let gone = missed_firing.is_some() && firings.is_empty() && self.leads(key).is_none();
            let withheld = self.withheld(incident, key).filter(|_| !gone);
            if let Some(reason) = withheld {
                for firing in &firings {
                    self.withhold(incident, firing.kind(), &channel, reason);
                }
                if let Some(latest) = latest {
                    let record = incident.record(&channel);
                    record.lead_to(&channel);
                    record.missed_firing = Some(latest.firing_key());
                }
                continue;
            }
            let opening = firings.iter().find(|firing| firing.kind() == Kind::Opened).cloned();
            let (kind, firing) = match missed_firing {
                Some(missed_firing) => {
                    incident.record(&channel).missed_firing = None;
                    let kind = if was_told { Kind::Reminder } else { Kind::Opened };
                    (Some(kind), latest.or_else(|| Some(recalled(self.rules, Some(rule), &missed_firing))))
                }
                None => (None, opening.or(latest)),
            };
            let Some(firing) = firing else { continue };
            let kind = kind.unwrap_or_else(|| firing.kind());
            if gone {
                self.withhold(incident, kind, &channel, Withholding::RecipientGone);
                continue;
            }
            for other in firings.iter().filter(|other| **other != firing) {
                self.withhold(incident, other.kind(), &channel, Withholding::OneMessageAStep);
            }
            messages.push((firing, kind, channel));
        }
        messages.sort_by_key(|(firing, kind, _)| (firing.step, firing.repeat, *kind));
        for group in messages.chunk_by(|one, next| (&one.0, one.1) == (&next.0, next.1)) {
            let Some((firing, kind, _)) = group.first() else { continue };
            let channels = group.iter().map(|(_, _, channel)| channel.clone()).collect();
            self.tell(Some(rule), incident, *kind, firing, channels);
        }
        incident
            .channels
            .retain(|record| record.is_told() || record.missed_firing.is_some() || !record.firings.is_empty());
    }

    /// A decision about an incident.
    pub(super) fn of(&mut self, incident: &Incident, outcome: Outcome) {
        self.decide(self.now, Some(&incident.rule), Some(incident.id), outcome);
    }

    pub(super) fn withhold(&mut self, incident: &Incident, kind: Kind, to: &Reachable, reason: Withholding) {
        let (recipient, channel) = (to.recipient.clone(), to.address.channel());
        self.of(incident, Outcome::Withheld { kind, recipient, channel, reason });
    }
}
