//! Acknowledgements, snoozes, silences, quiet hours and inhibition hold every alert.

use std::collections::BTreeMap;

use dag_engine::{Id, Input, Kind, Name, Outcome, Severity, Silence, Time};
use proptest::prelude::*;

use crate::{outbox::is_alert, plan::ChannelKey, player::check_stories, stories::With};

const WITH: With = With { clocks: false, ..With::EVERYTHING };

/// What may hold the alerts of an incident.
#[derive(Debug, Default)]
struct Holds {
    acknowledged: bool,
    snoozed: Option<Time>,
    closing: bool,
}

#[test]
fn an_acknowledged_snoozed_silenced_or_closing_incident_alerts_nobody() {
    check_stories(60, WITH, |host| {
        let mut holds: BTreeMap<Id, Holds> = BTreeMap::new();
        let mut silences: Vec<Silence> = Vec::new();
        for moment in &host.log {
            for decision in &moment.decisions {
                let of = decision.incident.map(|incident| holds.entry(incident).or_default());
                match (&decision.outcome, of) {
                    (Outcome::Acknowledged { .. }, Some(of)) => of.acknowledged = true,
                    (Outcome::AcknowledgementLapsed { .. }, Some(of)) => of.acknowledged = false,
                    (Outcome::Snoozed { until, .. }, Some(of)) => of.snoozed = Some(*until),
                    (Outcome::SnoozeEnded { .. }, Some(of)) => of.snoozed = None,
                    (Outcome::Closing { .. }, Some(of)) => of.closing = true,
                    // Without an answer it goes on.
                    (Outcome::Reopened { .. } | Outcome::NoAnswer, Some(of)) => of.closing = false,
                    (Outcome::Silenced { silence } | Outcome::SilenceEnded { silence, .. }, _) => {
                        silences.retain(|other| other.rule != silence.rule);
                        let begins = matches!(decision.outcome, Outcome::Silenced { .. });
                        silences.extend(begins.then(|| silence.clone()));
                    }
                    (Outcome::Notify(message), Some(of)) if is_alert(message.kind) => {
                        prop_assert!(!of.acknowledged && !of.closing, "{of:?}: {message:?}");
                        prop_assert!(of.snoozed.is_none_or(|until| until <= moment.now), "{of:?}: {message:?}");
                        let rule = decision.rule.as_ref();
                        let silent = silences.iter().find(|silence| {
                            silence.rule.as_ref().is_none_or(|name| Some(name) == rule)
                                && silence.from <= moment.now
                                && moment.now < silence.until
                        });
                        prop_assert!(silent.is_none(), "{silent:?}: {message:?}");
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    });
}

#[test]
fn quiet_hours_let_nothing_through_below_their_severity() {
    check_stories(60, With::EVERYTHING, |host| {
        for (at, message) in host.messages() {
            let moment = &host.log[at];
            let quiet = moment.plan.is_quiet(&message.recipient, message.severity(), moment.now);
            prop_assert!(!quiet, "{message:?}");
        }
        Ok(())
    });
}

#[test]
fn a_channel_told_of_the_cause_is_not_alerted_of_what_it_inhibits() {
    check_stories(60, WITH, |host| {
        // The incidents that last, and the channels that were told of them.
        let mut lasting: BTreeMap<Id, (Name, Vec<ChannelKey>)> = BTreeMap::new();
        for moment in &host.log {
            let severity = |rule: &str| moment.severity(rule).unwrap_or(Severity::Info);
            for decision in &moment.decisions {
                let Some(rule) = &decision.rule else { continue };
                match (&decision.outcome, decision.incident) {
                    (Outcome::Opened { .. }, Some(incident)) => {
                        lasting.insert(incident, (rule.clone(), Vec::new()));
                    }
                    (Outcome::Resolved { .. }, Some(incident)) => drop(lasting.remove(&incident)),
                    (Outcome::Renamed { .. }, Some(incident)) => {
                        lasting.entry(incident).and_modify(|(name, _)| name.clone_from(rule));
                    }
                    (Outcome::Notify(message), Some(incident)) => {
                        let key = (message.recipient.clone(), message.channel());
                        let cause = lasting.values().find(|(cause, told)| {
                            let inhibits =
                                moment.plan.rule(cause).is_some_and(|cause| cause.inhibits.contains(&rule.to_string()));
                            inhibits && severity(cause) >= severity(rule) && told.contains(&key)
                        });
                        prop_assert!(cause.is_none() || !is_alert(message.kind), "{cause:?}: {message:?}");
                        lasting.entry(incident).and_modify(|(_, told)| told.push(key));
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    });
}

#[test]
fn somebody_who_acknowledges_is_not_told_that_they_did() {
    check_stories(40, With { people: true, ..With::default() }, |host| {
        for moment in &host.log {
            let Input::Acknowledge { by, .. } = &moment.input else { continue };
            for decision in &moment.decisions {
                if let Outcome::Notify(message) = &decision.outcome {
                    prop_assert!(message.kind != Kind::Acknowledged || message.recipient != by.as_str());
                }
            }
        }
        Ok(())
    });
}
