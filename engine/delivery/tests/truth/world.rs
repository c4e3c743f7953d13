//! A host on simulated time: the engine, what it decided, and beside it the raw facts.

use std::collections::{BTreeMap, BTreeSet};

use dag_delivery::Templates;
use dag_engine::{
    Decision, Device, Engine, Id, Input, Kind, MessageRef, Millis, Name, Outcome, Reading, Report, Silence, State,
    Time, Value,
};
use proptest::{prelude::*, test_runner::TestCaseResult};

use crate::{
    decisions, messages,
    plan::{Edit, Plan},
    record::Record,
    story::{Event, FactValue, Story},
};

/// A Saturday evening before a night in which the clocks go forward.
const START: &str = "2026-03-28T18:00:00Z";

pub struct World {
    engine: Engine,
    pub templates: Templates,
    pub state: State,
    pub now: Time,
    pub plan: Plan,
    pub record: Record,
    /// The condition of a rule was edited, or a rule was removed, came back or got another name: an incident may begin
    /// later than what it is about.
    pub edited: bool,
    /// The place of the condition by which each rule became pending or closing: it may be edited since.
    pub turned_by: BTreeMap<Name, usize>,
    /// Incidents that began by another condition than their rule has now: nothing is known of what they are about.
    pub began_otherwise: BTreeSet<Id>,
    /// Incidents that reopened, or whose condition had no answer while they were open.
    pub interrupted: BTreeSet<Id>,
    /// Incidents that are closing.
    closing: BTreeSet<Id>,
    /// When a condition turned, by the decisions before.
    pub edges: BTreeSet<Time>,
    /// The longest `open_after` that was ever in force, in milliseconds.
    longest_open: i64,
    /// The incidents that are over: of which rule, and from when to when.
    over: Vec<(Name, Time, Time)>,
    /// When all conditions were asked, because of an edit.
    pub asked: Vec<Time>,
    /// Who acknowledged each incident, and when.
    pub acknowledged: BTreeMap<Id, Vec<(String, Time)>>,
    /// Who asks to acknowledge now.
    asks: Option<(String, Time)>,
    /// A clock was set: what counts from a time before it may seem to be longer or shorter.
    pub clock_set: bool,
    /// A report whose clock was not set was applied, or a clock was set by an estimate.
    pub ever_uncertain: bool,
    /// The messages so far.
    pub told: Vec<Told>,
    /// The time of the last reading applied.
    applied: Time,
    first: Plan,
    flowing: bool,
    queue: Vec<MessageRef>,
    sources: [Source; 2],
    boot: Boot,
}

/// One message of an incident that went out.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    pub message: Id,
    pub incident: Id,
    pub recipient: Name,
    pub kind: Kind,
}

/// A source: what it sent since it started, and what it kept back.
struct Source {
    name: Name,
    sent: Vec<Reading>,
    kept: Vec<Reading>,
}

/// The present boot of the device.
struct Boot {
    number: u64,
    /// The number of readings that each source sent in the boot before.
    before: [Option<u64>; 2],
    /// When it began, by its clock.
    began: Time,
    /// The last moment before it.
    floor: Time,
    /// By how much its clock runs ahead, in milliseconds.
    ahead: i64,
    uncertain: bool,
}

fn device() -> Device {
    Device {
        id: "cottage".into(),
        name: "Cottage".into(),
        labels: BTreeMap::new(),
        switches: BTreeMap::new(),
        timezone: None,
        account_emails: Vec::new(),
    }
}

/// Plays a story to its end, and checks every decision and every message on the way.
pub fn play(story: &Story) -> Result<World, proptest::test_runner::TestCaseError> {
    let mut world = World::new(&story.plan);
    world.step(Input::Elapsed)?;
    for (later, asleep, event) in &story.events {
        let then = world.now + Millis::new(*later);
        if *asleep {
            world.now = then;
        } else {
            world.pass(then)?;
        }
        world.apply(event)?;
    }
    world.finish()?;
    world.check_that_no_outage_vanished()?;
    Ok(world)
}

