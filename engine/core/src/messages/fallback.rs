//! Fallbacks: recipients that are told instead of one that messages fail to reach.

use super::{due::recalled, open::ChannelFirings};
use crate::{
    Name, Outcome, Time,
    rules::{Reachable, Rule},
    state::{ChannelRecord, Contact, FiringKey, Incident},
    step::Step,
};

/// A recipient that messages fail to reach.
struct Unreached<'a> {
    fallback: &'a Name,
    /// When its fallback is told.
    at: Time,
    /// The last firing that it was told, and when that was queued.
    firing: &'a FiringKey,
    fired_at: Time,
}

impl Step<'_> {
    /// The first recipient that cannot be reached and whose fallback needs to be told: its channels, and what of.
    pub(super) fn fall_back(&mut self, rule: &Rule, incident: &Incident) -> Option<Vec<ChannelFirings>> {
        let unreached = incident.channels.iter().filter_map(|record| Some((record, self.unreached(incident, record)?)));
        let mut due = unreached.filter(|(_, unreached)| unreached.at <= self.now);
        let (record, unreached, channels) = due.find_map(|(record, unreached)| {
            let mut channels = self.rules.reach([unreached.fallback], &self.state.device);
            channels.retain(|channel| needs(incident, channel, &unreached));
            (!channels.is_empty()).then_some((record, unreached, channels))
        })?;
        let firing = recalled(self.rules, Some(rule), unreached.firing);
        let (recipient, to) = (record.recipient.clone(), unreached.fallback.clone());
        self.of(incident, Outcome::FellBack { recipient, to });
        Some(channels.into_iter().map(|channel| ChannelFirings { channel, firings: vec![firing.clone()] }).collect())
    }

    /// When the next fallback of an incident is told.
    pub(super) fn next_fallback(&self, incident: &Incident) -> Option<Time> {
        let unreached = incident.channels.iter().filter_map(|record| self.unreached(incident, record));
        unreached.map(|unreached| unreached.at).filter(|at| *at > self.now).min()
    }

    /// Returns a recipient that messages fail to reach, if `record` is that of the first of its failing channels.
    fn unreached<'a>(&self, incident: &'a Incident, record: &'a ChannelRecord) -> Option<Unreached<'a>>
    where
        Self: 'a,
    {
        let Contact::Failing(_) = record.contact else { return None };
        let (fallback, after) = self.rules.recipients.get(&record.recipient)?.fallback.as_ref()?;
        let channels = || incident.channels.iter().filter(|other| other.recipient == record.recipient);
        let failing = |other: &ChannelRecord| match other.contact {
            Contact::Failing(since) => Some(since),
            _ => None,
        };
        let first = channels().find(|other| failing(other).is_some())?;
        if first.key() != record.key() || channels().any(|other| other.contact == Contact::Delivered) {
            return None;
        }
        let since = channels().filter_map(failing).min()?;
        Some(Unreached {
            fallback,
            at: since + *after,
            firing: record.firings.last()?,
            fired_at: record.last_firing_at?,
        })
    }
}

/// Returns whether a fallback's channel was told nothing of the kind yet, and will not be by itself.
fn needs(incident: &Incident, channel: &Reachable, unreached: &Unreached<'_>) -> bool {
    let Some(record) = incident.channels.iter().find(|record| record.key() == channel.key()) else { return true };
    record.missed_firing.is_none()
        && !record.has_firing(unreached.firing)
        && record.last_firing_at.is_none_or(|at| at < unreached.fired_at)
}
