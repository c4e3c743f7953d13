//! A host that plays a timeline: it calls the engine at each event and each deadline.

use std::collections::BTreeMap;

use dag_engine::{
    Device, Engine, FactKind, GivenAs, Id, Input, Name, Notification, Outcome, Report, Ruleset, Silence, Sources,
    State, Time,
};
use toml::{Table, Value};

use crate::{
    block::{Block, Event, Line, Moment},
    words,
};

/// The keys of a timeline's rule that belong to its escalation.
const OF_ESCALATION: &[&str] = &["steps", "ack_lapses_after"];

pub struct Player {
    rules: BTreeMap<Name, Table>,
    recipients: BTreeMap<Name, Table>,
    operator: Option<Name>,
    /// Lines name the rule where a timeline has several.
    several: bool,
    engine: Engine,
    state: State,
    boot: u64,
    boot_began: Time,
    next_reading: u64,
    failing: Option<Name>,
    stuck: bool,
    sent: Vec<Notification>,
    decided: Vec<String>,
}

impl Player {
    /// Plays a timeline and returns its lines as they are. A deadline without a line at which something is decided gets
    /// one.
    pub fn play(block: &Block) -> Vec<Line> {
        let mut rules: BTreeMap<Name, Table> = BTreeMap::new();
        let mut recipients = BTreeMap::from(["nor", "kim"].map(|name| {
            let email = Value::String(format!("{name}@example.com"));
            (Name::new(name), Table::from_iter([("email".to_owned(), email)]))
        }));
        for (name, keys) in &block.head {
            match recipients.get_mut(name) {
                Some(recipient) => recipient.extend(keys.clone()),
                None => rules.entry(name.clone()).or_default().extend(keys.clone()),
            }
        }
        let device = Device {
            id: "cottage".into(),
            name: "Cottage".into(),
            labels: BTreeMap::new(),
            timezone: None,
            switches: BTreeMap::new(),
            account_emails: Vec::new(),
        };
        let mut player = Player {
            several: rules.len() > 1,
            engine: compile(&rules, &recipients, block.operator.as_ref()),
            rules,
            recipients,
            operator: block.operator.clone(),
            state: State::new(device),
            boot: 1,
            boot_began: block.lines.first().map(|line| line.at).unwrap_or_default(),
            next_reading: 1,
            failing: None,
            stuck: false,
            sent: Vec::new(),
            decided: Vec::new(),
        };
        let mut played = Vec::new();
        for line in &block.lines {
            // By a clock that is about to be set, nothing between is due.
            let event = line.event.as_ref().map(|(_, event)| event);
            if !matches!(event, Some(Event::Clock { .. })) {
                player.pass(line.at, &mut played);
            }
            if let Some(event) = event {
                player.apply(event, line.at);
            }
            played.push(Line { decided: std::mem::take(&mut player.decided), ..line.clone() });
        }
        played
    }

    /// Fires every deadline up to and including `until`, as a live host does.
    fn pass(&mut self, until: Time, played: &mut Vec<Line>) {
        while let Some(deadline) = self.state.next_deadline().filter(|deadline| *deadline <= until) {
            self.step(Input::Elapsed, deadline);
            if deadline < until && !self.decided.is_empty() {
                played.push(Line { at: deadline, event: None, decided: std::mem::take(&mut self.decided) });
            }
        }
    }

    fn apply(&mut self, event: &Event, now: Time) {
        match event.clone() {
            Event::Report { first, readings, more, uncertain } => {
                let first = first.unwrap_or(self.next_reading);
                let last = first + u64::try_from(readings.len()).unwrap();
                self.next_reading = self.next_reading.max(last);
                let (source, boot) = (Name::new("test"), self.boot);
                let report = Report { source, boot, first, more, uncertain, readings, ..Report::default() };
                self.step(Input::Report(report), now);
            }
            Event::Edit(rule, keys) => {
                self.rules.entry(rule).or_default().extend(keys);
                self.reload(now);
            }
            Event::Remove(rule) => {
                self.rules.remove(&rule).unwrap();
                self.reload(now);
            }
            Event::Rename(old, new) => {
                let mut keys = self.rules.remove(&old).unwrap();
                keys.insert("was".to_owned(), Value::String(old.to_string()));
                self.rules.insert(new, keys);
                self.reload(now);
            }
            Event::Clock { shift, estimated } => {
                let (boot, began, shift_ms) = (self.boot, self.boot_began, shift.get());
                self.boot_began = began + shift;
                self.step(Input::ClockSet { boot, began, shift_ms, estimated }, now);
            }
            Event::Ack(by) => self.step(Input::Acknowledge { incident: self.incident(), by }, now),
            Event::Snooze(until) => {
                let (incident, by) = (self.incident(), "kim".to_owned());
                let (until, until_given) = until.from(now);
                self.step(Input::Snooze { incident, until, until_given, by }, now);
            }
            Event::Silence { from, until } => {
                let (from, from_given) = from.map_or((now, GivenAs::Length), |from| from.from(now));
                let (until, until_given) = until.from(from);
                let (device, labels, rule) = (None, BTreeMap::new(), None);
                let by = "kim".to_owned();
                let silence = Silence { device, labels, rule, from, from_given, until, until_given, by };
                self.step(Input::Silence(silence), now);
            }
            Event::Fail(recipient) => self.failing = Some(recipient),
            Event::Stuck => self.stuck = true,
            Event::Boot => (self.boot, self.boot_began, self.next_reading) = (self.boot + 1, now, 1),
        }
    }

