//! Facts to incidents: the times in messages are edges that were measured.

use std::collections::BTreeSet;

use dag_engine::{Decision, Input, Outcome, Time, Value};
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

#[test]
fn late_readings_move_edges_to_what_was_decided_before_and_no_further() {
    check_stories(60, With { late: true, sleep: true, ..With::default() }, |host| {
        // A reading counts as early as the last one of its fact at least.
        let mut edges: BTreeSet<Time> = mains(host).into_iter().map(|(at, _)| at).collect();
        for (_, decision) in host.decisions().filter(|(at, decision)| is_about_mains(host, *at, decision)) {
            match decision.outcome {
                Outcome::Opened { since } => prop_assert!(edges.contains(&since), "{decision:?}"),
                Outcome::Resolved { ended, .. } => prop_assert!(edges.contains(&ended), "{decision:?}"),
                _ => {}
            }
            edges.insert(decision.at);
        }
        Ok(())
    });
}

#[test]
fn every_incident_lasts_forward_and_a_rule_has_one_at_a_time() {
    // Where an earlier boot's clock ran ahead too, an outage may seem to begin after its end.
    check_stories(60, With { clocks: false, ..With::EVERYTHING }, |host| {
        let mut open = BTreeSet::new();
        for (at, decision) in host.decisions() {
            let moment = &host.log[at];
            prop_assert!(decision.at <= moment.now, "{decision:?} lies after {}", moment.now);
            let rule = || decision.rule.clone().expect("an episode is of a rule");
            match &decision.outcome {
                Outcome::Opened { since } => {
                    prop_assert!(*since <= decision.at, "{decision:?}");
                    prop_assert!(open.insert(rule()), "two incidents of {:?}", decision.rule);
                }
                Outcome::Resolved { since, ended, .. } => {
                    prop_assert!(since <= ended && *ended <= decision.at, "{decision:?}");
                    prop_assert!(open.remove(&rule()), "{decision:?} had not opened");
                }
                Outcome::Renamed { was } if open.remove(was) => drop(open.insert(rule())),
                _ => {}
            }
        }
        Ok(())
    });
}
