//! Requests of people: acknowledgements, snoozes and silences.

use dag_engine::{Acknowledgement, GivenAs, Id, Kind, Millis, Name, Outcome, Refusal, Silence, Time, Withholding};

use crate::{
    model::{MadeSilence, Model, Snooze},
    reasons,
};

impl Model {
    /// Refuses a request about an incident that is unknown or over.
    fn is_over(&mut self, id: Id) -> bool {
        let reason = match self.incidents.iter().find(|incident| incident.id == id) {
            None => Refusal::NoSuchIncident,
            Some(incident) if incident.ended.is_some() => Refusal::AlreadyOver,
            Some(_) => return false,
        };
        self.refuse(reason, &id.to_string());
        true
    }

    fn too_long(&mut self, name: &str) -> bool {
        let long = name.len() > 200;
        if long {
            self.refuse(Refusal::TooLong, name);
        }
        long
    }

    pub fn acknowledge(&mut self, id: Id, by: &str) {
        self.fire_deadlines(self.horizon());
        if self.too_long(by) || self.is_over(id) {
            return;
        }
        let now = self.now;
        let lapses = self.lapses_after(id).map(|after| now + after);
        let incident = self.incident_mut(id);
        let number = incident.acknowledgement.as_ref().map_or(0, |given| given.number) + 1;
        incident.acknowledgement = Some(Acknowledgement { by: by.to_owned(), at: now, number, lapsed: None });
        incident.last_hold = None;
        self.decide_of(id, &Outcome::Acknowledged { by: by.to_owned(), lapses });
        let severity = self.incident_mut(id).severity;
        let told: Vec<_> = self.incident_mut(id).told_channels().into_iter().cloned().collect();
        let mut allowed = None;
        for channel in told {
            let who = &channel.who;
            if who.0.to_lowercase() == by.to_lowercase() {
                if who.0 != by {
                    self.reached.insert(reasons::OTHER_CASE);
                }
                continue;
            }
            if self.is_quiet(who, severity) {
                self.withhold(id, Kind::Acknowledged, who, Withholding::Quiet);
            } else if self.is_inhibited(id, who) {
                self.withhold(id, Kind::Acknowledged, who, Withholding::Inhibited);
            } else if !*allowed.get_or_insert_with(|| self.allows(id)) {
                self.withhold(id, Kind::Acknowledged, who, Withholding::Script);
            } else {
                let place = self.rules.place(who, &self.device).or(channel.place.clone()).unwrap();
                let step = 0_u32.to_be_bytes();
                let message = self.queue_message(id, Kind::Acknowledged, &step, (0, number), who, place);
                self.record_message(id, who, message);
            }
        }
    }

    /// Returns how long an acknowledgement holds, unless it holds for ever.
    pub fn lapses_after(&self, id: Id) -> Option<Millis> {
        let rule = self.rules.rule(&self.incident(id).rule)?;
        self.rules.escalations[rule.escalation].ack_lapses_after
    }

    pub fn snooze(&mut self, id: Id, until: Time, given: GivenAs, by: &str) {
        self.fire_deadlines(self.horizon());
        if self.too_long(by) || self.is_over(id) {
            return;
        }
        let now = self.now;
        let incident = self.incident_mut(id);
        if until > now {
            incident.snooze = Some(Snooze { until, given, made: now });
            self.decide_of(id, &Outcome::Snoozed { by: by.to_owned(), until });
        } else if incident.snooze.take_if(|snooze| snooze.until > now).is_some() {
            self.decide_of(id, &Outcome::SnoozeEnded { by: by.to_owned() });
        } else {
            self.refuse(Refusal::EndsInThePast, &id.to_string());
        }
    }

    pub fn silence(&mut self, silence: &Silence) {
        self.fire_deadlines(self.horizon());
        if self.too_long(&silence.by) {
            return;
        }
        let now = self.now;
        self.silences.retain(|made| made.silence.until > now);
        let matcher = |silence: &Silence| (silence.device.clone(), silence.labels.clone(), silence.rule.clone());
        let same = self.silences.iter().position(|made| matcher(&made.silence) == matcher(silence));
        if silence.until <= now {
            return match same {
                Some(place) => {
                    let ended = self.silences.remove(place).silence;
                    self.decide(now, None, None, &Outcome::SilenceEnded { silence: ended, by: silence.by.clone() });
                }
                None => self.refuse(Refusal::EndsInThePast, ""),
            };
        }
        if silence.until <= silence.from {
            return self.refuse(Refusal::EndsBeforeItBegins, "");
        }
        if let Some(place) = same {
            self.silences.remove(place);
        }
        if self.silences.len() >= 64 {
            return self.refuse(Refusal::TooManySilences, "");
        }
        self.silences.push(MadeSilence { silence: silence.clone(), made: now });
        self.decide(now, None, None, &Outcome::Silenced { silence: silence.clone() });
    }

    /// Returns whether a silence matches the incidents of a rule now.
    pub fn is_silenced(&self, rule: &Name, ended: Option<Time>) -> bool {
        self.silences.iter().any(|MadeSilence { silence, .. }| {
            silence.from <= self.now
                && ended.is_none_or(|ended| silence.from <= ended)
                && self.now < silence.until
                && silence.device.as_ref().is_none_or(|device| *device == self.device.id)
                && silence.rule.as_ref().is_none_or(|name| name == rule)
                && silence.labels.iter().all(|(label, value)| self.device.labels.get(label) == Some(value))
        })
    }
}
