//! Messages: none is lost, none is sent twice, and everybody who may know of an incident is told of its end.

use std::collections::BTreeSet;

use dag_engine::{Decision, Id, Kind, Notification, Outcome, Withholding};
use proptest::prelude::*;

use crate::{
    host::Host,
    outbox::{Entry, Fate, is_alert},
    plan::ChannelKey,
    player::check_stories,
    stories::With,
};

fn is_final(kind: Kind) -> bool {
    matches!(kind, Kind::Resolved | Kind::Past)
}

/// A message of an incident to a channel, and the reason if it is withheld.
type ChannelMessage = (Id, ChannelKey, Kind, Option<Withholding>);

/// The message that a decision sends or withholds.
fn channel_message(decision: &Decision) -> Option<ChannelMessage> {
    let incident = decision.incident?;
    match &decision.outcome {
        Outcome::Notify(message) => {
            Some((incident, (message.recipient.clone(), message.channel()), message.kind, None))
        }
        Outcome::Withheld { kind, recipient, channel, reason } => {
            Some((incident, (recipient.clone(), *channel), *kind, Some(*reason)))
        }
        _ => None,
    }
}

/// The entries of incidents, by incident and channel, in their order.
fn lanes(host: &Host) -> Vec<Vec<&Entry>> {
    let mut lanes: Vec<Vec<&Entry>> = Vec::new();
    for entry in host.outbox.entries.iter().filter(|entry| entry.incident().is_some()) {
        let same = |lane: &&mut Vec<&Entry>| lane[0].incident() == entry.incident() && lane[0].key() == entry.key();
        match lanes.iter_mut().find(same) {
            Some(lane) => lane.push(entry),
            None => lanes.push(vec![entry]),
        }
    }
    lanes
}

#[test]
fn every_channel_of_a_step_that_fires_is_told_or_it_is_said_why_not() {
    check_stories(40, With::EVERYTHING, |host| {
        for (at, decision) in host.decisions() {
            let Outcome::Fired { step, .. } = decision.outcome else { continue };
            let moment = &host.log[at];
            let rule = decision.rule.as_ref().and_then(|name| moment.plan.rule(name)).expect("a rule fires");
            if moment.plan.scripts_recipients(rule) {
                continue;
            }
            let notify = &moment.plan.escalations[rule.escalation].steps[step as usize].notify;
            let reached = moment.plan.reach(notify, &moment.device);
            let said: BTreeSet<ChannelKey> = moment
                .decisions
                .iter()
                .filter_map(channel_message)
                .filter(|(incident, _, kind, _)| Some(*incident) == decision.incident && is_alert(*kind))
                .map(|(_, key, ..)| key)
                .collect();
            for key in &reached {
                prop_assert!(said.contains(key), "step {step} says nothing of {key:?} at {}", moment.now);
            }
            let nobody = |other: &Decision| {
                other.incident == decision.incident
                    && matches!(other.outcome, Outcome::NobodyToTell { step: of } if of == step)
            };
            prop_assert_eq!(reached.is_empty(), moment.decisions.iter().any(nobody));
        }
        Ok(())
    });
}

#[test]
fn a_message_that_quiet_hours_or_inhibition_hold_is_decided_later() {
    check_stories(40, With::EVERYTHING, |host| {
        for (at, decision) in host.decisions() {
            let Some((incident, key, kind, Some(Withholding::Quiet | Withholding::Inhibited))) =
                channel_message(decision)
            else {
                continue;
            };
            if !is_alert(kind) {
                continue;
            }
            let later =
                host.decisions().filter(|(then, _)| *then > at).filter_map(|(_, decision)| channel_message(decision));
            let mut later = later.filter(|(other, to, ..)| *other == incident && *to == key);
            let settled = later.any(|(_, _, kind, reason)| match reason {
                None => kind != Kind::Acknowledged,
                Some(Withholding::Quiet | Withholding::OneMessageAStep) => false,
                Some(Withholding::Inhibited) => is_final(kind),
                Some(_) => true,
            });
            prop_assert!(settled, "{key:?} never heard of {incident}, held at {}", host.log[at].now);
        }
        Ok(())
    });
}

#[test]
fn no_incident_or_message_is_left_when_all_is_well_again() {
    check_stories(40, With::EVERYTHING, |host| {
        let state = serde_json::to_value(&host.state).unwrap();
        prop_assert_eq!(state.get("incidents"), None);
        prop_assert_eq!(state.get("waiting"), None);
        for (_, incident) in host.incidents() {
            prop_assert!(host.resolved(incident).is_some(), "{} never ends", incident);
        }
        let waits = host.outbox.entries.iter().find(|entry| matches!(entry.fate, Fate::Queued | Fate::Leased));
        prop_assert!(waits.is_none(), "{waits:?}");
        Ok(())
    });
}

