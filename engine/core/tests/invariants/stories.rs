//! Random stories: what happens to a device, and a player for them.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
};

use dag_engine::{Device, Input, Millis, Name, Reading, Report, Silence, Time, Value};
use proptest::{
    prelude::*,
    strategy::Union,
    test_runner::{Config, RngSeed, TestCaseResult, TestRunner},
};

use crate::{
    host::{Host, Manner, device},
    outbox::Fate,
    plan::{Edit, Plan, edit, plan},
};

/// What may happen in a story, beside readings that come when they were made.
#[derive(Clone, Copy, Debug, Default)]
pub struct With {
    /// Readings that come late, in parts, doubled, out of order or not at all; several boots.
    pub late: bool,
    /// Acknowledgements, snoozes, silences, another account.
    pub people: bool,
    /// Messages that wait, fail, or are given up.
    pub post: bool,
    pub reloads: bool,
    /// The clock is set.
    pub clocks: bool,
    /// The host misses deadlines.
    pub sleep: bool,
}

impl With {
    pub const EVERYTHING: With =
        With { late: true, people: true, post: true, reloads: true, clocks: true, sleep: true };
}

/// How a report comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Straight,
    Lost,
    /// Later, when an event says so.
    Kept,
    Twice,
}

#[derive(Clone, Debug)]
pub enum Event {
    Nothing,
    /// Readings of one source, each with its age when it is sent, and how many of the last ones are sent again.
    Report {
        source: usize,
        readings: Vec<(&'static str, Option<Value>, i64)>,
        again: usize,
        more: bool,
        way: Way,
    },
    /// One of the reports that were kept comes.
    Comes(usize),
    /// A source starts again; whether it tells the last number of the boot before.
    Boot(usize, bool),
    Acknowledge(usize),
    Snooze(i64),
    Silence {
        rule: Option<usize>,
        from: i64,
        length: i64,
    },
    Account(usize, Option<&'static str>),
    Trouble(bool),
    /// Messages wait until an event about one of them, or go out at once again.
    Flowing(bool),
    Post(usize, Fate),
    Reload(Edit),
    ClockSet(i64),
}

/// An event, so many milliseconds after the last one; whether the host misses the deadlines until then.
pub type Next = (i64, bool, Event);

#[derive(Clone)]
pub struct Story {
    pub plan: Plan,
    pub events: Vec<Next>,
}

/// A line for each event, behind its time.
impl fmt::Debug for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?}", self.plan)?;
        let mut at = Millis::ZERO;
        for (later, asleep, event) in &self.events {
            at = Millis::new(at.get() + later);
            writeln!(f, "{at}{} {event:?}", if *asleep { " (asleep)" } else { "" })?;
        }
        Ok(())
    }
}

const SOURCES: [&str; 2] = ["gpio", "gauge"];

