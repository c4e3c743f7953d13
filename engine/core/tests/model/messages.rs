//! Incidents to messages: the order of the stages, and the one message that each channel gets.

use std::{collections::BTreeMap, rc::Rc};

use dag_engine::{FactSnapshot, Hold, Id, Kind, Name, Outcome, Severity, Withholding};

use crate::{
    channel::Firing,
    ids,
    message::{About, Message},
    model::{Incident, Model},
    rules::{ChannelKey, Place},
    script::{Hook, Script},
};

/// A message that goes out, unless the script withholds it.
struct Outgoing {
    who: ChannelKey,
    kind: Kind,
    firing: Firing,
}

impl Model {
    pub fn send_messages(&mut self) {
        let mut order: Vec<(usize, usize, Id)> = Vec::new();
        for (place, incident) in self.incidents.iter().enumerate() {
            order.push((self.rules.rank(&incident.rule), place, incident.id));
        }
        order.sort();
        for (_, _, id) in order {
            if self.incident(id).ended.is_some() {
                self.send_final_messages(id);
            } else {
                self.send_open(id);
            }
        }
        self.limit_ended_incidents();
        self.send_troubles();
    }

    pub fn incident(&self, id: Id) -> &Incident {
        self.incidents.iter().find(|incident| incident.id == id).unwrap()
    }

    pub fn incident_mut(&mut self, id: Id) -> &mut Incident {
        self.incidents.iter_mut().find(|incident| incident.id == id).unwrap()
    }

    /// Adds a decision about an incident.
    pub fn decide_of(&mut self, id: Id, outcome: &Outcome) {
        let rule = self.incident(id).rule.clone();
        self.decide(self.now, Some(&rule), Some(id), outcome);
    }

    pub fn withhold(&mut self, id: Id, kind: Kind, who: &ChannelKey, reason: Withholding) {
        self.decide_of(id, &Outcome::Withheld { kind, recipient: who.0.as_str().into(), channel: who.1, reason });
    }

    fn send_open(&mut self, id: Id) {
        let rules = Rc::clone(&self.rules);
        let name = self.incident(id).rule.clone();
        let rule = rules.rule(&name).unwrap();
        self.lapse(id, rule);
        let due = self.due(id, rule);
        if let Some(reason) = self.hold(id) {
            return self.note_hold(id, due.first(), reason);
        }
        if let Some(first) = due.first().filter(|(firing, _)| firing.position == 0 && firing.repeat == 0) {
            let reached = self.channels_of_step(id, rule, &first.1);
            if !reached.is_empty() && reached.iter().all(|who| self.is_inhibited(id, who)) {
                return self.note_hold(id, Some(first), Hold::Inhibited);
            }
        }
        if !due.is_empty() {
            self.incident_mut(id).last_hold = None;
        }
        // The firings of now by channel, in the order of their first appearance.
        let mut firings: Vec<(ChannelKey, Vec<Firing>)> = Vec::new();
        for (firing, step) in &due {
            for who in self.fire(id, rule, firing, step) {
                add(&mut firings, who, firing.clone());
            }
        }
        for channel in self.incident(id).channels.clone() {
            if !channel.missed_firings.is_empty() && firings.iter().all(|(who, _)| *who != channel.who) {
                firings.push((channel.who, Vec::new()));
            }
        }
        self.serve(id, firings);
        loop {
            let fallen = self.fall_back(id);
            if fallen.is_empty() {
                break;
            }
            self.serve(id, fallen.into_iter().map(|(who, firing)| (who, vec![firing])).collect());
        }
    }

    fn serve(&mut self, id: Id, firings: Vec<(ChannelKey, Vec<Firing>)>) {
        let mut outgoing = Vec::new();
        for (who, now) in firings {
            outgoing.extend(self.choose(id, who, &now));
        }
        self.send(id, outgoing);
    }