impl World {
    fn new(plan: &Plan) -> World {
        let now: Time = START.parse().unwrap();
        let source = |name| Source { name, sent: Vec::new(), kept: Vec::new() };
        let boot = Boot { number: 1, before: [None; 2], began: now, floor: Time::MIN, ahead: 0, uncertain: false };
        let mut world = World {
            engine: Engine::new(plan.ruleset()),
            templates: Templates::built_in(),
            state: State::new(device()),
            now,
            plan: plan.clone(),
            record: Record::default(),
            edited: false,
            turned_by: BTreeMap::new(),
            began_otherwise: BTreeSet::new(),
            interrupted: BTreeSet::new(),
            closing: BTreeSet::new(),
            edges: BTreeSet::new(),
            longest_open: 0,
            over: Vec::new(),
            asked: Vec::new(),
            acknowledged: BTreeMap::new(),
            asks: None,
            clock_set: false,
            ever_uncertain: false,
            told: Vec::new(),
            applied: now,
            first: plan.clone(),
            flowing: true,
            queue: Vec::new(),
            sources: [source(Name::new_static("gpio")), source(Name::new_static("gauge"))],
            boot,
        };
        world.load(plan.clone());
        world
    }

    fn load(&mut self, plan: Plan) {
        let rules = plan.ruleset();
        self.templates = Templates::built_in().with_mains_outages(rules.mains_outages());
        self.engine = Engine::new(rules);
        let longest = plan.rules.iter().map(|rule| rule.open_after * 1_000).max();
        self.longest_open = self.longest_open.max(longest.unwrap_or(0));
        self.plan = plan;
    }

