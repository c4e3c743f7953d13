//! A host for tests: it owns engine, state and time, and tells what was decided in short lines.
//!
//! A story has one line for each event, behind its time:
//!
//! | line | event |
//! |---|---|
//! | `30s` | time passes, and the host is called at each deadline |
//! | `8s power=on battery=40` | a report of two readings |
//! | `1m late 10s power=off` | a report whose reading is old when it comes |
//! | `5m late 10s power=off more` | a part of a backlog |
//! | `1h asleep` | the host missed every deadline until then |
//! | `5s ack kim`, `5s snooze 2h` | a request about the open incident |
//! | `5s silence outage 1h` | a silence of a rule's incidents, or of all with `*` |
//! | `5s stuck` | from here on nothing is attempted |
//! | `5s fail kim`, `5s mend` | from here on every attempt to reach kim fails, or all succeed |
//! | `5s boot` | from here on readings are of the source's next boot |

use std::collections::BTreeMap;

use dag_engine::{
    Decision, Device, Engine, FactKind, Id, Input, Millis, Name, Notification, Outcome, Problems, Reading, Report,
    Ruleset, Silence, Sources, State, Time, Value,
};

use crate::decision_line::line;

/// When stories begin: a Saturday evening.
pub const START: &str = "2026-01-10T18:00:00Z";

/// The recipients of the tests' rules.
pub const PEOPLE: &str = r#"
[recipient.nor]
email = "nor@example.com"
[recipient.kim]
email = "kim@example.com"
[recipient.pager]
email = "pager@example.com"
webhook = { url = "https://example.com/hook", secret = "env:HOOK" }
[group]
owners = ["nor", "@account"]
"#;

/// The rule that most stories need, with one step.
pub const OUTAGE: &str = r#"
[rule.outage]
when = "power == off"
open_after = "30s"
close_after = "10s"
escalation = "all"
[escalation]
all = [{ notify = ["nor"] }]
"#;

pub fn sources(files: &[(&str, &str)]) -> Sources {
    Sources {
        files: files.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned())).collect(),
        facts: BTreeMap::from([("door".into(), FactKind::Switch)]),
        other_devices: false,
        timezone: "Europe/London".into(),
        operators: Vec::new(),
    }
}

/// The rule `outage` without debounce, with steps of the story's own.
pub fn outage(steps: &str) -> String {
    format!("[rule.outage]\nwhen = \"power == off\"\nescalation = \"all\"\n[escalation]\nall = [{steps}]")
}

/// A rule `r` without debounce on a condition, with one step.
pub fn rule_on(condition: &str) -> String {
    format!("[rule.r]\nwhen = '{condition}'\nescalation = \"all\"\n[escalation]\nall = [{{ notify = [\"nor\"] }}]")
}

/// Compiles one file of rules, with [`PEOPLE`] behind it, and a script `hooks.rhai` where there is one.
pub fn compile(rules: &str, script: Option<&str>) -> Result<Ruleset, Problems> {
    let rules = format!("{rules}\n{PEOPLE}");
    let mut files = vec![("rules.toml", rules.as_str())];
    files.extend(script.map(|script| ("hooks.rhai", script)));
    Ruleset::compile(&sources(&files))
}

pub fn engine(rules: &str, script: Option<&str>) -> Engine {
    Engine::new(compile(rules, script).unwrap_or_else(|problems| panic!("{problems}")))
}

/// Compiles one file of rules that names its own people, and perhaps groups of operators.
pub fn engine_alone(rules: &str, operators: &[&str]) -> Engine {
    let operators = operators.iter().copied().map(Name::new).collect();
    let sources = Sources { operators, ..sources(&[("rules.toml", rules)]) };
    Engine::new(Ruleset::compile(&sources).unwrap_or_else(|problems| panic!("{problems}")))
}

pub fn cottage() -> Device {
    Device {
        id: "cottage".into(),
        name: "Cottage".into(),
        labels: BTreeMap::from([("area".to_owned(), "hay-on-wye".to_owned())]),
        timezone: None,
        switches: BTreeMap::new(),
        account_emails: Vec::new(),
    }
}

pub struct Host {
    pub engine: Engine,
    pub state: State,
    start: Time,
    boot: u64,
    next_reading: u64,
    stuck: bool,
    /// The recipients whom no attempt reaches.
    failing: Vec<String>,
    /// Every message so far, to name one that is withdrawn.
    pub sent: Vec<Notification>,
    lines: Vec<String>,
}

impl Host {
    pub fn new(rules: &str) -> Self {
        Self::with(engine(rules, None))
    }

    pub fn with(engine: Engine) -> Self {
        Host {
            engine,
            state: State::new(cottage()),
            start: START.parse().unwrap(),
            boot: 1,
            next_reading: 1,
            stuck: false,
            failing: Vec::new(),
            sent: Vec::new(),
            lines: Vec::new(),
        }
    }

    /// Lets the story begin at another time.
    pub fn starting(self, start: &str) -> Self {
        Host { start: start.parse().unwrap(), ..self }
    }

