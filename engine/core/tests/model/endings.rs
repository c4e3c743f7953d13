//! The end of an incident: every channel's last word.

use std::rc::Rc;

use dag_engine::{Id, Kind, Outcome, Withdrawal, Withholding};

use crate::{
    messages::Channel,
    model::{Incident, Model},
    rules::{Place, Who},
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
        let severity = self.seen(id).severity;
        let ready: Vec<Who> = self.in_order(id).into_iter().filter(|who| !self.quiet(who, severity)).collect();
        self.say_last_words(id, &ready);
    }

    /// The channels that were told, in that order, then the others.
    fn in_order(&self, id: Id) -> Vec<Who> {
        self.seen(id).channels.iter().map(|channel| channel.who.clone()).collect()
    }

    fn decide_last_words(&mut self, id: Id) {
        if self.seen(id).alerted_at.is_none() {
            return self.decide_those_of_the_first_step(id);
        }
        // Neither told nor waiting for anything: the script withheld it all.
        self.incident(id).channels.retain(|channel| channel.told.is_some() || !channel.missed.is_empty());
        for who in self.in_order(id) {
            let gone = self.rules.place(&who, &self.device).is_none();
            let channel: &mut Channel = self.incident(id).channel(&who);
            if channel.told.is_none() {
                self.past_unless_held(id, &who, gone);
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

    /// Step 0 never fired: its channels are told that it was. Where the rule is gone, nobody knows who they are.
    fn decide_those_of_the_first_step(&mut self, id: Id) {
        let rules = Rc::clone(&self.rules);
        let (name, removed) = (self.seen(id).rule.clone(), self.seen(id).removed);
        let Some(rule) = rules.rule(&name).filter(|_| !removed) else { return };
        for who in self.reached(id, rule, &rules.escalations[rule.escalation].steps[0]) {
            self.past_unless_held(id, &who, false);
        }
    }

    /// A channel that was told nothing gets `past`, unless something holds that.
    fn past_unless_held(&mut self, id: Id, who: &Who, gone: bool) {
        let rule = self.seen(id).rule.clone();
        let reasons = [
            (self.silenced(&rule), Withholding::Silenced),
            (self.inhibited(id, who), Withholding::Inhibited),
            (gone, Withholding::RecipientGone),
        ];
        match reasons.into_iter().find(|(is, _)| *is) {
            Some((_, reason)) => self.forget(id, who, Kind::Past, reason),
            None => {
                let place = self.rules.place(who, &self.device);
                let channel = self.incident(id).channel(who);
                channel.place = channel.place.take().or(place);
                channel.last_word = Some(Kind::Past);
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
                    let place = self.last_place(id, &who);
                    self.tell(id, kind, &step.to_be_bytes(), (step, repeat), &who, place);
                } else {
                    self.withhold(id, kind, &who, Withholding::Script);
                }
                self.incident(id).channels.retain(|channel| channel.who != who);
            }
        }
        if self.seen(id).channels.is_empty() {
            self.incidents.retain(|incident| incident.id != id);
        }
    }

    fn last_word(&self, id: Id, who: &Who) -> Option<Kind> {
        let channel = self.seen(id).channels.iter().find(|channel| channel.who == *who);
        channel.and_then(|channel| channel.last_word)
    }

    /// The step that first fired last, where it stands now, and its repeat.
    fn last_step(&self, id: Id) -> (u32, u32) {
        let incident = self.seen(id);
        let Some(last) = incident.fired.iter().max_by_key(|fired| fired.at) else { return (0, 0) };
        (self.stands(id, &last.key), last.repeat)
    }

    /// Where a channel leads now or, if its recipient or the rule is gone, where it led when it was told last.
    fn last_place(&mut self, id: Id, who: &Who) -> Place {
        let now = self.rules.place(who, &self.device);
        let removed = self.seen(id).removed;
        match (now, self.incident(id).channel(who).place.clone()) {
            (Some(now), before) if !removed || before.is_none() => now,
            (_, before) => before.unwrap(),
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
