//! Facts to incidents: the times in messages are edges that were measured.

use std::collections::{BTreeMap, BTreeSet};

use dag_engine::{Decision, Input, Name, Outcome, Time, Value};
use proptest::prelude::*;

use crate::{host::Host, plan::MAINS, player::check_stories, stories::With};

/// The readings of the mains, each with the time that it counts for.
fn mains(host: &Host) -> Vec<(Time, Option<Value>)> {
    let reports = host.log.iter().filter_map(|moment| match &moment.input {
        Input::Report(report) => Some((moment.now, report)),
        _ => None,
    });
    let readings = reports.flat_map(|(now, report)| report.readings.iter().map(move |reading| (now, reading)));
    let readings = readings.filter(|(_, reading)| reading.fact == "power");
    readings.map(|(now, reading)| (reading.at.min(now), reading.value)).collect()
}

/// Returns whether a decision is about a rule whose condition is the mains alone.
fn is_about_mains(host: &Host, at: usize, decision: &Decision) -> bool {
    let rule = decision.rule.as_ref().and_then(|rule| host.log[at].plan.rule(rule));
    rule.is_some_and(|rule| rule.when == MAINS)
}

#[test]
fn nobody_is_told_that_the_power_is_back_before_it_was_seen() {
    check_stories(60, With { people: true, sleep: true, post: true, ..With::default() }, |host| {
        let mains = mains(host);
        for (at, decision) in host.decisions().filter(|(at, decision)| is_about_mains(host, *at, decision)) {
            let Outcome::Resolved { since, ended, by: None } = decision.outcome else { continue };
            let value = |then: Time| mains.iter().filter(move |(at, _)| *at == then).map(|(_, value)| *value);
            prop_assert!(value(since).any(|value| value == Some(Value::Off)), "was it out at {since}?");
            prop_assert!(value(ended).any(|value| value == Some(Value::On)), "was it back at {ended}?");
            // From then until this was decided it never went again, and it was seen then.
            let between = || mains.iter().filter(|(at, _)| ended < *at && *at < decision.at);
            prop_assert!(between().all(|(_, value)| *value != Some(Value::Off)), "out again before {}", decision.at);
            let last = between().next_back().map_or(Some(Value::On), |(_, value)| *value);
            // A sensor that was lost meanwhile has to come back first, however long ago the wait was over.
            let seen = value(host.log[at].now).any(|value| value == Some(Value::On));
            prop_assert!(last == Some(Value::On) || seen, "unseen at {}, {}", decision.at, host.log[at].now);
        }
        Ok(())
    });
}

#[test]
fn an_outage_of_which_no_end_was_ever_seen_does_not_end() {
    check_stories(40, With { late: true, post: true, ..With::default() }, |host| {
        for (at, decision) in host.decisions().filter(|(at, decision)| is_about_mains(host, *at, decision)) {
            let seen = host.log[..=at].iter().any(|moment| match &moment.input {
                Input::Report(report) => report.readings.iter().any(|reading| reading.value == Some(Value::On)),
                _ => false,
            });
            let ends = matches!(decision.outcome, Outcome::Resolved { .. } | Outcome::Closing { .. });
            prop_assert!(seen || !ends, "the mains were never seen before {}", decision.at);
        }
        Ok(())
    });
}

#[test]
fn outages_last_from_edge_to_edge_whatever_rules_wait_for() {
    check_stories(60, With { people: true, sleep: true, post: true, ..With::default() }, |host| {
        let read: BTreeSet<Time> = mains(host).into_iter().map(|(at, _)| at).collect();
        for (_, decision) in host.decisions().filter(|(at, decision)| is_about_mains(host, *at, decision)) {
            match decision.outcome {
                Outcome::Opened { since } => prop_assert!(read.contains(&since), "{decision:?}"),
                Outcome::Resolved { since, ended, .. } => {
                    prop_assert!(read.contains(&since) && read.contains(&ended), "{decision:?}");
                }
                _ => {}
            }
        }
        Ok(())
    });
}

