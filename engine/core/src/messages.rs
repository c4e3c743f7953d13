//! Incidents to people: who is told what. Decided at `now`, never back-dated.

use std::collections::BTreeMap;

use crate::{
    About, Acknowledgement, Channel, FactSeen, Hold, Id, IncidentSeen, Kind, Millis, Name, Notification, Outcome,
    Refusal, Time, Withdrawal, Withholding, Wording,
    engine::Step,
    rules::{Escalation, Reachable, Rule, Ruleset},
    script::Hook,
    state::{Fired, Incident, Phase, StepKey, Told},
};

/// A step that fires in this engine step, or a repeat of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Firing {
    pub step: u32,
    /// 0 for the step itself.
    pub repeat: u32,
}

impl Firing {
    fn kind(self) -> Kind {
        match (self.step, self.repeat) {
            (0, 0) => Kind::Opened,
            (_, 0) => Kind::Escalated,
            _ => Kind::Reminder,
        }
    }
}

/// What all messages of one firing have in common.
struct Message {
    kind: Kind,
    firing: Firing,
    wording: Option<Wording>,
}

impl Step<'_> {
    /// Decides the messages of every incident, and forgets those that are over and told.
    pub(crate) fn messages(&mut self) {
        if self.state.incidents.is_empty() {
            return;
        }
        let rules = self.rules;
        let mut incidents = std::mem::take(&mut self.state.incidents);
        for incident in &mut incidents {
            let rule = rules.rule(&incident.rule);
            match incident.ended {
                Some(_) => self.ended(rule, incident),
                None => {
                    if let Some(rule) = rule {
                        self.escalate(rule, incident);
                    }
                }
            }
        }
        incidents.retain(|incident| incident.ended.is_none());
        self.state.incidents = incidents;
    }

    /// When the messages of an incident are due next, if time alone makes them so.
    pub(crate) fn next_message(&self, incident: &Incident) -> Option<Time> {
        let rule = self.rules.rule(&incident.rule)?;
        let escalation = self.rules.escalation(rule)?;
        match self.hold(incident) {
            Some(Hold::Acknowledged) => incident.lapses(escalation.ack_lapses_after),
            // The end of this holding is a deadline of its own.
            Some(_) => None,
            None => due_times(escalation, incident, self.now).map(|(at, _)| at).min(),
        }
    }

    /// Why no step of an incident may fire.
    fn hold(&self, incident: &Incident) -> Option<Hold> {
        let standing = self.state.rules.get(&incident.rule);
        if standing.is_some_and(|standing| matches!(standing.phase, Phase::Closing { .. }) && !standing.unanswered) {
            return Some(Hold::Closing);
        }
        incident.acknowledgement_holds.then_some(Hold::Acknowledged)
    }

    fn escalate(&mut self, rule: &Rule, incident: &mut Incident) {
        let Some(escalation) = self.rules.escalation(rule) else { return };
        if incident.lapses(escalation.ack_lapses_after).is_some_and(|lapses| lapses <= self.now) {
            incident.acknowledgement_holds = false;
            let by = incident.acknowledged.as_ref().map(|acknowledged| acknowledged.by.clone()).unwrap_or_default();
            self.decide(self.now, Some(&rule.name), Some(incident.id), Outcome::AcknowledgementLapsed { by });
        }
        let due = due_times(escalation, incident, self.now).filter(|(at, _)| *at <= self.now);
        let due: Vec<Firing> = due.map(|(_, firing)| firing).collect();
        let Some(first) = due.first() else {
            return;
        };
        if let Some(reason) = self.hold(incident) {
            if incident.held != Some(first.step) {
                incident.held = Some(first.step);
                let step = first.step;
                self.decide(self.now, Some(&rule.name), Some(incident.id), Outcome::Held { step, reason });
            }
            return;
        }
        incident.held = None;
        self.fire(rule, escalation, incident, &due);
    }

    /// Fires steps. A channel gets one message: step 0's, else the latest step's.
    fn fire(&mut self, rule: &Rule, escalation: &Escalation, incident: &mut Incident, due: &[Firing]) {
        let mut by_channel: Vec<(Reachable, Firing)> = Vec::new();
        let mut places: BTreeMap<(Name, Channel), usize> = BTreeMap::new();
        for firing in due {
            note_fired(escalation, incident, *firing, self.now);
            let Firing { step, repeat } = *firing;
            self.decide(self.now, Some(&rule.name), Some(incident.id), Outcome::Fired { step, repeat });
            let reached = self.recipients(rule, escalation, incident, *firing);
            if reached.is_empty() {
                self.decide(self.now, Some(&rule.name), Some(incident.id), Outcome::NobodyToTell { step });
            }
            for reachable in reached {
                let (name, channel) = reachable.key();
                let place = *places.entry((name.clone(), channel)).or_insert(by_channel.len());
                match by_channel.get_mut(place) {
                    None => by_channel.push((reachable, *firing)),
                    Some((_, earlier)) => {
                        let opening = earlier.kind() == Kind::Opened;
                        let dropped = if opening { *firing } else { std::mem::replace(earlier, *firing) };
                        let reason = Withholding::OneMessageAStep;
                        self.withhold(rule, incident, dropped.kind(), &reachable, reason);
                    }
                }
            }
        }
        for firing in due {
            let channels = by_channel.iter().filter(|(_, for_channel)| for_channel == firing).map(|(to, _)| to);
            let channels: Vec<Reachable> = channels.cloned().collect();
            self.tell(Some(rule), incident, firing.kind(), *firing, channels);
        }
    }

    /// Who a firing is for: the step's names, or what the script makes of them.
    fn recipients(
        &mut self,
        rule: &Rule,
        escalation: &Escalation,
        incident: &Incident,
        firing: Firing,
    ) -> Vec<Reachable> {
        let names = escalation.steps.get(firing.step as usize).map(|step| step.notify.as_slice()).unwrap_or_default();
        let own = self.rules.reach(names, &self.state.device);
        let Some(script) = rule.script.as_ref().filter(|script| script.has(Hook::Recipients)) else { return own };
        let ctx = self.message_context(rule, incident, firing.kind(), firing);
        let rules = self.rules;
        let device = &self.state.device;
        let answer = script.recipients(ctx, names).and_then(|names| {
            if let Some(unknown) = names.iter().find(|name| !rules.is_target(name)) {
                return Err(format!("it named `{unknown}`, who is no recipient or group"));
            }
            let reached = rules.reach(&names, device);
            if reached.is_empty() { Err("it named nobody who can be reached".to_owned()) } else { Ok(reached) }
        });
        self.asked(rule, Some(incident.id), Hook::Recipients, answer).unwrap_or(own)
    }

    /// Queues one message for each of `channels`, unless the script does not allow it.
    pub(crate) fn tell(
        &mut self,
        rule: Option<&Rule>,
        incident: &mut Incident,
        kind: Kind,
        firing: Firing,
        channels: Vec<Reachable>,
    ) {
        if channels.is_empty() {
            return;
        }
        let mut message = Message { kind, firing, wording: None };
        if let Some((rule, script)) = rule.and_then(|rule| rule.script.as_ref().map(|script| (rule, script))) {
            if kind != Kind::Resolved && script.has(Hook::Allow) {
                let answer = script.allow(self.message_context(rule, incident, kind, firing));
                if self.asked(rule, Some(incident.id), Hook::Allow, answer) == Some(false) {
                    for channel in &channels {
                        self.withhold(rule, incident, kind, channel, Withholding::Script);
                    }
                    return;
                }
            }
            // In a rule's own words nobody is told that what was removed is over.
            if script.has(Hook::Message) && incident.ended_by.is_none() {
                let answer = script.message(self.message_context(rule, incident, kind, firing));
                message.wording = self.asked(rule, Some(incident.id), Hook::Message, answer).flatten();
            }
        }
        let facts = self.facts_seen();
        for channel in channels {
            let notification = self.notification(incident, &message, &channel, facts.clone());
            if matches!(kind, Kind::Opened | Kind::Escalated | Kind::Reminder | Kind::Acknowledged) {
                note_told(incident, &channel, notification.id);
            }
            let outcome = Outcome::Notify(Box::new(notification));
            self.decide(self.now, Some(&incident.rule), Some(incident.id), outcome);
        }
    }

    /// Tells everybody who was told that it began that it is over; who was not yet, that it is past.
    fn ended(&mut self, rule: Option<&Rule>, incident: &mut Incident) {
        let last = incident.fired.iter().enumerate().max_by_key(|(_, fired)| fired.at);
        let firing = Firing {
            step: last.and_then(|(_, fired)| rule.and_then(|rule| position(self.rules, rule, fired))).unwrap_or(0),
            repeat: last.map_or(0, |(_, fired)| fired.repeats),
        };
        if incident.alerted_at.is_none() {
            let escalation = rule.and_then(|rule| self.rules.escalation(rule).map(|escalation| (rule, escalation)));
            let Some((rule, escalation)) = escalation else { return };
            let channels = self.recipients(rule, escalation, incident, Firing { step: 0, repeat: 0 });
            return self.tell(Some(rule), incident, Kind::Past, firing, channels);
        }
        let (mut knew, mut never) = (Vec::new(), Vec::new());
        for told in std::mem::take(&mut incident.told) {
            let channel = self.channel(incident, &told);
            let Told { attempted, queued, .. } = told;
            if attempted {
                knew.push(channel);
                continue;
            }
            for notification in queued {
                let outcome = Outcome::Withdrawn { notification, reason: Withdrawal::Superseded };
                self.decide(self.now, Some(&incident.rule), Some(incident.id), outcome);
            }
            never.push(channel);
        }
        self.tell(rule, incident, Kind::Resolved, firing, knew);
        self.tell(rule, incident, Kind::Past, firing, never);
    }

    /// Where a channel that was told leads now. A removed rule's channels, and those of a recipient who is gone, lead
    /// where they led when they were told.
    fn channel(&self, incident: &Incident, told: &Told) -> Reachable {
        let known = self.rules.recipients.contains_key(&told.recipient) && incident.ended_by.is_none();
        let now = known.then(|| self.rules.reach([&told.recipient], &self.state.device));
        now.into_iter().flatten().find(|channel| channel.key() == told.key()).unwrap_or_else(|| Reachable {
            recipient: told.recipient.clone(),
            address: told.address.clone(),
            timezone: told.timezone.clone(),
        })
    }

    /// Somebody takes an incident on: the others who were told hear of it.
    pub(crate) fn acknowledge(&mut self, id: Id, by: String) {
        let Some(at) = self.state.incidents.iter().position(|incident| incident.id == id) else {
            return self.refuse(Refusal::NoSuchIncident, id.to_string());
        };
        // An incident that ended within this very step is over; its messages are still to be decided.
        if self.state.incidents.get(at).is_some_and(|incident| incident.ended.is_some()) {
            return self.refuse(Refusal::AlreadyOver, id.to_string());
        }
        let mut incident = self.state.incidents.remove(at);
        let number = incident.acknowledged.as_ref().map_or(1, |last| last.number + 1);
        incident.acknowledged = Some(Acknowledgement { by: by.clone(), at: self.now, number });
        incident.acknowledgement_holds = true;
        incident.held = None;
        let rule = self.rules.rule(&incident.rule);
        let lapses =
            rule.and_then(|rule| self.rules.escalation(rule)).and_then(|escalation| escalation.ack_lapses_after);
        let lapses = incident.lapses(lapses);
        self.decide(self.now, Some(&incident.rule), Some(id), Outcome::Acknowledged { by: by.clone(), lapses });
        let others = incident.told.iter().filter(|told| told.recipient != by.as_str());
        let others: Vec<Reachable> = others.map(|told| self.channel(&incident, told)).collect();
        self.tell(rule, &mut incident, Kind::Acknowledged, Firing { step: 0, repeat: number }, others);
        self.state.incidents.insert(at, incident);
    }

    /// A message left the queue: from now on its receiver may know of the incident.
    pub(crate) fn attempted(&mut self, notification: Id) {
        let told = self.state.incidents.iter_mut().flat_map(|incident| &mut incident.told);
        for told in told.filter(|told| told.queued.contains(&notification)) {
            told.queued.clear();
            told.attempted = true;
        }
    }

    fn withhold(&mut self, rule: &Rule, incident: &Incident, kind: Kind, to: &Reachable, reason: Withholding) {
        let (recipient, channel) = (to.recipient.clone(), to.address.channel());
        let outcome = Outcome::Withheld { kind, recipient, channel, reason };
        self.decide(self.now, Some(&rule.name), Some(incident.id), outcome);
    }

    fn message_context(&self, rule: &Rule, incident: &Incident, kind: Kind, firing: Firing) -> crate::script::Context {
        let ctx = self.context(rule, Some(incident), self.now).text("kind", kind.as_str());
        ctx.number("step", firing.step.into()).number("repeat", firing.repeat.into())
    }

    fn facts_seen(&self) -> BTreeMap<Name, FactSeen> {
        let seen = self.state.facts.iter().map(|(name, fact)| {
            let (last, since) = fact.last.unzip();
            (name.clone(), FactSeen { value: fact.value, last, since })
        });
        seen.collect()
    }

    /// The name by which the step that a message stands for is known again. A step that was put before it while the
    /// incident lasts may stand where it stood: the position alone would give two messages one id.
    fn step_name<'a>(&self, incident: &'a Incident, message: &Message) -> Option<&'a [u8]> {
        if !matches!(message.kind, Kind::Opened | Kind::Escalated | Kind::Reminder) {
            return None;
        }
        let escalation = self.rules.rule(&incident.rule).and_then(|rule| self.rules.escalation(rule))?;
        let step = escalation.steps.get(message.firing.step as usize)?;
        match &fired(incident, step.name.as_ref(), message.firing.step)?.step {
            StepKey::Name(name) => Some(name.as_bytes()),
            StepKey::Position(_) => None,
        }
    }

    fn notification(
        &self,
        incident: &Incident,
        message: &Message,
        to: &Reachable,
        facts: BTreeMap<Name, FactSeen>,
    ) -> Notification {
        let Firing { step, repeat } = message.firing;
        let kind = message.kind;
        let position = step.to_be_bytes();
        let id = Id::of(&[
            b"notification",
            incident.id.as_bytes(),
            kind.as_str().as_bytes(),
            self.step_name(incident, message).unwrap_or(&position),
            &repeat.to_be_bytes(),
            to.recipient.as_bytes(),
            to.address.channel().as_str().as_bytes(),
        ]);
        let unseen = self.state.rules.get(&incident.rule).is_some_and(|standing| standing.unanswered);
        Notification {
            id,
            at: self.now,
            kind,
            step,
            repeat,
            recipient: to.recipient.clone(),
            address: to.address.clone(),
            timezone: to.timezone.clone(),
            device: self.state.device.clone(),
            about: About::Incident(IncidentSeen {
                id: incident.id,
                number: incident.number,
                rule: incident.rule.clone(),
                severity: incident.severity,
                since: incident.since,
                opened_at: incident.opened_at,
                ended: incident.ended,
                ended_by: incident.ended_by,
                acknowledged: incident.acknowledged.clone(),
                unseen: unseen && incident.ended.is_none(),
                uncertain: false,
            }),
            facts,
            wording: message.wording.clone(),
        }
    }
}

