//! A step with nothing to do allocates nothing: idle devices cost a host only their stored bytes.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy lets these through in functions marked as tests alone; the helpers beside them are tests too"
)]

use std::collections::BTreeMap;

use dag_engine::{Device, Engine, Input, Millis, Notification, Reading, Report, Ruleset, Sources, State, Time, Value};

const RULES: &str = r#"
[rule.outage]
when = "power == off"
open_after = "30s"
escalation = "household"
[rule.unstable]
when = 'power.changes("10m") >= 6 && !power.held("1m")'
escalation = "household"
inhibits = ["outage"]
[rule.night]
when = 'between("22:00", "07:00") && battery < 20'
escalation = "household"
[escalation]
household = [{ notify = ["nor"], repeat = "2h" }, { after = "3h", notify = ["kim"] }]
[recipient.nor]
email = "nor@example.com"
quiet = { from = "22:30", to = "07:00" }
fallback = "kim"
[recipient.kim]
email = "kim@example.com"
timezone = "America/New_York"
[group]
owners = ["nor"]
"#;

/// A device in an outage of which all due messages were delivered.
fn device(timezone: Option<&str>) -> (Engine, State, Time) {
    let sources = Sources {
        files: BTreeMap::from([("rules.toml".to_owned(), RULES.to_owned())]),
        timezone: "Europe/London".into(),
        operators: vec!["owners".into()],
        ..Sources::default()
    };
    let engine = Engine::new(Ruleset::compile(&sources).unwrap());
    let mut state = State::new(Device {
        id: "cottage".into(),
        name: "Cottage".into(),
        labels: BTreeMap::new(),
        timezone: timezone.map(Into::into),
        switches: BTreeMap::new(),
        account_emails: Vec::new(),
    });
    let at: Time = "2026-01-10T18:00:00Z".parse().unwrap();
    let readings = vec![
        Reading { fact: "power".into(), value: Some(Value::Off), at },
        Reading { fact: "battery".into(), value: Some(Value::Number(90)), at },
    ];
    let report = Report { source: "gpio".into(), boot: 1, first: 1, readings, ..Report::default() };
    engine.step(&mut state, Input::Report(report), at);
    let now = at + Millis::new(60_000);
    let decisions = engine.step(&mut state, Input::Elapsed, now);
    let sent: Vec<Notification> = dag_engine::notifications(&decisions).cloned().collect();
    assert_eq!(sent.len(), 1, "{decisions:?}");
    engine.step(&mut state, Input::Delivered(sent[0].reference()), now);
    (engine, state, now)
}

#[test]
fn a_step_with_nothing_to_do_allocates_nothing() {
    for timezone in [None, Some("Europe/London"), Some("Australia/Lord_Howe")] {
        let (engine, mut state, now) = device(timezone);
        let mut decided = 0;
        let memory = allocation_counter::measure(|| {
            for second in 1..100 {
                decided += engine.step(&mut state, Input::Elapsed, now + Millis::new(1_000 * second)).len();
            }
        });
        assert_eq!((decided, memory.count_total), (0, 0), "in {timezone:?}");
    }
}

#[test]
fn the_allocation_counter_counts() {
    assert_eq!(allocation_counter::measure(|| drop(std::hint::black_box(vec![1]))).count_total, 1);
}
