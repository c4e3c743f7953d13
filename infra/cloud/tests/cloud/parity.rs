//! Edge and cloud make the same decisions on the same inputs, byte for byte. On the cloud's side the state goes through
//! JSON at every step, reports go through the wire format, and inputs come as records of the queue where one exists.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use dag_cloud::{DeviceItem, DeviceTransaction, Event, Feedback, Request, Stored};
use dag_engine::{
    Decision, Device, Engine, FactKind, GivenAs, Host, Id, Input, MessageRef, Millis, Name, Reading, Report, Ruleset,
    Scenario, Silence, Sources, State, Time, Value,
};
use dag_rulebook::{Rulebook, devices};
use dag_uplink::{ClockState, DeviceReport, PRESENCE, SourceReport, UplinkReading, VERSION};
use serde::Deserialize;

use crate::stories::Stories;

/// The cloud's side. Only JSON survives a step.
struct Cloud {
    json: String,
    number: u64,
}

impl Cloud {
    fn new(device: Device) -> Cloud {
        Cloud { json: serde_json::to_string(&DeviceItem::new(device)).unwrap(), number: 0 }
    }

    fn item(&self) -> DeviceItem {
        serde_json::from_str(&self.json).unwrap()
    }

    fn step(&mut self, engine: &Engine, input: Input, now: Time) -> Vec<Decision> {
        let item = self.item();
        let device = item.id().clone();
        let mut work = DeviceTransaction::new(engine, Stored { item, version: 1 }, now);
        match input {
            Input::Report(report) => self.over_the_wire(report, now).into_iter().for_each(|part| work.step(part)),
            other => match self.record(&device, other) {
                Ok(event) => work.apply(&event).unwrap(),
                Err(input) => work.step(*input),
            },
        }
        let Some(commit) = work.end(false).0 else { return Vec::new() };
        self.json = serde_json::to_string(&commit.item).unwrap();
        commit.decisions
    }

    /// Returns the input as a record of the queue, or the input itself if the consumer makes it.
    fn record(&mut self, device: &Name, input: Input) -> Result<Event, Box<Input>> {
        self.number += 1;
        let number = i64::try_from(self.number).unwrap();
        // Each has another time, so that the consumer does not take it for one that came twice.
        let body = |request| Event::request(device, request, Time::from_millis(number));
        let body = match input {
            Input::Elapsed => Event::timer(device),
            Input::Acknowledge { incident, by } => body(Request::Acknowledge { incident, by }),
            Input::Snooze { incident, until, until_given, by } => {
                body(Request::Snooze { incident, until, until_given, by })
            }
            Input::Silence(silence) => body(Request::Silence(silence)),
            Input::Failed { message, last: true } => {
                let (device, text) = (device.clone(), "it bounced".to_owned());
                return Ok(Event::Feedback(Feedback { device, message, addresses: Vec::new(), text }));
            }
            other => return Err(Box::new(other)),
        };
        Ok(Event::parse(&body).unwrap())
    }

    /// Returns the report as the cloud parses it from the device's message. A report that no device sends stays as it
    /// is.
    fn over_the_wire(&mut self, report: Report, now: Time) -> Vec<Input> {
        let unsent = |reading: &Reading| reading.at > now || reading.fact == PRESENCE.1;
        if report.boot == 0 || report.first == 0 || report.readings.iter().any(unsent) {
            return vec![Input::Report(report)];
        }
        self.number += 1;
        let age = |at: Time| now.since(at).get().unsigned_abs();
        let reading = |Reading { fact, value, at }: &Reading| UplinkReading {
            fact: fact.clone(),
            value: *value,
            age_ms: age(*at),
        };
        let part = SourceReport {
            source: report.source.clone(),
            boot: report.boot,
            before: report.before,
            first: report.first,
            resent: report.resent,
            more: report.more,
            readings: report.readings.iter().map(reading).collect(),
        };
        let sent = DeviceReport {
            v: VERSION,
            device: "cottage".into(),
            incarnation: None,
            boot: report.boot,
            number: self.number,
            sent_at: now,
            clock: if report.uncertain { ClockState::Unset } else { ClockState::Set },
            rules: None,
            refused: None,
            incidents: Vec::new(),
            dropped: None,
            sources: vec![part],
        };
        let taken = DeviceReport::parse(&serde_json::to_vec(&sent).unwrap()).unwrap();
        let parts: Vec<Input> = taken.reports(now).map(Input::Report).collect();
        assert_eq!(parts, [Input::Report(report)]);
        parts
    }
}

