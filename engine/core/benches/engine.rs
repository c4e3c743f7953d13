//! What the engine costs: prints figures, asserts nothing. `cargo bench -p dag-engine`. Time is the processor's, spent on
//! this: what else the machine does meanwhile counts little.
//!
//! The rules are the repository's own, from `rules/`. The mix: every 10 s of the device's time a reading; of 20 readings
//! 14 repeat what was known (power on, the same battery), 4 are new battery values, and 2 flip the power off and on.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a benchmark owns a clock and reads files"
)]

use std::{collections::BTreeMap, fs, hint::black_box, path::Path, time::Duration};

use dag_engine::{
    Decision, Device, Engine, Input, Millis, Outcome, Reading, Report, Ruleset, Sources, State, Time, Value,
};

/// How many readings each figure is taken over; fewer, by DAG_BENCH_READINGS, where instructions are counted.
fn readings() -> u32 {
    std::env::var("DAG_BENCH_READINGS").ok().and_then(|count| count.parse().ok()).unwrap_or(400_000)
}

fn main() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules");
    let rules = shipped_rules(&shipped);
    let mut unscripted = rules.clone();
    for text in unscripted.files.values_mut() {
        *text = text.lines().filter(|line| !line.starts_with("script")).collect::<Vec<_>>().join("\n");
    }
    unscripted.files.retain(|file, _| file.ends_with(".toml"));

    let engine = compile(&unscripted);
    report("shipped rules without hooks, mixed readings", &engine, &mut mixed);
    report("shipped rules, nothing but repeats", &engine, &mut |_| Value::On);
    let hooked =
        compile(&one_file(HOOKED, Some("fn open_after(ctx) { if ctx.local.hour < 7 { \"2m\" } else { \"1m\" } }")));
    report("a hook asked at every second reading (each opens or closes)", &hooked, &mut flips);
    let hooked = compile(&one_file(HOOKED_TWICE, Some(BOTH)));
    report("a hook asked at every reading", &hooked, &mut flips);

    let (mut state, now) = full_state(&engine);
    println!("{:>12} bytes  stored state: full rings of changes, an open incident", stored(&state));
    println!("{:>12} bytes  of a device that was just told of its first outage", stored(&fresh_state(&engine)));
    let took = time(readings(), || drop(black_box(engine.step(&mut state, Input::Elapsed, now))));
    println!("{took:>12.0} ns     a step with nothing to do, an incident open");
    let many = two_hundred_rules();
    let took = time(20, || drop(black_box(Ruleset::compile(&many).unwrap())));
    println!("{:>12.2} ms     compiling 200 rules", took / 1e6);
}

const HOOKED: &str =
    "[rule.r]\nwhen = \"power == off\"\nopen_after = \"1h\"\nscript = \"hooks.rhai\"\nescalation = \"all\"";
const HOOKED_TWICE: &str = "[rule.r]\nwhen = \"power == off\"\nclose_after = \"1h\"\nscript = \"hooks.rhai\"\nescalation = \"all\"\n\
    [rule.s]\nwhen = \"power == on\"\nopen_after = \"1h\"\nscript = \"hooks.rhai\"\nescalation = \"all\"";
const BOTH: &str = "fn open_after(ctx) { if ctx.local.hour < 24 { \"2h\" } else { \"1m\" } }";

/// Prints how many readings a second a device's rules take on this core. Each reading is a report of its own.
fn report(what: &str, engine: &Engine, value: &mut dyn FnMut(u32) -> Value) {
    let mut host = Host::new();
    let inputs: Vec<(Value, Time)> = (0..readings()).map(|n| (value(n), host.at(n))).collect();
    let mut decided = 0_usize;
    let started = spent();
    for (value, at) in inputs {
        decided += host.read(engine, value, at).len();
    }
    let rate = f64::from(readings()) / (spent() - started).as_secs_f64();
    println!("{rate:>12.0} a second  {what} ({decided} decisions)");
}

fn mixed(n: u32) -> Value {
    match n % 20 {
        5 | 9 | 13 | 17 => Value::Number(i64::from(30 + n / 20 % 50)),
        10 => Value::Off,
        3 | 7 => Value::Number(i64::from(30 + n.saturating_sub(20) / 20 % 50)),
        _ => Value::On,
    }
}

fn flips(n: u32) -> Value {
    if n.is_multiple_of(2) { Value::Off } else { Value::On }
}