    /// Lets time pass, with a step at each deadline.
    fn pass(&mut self, until: Time) -> TestCaseResult {
        while let Some(at) = self.state.next_deadline().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.step(Input::Elapsed)?;
        }
        self.now = until;
        Ok(())
    }

    fn apply(&mut self, event: &Event) -> TestCaseResult {
        let later = |seconds: &i64| self.now.moved(seconds * 1_000);
        match event {
            Event::Nothing => self.step(Input::Elapsed),
            Event::Read(value) => {
                let source = self.keep(value);
                self.send(source, 0, false)
            }
            Event::Keep(value) => {
                self.keep(value);
                Ok(())
            }
            Event::Send(source, again, more) => self.send(*source, *again, *more),
            Event::Boot(ahead) => self.restart(*ahead),
            Event::ClockSet(beside, estimated) => self.set_clock(*beside, *estimated),
            Event::Acknowledge(by) => {
                let by = ["nor", "NOR", "Kim", "dashboard"][*by].to_owned();
                let Some(incident) = self.open() else { return Ok(()) };
                // One that is over is refused.
                self.asks = Some((by.clone(), self.now.max(self.state.now())));
                self.step(Input::Acknowledge { incident, by })
            }
            Event::Snooze(length) => {
                let until = later(length);
                let Some(incident) = self.open() else { return Ok(()) };
                self.step(Input::Snooze { incident, until, until_given: Default::default(), by: "nor".to_owned() })
            }
            Event::Silence(length) => {
                let (from, until) = (self.now, later(length));
                let (from_given, until_given) = Default::default();
                let (device, labels, rule) = Default::default();
                let by = "nor".to_owned();
                self.step(Input::Silence(Silence { device, labels, rule, from, from_given, until, until_given, by }))
            }
            Event::Edit(edit) => self.edit(edit),
            Event::Flowing(flowing) => {
                self.flowing = *flowing;
                self.flow()
            }
        }
    }

    fn open(&self) -> Option<Id> {
        self.state.open_incidents().next().map(|incident| incident.id)
    }

    /// A source reads a fact. Returns which one.
    fn keep(&mut self, (fact, value): &FactValue) -> usize {
        let source = usize::from(matches!(*fact, "battery" | "connection"));
        let reading = Reading { fact: Name::new_static(fact), value: *value, at: self.now };
        self.sources[source].kept.push(reading);
        source
    }

    /// A source reports what it kept back.
    fn send(&mut self, at: usize, again: usize, more: bool) -> TestCaseResult {
        let now = self.now.max(self.state.now());
        let source = &mut self.sources[at];
        let again = again.min(source.sent.len());
        let first = source.sent.len() - again;
        for reading in &source.kept {
            self.record.add(&source.name, reading, now);
            self.applied = reading.at.min(now);
        }
        source.sent.append(&mut source.kept);
        self.ever_uncertain |= self.boot.uncertain;
        let report = Report {
            source: source.name.clone(),
            boot: self.boot.number,
            before: self.boot.before[at],
            first: first as u64 + 1,
            resent: again as u64,
            more,
            uncertain: self.boot.uncertain,
            readings: source.sent[first..].to_vec(),
        };
        self.step(Input::Report(report))
    }

    /// The device restarts, once it has reported everything. Its clock is then ahead.
    fn restart(&mut self, ahead: i64) -> TestCaseResult {
        for source in 0..2 {
            self.send(source, 0, false)?;
        }
        let before = [0, 1].map(|at: usize| Some(self.sources[at].sent.len() as u64));
        for source in &mut self.sources {
            source.sent.clear();
            self.record.boot(&source.name);
        }
        let floor = self.now.max(self.state.now());
        self.now = floor.moved(ahead);
        let number = self.boot.number + 1;
        self.boot = Boot { number, before, began: self.now, floor, ahead, uncertain: ahead != 0 };
        Ok(())
    }

    /// The clock is set. It is right then, and what was recorded before this boot was right already: so nothing moves
    /// before that.
    fn set_clock(&mut self, beside: i64, estimated: bool) -> TestCaseResult {
        let Boot { number: boot, began, floor, ahead, .. } = self.boot;
        let shift_ms = (beside - ahead).max(floor.since(began).get()).max(began.since(self.now).get());
        let last = self.state.now();
        let concerned = move |at: Time| if at >= began { at.moved(shift_ms) } else { at };
        let latest = concerned(last);
        let moved = move |at: Time| concerned(at).min(latest);
        self.record.shift(&moved);
        self.asked.iter_mut().chain([&mut self.applied]).for_each(|at| *at = moved(*at));
        self.acknowledged.values_mut().flatten().for_each(|(_, at)| *at = moved(*at));
        self.sources
            .iter_mut()
            .flat_map(|source| &mut source.kept)
            .for_each(|reading| reading.at = concerned(reading.at));
        self.boot.began = concerned(began);
        self.boot.ahead = 0;
        self.clock_set = true;
        self.boot.uncertain &= estimated;
        self.ever_uncertain |= estimated;
        self.now = concerned(self.now);
        self.step(Input::ClockSet { boot, began, shift_ms, estimated })
    }

    fn edit(&mut self, edit: &Edit) -> TestCaseResult {
        self.edited |= !matches!(edit, Edit::Comment | Edit::Waits(..));
        let plan = self.plan.edited(edit, &self.first);
        let condition = |plan: &Plan, name: &str| plan.rule(name).map(|rule| rule.condition);
        let edited = self.state.open_incidents().filter(|incident| {
            let (before, after) = (condition(&self.plan, &incident.rule), condition(&plan, &incident.rule));
            after.is_some() && before != after
        });
        self.began_otherwise.extend(edited.map(|incident| incident.id));
        self.load(plan);
        self.asked.extend([self.now.max(self.state.now()), self.applied]);
        self.step(Input::RulesChanged)
    }

    fn step(&mut self, input: Input) -> TestCaseResult {
        self.step_once(input)?;
        self.flow()
    }

    fn flow(&mut self) -> TestCaseResult {
        while self.flowing && !self.queue.is_empty() {
            let message = self.queue.remove(0);
            self.step_once(Input::Attempted(message.clone()))?;
            self.step_once(Input::Delivered(message))?;
        }
        Ok(())
    }

    fn step_once(&mut self, input: Input) -> TestCaseResult {
        let decisions = self.engine.step(&mut self.state, input, self.now);
        decisions::check(self, &decisions)?;
        for decision in &decisions {
            self.note(decision)?;
        }
        Ok(())
    }

    fn note(&mut self, Decision { at, rule, incident, outcome }: &Decision) -> TestCaseResult {
        match outcome {
            Outcome::Dip { .. } | Outcome::Closing { .. } => drop(self.edges.insert(*at)),
            Outcome::Resolved { ended, .. } => drop(self.edges.insert(*ended)),
            _ => {}
        }
        if let Outcome::Closing { .. } = outcome {
            self.closing.extend(*incident);
        }
        match outcome {
            Outcome::Acknowledged { .. } => {
                let asked = incident.map(|incident| self.acknowledged.entry(incident).or_default());
                asked.into_iter().for_each(|all| all.extend(self.asks.take()));
            }
            Outcome::Pending { .. } | Outcome::Closing { .. } => {
                let rule = rule.as_ref().and_then(|name| self.plan.rule(name).map(|rule| (name, rule.condition)));
                self.turned_by.extend(rule.map(|(name, condition)| (name.clone(), condition)));
            }
            Outcome::Opened { .. } => {
                let turned_by = rule.as_ref().and_then(|rule| self.turned_by.get(rule));
                let is_by = rule.as_ref().and_then(|rule| self.plan.rule(rule)).map(|rule| rule.condition);
                let otherwise = turned_by.is_some_and(|place| Some(*place) != is_by);
                self.began_otherwise.extend(incident.filter(|_| otherwise));
            }
            Outcome::Reopened { .. } => {
                self.interrupted.extend(*incident);
                self.closing.retain(|closing| Some(*closing) != *incident);
            }
            Outcome::NoAnswer => {
                let open = incident.filter(|incident| !self.closing.contains(incident));
                self.interrupted.extend(open);
            }
            Outcome::Resolved { since, ended, .. } => {
                self.over.extend(rule.as_ref().map(|rule| (rule.clone(), *since, *ended)));
            }
            Outcome::Renamed { was } => {
                let condition = self.turned_by.remove(was);
                self.turned_by.extend(rule.clone().zip(condition));
            }
            Outcome::Notify(message) => {
                messages::check(self, message)?;
                self.queue.push(message.reference());
                if let Some(incident) = message.incident() {
                    let (recipient, kind) = (message.recipient.clone(), message.kind);
                    self.told.push(Told { message: message.id, incident: incident.id, recipient, kind });
                }
            }
            Outcome::Withdrawn { notification, .. } => {
                self.queue.retain(|message| message.notification != *notification);
                // It never went out.
                self.told.retain(|told| told.message != *notification);
            }
            _ => {}
        }
        Ok(())
    }

    /// Everything is reported and goes out, all is well again, and two days pass.
    fn finish(&mut self) -> TestCaseResult {
        for source in 0..2 {
            self.send(source, 0, false)?;
        }
        self.flowing = true;
        self.flow()?;
        self.pass(self.now + Millis::new(3_600_000))?;
        let well = [
            ("power", Value::On),
            ("door", Value::Off),
            ("battery", Value::Number(100)),
            ("connection", Value::Connected),
        ];
        for (fact, value) in well {
            let source = self.keep(&(fact, Some(value)));
            self.send(source, 0, false)?;
        }
        self.pass(self.now + Millis::new(2 * 86_400_000))?;
        self.step(Input::Elapsed)
    }

    /// Every outage that was long enough is an incident of the rule about the mains, however late it was reported.
    fn check_that_no_outage_vanished(&self) -> TestCaseResult {
        if self.edited || self.clock_set {
            return Ok(());
        }
        let mains = &self.plan.rules[0].name;
        for pair in self.record.changes("power").windows(2) {
            let [from, to] = pair else { continue };
            let lost = self.record.was_lost_between("power", from.at, to.at);
            if from.value == Value::On || to.at.since(from.at).get() <= self.longest_open || lost {
                continue;
            }
            let is_it =
                |(rule, since, ended): &&(Name, Time, Time)| rule == mains && *since <= from.at && to.at <= *ended;
            let known = self.over.iter().any(|over| is_it(&over));
            prop_assert!(known, "nobody hears of the outage from {} to {}: {:?}", from.at, to.at, self.over);
        }
        Ok(())
    }
}
