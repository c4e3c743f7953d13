//! The end of an incident: whoever was told that it began is told that it ended; whoever was not yet, that it is past.

use super::{Firing, due};
use crate::{
    Kind, Outcome, Withdrawal, Withholding,
    rules::{Reachable, Rule},
    state::{ChannelRecord, Incident},
    step::Step,
};

impl Step<'_> {
    /// Sends the final messages that quiet hours do not hold back.
    pub(super) fn send_final_messages(&mut self, incident: &mut Incident) {
        self.decide_final_messages(incident);
        let severity = incident.severity;
        let records = std::mem::take(&mut incident.channels);
        let (wait, send) =
            records.into_iter().partition(|record| self.quiet_until(&record.recipient, severity).is_some());
        incident.channels = wait;
        self.send_final(incident, send);
    }

    /// Sends `resolved` to the channels that were told, whatever their quiet hours. The others are not told any more.
    pub(super) fn send_final_messages_at_once(&mut self, incident: &mut Incident) {
        let records = std::mem::take(&mut incident.channels);
        let (knew, never) = records.into_iter().partition(|record| record.final_message == Some(Kind::Resolved));
        self.send_final(incident, knew);
        let never: Vec<ChannelRecord> = never;
        for record in never {
            let channel = self.channel(incident, &record);
            self.withhold(incident, Kind::Past, &channel, Withholding::TooManyWait);
        }
    }

    fn send_final(&mut self, incident: &mut Incident, records: Vec<ChannelRecord>) {
        let rule = self.rule(&incident.rule).filter(|_| !incident.is_of_removed_rule());
        let firing = due::last(self.rules, rule, incident);
        for kind in [Kind::Resolved, Kind::Past] {
            let channels = records.iter().filter(|record| record.final_message == Some(kind));
            let channels: Vec<Reachable> = channels.map(|record| self.channel(incident, record)).collect();
            self.tell(rule, incident, kind, &firing, channels);
        }
    }

    /// Decides the final message of each channel. Channels that get none are forgotten.
    fn decide_final_messages(&mut self, incident: &mut Incident) {
        if std::mem::replace(&mut incident.final_messages_decided, true) {
            return;
        }
        if incident.alerted_at.is_none() {
            let rule = self.rule(&incident.rule).filter(|_| !incident.is_of_removed_rule());
            for channel in rule.map(|rule| self.opening(rule, incident)).unwrap_or_default() {
                incident.record(&channel).lead_to(&channel);
            }
        }
        for mut record in std::mem::take(&mut incident.channels) {
            record.final_message = self.final_message(incident, &mut record);
            if record.final_message.is_some() {
                incident.channels.push(record);
            }
        }
    }

    /// Returns the channels that would have been told had the first step fired.
    fn opening(&mut self, rule: &Rule, incident: &Incident) -> Vec<Reachable> {
        let Some(escalation) = self.rules.escalation(rule) else { return Vec::new() };
        self.recipients(rule, escalation, incident, &Firing::first(escalation))
    }

    fn final_message(&mut self, incident: &Incident, record: &mut ChannelRecord) -> Option<Kind> {
        if record.attempted {
            return Some(Kind::Resolved);
        }
        if !record.queued.is_empty() {
            for notification in record.queued.drain(..) {
                self.of(incident, Outcome::Withdrawn { notification, reason: Withdrawal::Superseded });
            }
            if !incident.is_too_short() {
                return Some(Kind::Past);
            }
        } else if record.missed_firing.is_none() && incident.alerted_at.is_some() {
            // A script that withheld everything so far withheld it for good.
            return None;
        }
        let reason = if incident.is_too_short() {
            Some(Withholding::TooShort)
        } else if self.is_silenced(incident) {
            Some(Withholding::Silenced)
        } else if self.is_inhibited(incident, record.key()) {
            Some(Withholding::Inhibited)
        } else {
            self.leads(record.key()).is_none().then_some(Withholding::RecipientGone)
        };
        let Some(reason) = reason else { return Some(Kind::Past) };
        let channel = self.channel(incident, record);
        self.withhold(incident, Kind::Past, &channel, reason);
        None
    }
}