fn readings() -> impl Strategy<Value = (usize, Vec<(&'static str, Option<Value>)>)> {
    let switch = |on, off| prop_oneof![3 => Just(Some(on)), 3 => Just(Some(off)), 1 => Just(None)];
    let power = switch(Value::On, Value::Off).prop_map(|value| ("power", value));
    let door = switch(Value::On, Value::Off).prop_map(|value| ("door", value));
    let link = switch(Value::Connected, Value::Disconnected).prop_map(|value| ("connection", value));
    let level = prop_oneof![5 => (0..30_i64).prop_map(|n| Some(Value::Number(n))), 1 => Just(None)];
    let level = level.prop_map(|value| ("battery", value));
    let gpio = prop_oneof![5 => power, 1 => door];
    let gauge = prop_oneof![2 => level, 1 => link];
    prop_oneof![
        4 => prop::collection::vec(gpio, 1..4).prop_map(|readings| (0, readings)),
        1 => prop::collection::vec(gauge, 1..3).prop_map(|readings| (1, readings)),
    ]
}

fn report(late: bool) -> BoxedStrategy<Event> {
    let straight = readings().prop_map(|(source, mut readings)| {
        readings.truncate(1);
        let readings = readings.into_iter().map(|(fact, value)| (fact, value, 0)).collect();
        Event::Report { source, readings, again: 0, more: false, way: Way::Straight }
    });
    if !late {
        return straight.boxed();
    }
    let age = prop_oneof![2 => Just(0_i64), 2 => 0..120_000_i64, 1 => -1_000..900_000_i64];
    let way = prop_oneof![
        4 => Just(Way::Straight),
        1 => Just(Way::Lost),
        2 => Just(Way::Kept),
        1 => Just(Way::Twice),
    ];
    let more = prop::bool::weighted(0.2);
    let twisted = (readings(), age, 0..4_usize, more, way).prop_map(|((source, readings), age, again, more, way)| {
        // The oldest first, all of them apart.
        let count = readings.len() as i64;
        let readings = readings.into_iter().zip(0_i64..);
        let readings = readings.map(|((fact, value), at)| (fact, value, age * (count - at) / count)).collect();
        Event::Report { source, readings, again, more, way }
    });
    prop_oneof![1 => straight, 2 => twisted].boxed()
}

fn event(with: With) -> impl Strategy<Value = Event> {
    let mut events: Vec<(u32, BoxedStrategy<Event>)> = vec![(12, report(with.late)), (1, Just(Event::Nothing).boxed())];
    if with.late {
        events.push((3, (0..4_usize).prop_map(Event::Comes).boxed()));
        events.push((1, (0..2_usize, any::<bool>()).prop_map(|(source, told)| Event::Boot(source, told)).boxed()));
    }
    if with.people {
        let length = || prop::sample::select(vec![-60, 30, 300, 3_600, 40_000_i64]);
        events.push((2, (0..4_usize).prop_map(Event::Acknowledge).boxed()));
        events.push((1, length().prop_map(Event::Snooze).boxed()));
        let silence = (prop::option::of(0..4_usize), prop::sample::select(vec![-60_i64, 0, 120]), length());
        let silence = silence.prop_map(|(rule, from, length)| Event::Silence { rule, from, length });
        events.push((1, silence.boxed()));
        let account = (0..3_usize, prop::option::of(Just("Australia/Lord_Howe")));
        events.push((1, account.prop_map(|(emails, zone)| Event::Account(emails, zone)).boxed()));
        events.push((1, any::<bool>().prop_map(Event::Trouble).boxed()));
    }
    if with.post {
        let fate = vec![Fate::Leased, Fate::Queued, Fate::Queued, Fate::Delivered, Fate::Undelivered];
        let post = (0..8_usize, prop::sample::select(fate)).prop_map(|(at, fate)| Event::Post(at, fate));
        events.push((5, post.boxed()));
        events.push((2, prop::bool::weighted(0.3).prop_map(Event::Flowing).boxed()));
    }
    if with.reloads {
        events.push((2, edit().prop_map(Event::Reload).boxed()));
    }
    if with.clocks {
        let shift = prop_oneof![-100_000..100_000_i64, -20_000_000..20_000_000_i64];
        events.push((1, shift.prop_map(Event::ClockSet).boxed()));
    }
    Union::new_weighted(events)
}

pub fn story(with: With) -> impl Strategy<Value = Story> {
    let later = prop_oneof![2 => Just(0_i64), 4 => 0..60_000_i64, 3 => 0..600_000_i64, 1 => 0..40_000_000_i64];
    let asleep = if with.sleep { prop::bool::weighted(0.2) } else { prop::bool::weighted(0.0) };
    let events = prop::collection::vec((later, asleep, event(with)), 1..40);
    (plan(), events).prop_map(|(plan, events)| Story { plan, events })
}

/// Plays a number of stories; says the seed where one fails.
pub fn all<S: Strategy>(cases: u32, strategy: S, check: impl Fn(S::Value) -> TestCaseResult) {
    let usual = Config::default();
    // 256 is what it says unless `PROPTEST_CASES` is set.
    let cases = if usual.cases == 256 { cases } else { usual.cases };
    let mut config =
        Config { cases, failure_persistence: None, max_shrink_iters: 4_000, max_shrink_time: 60_000, ..usual };
    let seed = match config.rng_seed {
        RngSeed::Fixed(seed) => seed,
        RngSeed::Random => RandomState::new().hash_one(cases),
    };
    println!("PROPTEST_RNG_SEED={seed}");
    config.rng_seed = RngSeed::Fixed(seed);
    TestRunner::new(config)
        .run(&strategy, check)
        .unwrap_or_else(|failure| panic!("PROPTEST_RNG_SEED={seed}\n{failure}"));
}

/// A source, and what it sent since it started.
struct Source {
    name: &'static str,
    boot: u64,
    before: Option<u64>,
    sent: Vec<Reading>,
    began: Time,
}

impl Source {
    fn report(&mut self, readings: Vec<Reading>, again: usize, more: bool) -> Report {
        let again = again.min(self.sent.len());
        let from = self.sent.len() - again;
        self.sent.extend(readings);
        Report {
            source: self.name.into(),
            boot: self.boot,
            before: self.before,
            first: from as u64 + 1,
            resent: again as u64,
            more,
            readings: self.sent[from..].to_vec(),
            ..Report::default()
        }
    }
}

/// Plays a story to its end: everything that was kept has come, all is well again, and three days have gone by.
pub fn play(story: &Story, manner: Manner) -> Host {
    let mut player = Player::new(story, manner);
    for (later, asleep, event) in &story.events {
        let then = player.host.now + Millis::new(*later);
        if *asleep {
            player.host.now = then;
        } else {
            player.host.pass(then);
        }
        player.happens(event);
    }
    player.ends()
}

struct Player {
    first: Plan,
    host: Host,
    sources: Vec<Source>,
    kept: Vec<Report>,
}

impl Player {
    fn new(story: &Story, manner: Manner) -> Self {
        let mut host = Host::new(&story.plan, manner);
        host.step(Input::Elapsed);
        let source = |name| Source { name, boot: 1, before: None, sent: Vec::new(), began: host.now };
        let sources = SOURCES.map(source).into();
        Player { first: story.plan.clone(), host, sources, kept: Vec::new() }
    }

    fn happens(&mut self, event: &Event) {
        let now = self.host.now;
        let later = |seconds: i64| now.moved(seconds * 1_000);
        match event {
            Event::Nothing => self.host.step(Input::Elapsed),
            Event::Report { source, readings, again, more, way } => {
                let readings = readings.iter();
                let readings = readings.map(|(fact, value, age)| Reading {
                    fact: Name::new(fact),
                    value: *value,
                    at: now.moved(-age),
                });
                let report = self.sources[*source].report(readings.collect(), *again, *more);
                match way {
                    Way::Lost => {}
                    Way::Kept => self.kept.push(report),
                    Way::Straight => self.host.step(Input::Report(report)),
                    Way::Twice => {
                        self.host.step(Input::Report(report.clone()));
                        self.host.step(Input::Report(report));
                    }
                }
            }
            Event::Comes(at) => {
                if !self.kept.is_empty() {
                    let report = self.kept.remove(at % self.kept.len());
                    self.host.step(Input::Report(report));
                }
            }
            Event::Boot(source, told) => {
                let source = &mut self.sources[*source];
                source.before = told.then_some(source.sent.len() as u64);
                source.boot += 1;
                source.sent.clear();
                source.began = now;
            }
            Event::Acknowledge(at) => {
                if let Some(incident) = self.open(*at) {
                    let by = ["nor", "kim", "dashboard", "home@example.com"][*at].to_owned();
                    self.host.step(Input::Acknowledge { incident, by });
                }
            }
            Event::Snooze(length) => {
                if let Some(incident) = self.open(0) {
                    self.host.step(Input::Snooze { incident, until: later(*length), by: "nor".to_owned() });
                }
            }
            Event::Silence { rule, from, length } => {
                let rules = &self.host.plan.rules;
                let rule = rule.map(|at| Name::new(&rules[at % rules.len()].name));
                let (from, until) = (later(*from), later(*from + *length));
                let silence =
                    Silence { device: None, labels: Default::default(), rule, from, until, by: "nor".to_owned() };
                self.host.step(Input::Silence(silence));
            }
            Event::Account(emails, zone) => {
                let account_emails = ["home@example.com", "second@example.com"][..*emails].iter();
                let account_emails = account_emails.map(|email| (*email).to_owned()).collect();
                let timezone = zone.map(Name::new);
                self.host.step(Input::Account(Device { timezone, account_emails, ..device() }));
            }
            Event::Trouble(lasts) => {
                let text = lasts.then(|| "the disk is full".to_owned());
                self.host.step(Input::Trouble { about: "store".into(), text });
            }
            Event::Flowing(flowing) => self.host.flow(*flowing),
            Event::Post(at, fate) => {
                let next = self.host.outbox.next();
                if !next.is_empty() {
                    self.host.attempt(next[at % next.len()], *fate);
                }
            }
            Event::Reload(edit) => {
                let plan = self.host.plan.edited(edit, &self.first);
                self.host.reload(plan);
            }
            Event::ClockSet(shift_ms) => {
                let source = &mut self.sources[0];
                let input = Input::ClockSet { boot: source.boot, began: source.began, shift_ms: *shift_ms };
                self.host.now = now.moved(*shift_ms);
                self.host.set_by_ms += shift_ms;
                source.began = source.began.moved(*shift_ms);
                self.host.step(input);
            }
        }
    }

    fn open(&self, at: usize) -> Option<dag_engine::Id> {
        let open: Vec<_> = self.host.state.open_incidents().map(|incident| incident.id).collect();
        open.get(at % open.len().max(1)).copied()
    }

    fn ends(mut self) -> Host {
        for report in std::mem::take(&mut self.kept) {
            self.host.step(Input::Report(report));
        }
        self.host.flow(true);
        self.host.pass(self.host.now + Millis::new(400_000));
        self.host.step(Input::Elapsed);
        let well = [
            ("power", Value::On),
            ("door", Value::Off),
            ("connection", Value::Connected),
            ("battery", Value::Number(100)),
        ];
        let at = self.host.now;
        let readings = well.map(|(fact, value)| Reading { fact: fact.into(), value: Some(value), at });
        let report = Report { source: "end".into(), boot: 1, first: 1, readings: readings.into(), ..Report::default() };
        self.host.step(Input::Report(report));
        self.host.pass(self.host.now + Millis::new(3 * 86_400_000));
        self.host.step(Input::Elapsed);
        self.host
    }
}
