//! Who is told: never nothing, nothing twice, and everybody of the end.

use std::collections::BTreeSet;

use dag_engine::{Decision, Id, Kind, Notification, Outcome, Withholding};
use proptest::prelude::*;

use crate::{
    host::{Host, Manner},
    outbox::{Entry, Fate},
    plan::Key,
    stories::{With, all, play, story},
};

fn is_alert(kind: Kind) -> bool {
    matches!(kind, Kind::Opened | Kind::Escalated | Kind::Reminder)
}

fn is_last(kind: Kind) -> bool {
    matches!(kind, Kind::Resolved | Kind::Past)
}

/// A message of an incident to a channel, and why it is withheld if it is.
type Said = (Id, Key, Kind, Option<Withholding>);

/// The incident, the channel and the kind of what a decision says about a message, and why it is withheld if it is.
fn about(decision: &Decision) -> Option<Said> {
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
    all(40, story(With::EVERYTHING), |story| {
        let host = play(&story, Manner::default());
        for (at, decision) in host.decisions() {
            let Outcome::Fired { step, .. } = decision.outcome else { continue };
            let moment = &host.log[at];
            let rule = decision.rule.as_ref().and_then(|name| moment.plan.rule(name)).expect("a rule fires");
            if moment.plan.scripts_recipients(rule) {
                continue;
            }
            let notify = &moment.plan.escalations[rule.escalation].steps[step as usize].notify;
            let reached = moment.plan.reach(notify, &moment.device);
            let said: BTreeSet<Key> = moment
                .decisions
                .iter()
                .filter_map(about)
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
fn what_quiet_hours_or_inhibition_held_back_is_made_up_for_or_withheld_for_a_reason() {
    all(40, story(With::EVERYTHING), |story| {
        let host = play(&story, Manner::default());
        for (at, decision) in host.decisions() {
            let Some((incident, key, kind, Some(Withholding::Quiet | Withholding::Inhibited))) = about(decision) else {
                continue;
            };
            if !is_alert(kind) {
                continue;
            }
            let later = host.decisions().filter(|(then, _)| *then > at).filter_map(|(_, decision)| about(decision));
            let mut later = later.filter(|(other, to, ..)| *other == incident && *to == key);
            let settled = later.any(|(_, _, kind, reason)| match reason {
                None => kind != Kind::Acknowledged,
                Some(Withholding::Quiet | Withholding::OneMessageAStep) => false,
                Some(Withholding::Inhibited) => is_last(kind),
                Some(_) => true,
            });
            prop_assert!(settled, "{key:?} never heard of {incident}, held at {}", host.log[at].now);
        }
        Ok(())
    });
}

#[test]
fn nothing_is_left_over_when_all_is_well_again() {
    all(40, story(With::EVERYTHING), |story| {
        let host = play(&story, Manner::default());
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
    all(60, story(With::EVERYTHING), |story| {
        let host = play(&story, Manner::default());
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
fn whoever_may_know_that_it_began_is_told_once_that_it_ended_and_nothing_more() {
    all(60, story(With::EVERYTHING), |story| {
        let host = play(&story, Manner::default());
        for lane in lanes(&host) {
            let incident = lane[0].incident().expect("a lane is of an incident");
            let ended = host.resolved(incident);
            let last: Vec<&&Entry> = lane.iter().filter(|entry| is_last(entry.message.kind)).collect();
            let told: Vec<&&Entry> = lane.iter().filter(|entry| !is_last(entry.message.kind)).collect();
            prop_assert!(last.len() <= 1, "two last words: {last:?}");
            prop_assert!(last.iter().all(|entry| ended.is_some_and(|ended| ended <= entry.decided)), "{last:?}");
            prop_assert!(last.is_empty() || is_last(lane[lane.len() - 1].message.kind), "more after the end: {lane:?}");
            if let Some(ended) = ended {
                let late = told.iter().find(|entry| entry.decided > ended && is_alert(entry.message.kind));
                prop_assert!(late.is_none(), "an alert after the end: {late:?}");
            }
            // What a host attempted before the last words were decided may have told somebody.
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
fn what_is_withdrawn_was_never_attempted_and_one_message_about_the_past_takes_its_place() {
    all(40, story(With { reloads: true, ..With { post: true, people: true, ..With::default() } }), |story| {
        let host = play(&story, Manner::default());
        for withdrawn in host.outbox.entries.iter().filter(|entry| entry.fate == Fate::Withdrawn) {
            prop_assert_eq!(withdrawn.attempted, None);
            let said = host.decisions().filter(|(at, _)| withdrawn.withdrawn.is_some_and(|then| then <= *at));
            let said = said.filter_map(|(_, decision)| about(decision));
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
    all(40, story(With { clocks: false, ..With::EVERYTHING }), |story| {
        let host = play(&story, Manner::default());
        let reloaded = |from: usize, to: usize| {
            host.log[from..=to].iter().any(|moment| moment.input == dag_engine::Input::RulesChanged)
        };
        for lane in lanes(&host) {
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
    all(40, story(With::EVERYTHING), |story| {
        let host = play(&story, Manner::default());
        for (at, message) in host.messages() {
            let moment = &host.log[at];
            prop_assert_eq!(message.at, moment.now);
            prop_assert_eq!(&message.device, &moment.device);
            let Notification { kind, .. } = message;
            let Some(incident) = message.incident() else {
                prop_assert_eq!(*kind, Kind::System);
                continue;
            };
            prop_assert_eq!(incident.ended.is_some(), is_last(*kind), "{:?}", message);
            prop_assert_eq!(incident.acknowledged.is_none() && *kind == Kind::Acknowledged, false);
        }
        Ok(())
    });
}