    /// The incident that is open.
    fn incident(&self) -> Id {
        self.state.open_incidents().next().unwrap().id
    }

    fn reload(&mut self, now: Time) {
        self.engine = compile(&self.rules, &self.recipients, self.operator.as_ref());
        self.step(Input::RulesChanged, now);
    }

    fn step(&mut self, input: Input, now: Time) {
        let mut told = Vec::new();
        for decision in self.engine.step(&mut self.state, input, now) {
            if let Outcome::Notify(message) = &decision.outcome {
                told.push(message.reference());
                self.sent.push((**message).clone());
            }
            let Some(what) = words::of(&decision, &self.sent, self.operator.is_some()) else { continue };
            let rule = decision.rule.as_ref().filter(|_| self.several).map(|rule| format!("{rule}: "));
            let at = (decision.at != now).then(|| format!("{} ", crate::clock::write(decision.at)));
            self.decided.push(format!("{}{}{what}", at.unwrap_or_default(), rule.unwrap_or_default()));
        }
        if self.stuck {
            return;
        }
        for message in told {
            let fails = self.failing.as_ref() == Some(&message.recipient);
            self.step(Input::Attempted(message.clone()), now);
            let outcome = if fails { Input::Failed { message, last: false } } else { Input::Delivered(message) };
            self.step(outcome, now);
        }
    }
}

impl Moment {
    /// Returns the moment, where a length counts from `from`.
    fn from(self, from: Time) -> (Time, GivenAs) {
        match self {
            Moment::Length(length) => (from + length, GivenAs::Length),
            Moment::Given(at, given) => (at, given),
        }
    }
}

/// Compiles the rules of a timeline. Each has an escalation of its own; where it names no steps, it tells nor at once.
fn compile(rules: &BTreeMap<Name, Table>, recipients: &BTreeMap<Name, Table>, operator: Option<&Name>) -> Engine {
    let table = |tables: Vec<(String, Table)>| {
        Value::Table(tables.into_iter().map(|(name, table)| (name, Value::Table(table))).collect())
    };
    let (mut all_rules, mut escalations) = (Vec::new(), Vec::new());
    for (name, keys) in rules {
        let (mut escalation, mut rule): (Table, Table) =
            keys.clone().into_iter().partition(|(key, _)| OF_ESCALATION.contains(&key.as_str()));
        let nor = "x = [{ notify = [\"nor\"] }]".parse::<Table>().unwrap().remove("x").unwrap();
        escalation.entry("steps").or_insert(nor);
        rule.insert("escalation".to_owned(), Value::String(name.to_string()));
        all_rules.push((name.to_string(), rule));
        escalations.push((name.to_string(), escalation));
    }
    let people = recipients.iter().map(|(name, keys)| (name.to_string(), keys.clone())).collect();
    let mut file = Table::from_iter([
        ("rule".to_owned(), table(all_rules)),
        ("escalation".to_owned(), table(escalations)),
        ("recipient".to_owned(), table(people)),
    ]);
    let group = operator.map(|name| Value::Array(vec![Value::String(name.to_string())]));
    if let Some(group) = group {
        file.insert("group".to_owned(), Value::Table(Table::from_iter([("operators".to_owned(), group)])));
    }
    let sources = Sources {
        files: BTreeMap::from([("rules.toml".to_owned(), file.to_string())]),
        facts: BTreeMap::from([("door".into(), FactKind::Switch)]),
        timezone: "Europe/London".into(),
        operators: operator.map(|_| "operators".into()).into_iter().collect(),
        ..Sources::default()
    };
    Engine::new(Ruleset::compile(&sources).unwrap_or_else(|problems| panic!("{problems}")))
}