struct Host {
    state: State,
    start: Time,
    next: u64,
}

impl Host {
    fn new() -> Self {
        let device = Device {
            id: "cottage".into(),
            name: "Cottage".into(),
            labels: BTreeMap::from([("area".to_owned(), "hay-on-wye".to_owned())]),
            timezone: None,
            switches: BTreeMap::new(),
            account_emails: Vec::new(),
        };
        Host { state: State::new(device), start: "2026-01-10T18:00:00Z".parse().unwrap(), next: 1 }
    }

    fn at(&self, n: u32) -> Time {
        self.start + Millis::new(10_000).times(n)
    }

    fn read(&mut self, engine: &Engine, value: Value, at: Time) -> Vec<Decision> {
        let fact = if matches!(value, Value::Number(_)) { "battery" } else { "power" };
        let readings = vec![Reading { fact: fact.into(), value: Some(value), at }];
        let first = self.next;
        self.next += 1;
        let report = Report { source: "bench".into(), boot: 1, first, readings, ..Report::default() };
        let decisions = engine.step(&mut self.state, Input::Report(report), at);
        for decision in &decisions {
            if let Outcome::Notify(message) = &decision.outcome {
                engine.step(&mut self.state, Input::Attempted(message.reference()), at);
            }
        }
        decisions
    }
}

/// A device after a night in which nothing was quiet: every fact has changed more often than is remembered.
fn full_state(engine: &Engine) -> (State, Time) {
    let mut host = Host::new();
    for n in 0..200 {
        let value = if n % 2 == 0 { Value::Number(i64::from(40 + n % 37)) } else { flips(n / 2) };
        let at = host.at(n * 7) + Millis::new(i64::from(n * n % 977));
        host.read(engine, value, at);
    }
    let at = host.at(2_000);
    host.read(engine, Value::Off, at);
    let now = at + Millis::new(60_000);
    engine.step(&mut host.state, Input::Elapsed, now);
    (host.state, now)
}

fn fresh_state(engine: &Engine) -> State {
    let mut host = Host::new();
    let at = host.at(0);
    host.read(engine, Value::Number(90), at);
    host.read(engine, Value::On, at);
    let at = host.at(1);
    host.read(engine, Value::Off, at);
    engine.step(&mut host.state, Input::Elapsed, host.start + Millis::new(60_000));
    host.state
}

fn stored(state: &State) -> usize {
    serde_json::to_vec(state).unwrap().len()
}

/// The processor's time that this process has taken.
fn spent() -> Duration {
    rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime).try_into().unwrap_or_default()
}

/// Nanoseconds for one call of `run`.
fn time(times: u32, mut run: impl FnMut()) -> f64 {
    let started = spent();
    (0..times).for_each(|_| run());
    (spent() - started).as_secs_f64() * 1e9 / f64::from(times)
}

fn compile(sources: &Sources) -> Engine {
    Engine::new(Ruleset::compile(sources).unwrap_or_else(|problems| panic!("{problems}")))
}

fn shipped_rules(folder: &Path) -> Sources {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_file() && Sources::is_rules_file(Path::new(&name)) {
            files.insert(name, fs::read_to_string(&path).unwrap());
        }
    }
    Sources { files, timezone: "Europe/London".into(), ..Sources::default() }
}

const PEOPLE: &str = "\n[escalation]\nall = [{ notify = [\"nor\"] }]\n[recipient.nor]\nemail = \"nor@example.com\"\n";

fn one_file(rules: &str, script: Option<&str>) -> Sources {
    let mut files = BTreeMap::from([("rules.toml".to_owned(), format!("{rules}{PEOPLE}"))]);
    files.extend(script.map(|script| ("hooks.rhai".to_owned(), script.to_owned())));
    Sources { files, timezone: "Europe/London".into(), ..Sources::default() }
}

fn two_hundred_rules() -> Sources {
    let rule = |n: u32| {
        let when = format!("power.changes(\\\"{}m\\\") >= 6 && !power.held(\\\"1m\\\") || battery < {n}", n % 50 + 1);
        format!("[rule.r{n}]\nwhen = \"{when}\"\nopen_after = \"30s\"\nclose_after = \"10s\"\nescalation = \"all\"\n")
    };
    one_file(&(0..200).map(rule).collect::<String>(), None)
}