    /// Chooses the one message for a channel from its firings of now, or lets the channel miss them.
    fn choose(&mut self, id: Id, who: ChannelKey, now: &[Firing]) -> Option<Outgoing> {
        let severity = self.incident(id).severity;
        let quiet = self.rules.is_quiet(&who.0, severity, self.now);
        let inhibited = self.is_inhibited(id, &who);
        let was_told = self.incident(id).channels.iter().any(|channel| channel.who == who && channel.order.is_some());
        let released = if was_told { Kind::Reminder } else { Kind::Opened };
        if self.rules.place(&who, &self.device).is_none() {
            self.withhold(id, released, &who, Withholding::RecipientGone);
            self.incident_mut(id).channel(&who).missed_firings.clear();
            self.incident_mut(id).channels.retain(|channel| channel.who != who || channel.order.is_some());
            return None;
        }
        if quiet || inhibited {
            let reason = if quiet { Withholding::Quiet } else { Withholding::Inhibited };
            let mut now = now.to_vec();
            now.sort_by_key(|firing| (firing.position, firing.repeat));
            for firing in now {
                self.withhold(id, firing.kind(), &who, reason);
                let place = self.rules.place(&who, &self.device);
                let channel = self.incident_mut(id).channel(&who);
                channel.place = place;
                channel.missed_firings.push(firing);
            }
            return None;
        }
        let known = self.incident_mut(id).channels.iter_mut().find(|channel| channel.who == who);
        let missed = known.map_or(Vec::new(), |channel| std::mem::take(&mut channel.missed_firings));
        let latest = now.iter().max_by_key(|firing| (firing.position, firing.repeat));
        let first = now.iter().find(|firing| firing.position == 0 && firing.repeat == 0);
        let (kind, firing) = match missed.last() {
            Some(missed) => {
                let missed = Firing { position: self.position_of(id, &missed.key), ..missed.clone() };
                (released, latest.cloned().unwrap_or(missed))
            }
            None => {
                let firing = first.or(latest)?.clone();
                (firing.kind(), firing)
            }
        };
        for other in now.iter().filter(|other| **other != firing) {
            self.withhold(id, other.kind(), &who, Withholding::OneMessageAStep);
        }
        Some(Outgoing { who, kind, firing })
    }

    fn send(&mut self, id: Id, mut outgoing: Vec<Outgoing>) {
        let order = |out: &Outgoing| (out.firing.position, out.firing.repeat, out.kind);
        outgoing.sort_by_key(order);
        for group in outgoing.chunk_by(|a, b| order(a) == order(b)) {
            let allowed = self.allows(id);
            for Outgoing { who, kind, firing } in group {
                if !allowed {
                    self.withhold(id, *kind, who, Withholding::Script);
                }
                let now = self.now;
                let message = allowed.then(|| {
                    let place = self.rules.place(who, &self.device).unwrap();
                    self.queue_message(id, *kind, &firing.key.bytes(), (firing.position, firing.repeat), who, place)
                });
                let channel = self.incident_mut(id).channel(who);
                channel.last = Some(now);
                channel.firings.push((now, firing.clone()));
                if let Some(message) = message {
                    self.record_message(id, who, message);
                }
            }
        }
    }

    /// Records that a message was queued for a channel.
    pub fn record_message(&mut self, id: Id, who: &ChannelKey, message: Id) {
        let place = self.rules.place(who, &self.device);
        let incident = self.incident_mut(id);
        let told = incident.channels.iter().filter_map(|channel| channel.order).max().map_or(0, |last| last + 1);
        let channel = incident.channel(who);
        channel.order.get_or_insert(told);
        channel.place = place.or(channel.place.take());
        if !channel.attempted {
            channel.queue.push(message);
        }
    }

    /// Returns whether the script allows messages of one step, repeat and kind.
    pub fn allows(&mut self, id: Id) -> bool {
        // The script of a removed rule decides nothing.
        if self.incident(id).removed() {
            return true;
        }
        let rule = self.incident(id).rule.clone();
        if self.rules.rule(&rule).is_none_or(|rule| rule.script != Some(Script::People)) {
            return true;
        }
        match Hook::by(self.facts.get("battery"), self.now) {
            Hook::Fails => {
                self.record_hook_failure_of(id, "allow");
                true
            }
            Hook::AnswersItsOwn => false,
            Hook::LeavesIt => true,
        }
    }

