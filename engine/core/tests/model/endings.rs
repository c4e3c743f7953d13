//! The end of an incident: every channel's last word.

use std::rc::Rc;

use dag_engine::{Id, Kind, Outcome, Withdrawal, Withholding};

use crate::{
    messages::Channel,
    model::{Incident, Model},
    rules::Who,
};

impl Incident {
    fn waits(&self) -> bool {
        self.decided && !self.channels.is_empty()
    }
}

impl Model {
    pub fn send_last_words(&mut self, id: Id) {
        if !self.incident(id).decided {
            self.incident(id).decided = true;
            self.decide_last_words(id);
        }
        let severity = self.incident(id).severity;
        let ready: Vec<Who> = self.in_order(id).into_iter().filter(|who| !self.quiet(who, severity)).collect();
        self.say_last_words(id, &ready);
    }

    /// The channels that were told, in that order, then the others.
    fn in_order(&mut self, id: Id) -> Vec<Who> {
        let mut channels = self.incident(id).channels.clone();
        channels.sort_by_key(|channel| channel.told.unwrap_or(usize::MAX));
        channels.into_iter().map(|channel| channel.who).collect()
    }

    fn decide_last_words(&mut self, id: Id) {
        if self.incident(id).alerted_at.is_none() {
            self.channels_of_the_first_step(id);
        }
        let rule = self.incident(id).rule.clone();
        let silenced = self.silenced(&rule);
        for who in self.in_order(id) {
            let zone = self.rules.zone_of(&who.0);
            let inhibited = self.inhibited(id, &who);
            let gone = self.rules.address(&who, &self.device).is_none();
            let channel: &mut Channel = self.incident(id).channel(&who, zone);
            if channel.told.is_none() {
                let reasons = [
                    (inhibited, Withholding::Inhibited),
                    (silenced, Withholding::Silenced),
                    (gone, Withholding::RecipientGone),
                ];
                match reasons.into_iter().find(|(is, _)| *is) {
                    Some((_, reason)) => self.forget(id, &who, Kind::Past, reason),
                    None => channel.last_word = Some(Kind::Past),
                }
            } else if channel.attempted {
                channel.last_word = Some(Kind::Resolved);
            } else {
                channel.last_word = Some(Kind::Past);
                for notification in std::mem::take(&mut channel.queue) {
                    self.decide_of(id, &Outcome::Withdrawn { notification, reason: Withdrawal::Superseded });
                }
            }
        }
    }

    /// Step 0 never fired: its channels are told that it was.
    fn channels_of_the_first_step(&mut self, id: Id) {
        let rules = Rc::clone(&self.rules);
        let name = self.incident(id).rule.clone();
        let Some(rule) = rules.rule(&name) else { return };
        let silenced = self.silenced(&name);
        for who in self.reached(id, rule, &rules.escalations[rule.escalation].steps[0]) {
            let zone = self.rules.zone_of(&who.0);
            self.incident(id).channel(&who, zone);
            if silenced {
                self.forget(id, &who, Kind::Past, Withholding::Silenced);
            }
        }
    }

    fn forget(&mut self, id: Id, who: &Who, kind: Kind, reason: Withholding) {
        self.withhold(id, kind, who, reason);
        self.incident(id).channels.retain(|channel| channel.who != *who);
    }

    /// Sends the last words of these channels, and forgets them; with the last one the incident.
    fn say_last_words(&mut self, id: Id, to: &[Who]) {
        let (step, repeat) = self.last_step(id);
        for kind in [Kind::Resolved, Kind::Past] {
            let channels: Vec<Who> = to.iter().filter(|who| self.last_word(id, who) == Some(kind)).cloned().collect();
            let allowed = kind == Kind::Resolved || channels.is_empty() || self.allows(id);
            for who in channels {
                if allowed {
                    let address = self.last_address(id, &who);
                    self.tell(id, kind, &step.to_be_bytes(), (step, repeat), &who, address);
                } else {
                    self.withhold(id, kind, &who, Withholding::Script);
                }
                self.incident(id).channels.retain(|channel| channel.who != who);
            }
        }
        if self.incident(id).channels.is_empty() {
            self.incidents.retain(|incident| incident.id != id);
        }
    }

    fn last_word(&mut self, id: Id, who: &Who) -> Option<Kind> {
        let channel = self.incident(id).channels.iter().find(|channel| channel.who == *who);
        channel.and_then(|channel| channel.last_word)
    }

    /// The step that first fired last, and its repeat.
    fn last_step(&mut self, id: Id) -> (u32, u32) {
        let last = self.incident(id).fired.iter().max_by_key(|fired| fired.at);
        last.map_or((0, 0), |fired| (fired.position, fired.repeat))
    }

    /// Where a channel leads now or, if its recipient or the rule is gone, where it led when it was told last.
    fn last_address(&mut self, id: Id, who: &Who) -> String {
        let now = self.rules.address(who, &self.device);
        let gone = self.incident(id).removed;
        let zone = self.rules.zone;
        let channel = self.incident(id).channel(who, zone);
        match now {
            Some(now) if !gone || channel.told.is_none() => now,
            _ => channel.address.clone(),
        }
    }

    /// No more than 64 incidents wait for the end of quiet hours: the oldest ones' last words are said or withheld.
    pub fn limit_those_that_wait(&mut self) {
        while self.incidents.iter().filter(|incident| incident.waits()).count() > 64 {
            let id = self.incidents.iter().find(|incident| incident.waits()).unwrap().id;
            let to = self.in_order(id);
            for who in &to {
                if self.last_word(id, who) == Some(Kind::Past) {
                    self.forget(id, who, Kind::Past, Withholding::TooManyWait);
                }
            }
            self.say_last_words(id, &to);
        }
    }
}