fn lines(decisions: &[Decision]) -> Vec<String> {
    decisions.iter().map(|decision| serde_json::to_string(decision).unwrap()).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub fn device() -> Device {
    Device {
        id: "cottage".into(),
        name: "Cottage".into(),
        labels: BTreeMap::from([("area".to_owned(), "hay-on-wye".to_owned())]),
        timezone: None,
        switches: BTreeMap::new(),
        account_emails: vec!["home@example.com".to_owned()],
    }
}

fn compile(files: BTreeMap<String, String>, operators: &[&str]) -> Engine {
    let sources = Sources {
        files,
        facts: BTreeMap::from([("door".into(), FactKind::Switch)]),
        other_devices: false,
        timezone: "Europe/London".into(),
        operators: operators.iter().map(|name| (*name).into()).collect(),
    };
    Engine::new(Ruleset::compile(&sources).unwrap_or_else(|problems| panic!("{problems}")))
}

/// Returns the engine of a golden history, as its own test builds it.
fn golden_engine(folder: &Path, version: u32) -> Engine {
    let rules = if version == 1 { "rules.toml".to_owned() } else { format!("rules.{version}.toml") };
    let rules = fs::read_to_string(folder.join(rules)).unwrap();
    let operators: &[&str] = if rules.contains("operators =") { &["operators"] } else { &[] };
    let mut files = BTreeMap::from([("rules.toml".to_owned(), rules)]);
    files.extend(fs::read_to_string(folder.join("hooks.rhai")).ok().map(|text| ("hooks.rhai".to_owned(), text)));
    compile(files, operators)
}

#[derive(Deserialize)]
struct Line {
    now: Time,
    input: Input,
}

#[test]
fn the_golden_histories_come_out_as_they_do_on_the_device() {
    let folder = root().join("engine/core/tests/golden");
    let files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let names: Vec<String> = files.filter_map(|file| Some(file.strip_suffix(".input.jsonl")?.to_owned())).collect();
    assert!(names.len() > 10, "{names:?}");
    for name in names {
        let mut version = 1;
        let mut engine = golden_engine(&folder.join(&name), version);
        let (mut cloud, mut decided) = (Cloud::new(device()), Vec::new());
        for line in fs::read_to_string(folder.join(format!("{name}.input.jsonl"))).unwrap().lines() {
            let Line { now, input } = serde_json::from_str(line).unwrap();
            while let Some(deadline) = cloud.item().state.next_deadline().filter(|deadline| *deadline <= now) {
                decided.extend(lines(&cloud.step(&engine, Input::Elapsed, deadline)));
            }
            if input == Input::RulesChanged {
                version += 1;
                engine = golden_engine(&folder.join(&name), version);
            }
            decided.extend(lines(&cloud.step(&engine, input, now)));
        }
        let golden = fs::read_to_string(folder.join(format!("{name}.jsonl"))).unwrap();
        let mut golden: Vec<&str> = golden.lines().collect();
        let state: State = serde_json::from_str(golden.pop().unwrap()).unwrap();
        assert_eq!(decided, golden, "{name}");
        assert!(cloud.item().state.same_but_for_now(&state), "{name}");
    }
}

/// Both sides of a history, side by side.
pub struct Both {
    state: State,
    cloud: Cloud,
    /// All messages that were sent.
    pub told: Vec<MessageRef>,
}

impl Both {
    pub fn new(device: Device) -> Self {
        Both { state: State::new(device.clone()), cloud: Cloud::new(device), told: Vec::new() }
    }

    pub fn pass(&mut self, engine: &Engine, now: Time) {
        while let Some(deadline) = self.state.next_deadline().filter(|deadline| *deadline <= now) {
            self.step(engine, Input::Elapsed, deadline);
        }
    }

    pub fn incident(&self) -> Option<Id> {
        self.state.open_incidents().next().map(|incident| incident.id)
    }
}

/// Returns a pair on which a scenario can be played.
impl Host for Both {
    fn state(&self) -> &State {
        &self.state
    }

    fn step(&mut self, engine: &Engine, input: Input, now: Time) -> Vec<Decision> {
        let edge = engine.step(&mut self.state, input.clone(), now);
        let cloud = self.cloud.step(engine, input.clone(), now);
        assert_eq!(lines(&edge), lines(&cloud), "at {now}, {input:?}");
        assert_eq!(self.state.next_deadline(), self.cloud.item().state.next_deadline());
        self.told.extend(dag_engine::notifications(&edge).map(dag_engine::Notification::reference));
        edge
    }
}

pub fn shipped() -> Engine {
    let folder = dag_rulebook::RulesFolder::read_rules(&root().join("rules")).unwrap();
    compile(folder.rules(), &["owners"])
}

#[test]
fn the_stories_go_in_the_cloud_as_they_do_on_the_device() {
    let (mut played, mut decided) = (0, 0);
    for stories in [Stories::shipped(), Stories::engine()] {
        let Rulebook { templates, folder, .. } = &stories.rulebook;
        let engine = compile(folder.rules(), &["owners"]);
        for (file, text) in stories.files() {
            let scenario =
                Scenario::parse(&file, &text, &engine, &devices(&stories.config), &stories.others(&file)).unwrap();
            let both = Both::new(scenario.device.clone());
            let result = scenario.play_on(both, &engine, &|notification| templates.subject(notification));
            assert!(result.problems.is_empty(), "{}/{file}: {:?}\n{}", stories.name, result.problems, result.timeline);
            played += 1;
            decided += result.timeline.lines().count();
        }
    }
    assert!(played > 25 && decided > 200, "{played} stories, {decided} decisions");
}

/// How a moment was given goes through the queue and the stored state: when the clock is set, it decides.
#[test]
fn holds_until_a_time_of_the_day_come_out_as_they_do_on_the_device() {
    let engine = shipped();
    let mut both = Both::new(device());
    let now: Time = "2026-01-10T18:00:00Z".parse().unwrap();
    let reading = Reading { fact: "power".into(), value: Some(Value::Off), at: now };
    let report = Report { source: "pins".into(), boot: 1, first: 1, readings: vec![reading], ..Report::default() };
    both.step(&engine, Input::Report(report), now);
    both.pass(&engine, now + Millis::new(60_000));
    let (until, until_given) = ("2026-01-10T22:00:00Z".parse().unwrap(), GivenAs::TimeOfDay("22:00".parse().unwrap()));
    let (incident, by) = (both.incident().unwrap(), "nor".to_owned());
    let asked = now + Millis::new(60_000);
    both.step(&engine, Input::Snooze { incident, until, until_given, by: by.clone() }, asked);
    let silence = Silence {
        device: None,
        labels: BTreeMap::new(),
        rule: None,
        from: asked,
        from_given: GivenAs::Length,
        until,
        until_given,
        by,
    };
    both.step(&engine, Input::Silence(silence), asked);
    let set = Input::ClockSet { boot: 1, began: now, shift_ms: 6 * 3_600_000, estimated: false };
    both.step(&engine, set, now + Millis::new(6 * 3_600_000 + 120_000));
    // It is after midnight then: the next 22:00 is that of the eleventh.
    let next: Time = "2026-01-11T22:00:00Z".parse().unwrap();
    let state = both.cloud.item().state;
    assert_eq!(state.open_incidents().next().unwrap().snoozed_until(), Some(next));
    assert_eq!(
        state.silences().map(|silence| (silence.until, silence.until_given)).collect::<Vec<_>>(),
        [(next, until_given)]
    );
    both.pass(&engine, next + Millis::new(60_000));
}

/// An outbox on one side only does not change the decisions.
#[test]
fn the_outbox_of_the_item_follows_the_decisions() {
    let engine = shipped();
    let mut both = Both::new(device());
    let now: Time = "2026-01-10T18:00:00Z".parse().unwrap();
    let reading = |value, at| Reading { fact: "power".into(), value: Some(value), at };
    let report = |first, readings| Report { source: "pins".into(), boot: 1, first, readings, ..Report::default() };
    both.step(&engine, Input::Report(report(1, vec![reading(Value::Off, now)])), now);
    both.pass(&engine, now + Millis::new(60_000));
    let queued: Vec<Id> = both.cloud.item().outbox.iter().map(|entry| entry.notification.id).collect();
    assert_eq!(queued, both.told.iter().map(|told| told.notification).collect::<Vec<_>>());
    // Nothing was attempted when it ends. The queued messages are withdrawn, and one message about the past replaces
    // them.
    let later = now + Millis::new(120_000);
    both.step(&engine, Input::Report(report(2, vec![reading(Value::On, later)])), later);
    both.pass(&engine, later + Millis::new(60_000));
    let left = both.cloud.item().outbox;
    assert!(queued.iter().all(|id| left.get(*id).is_none()));
    assert!(left.iter().all(|entry| entry.notification.kind == dag_engine::Kind::Past), "{left:?}");
    assert!(!left.is_empty(), "somebody is told of the past");
}
