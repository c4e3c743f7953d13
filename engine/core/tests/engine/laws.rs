//! Laws for every history, rules text, expression and script. A failure prints its seed and its smallest case.

use dag_engine::{Engine, Input, MessageRef, Outcome, Reading, Report, Ruleset, State, Time, Value};
use proptest::prelude::*;

use crate::host::{cottage, engine, sources};

/// Rules that use everything there is.
const RULES: &str = r#"
[rule.outage]
when = "power == off"
open_after = "30s"
close_after = "10s"
escalation = "all"
script = "hooks.rhai"
[rule.unstable]
when = 'power.changes("10m") >= 3 && !power.held("1m")'
close_after = "1m"
escalation = "all"
[rule.night]
when = 'between("22:00", "07:00") && (battery < 20 || !known(door))'
escalation = "brief"
[rule.weekend]
when = 'weekday() == "sun" && power == off'
open_after = "1h"
escalation = "brief"
[escalation]
brief = [{ notify = ["kim"] }]
all = { ack_lapses_after = "10m", steps = [
  { notify = ["owners"], repeat = "3m", at_most = 4 },
  { after = "0s", notify = ["kim"] },
  { after = "5m", notify = ["pager", "nor"], repeat = "7m" },
] }
"#;

const SCRIPT: &str = r#"
fn open_after(ctx) { if ctx.facts.battery == 7 { throw "no" } else if ctx.local.hour > 20 { "1m" } }
fn allow(ctx) { ctx.facts.battery != 11 }
"#;

