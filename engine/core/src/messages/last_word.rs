//! An incident that is over: everybody who was told that it began is told that it ended, who was not yet, that it is past.

use super::{Firing, due};
use crate::{
    Kind, Outcome, Withdrawal, Withholding,
    rules::{Reachable, Rule},
    state::{Incident, Told},
    step::Step,
};

impl Step<'_> {
    /// Says the last words that quiet hours do not hold back.
    pub(super) fn end(&mut self, incident: &mut Incident) {
        self.decide_last_words(incident);
        let severity = incident.severity;
        let told = std::mem::take(&mut incident.told);
        let (wait, say) = told.into_iter().partition(|told| self.quiet_until(&told.recipient, severity).is_some());
        incident.told = wait;
        self.say(incident, say);
    }

    /// Says that it is over to those who knew, whatever their quiet hours; who never did is not told any more.
    pub(super) fn end_at_once(&mut self, incident: &mut Incident) {
        let told = std::mem::take(&mut incident.told);
        let (knew, never) = told.into_iter().partition(|told| told.last_word == Some(Kind::Resolved));
        self.say(incident, knew);
        let never: Vec<Told> = never;
        for told in never {
            let channel = self.channel(incident, &told);
            self.withhold(incident, Kind::Past, &channel, Withholding::TooManyWait);
        }
    }

    fn say(&mut self, incident: &mut Incident, told: Vec<Told>) {
        let rule = self.rule(&incident.rule).filter(|_| incident.ended_by.is_none());
        let firing = due::last(self.rules, rule, incident);
        for kind in [Kind::Resolved, Kind::Past] {
            let channels = told.iter().filter(|told| told.last_word == Some(kind));
            let channels: Vec<Reachable> = channels.map(|told| self.channel(incident, told)).collect();
            self.tell(rule, incident, kind, &firing, channels);
        }
    }

    /// What each channel will be told last. Those that are told nothing more are forgotten.
    fn decide_last_words(&mut self, incident: &mut Incident) {
        if std::mem::replace(&mut incident.last_words, true) {
            return;
        }
        if incident.alerted_at.is_none() {
            let rule = self.rule(&incident.rule).filter(|_| incident.ended_by.is_none());
            for channel in rule.map(|rule| self.opening(rule, incident)).unwrap_or_default() {
                incident.noted(&channel);
            }
        }
        for mut told in std::mem::take(&mut incident.told) {
            told.last_word = self.last_word(incident, &mut told);
            if told.last_word.is_some() {
                incident.told.push(told);
            }
        }
    }

    /// Who would have been told had the first step fired.
    fn opening(&mut self, rule: &Rule, incident: &Incident) -> Vec<Reachable> {
        let Some(escalation) = self.rules.escalation(rule) else { return Vec::new() };
        self.recipients(rule, escalation, incident, &Firing::first(escalation))
    }

    fn last_word(&mut self, incident: &Incident, told: &mut Told) -> Option<Kind> {
        if told.attempted {
            return Some(Kind::Resolved);
        }
        if !told.queued.is_empty() {
            for notification in told.queued.drain(..) {
                self.of(incident, Outcome::Withdrawn { notification, reason: Withdrawal::Superseded });
            }
            return Some(Kind::Past);
        }
        // A script that withheld everything so far withheld it for good.
        if told.missed.is_none() && incident.alerted_at.is_some() {
            return None;
        }
        let reason = if self.is_silenced(incident) {
            Some(Withholding::Silenced)
        } else if self.is_inhibited(incident, told.key()) {
            Some(Withholding::Inhibited)
        } else {
            self.leads(told.key()).is_none().then_some(Withholding::RecipientGone)
        };
        let Some(reason) = reason else { return Some(Kind::Past) };
        let channel = self.channel(incident, told);
        self.withhold(incident, Kind::Past, &channel, reason);
        None
    }
}