    /// Queues a message. `step` holds the bytes of the step that go into its id.
    pub fn queue_message(
        &mut self,
        id: Id,
        kind: Kind,
        step: &[u8],
        (position, repeat): (u32, u32),
        who: &ChannelKey,
        to: Place,
    ) -> Id {
        let now = self.now;
        let incident = self.incident(id).clone();
        let state = self.rule_states.get(&incident.rule);
        let unseen = incident.ended.is_none() && state.is_some_and(|state| state.answer.is_none());
        let rule = self.rules.rules.iter().find(|rule| rule.name == incident.rule);
        let since_inexact = incident.begun_before || rule.is_some_and(|rule| rule.when.to_string() != incident.when);
        let put_right = |(fact, noted): (Name, Option<dag_engine::Value>)| {
            let now = self
                .facts
                .get(&fact)
                .filter(|fact| fact.value.is_some() && fact.changes().all(|at| Some(at) != incident.ended));
            let then = now.and_then(|fact| fact.values.iter().rev().find(|(at, _)| Some(*at) <= incident.ended));
            let value = noted.map(|noted| then.map_or(noted, |(_, value)| *value));
            (fact, value)
        };
        let facts_at_end = incident.turned_false.facts.into_iter().map(put_right).collect();
        let message = ids::message(id, kind, step, repeat, &who.0, who.1);
        let about = About::Incident {
            rule: incident.rule.clone(),
            incident: id,
            number: incident.number,
            severity: incident.severity,
            since: incident.since,
            opened_at: incident.opened_at,
            since_inexact,
            interrupted: incident.interrupted,
            ended: incident.ended,
            ended_by: incident.turned_false.by,
            facts_at_end,
            since_reported: incident.since_reported,
            ended_reported: incident.ended_reported,
            acknowledged: incident.acknowledgement,
            unseen,
            uncertain: incident.since_uncertain || (incident.ended.is_some() && incident.ended_uncertain),
        };
        let told = Message {
            id: message,
            kind,
            step: position,
            repeat,
            recipient: who.0.as_str().into(),
            channel: who.1,
            to: to.address,
            zone: to.zone,
            at: now,
            about,
            facts: self.snapshot(),
        };
        self.record(now, Some(&incident.rule), Some(id), format!("told {told}"));
        self.messages.push(told);
        message
    }

    /// Returns the facts as messages show them.
    pub fn snapshot(&self) -> BTreeMap<Name, FactSnapshot> {
        let facts = self.facts.iter().map(|(name, fact)| {
            let last = fact.values.last().copied();
            let (since, last) = (last.map(|(at, _)| at), last.map(|(_, value)| value));
            (name.clone(), FactSnapshot { value: fact.value, last, since })
        });
        facts.collect()
    }

    /// Returns whether another incident that the channel was told of inhibits this one.
    pub fn is_inhibited(&self, id: Id, who: &ChannelKey) -> bool {
        let Some(incident) = self.incidents.iter().find(|incident| incident.id == id) else { return false };
        self.incidents.iter().any(|other| {
            let rule = self.rules.rule(&other.rule);
            rule.is_some_and(|rule| rule.inhibits.iter().any(|inhibited| incident.rule == *inhibited))
                && other.ended.is_none()
                && other.severity >= incident.severity
                && incident.ended.is_none_or(|ended| other.since <= ended)
                && other.channels.iter().any(|channel| channel.who == *who && channel.order.is_some())
        })
    }

    /// Returns whether the recipient has quiet hours for this severity.
    pub fn is_quiet(&self, who: &ChannelKey, severity: Severity) -> bool {
        self.rules.is_quiet(&who.0, severity, self.now)
    }
}

fn add(firings: &mut Vec<(ChannelKey, Vec<Firing>)>, who: ChannelKey, firing: Firing) {
    match firings.iter_mut().find(|(other, _)| *other == who) {
        Some((_, firings)) => firings.push(firing),
        None => firings.push((who, vec![firing])),
    }
}
