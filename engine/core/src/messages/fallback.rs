//! Who is told instead of a recipient that messages fail to reach.

use super::{due::recalled, open::Want};
use crate::{
    Name, Outcome, Time,
    rules::{Reachable, Rule},
    state::{Contact, Heard, Incident, Told},
    step::Step,
};

/// A recipient that messages fail to reach.
struct Unreached<'a> {
    fallback: &'a Name,
    /// When its fallback is told.
    at: Time,
    /// What it was told last, and when that was queued.
    heard: &'a Heard,
    heard_at: Time,
}

impl Step<'_> {
    /// The first recipient that cannot be reached and whose fallback needs to be told: its channels, and what of.
    pub(super) fn fall_back(&mut self, rule: &Rule, incident: &Incident) -> Option<Vec<Want>> {
        let unreached = incident.told.iter().filter_map(|told| Some((told, self.unreached(incident, told)?)));
        let mut due = unreached.filter(|(_, unreached)| unreached.at <= self.now);
        let (told, unreached, channels) = due.find_map(|(told, unreached)| {
            let mut channels = self.rules.reach([unreached.fallback], &self.state.device);
            channels.retain(|channel| needs(incident, channel, &unreached));
            (!channels.is_empty()).then_some((told, unreached, channels))
        })?;
        let firing = recalled(self.rules, Some(rule), unreached.heard);
        let (recipient, to) = (told.recipient.clone(), unreached.fallback.clone());
        self.of(incident, Outcome::FellBack { recipient, to });
        Some(channels.into_iter().map(|channel| Want { channel, firings: vec![firing.clone()] }).collect())
    }

    /// When the next fallback of an incident is told.
    pub(super) fn next_fallback(&self, incident: &Incident) -> Option<Time> {
        let unreached = incident.told.iter().filter_map(|told| self.unreached(incident, told));
        unreached.map(|unreached| unreached.at).filter(|at| *at > self.now).min()
    }

    /// Whether messages fail to reach a recipient, of whose channels `told` is the first that fails.
    fn unreached<'a>(&self, incident: &'a Incident, told: &'a Told) -> Option<Unreached<'a>>
    where
        Self: 'a,
    {
        let Contact::Failing(_) = told.contact else { return None };
        let (fallback, after) = self.rules.recipients.get(&told.recipient)?.fallback.as_ref()?;
        let channels = || incident.told.iter().filter(|other| other.recipient == told.recipient);
        let failing = |other: &Told| match other.contact {
            Contact::Failing(since) => Some(since),
            _ => None,
        };
        let first = channels().find(|other| failing(other).is_some())?;
        if first.key() != told.key() || channels().any(|other| other.contact == Contact::Delivered) {
            return None;
        }
        let since = channels().filter_map(failing).min()?;
        Some(Unreached { fallback, at: since + *after, heard: told.heard.last()?, heard_at: told.heard_at? })
    }
}

/// Whether a fallback's channel has heard nothing of the kind yet, and will not by itself.
fn needs(incident: &Incident, channel: &Reachable, unreached: &Unreached<'_>) -> bool {
    let Some(told) = incident.told.iter().find(|told| told.key() == channel.key()) else { return true };
    told.missed.is_none()
        && !told.has_heard(unreached.heard)
        && told.heard_at.is_none_or(|heard_at| heard_at < unreached.heard_at)
}
