//! Trouble of the monitor itself, and its messages to the operators.

use dag_engine::{Channel, Id, Kind, Millis, Outcome, Severity, Time, Withholding};

use crate::{
    ids,
    message::{About, Message},
    model::Model,
    rules::ChannelKey,
};

/// A spell of trouble that lasts.
#[derive(Clone, Debug)]
pub struct SystemTrouble {
    pub since: Time,
    /// Its number, once its messages were queued.
    pub number: Option<u64>,
    /// Operators whose quiet hours have to end first.
    pub pending: Vec<ChannelKey>,
}

/// The time between two messages about one cause.
pub const PAUSE: Millis = Millis::new(6 * 3_600_000);

impl Model {
    fn begin_trouble(&mut self, key: String, since: Time) {
        if !self.troubles.contains_key(&key) {
            // The decision names the rule if the trouble is that of a rule.
            let rule = key.strip_prefix("script/");
            self.record(since, rule, None, format!("troubled: {key}"));
            self.troubles.insert(key, SystemTrouble { since, number: None, pending: Vec::new() });
        }
    }

    fn end_trouble(&mut self, key: &str) {
        let Some(trouble) = self.troubles.remove(key) else { return };
        self.decide(self.now, None, None, &Outcome::TroubleOver { key: key.to_owned() });
        for (recipient, channel) in trouble.pending {
            let (recipient, reason) = (recipient.as_str().into(), Withholding::TroubleOver);
            self.decide(self.now, None, None, &Outcome::Withheld { kind: Kind::System, recipient, channel, reason });
        }
    }

    pub fn trouble_of_sensor(&mut self, fact: &str, was_known: bool, known: bool, at: Time) {
        let key = format!("sensor/{fact}");
        if known {
            self.end_trouble(&key);
        } else if was_known {
            self.begin_trouble(key, at);
        }
    }

    pub fn record_hook_failure(&mut self, rule: &str, incident: Option<Id>, hook: &str) {
        self.record(self.now, Some(rule), incident, format!("hook {hook} failed"));
        self.begin_trouble(format!("script/{rule}"), self.now);
    }

    pub fn record_hook_failure_of(&mut self, id: Id, hook: &str) {
        let rule = self.incident_mut(id).rule.clone();
        self.record_hook_failure(&rule, Some(id), hook);
    }

    pub fn trouble_of_delivery(&mut self, recipient: &str, channel: Channel) {
        if self.rules.place(&(recipient.to_owned(), channel), &self.device).is_none() {
            return;
        }
        self.begin_trouble(format!("delivery/{recipient}/{}", channel.as_str()), self.now);
    }

    pub fn trouble_of_delivery_over(&mut self, recipient: &str, channel: Channel) {
        self.end_trouble(&format!("delivery/{recipient}/{}", channel.as_str()));
    }

    pub fn trouble_of_host(&mut self, about: &str, text: Option<&str>) {
        let key = format!("host/{about}");
        match text {
            Some(_) => self.begin_trouble(key, self.now),
            None => self.end_trouble(&key),
        }
    }

    /// Ends troubles after a reload: scripts may work now, facts and recipients may be gone.
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
                self.end_trouble(&key);
            }
        }
        let now = self.now;
        self.trouble_sent_at.retain(|key, told| now < *told + PAUSE || self.troubles.contains_key(key));
    }

    fn operators(&self) -> Vec<ChannelKey> {
        self.rules.operators.map_or(Vec::new(), |group| self.rules.channels(&[group], &self.device))
    }

    pub fn send_troubles(&mut self) {
        let channels = self.operators();
        for key in self.troubles.keys().cloned().collect::<Vec<_>>() {
            let paused = self.trouble_sent_at.get(&key).is_some_and(|told| self.now < *told + PAUSE);
            let trouble = self.troubles.get_mut(&key).unwrap();
            if trouble.number.is_none() && !channels.is_empty() && !paused {
                self.trouble_count += 1;
                trouble.number = Some(self.trouble_count);
                trouble.pending = channels.clone();
                self.trouble_sent_at.insert(key.clone(), self.now);
            }
            for who in self.troubles[&key].pending.clone() {
                if !self.is_quiet(&who, Severity::Warning) {
                    self.troubles.get_mut(&key).unwrap().pending.retain(|pending| *pending != who);
                    if channels.contains(&who) {
                        self.queue_trouble_message(&key, &who);
                    } else {
                        let (recipient, reason) = (who.0.as_str().into(), Withholding::RecipientGone);
                        let (kind, channel) = (Kind::System, who.1);
                        self.decide(self.now, None, None, &Outcome::Withheld { kind, recipient, channel, reason });
                    }
                }
            }
        }
    }

    fn queue_trouble_message(&mut self, key: &str, who: &ChannelKey) {
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
            facts: self.snapshot(),
        };
        self.record(self.now, None, None, format!("told {message}"));
        self.messages.push(message);
    }
}
