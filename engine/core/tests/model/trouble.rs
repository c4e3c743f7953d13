//! Trouble of the monitor itself, told to the operators.

use dag_engine::{Channel, Id, Kind, Millis, Outcome, Severity, Time, Withholding};

use crate::{
    ids,
    model::Model,
    rules::Who,
    said::{About, Message},
};

/// A spell of trouble that lasts.
#[derive(Clone, Debug)]
pub struct Trouble {
    pub since: Time,
    /// Its telling, once it was told.
    pub number: Option<u64>,
    /// Operators whose quiet hours have to end first.
    pub waiting: Vec<Who>,
}

/// Between two messages about one cause.
pub const PAUSE: Millis = Millis::new(6 * 3_600_000);

impl Model {
    fn begins(&mut self, key: String, since: Time) {
        if !self.troubles.contains_key(&key) {
            // Where it is the trouble of a rule, it is the rule's.
            let rule = key.strip_prefix("script/");
            self.say(since, rule, None, format!("troubled: {key}"));
            self.troubles.insert(key, Trouble { since, number: None, waiting: Vec::new() });
        }
    }

    fn over(&mut self, key: &str) {
        let Some(trouble) = self.troubles.remove(key) else { return };
        self.decide(self.now, None, None, &Outcome::TroubleOver { key: key.to_owned() });
        for (recipient, channel) in trouble.waiting {
            let (recipient, reason) = (recipient.as_str().into(), Withholding::TroubleOver);
            self.decide(self.now, None, None, &Outcome::Withheld { kind: Kind::System, recipient, channel, reason });
        }
    }

    pub fn trouble_of_sensor(&mut self, fact: &str, was_known: bool, known: bool, at: Time) {
        let key = format!("sensor/{fact}");
        if known {
            self.over(&key);
        } else if was_known {
            self.begins(key, at);
        }
    }

    pub fn hook_failed(&mut self, rule: &str, incident: Option<Id>, hook: &str) {
        self.say(self.now, Some(rule), incident, format!("hook {hook} failed"));
        self.begins(format!("script/{rule}"), self.now);
    }

    pub fn hook_failed_of(&mut self, id: Id, hook: &str) {
        let rule = self.incident(id).rule.clone();
        self.hook_failed(&rule, Some(id), hook);
    }

    pub fn trouble_of_delivery(&mut self, recipient: &str, channel: Channel) {
        if self.rules.place(&(recipient.to_owned(), channel), &self.device).is_none() {
            return;
        }
        self.begins(format!("delivery/{recipient}/{}", channel.as_str()), self.now);
    }

    pub fn trouble_of_delivery_over(&mut self, recipient: &str, channel: Channel) {
        self.over(&format!("delivery/{recipient}/{}", channel.as_str()));
    }

    pub fn trouble_of_host(&mut self, about: &str, text: Option<&str>) {
        let key = format!("host/{about}");
        match text {
            Some(_) => self.begins(key, self.now),
            None => self.over(&key),
        }
    }

    /// The rules are others now: scripts may work, facts and recipients may be gone.
    pub fn end_troubles_of_old_rules(&mut self) {
        for key in self.troubles.keys().cloned().collect::<Vec<_>>() {
            let parts: Vec<&str> = key.split('/').collect();
            let gone = match parts.as_slice() {
                ["script", _] => true,
                ["sensor", fact] => self.holds(fact, None).is_err(),
                ["delivery", recipient, "email"] => {
                    self.rules.place(&((*recipient).to_owned(), Channel::Email), &self.device).is_none()
                }
                ["delivery", recipient, _] => {
                    self.rules.place(&((*recipient).to_owned(), Channel::Webhook), &self.device).is_none()
                }
                _ => false,
            };
            if gone {
                self.over(&key);
            }
        }
        let now = self.now;
        self.troubles_told.retain(|key, told| now < *told + PAUSE || self.troubles.contains_key(key));
    }

    fn operators(&self) -> Vec<Who> {
        self.rules.operators.map_or(Vec::new(), |group| self.rules.channels(&[group], &self.device))
    }

    pub fn send_troubles(&mut self) {
        let channels = self.operators();
        for key in self.troubles.keys().cloned().collect::<Vec<_>>() {
            let paused = self.troubles_told.get(&key).is_some_and(|told| self.now < *told + PAUSE);
            let trouble = self.troubles.get_mut(&key).unwrap();
            if trouble.number.is_none() && !channels.is_empty() && !paused {
                self.tellings += 1;
                trouble.number = Some(self.tellings);
                trouble.waiting = channels.clone();
                self.troubles_told.insert(key.clone(), self.now);
            }
            for who in self.troubles[&key].waiting.clone() {
                if !self.quiet(&who, Severity::Warning) {
                    self.troubles.get_mut(&key).unwrap().waiting.retain(|waiting| *waiting != who);
                    if channels.contains(&who) {
                        self.tell_operator(&key, &who);
                    } else {
                        let (recipient, reason) = (who.0.as_str().into(), Withholding::RecipientGone);
                        let (kind, channel) = (Kind::System, who.1);
                        self.decide(self.now, None, None, &Outcome::Withheld { kind, recipient, channel, reason });
                    }
                }
            }
        }
    }

    fn tell_operator(&mut self, key: &str, who: &Who) {
        let trouble = &self.troubles[key];
        let (since, number) = (trouble.since, trouble.number.unwrap());
        let Some(place) = self.rules.place(who, &self.device) else { return };
        let message = Message {
            id: ids::system(&self.device.id, key, number, &who.0, who.1),
            kind: Kind::System,
            step: 0,
            repeat: 0,
            recipient: who.0.as_str().into(),
            channel: who.1,
            to: place.address,
            zone: place.zone,
            at: self.now,
            about: About::Trouble { cause: key.to_owned(), since, number },
        };
        self.say(self.now, None, None, format!("told {message}"));
        self.told.push(message);
    }
}
