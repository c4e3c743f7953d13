//! The steps of an escalation: when each is due, what holds it, and whom it reaches.

use std::rc::Rc;

use dag_engine::{Hold, Id, Millis, Outcome, Time};

use crate::{
    channel::{Firing, Key},
    model::{FiredStep, Model},
    rules::{ChannelKey, Rule, Step},
    script::{Hook, Script},
};

impl Model {
    pub fn lapse(&mut self, id: Id, rule: &Rule) {
        let now = self.now;
        let lapse = self.rules.escalations[rule.escalation].ack_lapses_after;
        let Some(given) = &mut self.incident_mut(id).acknowledgement else { return };
        let lapses = lapse.map(|lapse| given.at + lapse).filter(|lapses| *lapses <= now);
        if given.lapsed.is_none() && lapses.is_some() {
            given.lapsed = lapses;
            let by = given.by.clone();
            self.decide_of(id, &Outcome::AcknowledgementLapsed { by });
        }
    }

    /// Returns the firings that are due, in the order of the steps.
    pub fn due(&self, id: Id, rule: &Rule) -> Vec<(Firing, Step)> {
        let mut due = Vec::new();
        for (firing, at, step) in self.dates(id, rule) {
            if at <= self.now {
                due.push((firing, step));
            }
        }
        due
    }

    /// Returns when each step is due: its first firing, its last repeat up to now, or its next repeat.
    fn dates(&self, id: Id, rule: &Rule) -> Vec<(Firing, Time, Step)> {
        let now = self.now;
        let steps = self.rules.escalations[rule.escalation].steps.clone();
        let incident = self.incident(id);
        let mut dates = Vec::new();
        for (position, step) in (0..).zip(steps) {
            let fired = incident.fired_steps.iter().find(|fired| fired.key.is(&step, position));
            // A step goes on under the name, or without one, that it had when it first fired.
            let key = fired.map_or(Key::of(&step, position), |fired| fired.key.clone());
            let firing = |repeat| Firing { key: key.clone(), position, repeat };
            match fired {
                None => {
                    let at_once = (step.after == Millis::ZERO).then_some(incident.opened_at);
                    let at = incident.alerted_at.map(|alerted| alerted + step.after).or(at_once);
                    dates.extend(at.map(|at| (firing(0), at, step.clone())));
                }
                Some(fired) => {
                    let Some(repeat) = step.repeat else { continue };
                    let most = step.at_most.unwrap_or(u32::MAX);
                    let mut number = fired.repeat;
                    let mut at = fired.at;
                    let mut found = None;
                    // Repeat by repeat; those up to the last firing are over.
                    loop {
                        at = at + repeat;
                        if at <= fired.last {
                            continue;
                        }
                        if number >= most || (found.is_some() && at > now) || at == Time::MAX {
                            break;
                        }
                        number += 1;
                        found = Some((firing(number), at, step.clone()));
                    }
                    dates.extend(found);
                }
            }
        }
        dates
    }

    /// Returns the position of a fired step in the rules of now, or 0 if it is gone.
    pub fn position_of(&self, id: Id, key: &Key) -> u32 {
        let incident = self.incident(id);
        let rule = self.rules.rule(&incident.rule).filter(|_| !incident.removed());
        let steps = rule.map_or(&[][..], |rule| &self.rules.escalations[rule.escalation].steps);
        let place = (0..).zip(steps).find(|(position, step)| key.is(step, *position));
        place.map_or(0, |(position, _)| position)
    }

    /// Returns the moments at which a firing may become due.
    pub fn due_dates(&self, id: Id) -> Vec<Time> {
        let rules = Rc::clone(&self.rules);
        let name = self.incident(id).rule.clone();
        let Some(rule) = rules.rule(&name) else { return Vec::new() };
        self.dates(id, rule).into_iter().map(|(_, at, _)| at).collect()
    }

    pub fn hold(&self, id: Id) -> Option<Hold> {
        let (now, rule) = (self.now, self.incident(id).rule.clone());
        let closing = self.is_closing(&rule);
        let silenced = self.is_silenced(&rule, None);
        let incident = self.incident(id);
        let acknowledged = incident.acknowledgement.as_ref().is_some_and(|given| given.lapsed.is_none());
        let snoozed = incident.snooze.as_ref().is_some_and(|snooze| now < snooze.until);
        let holds = [
            (closing, Hold::Closing),
            (acknowledged, Hold::Acknowledged),
            (snoozed, Hold::Snoozed),
            (silenced, Hold::Silenced),
        ];
        holds.into_iter().find(|(holds, _)| *holds).map(|(_, reason)| reason)
    }

    pub fn note_hold(&mut self, id: Id, due: Option<&(Firing, Step)>, reason: Hold) {
        let Some((firing, _)) = due else { return };
        let held = Some(reason);
        if self.incident(id).last_hold != held {
            self.incident_mut(id).last_hold = held;
            self.decide_of(id, &Outcome::Held { step: firing.position, reason });
        }
    }

    /// Returns the channels that a step reaches: those that it names, or that the script names.
    pub fn channels_of_step(&mut self, id: Id, rule: &Rule, step: &Step) -> Vec<ChannelKey> {
        let battery = if rule.script == Some(Script::People) { self.facts.get("battery") } else { None };
        match Hook::by(battery, self.now) {
            Hook::AnswersItsOwn => self.rules.channels(&["nor"], &self.device),
            hook => {
                if hook == Hook::Fails {
                    self.record_hook_failure_of(id, "recipients");
                }
                let channels = self.rules.channels(&step.notify, &self.device);
                // A hook that reaches nobody has failed.
                if hook == Hook::LeavesIt && rule.script == Some(Script::People) && channels.is_empty() {
                    self.record_hook_failure_of(id, "recipients");
                }
                channels
            }
        }
    }

    pub fn fire(&mut self, id: Id, rule: &Rule, firing: &Firing, step: &Step) -> Vec<ChannelKey> {
        let now = self.now;
        let Firing { key, position, repeat } = firing.clone();
        self.decide_of(id, &Outcome::Fired { step: position, repeat });
        let incident = self.incident_mut(id);
        match incident.fired_steps.iter_mut().find(|fired| fired.key.is(step, position)) {
            Some(fired) => (fired.repeat, fired.last) = (repeat, now),
            None => incident.fired_steps.push(FiredStep { key, at: now, last: now, repeat }),
        }
        if position == 0 {
            incident.alerted_at.get_or_insert(now);
        }
        let reached = self.channels_of_step(id, rule, step);
        if reached.is_empty() {
            self.decide_of(id, &Outcome::NobodyToTell { step: position });
        }
        reached
    }
}
