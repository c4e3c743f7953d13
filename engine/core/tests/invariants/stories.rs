//! Random stories of a device.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
};

use dag_engine::{Millis, Value};
use proptest::{
    prelude::*,
    strategy::Union,
    test_runner::{Config, RngSeed, TestCaseResult, TestRunner},
};

use crate::{
    outbox::Fate,
    plan::Plan,
    plan_edit::{Edit, edit},
    plan_generator::plan,
};

/// The kinds of events in a story, in addition to readings that come in time.
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

#[derive(Clone)]
pub struct Story {
    pub plan: Plan,
    pub events: Vec<Next>,
}

/// The milliseconds since the last event, whether the host misses the deadlines until then, and the event.
pub type Next = (i64, bool, Event);

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
    /// A source restarts; the flag says whether it reports the last number of the boot before.
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

/// How a report comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Straight,
    Lost,
    /// Later, when an event says so.
    Kept,
    Twice,
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

/// Plays a number of stories; says the seed where one fails.
pub fn all<S: Strategy>(cases: u32, strategy: S, check: impl Fn(S::Value) -> TestCaseResult) {
    let usual = Config::default();
    // 256 is proptest's default, so `PROPTEST_CASES` is not set.
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

pub fn story(with: With) -> impl Strategy<Value = Story> {
    let later = prop_oneof![2 => Just(0_i64), 4 => 0..60_000_i64, 3 => 0..600_000_i64, 1 => 0..40_000_000_i64];
    let asleep = if with.sleep { prop::bool::weighted(0.2) } else { prop::bool::weighted(0.0) };
    let events = prop::collection::vec((later, asleep, event(with)), 1..40);
    (plan(), events).prop_map(|(plan, events)| Story { plan, events })
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