/// Every time that a reading of the mains may count for, however late it came. One of the future counts for when it was
/// applied: it may have waited.
fn raw_times(host: &Host) -> BTreeSet<Time> {
    let mut times = BTreeSet::new();
    for (at, moment) in host.log.iter().enumerate() {
        let Input::Report(report) = &moment.input else { continue };
        for reading in report.readings.iter().filter(|reading| reading.fact == "power") {
            times.insert(reading.at);
            let since = host.log[at..].iter().map(|moment| moment.now);
            times.extend(since.take_while(|now| *now < reading.at));
        }
    }
    times
}

#[test]
fn edges_are_raw_times_of_readings_however_late_they_came() {
    check_stories(60, With { late: true, sleep: true, people: true, post: true, ..With::default() }, |host| {
        let read = raw_times(host);
        for (_, decision) in host.decisions().filter(|(at, decision)| is_about_mains(host, *at, decision)) {
            let edges = match decision.outcome {
                Outcome::Opened { since } | Outcome::Dip { since } => vec![since],
                Outcome::Reopened { clear_since } => vec![clear_since],
                Outcome::Resolved { since, ended, .. } => vec![since, ended],
                _ => continue,
            };
            prop_assert!(edges.iter().all(|edge| read.contains(edge)), "{decision:?}");
        }
        Ok(())
    });
}

#[test]
fn every_incident_lasts_forward_and_no_two_of_a_rule_overlap() {
    // Where an earlier boot's clock ran ahead too, an outage may seem to begin after its end.
    check_stories(60, With { clocks: false, ..With::EVERYTHING }, |host| {
        let mut open = BTreeMap::new();
        let mut ended: BTreeMap<Name, Time> = BTreeMap::new();
        for (at, decision) in host.decisions() {
            let moment = &host.log[at];
            prop_assert!(decision.at <= moment.now, "{decision:?} lies after {}", moment.now);
            // Of a rule that was removed, nothing is known of earlier episodes when it is back.
            ended.retain(|rule, _| moment.plan.rule(rule).is_some());
            let rule = || decision.rule.clone().expect("an episode is of a rule");
            match &decision.outcome {
                Outcome::Opened { since } => {
                    prop_assert!(*since <= decision.at, "{decision:?}");
                    let before = ended.get(&rule());
                    prop_assert!(
                        before.is_none_or(|before| before <= since),
                        "the last one ended at {before:?}, {decision:?}"
                    );
                    prop_assert!(open.insert(rule(), *since).is_none(), "two incidents of {:?}", decision.rule);
                }
                Outcome::Resolved { since, ended: end, .. } => {
                    prop_assert!(since <= end && *end <= decision.at, "{decision:?}");
                    prop_assert_eq!(open.remove(&rule()), Some(*since), "{:?}", decision);
                    ended.insert(rule(), *end);
                }
                Outcome::Renamed { was } => {
                    let (since, end) = (open.remove(was), ended.remove(was));
                    open.extend(since.map(|since| (rule(), since)));
                    // The state of the old name goes over: what it has of earlier episodes too.
                    ended.remove(&rule());
                    ended.extend(end.map(|end| (rule(), end)));
                }
                _ => {}
            }
        }
        Ok(())
    });
}

/// `now` never falls but when a clock is set, which the host checks at every step.
#[test]
fn decisions_about_episodes_may_go_back_and_those_about_messages_never_do() {
    check_stories(30, With { clocks: false, ..With::EVERYTHING }, |host| {
        for (at, decision) in host.decisions() {
            let is_of_messages = matches!(
                decision.outcome,
                Outcome::Notify(_) | Outcome::Withheld { .. } | Outcome::Fired { .. } | Outcome::Held { .. }
            );
            let now = host.log[at].now;
            prop_assert!(!is_of_messages || decision.at == now, "at {now}: {decision:?}");
        }
        Ok(())
    });
}
