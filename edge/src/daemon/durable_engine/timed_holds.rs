//! Silences and snoozes that begin or end by time alone. The engine decides nothing then, where nothing is due. The log
//! says it all the same: somebody who asked for one looks there for why a message came, or did not.

use std::fmt;

use dag_engine::{Id, Name, Silence, State, Time};

/// The silences and snoozes of a state.
#[derive(Debug)]
pub(super) struct TimedHolds {
    /// The time of the state's last step.
    at: Time,
    silences: Vec<Silence>,
    snoozes: Vec<Snooze>,
}

/// The snooze of an open incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Snooze {
    incident: Id,
    rule: Name,
    by: String,
    until: Time,
}

/// The beginning or the end of one of them.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum HoldEdge<'a> {
    SilenceBegins(&'a Silence),
    SilenceOver(&'a Silence),
    SnoozeOver(&'a Snooze),
}

impl TimedHolds {
    pub fn of(state: &State) -> TimedHolds {
        let snoozes = state.open_incidents().filter_map(|incident| {
            Some(Snooze {
                incident: incident.id,
                rule: incident.rule.clone(),
                by: incident.snoozed_by()?.to_owned(),
                until: incident.snoozed_until()?,
            })
        });
        TimedHolds { at: state.now(), silences: state.silences().cloned().collect(), snoozes: snoozes.collect() }
    }

    /// Returns when the next of them begins or ends.
    pub fn next_edge(&self) -> Option<Time> {
        let silences = self.silences.iter().flat_map(|silence| [silence.from, silence.until]);
        let edges = silences.chain(self.snoozes.iter().map(|snooze| snooze.until));
        edges.filter(|edge| *edge > self.at).min()
    }

    /// Returns what began or ended by time alone until the last step of `after`, in the order of time.
    pub fn edges(&self, after: &State) -> Vec<HoldEdge<'_>> {
        let passed = |edge: Time| self.at < edge && edge <= after.now();
        let mut edges: Vec<(Time, HoldEdge<'_>)> = Vec::new();
        for silence in &self.silences {
            if passed(silence.from) {
                edges.push((silence.from, HoldEdge::SilenceBegins(silence)));
            }
            if passed(silence.until) {
                edges.push((silence.until, HoldEdge::SilenceOver(silence)));
            }
        }
        let still_open = |snooze: &Snooze| after.open_incidents().any(|incident| incident.id == snooze.incident);
        for snooze in self.snoozes.iter().filter(|snooze| passed(snooze.until) && still_open(snooze)) {
            edges.push((snooze.until, HoldEdge::SnoozeOver(snooze)));
        }
        edges.sort_by_key(|(at, _)| *at);
        edges.into_iter().map(|(_, edge)| edge).collect()
    }
}

impl fmt::Display for HoldEdge<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HoldEdge::SilenceBegins(silence) => {
                let Silence { by, until, until_given, .. } = silence;
                write!(f, "a silence by {by} begins, until {until}{}: {}", until_given.note(), silence.describe())
            }
            HoldEdge::SilenceOver(silence) => {
                write!(f, "the silence by {} is over: {}", silence.by, silence.describe())
            }
            HoldEdge::SnoozeOver(snooze) => write!(f, "{}: the snooze by {} is over", snooze.rule, snooze.by),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use dag_engine::{Device, Engine, Input, Ruleset, Sources};

    use super::*;

    fn t(second: i64) -> Time {
        Time::from_millis(second * 1_000)
    }

    #[test]
    fn a_silence_begins_and_ends_once_and_one_that_is_lifted_does_not_end_by_itself() {
        let rules = Ruleset::compile(&Sources { timezone: "UTC".into(), ..Sources::default() }).unwrap();
        let engine = Engine::new(rules);
        let device = Device {
            id: "cottage".into(),
            name: "Cottage".into(),
            labels: BTreeMap::new(),
            switches: BTreeMap::new(),
            timezone: None,
            account_emails: Vec::new(),
        };
        let mut state = State::new(device);
        let mut step = |input: Input, at: i64| -> (Vec<String>, Option<i64>) {
            let before = TimedHolds::of(&state);
            engine.step(&mut state, input, t(at));
            let edges = before.edges(&state).iter().map(ToString::to_string).collect();
            (edges, TimedHolds::of(&state).next_edge().map(|at| at.as_millis() / 1_000))
        };
        let silence = |rule: &str, from, until| {
            let (rule, by) = (Some(rule.into()), "nor".to_owned());
            Input::Silence(Silence {
                device: None,
                labels: BTreeMap::new(),
                rule,
                from: t(from),
                from_given: Default::default(),
                until: t(until),
                until_given: Default::default(),
                by,
            })
        };
        let none: [&str; 0] = [];
        assert_eq!(step(silence("a", 10, 20), 10), (none.map(str::to_owned).into(), Some(20)));
        assert_eq!(step(silence("b", 15, 30), 11), (none.map(str::to_owned).into(), Some(15)));
        let begins = "a silence by nor begins, until 1970-01-01T00:00:30Z: rule b";
        assert_eq!(step(Input::Elapsed, 15), (vec![begins.to_owned()], Some(20)));
        assert_eq!(step(Input::Elapsed, 20), (vec!["the silence by nor is over: rule a".to_owned()], Some(30)));
        assert_eq!(step(silence("b", 0, 21), 21), (none.map(str::to_owned).into(), None), "it is lifted");
        assert_eq!(step(Input::Elapsed, 30), (none.map(str::to_owned).into(), None));
    }
}
