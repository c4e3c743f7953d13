//! The promise that the same rules and inputs give the same bytes, on every processor and in every later version.
//!
//! A history is three things in this folder: `NAME/rules.toml` (with `hooks.rhai` where there is a script, and
//! `rules.2.toml` and so on for each `rules_changed`), `NAME.input.jsonl` with a `{"now", "input"}` a line, and
//! `NAME.jsonl`: the decisions, a line each, then the state. Before each input the engine is called at every deadline
//! that is due, as a host does. `DAG_BLESS=1` writes the decisions of now; read the difference before you commit it.

#![allow(clippy::disallowed_methods, reason = "the histories are files")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy lets these through in functions marked as tests alone; the helpers beside them are tests too"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use dag_engine::{Device, Engine, FactKind, Input, Ruleset, Sources, State, Time};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Line {
    now: Time,
    input: Input,
}

#[test]
fn the_same_histories_give_the_same_bytes() {
    let bless = std::env::var_os("DAG_BLESS").is_some();
    for name in names() {
        let decided = decide(&name);
        let file = folder().join(format!("{name}.jsonl"));
        if bless {
            fs::write(&file, &decided).unwrap();
        }
        let golden = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let lines = || golden.lines().zip(decided.lines()).enumerate();
        if let Some((at, (golden, decided))) = lines().find(|(_, (golden, decided))| golden != decided) {
            panic!("{name}.jsonl, line {}: expected\n{golden}\nbut decided\n{decided}", at + 1);
        }
        let counts = (golden.lines().count(), decided.lines().count());
        assert!(golden == decided, "{name}.jsonl has {} lines, decided were {}", counts.0, counts.1);
    }
    let expected = names().into_iter().flat_map(|name| [format!("{name}.input.jsonl"), format!("{name}.jsonl"), name]);
    let expected: BTreeSet<String> = expected.chain(["main.rs".to_owned()]).collect();
    assert_eq!(files(), expected, "orphans are to be removed");
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn files() -> BTreeSet<String> {
    let entries = fs::read_dir(folder()).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// The histories.
fn names() -> Vec<String> {
    files().iter().filter_map(|file| file.strip_suffix(".input.jsonl")).map(str::to_owned).collect()
}

/// Returns the decisions of a history and its last state.
fn decide(name: &str) -> String {
    let mut version = 1;
    let mut engine = engine(name, version);
    let mut state = State::new(device());
    let mut lines = String::new();
    let mut step = |engine: &Engine, state: &mut State, input, now| {
        engine.step(state, input, now).iter().for_each(|decision| push(&mut lines, decision));
    };
    for line in fs::read_to_string(folder().join(format!("{name}.input.jsonl"))).unwrap().lines() {
        let Line { now, input } =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{name}.input.jsonl: {error} in {line}"));
        while let Some(deadline) = state.next_deadline().filter(|deadline| *deadline <= now) {
            step(&engine, &mut state, Input::Elapsed, deadline);
        }
        if input == Input::RulesChanged {
            version += 1;
            engine = self::engine(name, version);
        }
        step(&engine, &mut state, input, now);
    }
    push(&mut lines, &state);
    let orphan = folder().join(name).join(format!("rules.{}.toml", version + 1));
    assert!(!orphan.exists(), "{} is never reloaded", orphan.display());
    lines
}

fn push(lines: &mut String, line: &impl Serialize) {
    lines.push_str(&serde_json::to_string(line).unwrap());
    lines.push('\n');
}

fn engine(name: &str, version: u32) -> Engine {
    let folder = folder().join(name);
    let rules = if version == 1 { "rules.toml".to_owned() } else { format!("rules.{version}.toml") };
    let rules = fs::read_to_string(folder.join(rules)).unwrap();
    let operators = if rules.contains("operators =") { vec!["operators".into()] } else { Vec::new() };
    let script = fs::read_to_string(folder.join("hooks.rhai")).ok().map(|script| ("hooks.rhai".to_owned(), script));
    let files = BTreeMap::from_iter([("rules.toml".to_owned(), rules)].into_iter().chain(script));
    let facts = BTreeMap::from([("door".into(), FactKind::Switch)]);
    let sources = Sources { files, facts, other_devices: false, timezone: "Europe/London".into(), operators };
    Engine::new(Ruleset::compile(&sources).unwrap_or_else(|problems| panic!("{name}: {problems}")))
}

fn device() -> Device {
    Device {
        id: "cottage".into(),
        name: "Cottage".into(),
        labels: BTreeMap::from([("area".to_owned(), "hay-on-wye".to_owned())]),
        timezone: None,
        switches: BTreeMap::new(),
        account_emails: vec!["home@example.com".to_owned()],
    }
}