/// One thing that happens, `later` milliseconds after the last.
#[derive(Clone, Debug)]
enum Event {
    Read { fact: &'static str, value: Option<Value>, age: i64 },
    Elapsed,
    Acknowledge,
    Attempted,
    Moved,
}

fn event() -> impl Strategy<Value = Event> {
    let power = prop_oneof![Just(Some(Value::On)), Just(Some(Value::Off)), Just(None)];
    let level = prop_oneof![4 => (0..30_i64).prop_map(|n| Some(Value::Number(n))), 1 => Just(None)];
    let age = prop_oneof![5 => Just(0_i64), 3 => -1_000..900_000_i64];
    prop_oneof![
        6 => (power.clone(), age.clone()).prop_map(|(value, age)| Event::Read { fact: "power", value, age }),
        2 => (level, age.clone()).prop_map(|(value, age)| Event::Read { fact: "battery", value, age }),
        1 => (power, age).prop_map(|(value, age)| Event::Read { fact: "door", value, age }),
        2 => Just(Event::Elapsed),
        1 => Just(Event::Acknowledge),
        2 => Just(Event::Attempted),
        1 => Just(Event::Moved),
    ]
}

fn history() -> impl Strategy<Value = Vec<(Event, i64)>> {
    let later = prop_oneof![3 => 0..5_000_i64, 3 => 0..120_000_i64, 1 => 0..40_000_000_i64];
    prop::collection::vec((event(), later), 0..60)
}

/// Plays a history and returns every decision, as it is stored. Before step `stored_at` the state goes through storage.
fn play(engine: &Engine, history: &[(Event, i64)], stored_at: usize) -> String {
    let mut state = State::new(cottage());
    let mut now: Time = "2026-03-28T18:00:00Z".parse().unwrap();
    let mut sent: Vec<MessageRef> = Vec::new();
    let mut next = 1;
    let mut log = String::new();
    for (at, (event, later)) in history.iter().enumerate() {
        if at == stored_at {
            let text = serde_json::to_string(&state).unwrap();
            let read: State = serde_json::from_str(&text).unwrap();
            assert_eq!(read, state);
            state = read;
        }
        now = now + dag_engine::Millis::new(*later);
        let input = match event {
            Event::Read { fact, value, age } => {
                let at = Time::from_millis(now.as_millis() - age);
                next += 1;
                let readings = vec![Reading { fact: (*fact).into(), value: *value, at }];
                Input::Report(Report { source: "test".into(), boot: 1, first: next - 1, readings, ..Report::default() })
            }
            Event::Elapsed => Input::Elapsed,
            Event::Acknowledge => match state.open_incidents().next() {
                Some(incident) => Input::Acknowledge { incident: incident.id, by: "kim".into() },
                None => Input::RulesChanged,
            },
            Event::Attempted => match sent.pop() {
                Some(message) => Input::Attempted(message),
                None => Input::Elapsed,
            },
            Event::Moved => {
                let mut device = cottage();
                device.timezone = (next % 2 == 0).then(|| "Australia/Lord_Howe".into());
                device.account_emails = vec!["a@example.com".to_owned(); next as usize % 3];
                Input::Account(device)
            }
        };
        let mut decisions = engine.step(&mut state, input, now);
        // A host that calls at every deadline comes to an end of them.
        let mut calls = 0;
        while let Some(deadline) = state.next_deadline() {
            assert!(deadline > now, "a deadline at {deadline} does not lie after {now}");
            if calls == 3 {
                break;
            }
            calls += 1;
            now = deadline;
            decisions.extend(engine.step(&mut state, Input::Elapsed, now));
        }
        for decision in &decisions {
            if let Outcome::Notify(message) = &decision.outcome {
                sent.push(message.reference());
                assert!(message.at == now || message.at == decision.at);
            }
            assert!(decision.at <= now, "{decision:?} lies after {now}");
            log += &serde_json::to_string(decision).unwrap();
            log.push('\n');
        }
    }
    let open: Vec<_> = state.open_incidents().map(|incident| incident.rule.clone()).collect();
    let mut rules = open.clone();
    rules.dedup();
    assert_eq!(open, rules, "a rule has one open incident at most");
    log
}

fn ids(log: &str) -> Vec<String> {
    let decisions = log.lines().map(|line| serde_json::from_str::<dag_engine::Decision>(line).unwrap());
    let sent = decisions.filter_map(|decision| match decision.outcome {
        Outcome::Notify(message) => Some(message.id.to_string()),
        _ => None,
    });
    sent.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_same_inputs_make_the_same_bytes_also_through_storage_at_any_point(
        history in history(),
        stored_at in 0..60_usize,
    ) {
        let engine = engine(RULES, Some(SCRIPT));
        let straight = play(&engine, &history, usize::MAX);
        prop_assert_eq!(&straight, &play(&engine, &history, stored_at));
        let mut ids = ids(&straight);
        let count = ids.len();
        ids.sort();
        ids.dedup();
        prop_assert_eq!(ids.len(), count, "two messages have the same id");
    }

    #[test]
    fn no_report_makes_the_engine_panic_or_hang(
        readings in prop::collection::vec((any::<i64>(), any::<i64>(), 0..4_usize), 0..8),
        (boot, first, now) in (any::<u64>(), any::<u64>(), prop_oneof![any::<i64>(), 0..2_000_000_000_000_i64]),
    ) {
        // Without the wall clock: between 1970 and the year 9999 that has six million edges to stop at.
        let rules = RULES.replace("between(\"22:00\", \"07:00\")", "power.changes(\"1h\") > 0");
        let engine = engine(&rules.replace("weekday() == \"sun\"", "battery > 0"), Some(SCRIPT));
        let mut state = State::new(cottage());
        let facts = ["power", "battery", "door", "nothing"];
        let readings: Vec<Reading> = readings
            .into_iter()
            .map(|(at, number, fact)| {
                let value = [Some(Value::On), Some(Value::Off), Some(Value::Number(number)), None];
                let value = value[number.unsigned_abs() as usize % 4];
                Reading { fact: facts[fact].into(), value, at: Time::from_millis(at) }
            })
            .collect();
        let now = Time::from_millis(now);
        for _ in 0..2 {
            let report = Report { source: "test".into(), boot, first, readings: readings.clone(), ..Report::default() };
            engine.step(&mut state, Input::Report(report), now);
            let stored = serde_json::to_string(&state).unwrap();
            prop_assert_eq!(&serde_json::from_str::<State>(&stored).unwrap(), &state);
            prop_assert!(state.next_deadline().is_none_or(|deadline| deadline > now));
        }
    }

    #[test]
    fn no_rules_text_makes_the_compiler_panic(text in "[\\[\\]a-z.=\"'\n {},0-9é#]{0,80}", at in 0..600_usize) {
        let _ = Ruleset::compile(&sources(&[("a.toml", &text)]));
        // The usual rules, with a piece of nonsense in the middle.
        let mut rules = format!("{RULES}{}", crate::host::PEOPLE);
        rules.insert_str(rules.floor_char_boundary(at), &text);
        if let Err(problems) = Ruleset::compile(&sources(&[("a.toml", &rules), ("hooks.rhai", SCRIPT)])) {
            prop_assert!(!problems.0.is_empty());
        }
    }

    #[test]
    fn no_expression_makes_the_compiler_panic(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "power", "battery", "off", "==", "<", "&&", "||", "!", "(", ")", ".", "changes", "held", "between",
                "weekday", "known", "\"10m\"", "\"22:00\"", ",", "-", "9223372036854775807", "%", "0", "ü", "`${x}`",
                "#{", "}", "[", "]", "|x|", "if", "switch", "let", ";", "in", "??", "?.", "::",
            ]),
            0..12,
        ),
    ) {
        let when = words.join(" ");
        let rules = format!("[rule.r]\nwhen = '''{when}'''\nescalation = \"e\"");
        let _ = Ruleset::compile(&sources(&[("a.toml", &rules)]));
    }

    #[test]
    fn no_script_makes_the_engine_panic(text in "[a-z(){}\\[\\];.,=+\"` \n0-9|#$é]{0,60}") {
        let script = format!("fn open_after(ctx) {{ {text} }}");
        let rules = format!("{RULES}{}", crate::host::PEOPLE);
        if let Ok(rules) = Ruleset::compile(&sources(&[("a.toml", &rules), ("hooks.rhai", &script)])) {
            let engine = Engine::new(rules);
            let off = Event::Read { fact: "power", value: Some(Value::Off), age: 0 };
            prop_assert!(play(&engine, &[(off, 0)], 0).contains("opened"));
        }
    }
}

#[test]
fn at_the_end_of_the_calendar_nothing_spins() {
    let engine = engine(RULES, Some(SCRIPT));
    let mut state = State::new(cottage());
    let end = Time::from_millis(i64::MAX);
    for (first, value) in (1..).zip([Value::On, Value::Off, Value::On, Value::Off]) {
        let readings = vec![Reading { fact: "power".into(), value: Some(value), at: end }];
        engine.step(
            &mut state,
            Input::Report(Report { source: "test".into(), boot: 1, first, readings, ..Report::default() }),
            end,
        );
        assert_eq!(state.next_deadline(), None);
    }
}
