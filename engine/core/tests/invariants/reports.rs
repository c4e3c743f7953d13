//! Reports: their order of arrival does not change the incidents.

use dag_engine::{Input, Millis, Outcome, Reading, Report, Value};
use proptest::prelude::*;

use crate::{
    host::{Host, Manner, Moment, START},
    plan::Plan,
    plan_generator::plan,
    player::check_stories,
    stories::{With, all},
};

/// A backlog of one source in parts, made before any of it came.
fn backlog() -> impl Strategy<Value = Vec<Report>> {
    let value = prop::sample::select(vec![Some(Value::On), Some(Value::Off), None]);
    let fact = prop::sample::select(vec!["power", "power", "door"]);
    let part = prop::collection::vec((fact, value, 0..400_000_i64), 1..4);
    prop::collection::vec(part, 1..6).prop_map(|parts| {
        let count = parts.len();
        let mut at = START.parse().unwrap();
        let mut first = 1;
        let parts = parts.into_iter().enumerate().map(|(number, part)| {
            let readings: Vec<Reading> = part
                .into_iter()
                .map(|(fact, value, later)| {
                    at = at + Millis::new(later);
                    Reading { fact: fact.into(), value, at }
                })
                .collect();
            let more = number + 1 < count;
            let report = Report { source: "gpio".into(), boot: 1, first, more, readings, ..Report::default() };
            first += report.readings.len() as u64;
            report
        });
        parts.collect()
    })
}

/// The incidents after the parts came one a second, in this order.
fn incidents(plan: &Plan, order: &[Report]) -> Vec<String> {
    let mut host = Host::new(plan, Manner::default());
    host.now = host.now + Millis::new(10_000_000);
    for report in order {
        host.step(Input::Report(report.clone()));
        host.pass(host.now + Millis::new(1_000));
    }
    host.pass(host.now + Millis::new(600_000));
    let episodes = host.decisions().filter(|(_, decision)| {
        matches!(decision.outcome, Outcome::Opened { .. } | Outcome::Resolved { .. } | Outcome::Dip { .. })
    });
    episodes.map(|(_, decision)| serde_json::to_string(decision).unwrap()).collect()
}

#[test]
fn reports_out_of_order_and_doubled_make_the_same_incidents() {
    let strategy = backlog().prop_flat_map(|parts| {
        let twice: Vec<Report> = parts.iter().chain(&parts).cloned().collect();
        (Just(parts), Just(twice).prop_shuffle())
    });
    all(120, (plan(), strategy), |(plan, (parts, shuffled))| {
        prop_assert_eq!(incidents(&plan, &parts), incidents(&plan, &shuffled));
        Ok(())
    });
}

#[test]
fn a_report_that_was_lost_heals_by_the_readings_that_are_sent_again() {
    all(120, (plan(), backlog(), 0..6_usize), |(plan, parts, lost)| {
        let straight = incidents(&plan, &parts);
        // Each part repeats all that came before it.
        let all: Vec<Reading> = parts.iter().flat_map(|part| part.readings.clone()).collect();
        let again = parts.iter().map(|part| {
            let resent = part.first - 1;
            let readings = all[..resent as usize + part.readings.len()].to_vec();
            Report { first: 1, resent, readings, ..part.clone() }
        });
        let mut again: Vec<Report> = again.collect();
        if lost + 1 < again.len() {
            again.remove(lost);
        }
        prop_assert_eq!(straight, incidents(&plan, &again));
        Ok(())
    });
}

/// The longest delay by missing reports, in milliseconds.
const PATIENCE: i64 = 300_000;

/// Returns the moments within `most` milliseconds from one on. A clock that is set restarts the count.
fn within(host: &Host, from: usize, most: i64) -> &[Moment] {
    let moments = &host.log[from..];
    let mut counted_from = moments[0].lived_ms;
    let end = moments.iter().position(|moment| {
        let over = moment.lived_ms - counted_from > most;
        if matches!(moment.input, Input::ClockSet { .. }) {
            counted_from = moment.lived_ms;
        }
        over
    });
    &moments[..end.unwrap_or(moments.len())]
}

/// Stories in which only missing reports delay decisions.
const WITH: With = With { sleep: false, reloads: false, ..With::EVERYTHING };

#[test]
fn missing_reports_hold_no_message_up_for_more_than_five_minutes() {
    check_stories(40, WITH, |host| {
        for (opened, incident) in host.incidents() {
            let mut decisions = within(host, opened, PATIENCE).iter().flat_map(|moment| &moment.decisions);
            let settled = decisions.any(|decision| {
                let is_settled = matches!(
                    decision.outcome,
                    // An ended incident may wait for quiet hours.
                    Outcome::Fired { .. } | Outcome::Held { .. } | Outcome::Notify(_) | Outcome::Resolved { .. }
                );
                is_settled && decision.incident == Some(incident)
            });
            prop_assert!(settled, "nothing is said of what opened at {}", host.log[opened].now);
        }
        Ok(())
    });
}

#[test]
fn missing_reports_hold_no_incident_up_for_more_than_five_minutes() {
    check_stories(40, WITH, |host| {
        for (at, decision) in host.decisions() {
            let Outcome::Pending { .. } = decision.outcome else { continue };
            // No rule waits for more than five minutes of its own.
            let mut decisions = within(host, at, 2 * PATIENCE).iter().flat_map(|moment| &moment.decisions);
            let settled = decisions.any(|other| {
                let is_settled =
                    matches!(other.outcome, Outcome::Opened { .. } | Outcome::Dip { .. } | Outcome::NoAnswer);
                is_settled && other.rule == decision.rule
            });
            prop_assert!(settled, "{decision:?} at {} comes to nothing", host.log[at].now);
        }
        Ok(())
    });
}
