//! Reasons that hold an incident back, or a channel.

use crate::{
    Channel, Hold, Name, Severity, Time, Withholding,
    state::{Incident, Phase},
    step::Step,
};

impl Step<'_> {
    /// Returns the reason why no step of an incident may fire, if there is one.
    pub(super) fn hold(&self, incident: &Incident) -> Option<Hold> {
        let rule_state = self.state.rules.get(&incident.rule);
        if rule_state
            .is_some_and(|rule_state| matches!(rule_state.phase, Phase::Closing { .. }) && !rule_state.unanswered)
        {
            return Some(Hold::Closing);
        }
        if incident.acknowledgement_holds {
            return Some(Hold::Acknowledged);
        }
        if incident.snoozed_until().is_some_and(|until| self.now < until) {
            return Some(Hold::Snoozed);
        }
        self.is_silenced(incident).then_some(Hold::Silenced)
    }

    pub(super) fn is_silenced(&self, incident: &Incident) -> bool {
        self.silent_until(incident).is_some()
    }

    /// Returns the first end of the silences that match an incident now.
    pub(super) fn silent_until(&self, incident: &Incident) -> Option<Time> {
        let silences = self.state.silences.iter().map(|silenced| &silenced.silence);
        let matching = silences.filter(|silence| silence.holds(&self.state.device, &incident.rule, self.now));
        // One that began after the end has nothing to do with it.
        let matching = matching.filter(|silence| incident.ended.is_none_or(|ended| silence.from <= ended));
        matching.map(|silence| silence.until).min()
    }

    /// Returns the reason why a channel is not told of an incident now, if there is one.
    pub(super) fn withheld(&self, incident: &Incident, key: (&Name, Channel)) -> Option<Withholding> {
        if self.quiet_until(key.0, incident.severity).is_some() {
            return Some(Withholding::Quiet);
        }
        self.is_inhibited(incident, key).then_some(Withholding::Inhibited)
    }

    /// Returns whether a channel was told of another incident that inhibits this one.
    pub(super) fn is_inhibited(&self, incident: &Incident, key: (&Name, Channel)) -> bool {
        self.inhibitor(incident, key).is_some()
    }

    /// Returns the first rule with an incident that inhibits this one, of which a channel was told.
    pub(super) fn inhibitor(&self, incident: &Incident, key: (&Name, Channel)) -> Option<&Name> {
        let inhibitors = self.rule(&incident.rule).map_or(&[][..], |rule| &rule.inhibited_by);
        inhibitors.iter().find(|inhibitor| {
            let phase = self.state.rules.get(*inhibitor).map(|rule_state| rule_state.phase);
            matches!(phase, Some(Phase::Open | Phase::Closing { .. }))
                && self.state.incidents.iter().any(|other| {
                    other.ended.is_none()
                        && other.rule == **inhibitor
                        && other.severity >= incident.severity
                        && incident.ended.is_none_or(|ended| other.since <= ended)
                        && other.channels.iter().any(|record| record.key() == key && record.is_told())
                })
        })
    }

    /// Returns until when a recipient is left in peace by messages of this severity; `None` if they go through now.
    pub(crate) fn quiet_until(&self, recipient: &Name, severity: Severity) -> Option<Time> {
        let recipient = self.rules.recipients.get(recipient)?;
        let quiet = recipient.quiet.as_ref().filter(|quiet| quiet.unless.is_none_or(|unless| severity < unless))?;
        let zone = recipient.zone.as_ref().unwrap_or(&self.rules.zone);
        let mut at = self.now;
        while quiet.span.contains(at, zone) {
            let next = quiet.span.next_edge(at, zone);
            // At the end of the calendar time no longer passes.
            if next <= at {
                return Some(at);
            }
            at = next;
        }
        (at > self.now).then_some(at)
    }
}