    /// Plays a story and returns what was decided, a line each.
    pub fn play(&mut self, story: &str) -> String {
        for line in story.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (at, what) = line.split_once(' ').unwrap_or((line, ""));
            let at = self.time(at);
            let words: Vec<&str> = what.split_whitespace().collect();
            if words != ["asleep"] {
                self.pass(at);
            }
            match words.as_slice() {
                [] => {}
                ["asleep"] => self.step(Input::Elapsed, at),
                ["stuck"] => self.stuck = true,
                ["ack", by] => {
                    let incident = self.incident();
                    self.step(Input::Acknowledge { incident, by: (*by).to_owned() }, at);
                }
                ["snooze", length] => {
                    let (incident, until) = (self.incident(), at + length.parse().unwrap());
                    self.step(
                        Input::Snooze { incident, until, until_given: Default::default(), by: "kim".to_owned() },
                        at,
                    );
                }
                ["silence", rule, length] => {
                    let rule = (*rule != "*").then(|| Name::new(rule));
                    let until = at + length.parse().unwrap();
                    let (device, labels, by) = (None, BTreeMap::new(), "kim".to_owned());
                    self.step(
                        Input::Silence(Silence {
                            device,
                            labels,
                            rule,
                            from: at,
                            from_given: Default::default(),
                            until,
                            until_given: Default::default(),
                            by,
                        }),
                        at,
                    );
                }
                ["fail", name] => self.failing.push((*name).to_owned()),
                ["boot"] => (self.boot, self.next_reading) = (self.boot + 1, 1),
                ["mend"] => self.failing.clear(),
                ["late", read_at, facts @ ..] => self.read(facts, self.time(read_at), at),
                facts => self.read(facts, at, at),
            }
        }
        self.take_lines()
    }

    /// Other rules are in force from `at` on; then `story` goes on.
    pub fn reload(&mut self, rules: &str, at: &str, story: &str) -> String {
        let at = self.time(at);
        self.pass(at);
        self.engine = engine(rules, None);
        self.step(Input::RulesChanged, at);
        self.play(story)
    }

    pub fn take_lines(&mut self) -> String {
        std::mem::take(&mut self.lines).join("\n")
    }

    /// The incident that is open.
    pub fn incident(&self) -> Id {
        self.state.open_incidents().next().expect("an incident is open").id
    }

    pub fn time(&self, offset: &str) -> Time {
        self.start + offset.parse::<Millis>().unwrap()
    }

    /// Fires every deadline up to and including `until`, as a live host does.
    pub fn pass(&mut self, until: Time) {
        while let Some(deadline) = self.state.next_deadline().filter(|deadline| *deadline <= until) {
            self.step(Input::Elapsed, deadline);
        }
    }

    fn read(&mut self, facts: &[&str], read_at: Time, now: Time) {
        let more = facts.last() == Some(&"more");
        let readings: Vec<Reading> = facts[..facts.len() - usize::from(more)]
            .iter()
            .map(|fact| {
                let (fact, value) = fact.split_once('=').unwrap();
                Reading { fact: fact.into(), value: Value::parse(value), at: read_at }
            })
            .collect();
        let (boot, first) = (self.boot, self.next_reading);
        self.next_reading += readings.len() as u64;
        let report = Report { source: "test".into(), boot, first, more, readings, ..Report::default() };
        self.step(Input::Report(report), now);
    }

    /// One step at an offset from the story's start, without the deadlines before it; returns what was decided.
    pub fn step_at(&mut self, at: &str, input: Input) -> String {
        self.step(input, self.time(at));
        self.take_lines()
    }

    /// One step. After each, state and decisions must survive storage, and the deadline must lie ahead.
    pub fn step(&mut self, input: Input, now: Time) {
        let decisions = self.engine.step(&mut self.state, input, now);
        let stored = serde_json::to_string(&self.state).unwrap();
        assert_eq!(serde_json::from_str::<State>(&stored).unwrap(), self.state, "{stored}");
        assert!(self.state.next_deadline().is_none_or(|deadline| deadline > now), "{stored}");
        let mut sent = Vec::new();
        for decision in &decisions {
            let stored = serde_json::to_string(decision).unwrap();
            assert_eq!(serde_json::from_str::<Decision>(&stored).unwrap(), *decision, "{stored}");
            if let Outcome::Notify(notification) = &decision.outcome {
                sent.push(notification.reference());
                self.sent.push((**notification).clone());
            }
            self.lines.push(line(decision, self.start, &self.sent));
        }
        if !self.stuck {
            for message in sent {
                self.step(Input::Attempted(message.clone()), now);
                if self.failing.iter().any(|name| message.recipient == name.as_str()) {
                    self.step(Input::Failed { message, last: false }, now);
                }
            }
        }
    }
}

/// A host on which a story was played.
pub fn after(rules: &str, story: &str) -> Host {
    let mut host = Host::new(rules);
    host.play(story);
    host
}

/// Plays one story under one file of rules.
pub fn story(rules: &str, story: &str) -> String {
    Host::new(rules).play(story)
}
