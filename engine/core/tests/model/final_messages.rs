//! The end of an incident: the final message of every channel.

use std::rc::Rc;

use dag_engine::{Id, Kind, Outcome, Withdrawal, Withholding};

use crate::{
    channel::Channel,
    model::{Incident, Model},
    rules::{ChannelKey, Place},
};

impl Incident {
    fn waits(&self) -> bool {
        self.decided && !self.channels.is_empty()
    }

    /// Returns whether its condition was not true for long enough, as late readings showed.
    fn is_too_short(&self) -> bool {
        self.ended.is_some_and(|ended| ended < self.opened_at || ended <= self.since)
    }
}

impl Model {
    /// Sends the final messages of ended incidents while reports are missing, once there are 64 of them.
    pub fn send_final_messages_of_many(&mut self) {
        let undecided = self.incidents.iter().filter(|incident| incident.ended.is_some() && !incident.decided);
        let undecided: Vec<Id> = undecided.map(|incident| incident.id).collect();
        if undecided.len() >= 64 {
            undecided.into_iter().for_each(|id| self.send_final_messages(id));
            self.limit_ended_incidents();
        }
    }

    pub fn send_final_messages(&mut self, id: Id) {
        if !self.incident_mut(id).decided {
            self.incident_mut(id).decided = true;
            self.decide_final_messages(id);
        }
        let severity = self.incident(id).severity;
        let ready: Vec<ChannelKey> =
            self.in_order(id).into_iter().filter(|who| !self.is_quiet(who, severity)).collect();
        self.send_decided_messages(id, &ready);
    }

    /// The channels that were told, in that order, then the others.
    fn in_order(&self, id: Id) -> Vec<ChannelKey> {
        self.incident(id).channels.iter().map(|channel| channel.who.clone()).collect()
    }

    fn decide_final_messages(&mut self, id: Id) {
        if self.incident(id).alerted_at.is_none() {
            return self.decide_messages_of_first_step(id);
        }
        // Channels that were neither told nor missed a message: the script withheld all of theirs.
        self.incident_mut(id).channels.retain(|channel| channel.order.is_some() || !channel.missed_firings.is_empty());
        for who in self.in_order(id) {
            let gone = self.rules.place(&who, &self.device).is_none();
            let channel: &mut Channel = self.incident_mut(id).channel(&who);
            if channel.order.is_none() {
                self.decide_past_message(id, &who, gone);
            } else if channel.attempted {
                channel.final_message = Some(Kind::Resolved);
            } else {
                channel.final_message = Some(Kind::Past);
                for notification in std::mem::take(&mut channel.queue) {
                    self.decide_of(id, &Outcome::Withdrawn { notification, reason: Withdrawal::Superseded });
                }
                if self.incident(id).is_too_short() {
                    self.forget(id, &who, Kind::Past, Withholding::TooShort);
                }
            }
        }
    }

    /// Decides the messages of an incident whose step 0 never fired. If the rule is gone, its channels are unknown.
    fn decide_messages_of_first_step(&mut self, id: Id) {
        let rules = Rc::clone(&self.rules);
        let (name, removed) = (self.incident(id).rule.clone(), self.incident(id).removed());
        let Some(rule) = rules.rule(&name).filter(|_| !removed) else { return };
        for who in self.channels_of_step(id, rule, &rules.escalations[rule.escalation].steps[0]) {
            self.decide_past_message(id, &who, false);
        }
    }

    /// Decides `past` for a channel that was not told, unless there is a reason to withhold it.
    fn decide_past_message(&mut self, id: Id, who: &ChannelKey, gone: bool) {
        let Incident { rule, ended, .. } = self.incident(id).clone();
        let reasons = [
            (self.incident(id).is_too_short(), Withholding::TooShort),
            (self.is_silenced(&rule, ended), Withholding::Silenced),
            (self.is_inhibited(id, who), Withholding::Inhibited),
            (gone, Withholding::RecipientGone),
        ];
        match reasons.into_iter().find(|(is, _)| *is) {
            Some((_, reason)) => self.forget(id, who, Kind::Past, reason),
            None => {
                let place = self.rules.place(who, &self.device);
                let channel = self.incident_mut(id).channel(who);
                channel.place = channel.place.take().or(place);
                channel.final_message = Some(Kind::Past);
            }
        }
    }

    fn forget(&mut self, id: Id, who: &ChannelKey, kind: Kind, reason: Withholding) {
        self.withhold(id, kind, who, reason);
        self.incident_mut(id).channels.retain(|channel| channel.who != *who);
    }

    /// Sends the final messages of these channels and forgets the channels; with the last of them the incident.
    fn send_decided_messages(&mut self, id: Id, to: &[ChannelKey]) {
        let (step, repeat) = self.last_step(id);
        for kind in [Kind::Resolved, Kind::Past] {
            let channels: Vec<ChannelKey> =
                to.iter().filter(|who| self.final_message(id, who) == Some(kind)).cloned().collect();
            let allowed = kind == Kind::Resolved || channels.is_empty() || self.allows(id);
            for who in channels {
                if allowed {
                    let place = self.last_place(id, &who);
                    self.queue_message(id, kind, &step.to_be_bytes(), (step, repeat), &who, place);
                } else {
                    self.withhold(id, kind, &who, Withholding::Script);
                }
                self.incident_mut(id).channels.retain(|channel| channel.who != who);
            }
        }
        if self.incident(id).channels.is_empty() {
            self.incidents.retain(|incident| incident.id != id);
        }
    }

    fn final_message(&self, id: Id, who: &ChannelKey) -> Option<Kind> {
        let channel = self.incident(id).channels.iter().find(|channel| channel.who == *who);
        channel.and_then(|channel| channel.final_message)
    }

    /// Returns the position of the step that first fired last, and its repeat.
    fn last_step(&self, id: Id) -> (u32, u32) {
        let incident = self.incident(id);
        let Some(last) = incident.fired_steps.iter().max_by_key(|fired| fired.at) else { return (0, 0) };
        (self.position_of(id, &last.key), last.repeat)
    }

    /// Returns the address of a channel now or, if its recipient or the rule is gone, its last one.
    fn last_place(&mut self, id: Id, who: &ChannelKey) -> Place {
        let now = self.rules.place(who, &self.device);
        let removed = self.incident(id).removed();
        match (now, self.incident_mut(id).channel(who).place.clone()) {
            (Some(now), before) if !removed || before.is_none() => now,
            (_, before) => before.unwrap(),
        }
    }

    /// At most 64 incidents wait for the end of quiet hours. The final messages of the oldest are sent or withheld.
    pub fn limit_ended_incidents(&mut self) {
        while self.incidents.iter().filter(|incident| incident.waits()).count() > 64 {
            let id = self.incidents.iter().find(|incident| incident.waits()).unwrap().id;
            let to = self.in_order(id);
            for who in &to {
                if self.final_message(id, who) == Some(Kind::Past) {
                    self.forget(id, who, Kind::Past, Withholding::TooManyWait);
                }
            }
            self.send_decided_messages(id, &to);
        }
    }
}
