//! Edge and cloud decide the same in random histories.

use std::collections::BTreeMap;

use dag_engine::{Engine, Host as _, Input, Millis, Reading, Report, Silence, Time, Value};
use proptest::prelude::*;

use crate::parity::{Both, device, shipped};

#[derive(Clone, Debug)]
enum Happens {
    /// Readings with their age in seconds, and the number of readings that they skip or repeat.
    Reads(Vec<(usize, i64)>, i64, bool),
    Boots,
    Attempts(usize),
    Delivers(usize),
    Fails(usize, bool),
    Acknowledges,
    Snoozes(i64),
    Silences(i64),
    Trouble(bool),
    Nothing,
}

fn happens() -> impl Strategy<Value = Happens> {
    let reads = (prop::collection::vec((0_usize..10, 0_i64..900), 1..5), -2_i64..3, any::<bool>());
    prop_oneof![
        8 => reads.prop_map(|(readings, skips, more)| Happens::Reads(readings, skips, more)),
        1 => Just(Happens::Boots),
        3 => any::<usize>().prop_map(Happens::Attempts),
        3 => any::<usize>().prop_map(Happens::Delivers),
        2 => (any::<usize>(), any::<bool>()).prop_map(|(which, last)| Happens::Fails(which, last)),
        1 => Just(Happens::Acknowledges),
        1 => (0_i64..7_200).prop_map(Happens::Snoozes),
        1 => (0_i64..7_200).prop_map(Happens::Silences),
        1 => any::<bool>().prop_map(Happens::Trouble),
        1 => Just(Happens::Nothing),
    ]
}

const READ: [(&str, Option<Value>); 10] = [
    ("power", Some(Value::Off)),
    ("power", Some(Value::On)),
    ("power", Some(Value::Off)),
    ("power", Some(Value::On)),
    ("power", None),
    ("battery", Some(Value::Number(10))),
    ("battery", Some(Value::Number(90))),
    ("connection", Some(Value::Disconnected)),
    ("connection", Some(Value::Connected)),
    ("door", Some(Value::On)),
];

fn plays(engine: &Engine, history: Vec<(i64, Happens)>) {
    let mut both = Both::new(device());
    let mut now: Time = "2026-03-28T20:00:00Z".parse().unwrap();
    let (mut boot, mut next) = (1, 1_u64);
    for (seconds, happens) in history {
        now = now + Millis::new(seconds * 1_000);
        both.pass(engine, now);
        let about = |both: &Both, which: usize| both.told.get(which % both.told.len().max(1)).cloned();
        let input = match happens {
            Happens::Reads(readings, skips, more) => {
                let first = next.saturating_add_signed(skips).max(1);
                next = first + readings.len() as u64;
                let reading = |(which, age): (usize, i64)| {
                    let (fact, value) = READ[which];
                    Reading { fact: fact.into(), value, at: now - Millis::new(age * 1_000) }
                };
                let readings = readings.into_iter().map(reading).collect();
                Some(Input::Report(Report { source: "pins".into(), boot, first, more, readings, ..Report::default() }))
            }
            Happens::Boots => {
                (boot, next) = (boot + 1, 1);
                None
            }
            Happens::Attempts(which) => about(&both, which).map(Input::Attempted),
            Happens::Delivers(which) => about(&both, which).map(Input::Delivered),
            Happens::Fails(which, last) => about(&both, which).map(|message| Input::Failed { message, last }),
            Happens::Acknowledges => {
                both.incident().map(|incident| Input::Acknowledge { incident, by: "nor".to_owned() })
            }
            Happens::Snoozes(length) => {
                let until = now + Millis::new(length * 1_000);
                both.incident().map(|incident| Input::Snooze {
                    incident,
                    until,
                    until_given: Default::default(),
                    by: "nor".to_owned(),
                })
            }
            Happens::Silences(length) => {
                let until = now + Millis::new(length * 1_000);
                let (labels, by) = (BTreeMap::new(), "nor".to_owned());
                Some(Input::Silence(Silence {
                    device: None,
                    labels,
                    rule: None,
                    from: now,
                    from_given: Default::default(),
                    until,
                    until_given: Default::default(),
                    by,
                }))
            }
            Happens::Trouble(lasts) => {
                Some(Input::Trouble { about: "store".into(), text: lasts.then(|| "no space".to_owned()) })
            }
            Happens::Nothing => Some(Input::Elapsed),
        };
        if let Some(input) = input {
            both.step(engine, input, now);
        }
    }
    both.pass(engine, now + Millis::new(86_400_000));
}

#[test]
fn random_histories_come_out_as_they_do_on_the_device() {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(40);
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let engine = shipped();
    proptest!(config, |(history in prop::collection::vec((0_i64..1_800, happens()), 1..80))| {
        plays(&engine, history);
    });
}
