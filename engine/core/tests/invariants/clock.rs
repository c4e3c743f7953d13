//! A clock that is set: nothing that was recorded lies ahead.

use dag_engine::{Outcome, Time};
use proptest::prelude::*;
use serde_json::Value;

use crate::{player::check_stories, stories::With};

/// The keys of a state that hold future times, or reports as they came. When an incident opened moves with its since, as
/// the deadline that it was.
const TO_COME: [&str; 6] = ["deadline", "due", "from", "opened_at", "report", "until"];

/// Collects the recorded times, each with the path of its key.
fn collect_times(way: &str, value: &Value, times: &mut Vec<(String, Time)>) {
    match value {
        Value::String(text) => times.extend(text.parse().ok().map(|time| (way.to_owned(), time))),
        Value::Array(items) => items.iter().for_each(|item| collect_times(way, item, times)),
        Value::Object(fields) => {
            for (name, value) in fields.iter().filter(|(name, _)| !TO_COME.contains(&name.as_str())) {
                collect_times(&format!("{way}/{name}"), value, times);
            }
        }
        _ => {}
    }
}

#[test]
fn once_a_clock_is_set_nothing_that_was_recorded_lies_ahead() {
    check_stories(20, With::EVERYTHING, |host| {
        for moment in &host.log {
            let mut times = Vec::new();
            moment.state.iter().for_each(|state| collect_times("", state, &mut times));
            let ahead: Vec<_> = times.iter().filter(|(_, time)| *time > moment.now).collect();
            prop_assert!(ahead.is_empty(), "after {}: {ahead:?}", moment.now);
        }
        Ok(())
    });
}

#[test]
fn nothing_that_is_decided_or_told_lies_ahead() {
    check_stories(20, With::EVERYTHING, |host| {
        for (at, decision) in host.decisions() {
            let now = host.log[at].now;
            prop_assert!(decision.at <= now, "after {now}: {decision:?}");
            let Outcome::Notify(message) = &decision.outcome else { continue };
            let seen = message.facts.values().filter_map(|fact| fact.since);
            let incident = message.incident().into_iter().flat_map(|incident| {
                let acknowledged = incident.acknowledged.as_ref().map(|acknowledged| acknowledged.at);
                let reported = [incident.since_reported, incident.ended_reported];
                [Some(incident.since), incident.ended, acknowledged].into_iter().chain(reported).flatten()
            });
            prop_assert!(seen.chain(incident).all(|time| time <= now), "after {now}: {message:?}");
        }
        Ok(())
    });
}
