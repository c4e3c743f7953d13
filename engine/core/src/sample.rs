//! Messages that the rules could send one day, for trying templates and scripts before they are needed.

use crate::{
    Cause, Channel, Decision, Device, EndedBy, Engine, Kind, Millis, Name, Outcome, State, Time, Value,
    rules::Rule,
    state::{Incident, RuleState},
};

impl Engine {
    /// Returns one message of each kind for every rule and channel, as a device in an incident would send them.
    ///
    /// Where a script fails, the words are those of the templates. [`Engine::check_hooks`] finds such scripts.
    pub fn samples(&self, device: &Device, now: Time) -> Vec<Decision> {
        let mut state = State::new(device.clone());
        let hour = Millis::new(3_600_000);
        for (fact, value) in [("power", Value::Off), ("battery", Value::Number(42))] {
            state.facts.set(&fact.into(), Some(value), now - hour);
        }
        let mut decisions = Vec::new();
        let unseen = RuleState { unanswered: true, ..RuleState::default() };
        for rule in &self.rules().rules {
            let channels = self.rules().escalation(rule).map(|escalation| {
                let names = escalation.steps.iter().flat_map(|step| &step.notify);
                self.rules().reach(names, device)
            });
            let kinds = Kind::ALL.into_iter().filter(|kind| *kind != Kind::System);
            for (kind, ended_by, rule_state) in kinds
                .map(|kind| (kind, None, RuleState::default()))
                .chain([(Kind::Resolved, Some(EndedBy::RuleRemoved), RuleState::default())])
                .chain([(Kind::Reminder, None, unseen.clone())])
            {
                let mut incident = sample_incident(device, rule, kind, now);
                incident.ended_by = ended_by;
                state.rules.insert(rule.name.clone(), rule_state);
                let channels = channels.clone().unwrap_or_default();
                decisions.extend(self.sample(&mut state, now, rule, &mut incident, kind, channels));
            }
        }
        let (rule, hook) = (Name::new("power-outage"), Name::new("message"));
        for cause in [
            Cause::Sensor { fact: "power".into(), rules: vec![rule.clone()] },
            Cause::Script { rule, hook, error: "the function divides by zero".to_owned() },
            Cause::Delivery { recipient: "nor".into(), channel: Channel::Email },
            Cause::Host { about: "store".into(), text: "no space is left on the device".to_owned() },
        ] {
            decisions.extend(self.sample_trouble(&mut state, now, cause));
        }
        decisions
    }
}

/// Returns an incident of a rule that began an hour ago, in the state in which messages of a kind are sent.
pub(crate) fn sample_incident(device: &Device, rule: &Rule, kind: Kind, now: Time) -> Incident {
    let since = now - Millis::new(3_600_000);
    let mut incident = Incident::new(device, &rule.name, rule.severity, 1, since, since);
    incident.ended = matches!(kind, Kind::Resolved | Kind::Past).then_some(now);
    if kind == Kind::Acknowledged {
        incident.acknowledged = Some(crate::Acknowledgement { by: "nor".to_owned(), at: now, number: 1, lapsed: None });
    }
    incident
}

/// The notifications among decisions.
pub fn notifications(decisions: &[Decision]) -> impl Iterator<Item = &crate::Notification> {
    decisions.iter().filter_map(|decision| match &decision.outcome {
        Outcome::Notify(notification) => Some(&**notification),
        _ => None,
    })
}
