//! What is known late: conditions by the values of their time, raw edges, and what an incident notes of its end.

mod edges;
mod ends;
mod since;
mod values;

use dag_engine::{Input, Reading, Report, Value};

use crate::host::Host;

/// Lets a report of `source` arrive, whose readings are like `20m battery=40`. Each source numbers its own from 1.
fn report(host: &mut Host, source: &str, first: u64, readings: &[&str], at: &str) -> String {
    let readings = readings.iter().map(|reading| {
        let (read_at, fact) = reading.split_once(' ').unwrap();
        let (fact, value) = fact.split_once('=').unwrap();
        Reading { fact: fact.into(), value: Value::parse(value), at: host.time(read_at) }
    });
    let report = Report { source: source.into(), boot: 1, first, readings: readings.collect(), ..Report::default() };
    let at = host.time(at);
    host.pass(at);
    host.step(Input::Report(report), at);
    episodes(host)
}

/// Lets time pass.
fn pass(host: &mut Host, until: &str) -> String {
    host.pass(host.time(until));
    episodes(host)
}

/// Returns what was decided about episodes.
fn episodes(host: &mut Host) -> String {
    let lines = host.take_lines();
    let about = |line: &&str| !["fired", "told", "troubled", "trouble over"].iter().any(|word| line.contains(word));
    lines.lines().filter(about).collect::<Vec<_>>().join("\n")
}