/// What each step fires next, and when: itself, or of its repeats the next one, or the latest that is due at `now`, for
/// repeats that were missed collapse into the last.
fn due_times<'a>(
    escalation: &'a Escalation,
    incident: &'a Incident,
    now: Time,
) -> impl Iterator<Item = (Time, Firing)> + 'a {
    escalation.steps.iter().zip(0_u32..).filter_map(move |(step, position)| {
        let Some(fired) = fired(incident, step.name.as_ref(), position) else {
            let at = match incident.alerted_at {
                Some(alerted_at) => alerted_at + step.after,
                // The first step, and those that follow it without delay.
                None if step.after == Millis::ZERO => incident.opened_at,
                None => return None,
            };
            return Some((at, Firing { step: position, repeat: 0 }));
        };
        let every = step.repeat?;
        let missed = u32::try_from(now.since(fired.at).get() / every.get().max(1)).unwrap_or(u32::MAX);
        let repeat = missed.min(step.at_most.unwrap_or(u32::MAX)).max(fired.repeats.saturating_add(1));
        let more = step.at_most.is_none_or(|at_most| repeat <= at_most);
        more.then(|| (fired.at + every.times(repeat), Firing { step: position, repeat }))
    })
}

fn fired<'a>(incident: &'a Incident, name: Option<&Name>, position: u32) -> Option<&'a Fired> {
    incident.fired.iter().find(|fired| fired.is(name, position))
}