#[test]
fn no_two_messages_have_the_same_id() {
    check_stories(60, With::EVERYTHING, |host| {
        let mut ids = BTreeSet::new();
        for (at, message) in host.messages() {
            prop_assert!(ids.insert(message.id), "again at {}: {message:?}", host.log[at].now);
        }
        let mut incidents = BTreeSet::new();
        for (at, incident) in host.incidents() {
            prop_assert!(incidents.insert(incident), "the incident {incident} opens again at {}", host.log[at].now);
        }
        Ok(())
    });
}

#[test]
fn whoever_may_know_of_an_incident_gets_one_final_message() {
    check_stories(60, With::EVERYTHING, |host| {
        for lane in lanes(host) {
            let incident = lane[0].incident().expect("a lane is of an incident");
            let ended = host.resolved(incident);
            let last: Vec<&&Entry> = lane.iter().filter(|entry| is_final(entry.message.kind)).collect();
            let told: Vec<&&Entry> = lane.iter().filter(|entry| !is_final(entry.message.kind)).collect();
            prop_assert!(last.len() <= 1, "two final messages: {last:?}");
            prop_assert!(last.iter().all(|entry| ended.is_some_and(|ended| ended <= entry.decided)), "{last:?}");
            prop_assert!(
                last.is_empty() || is_final(lane[lane.len() - 1].message.kind),
                "more after the end: {lane:?}"
            );
            if let Some(ended) = ended {
                let late = told.iter().find(|entry| entry.decided > ended && is_alert(entry.message.kind));
                prop_assert!(late.is_none(), "an alert after the end: {late:?}");
            }
            // A message attempted before the final one was decided may have told somebody.
            let known =
                |then: usize| told.iter().any(|entry| entry.attempted.is_some_and(|attempted| attempted <= then));
            match last.first() {
                Some(entry) => {
                    let kind = if known(entry.decided) { Kind::Resolved } else { Kind::Past };
                    prop_assert_eq!(entry.message.kind, kind, "{:?}", lane);
                }
                None => prop_assert!(ended.is_none() || !known(usize::MAX), "never told of the end: {lane:?}"),
            }
        }
        Ok(())
    });
}

#[test]
fn a_withdrawn_message_was_never_attempted_and_one_past_replaces_it() {
    check_stories(40, With { reloads: true, ..With { post: true, people: true, ..With::default() } }, |host| {
        for withdrawn in host.outbox.entries.iter().filter(|entry| entry.fate == Fate::Withdrawn) {
            prop_assert_eq!(withdrawn.attempted, None);
            let said = host.decisions().filter(|(at, _)| withdrawn.withdrawn.is_some_and(|then| then <= *at));
            let said = said.filter_map(|(_, decision)| channel_message(decision));
            let said =
                said.filter(|(incident, key, ..)| Some(*incident) == withdrawn.incident() && *key == withdrawn.key());
            let said: Vec<_> = said.map(|(_, _, kind, reason)| (kind, reason)).collect();
            let fine = matches!(said[..], [(Kind::Past, None | Some(Withholding::Script | Withholding::TooManyWait))]);
            prop_assert!(fine, "{said:?} for {withdrawn:?}");
        }
        Ok(())
    });
}

#[test]
fn a_channel_is_alerted_once_a_moment_and_first_that_it_opened() {
    check_stories(40, With { clocks: false, ..With::EVERYTHING }, |host| {
        let reloaded = |from: usize, to: usize| {
            host.log[from..=to].iter().any(|moment| moment.input == dag_engine::Input::RulesChanged)
        };
        for lane in lanes(host) {
            let alerts: Vec<&&Entry> = lane.iter().filter(|entry| is_alert(entry.message.kind)).collect();
            for pair in alerts.windows(2) {
                prop_assert!(pair[0].decided < pair[1].decided, "two at once: {pair:?}");
                let again = pair[1].message.kind == Kind::Opened;
                prop_assert!(!again || reloaded(pair[0].decided, pair[1].decided), "opened late: {pair:?}");
            }
        }
        Ok(())
    });
}

#[test]
fn messages_are_about_now_and_what_they_say_is_so() {
    check_stories(40, With::EVERYTHING, |host| {
        for (at, message) in host.messages() {
            let moment = &host.log[at];
            prop_assert_eq!(message.at, moment.now);
            prop_assert_eq!(&message.device, &moment.device);
            let Notification { kind, .. } = message;
            let Some(incident) = message.incident() else {
                prop_assert_eq!(*kind, Kind::System);
                continue;
            };
            prop_assert_eq!(incident.ended.is_some(), is_final(*kind), "{:?}", message);
            prop_assert_eq!(incident.acknowledged.is_none() && *kind == Kind::Acknowledged, false);
        }
        Ok(())
    });
}