/// Where a step that fired stands in the rules of today.
fn position(rules: &Ruleset, rule: &Rule, fired: &Fired) -> Option<u32> {
    let steps = rules.escalation(rule)?.steps.iter().zip(0_u32..);
    steps.into_iter().find_map(|(step, position)| fired.is(step.name.as_ref(), position).then_some(position))
}

fn note_fired(escalation: &Escalation, incident: &mut Incident, firing: Firing, now: Time) {
    if firing.step == 0 && firing.repeat == 0 {
        // Another step may have come to stand first: the later ones count from the first alert all the same.
        incident.alerted_at.get_or_insert(now);
    }
    let Some(step) = escalation.steps.get(firing.step as usize) else { return };
    match incident.fired.iter_mut().find(|fired| fired.is(step.name.as_ref(), firing.step)) {
        Some(fired) => fired.repeats = firing.repeat,
        None => {
            let step = step.name.clone().map_or(StepKey::Position(firing.step), StepKey::Name);
            incident.fired.push(Fired { step, at: now, repeats: 0 });
        }
    }
}

fn note_told(incident: &mut Incident, to: &Reachable, notification: Id) {
    let told = match incident.told.iter().position(|told| told.key() == to.key()) {
        Some(at) => incident.told.get_mut(at),
        None => {
            let Reachable { recipient, address, timezone } = to.clone();
            incident.told.push(Told { recipient, address, timezone, attempted: false, queued: Vec::new() });
            incident.told.last_mut()
        }
    };
    if let Some(told) = told {
        told.address = to.address.clone();
        // Who may know of it is told of its end in any case: nothing is withdrawn then.
        if !told.attempted {
            told.queued.push(notification);
        }
    }
}
