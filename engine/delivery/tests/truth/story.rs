//! Random stories of a device.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
};

use dag_engine::{Millis, Value};
use proptest::{
    prelude::*,
    test_runner::{Config, RngSeed, TestCaseResult, TestRunner},
};

use crate::plan::{CONDITIONS, Edit, MAINS, Plan, Rule};

#[derive(Clone)]
pub struct Story {
    pub plan: Plan,
    pub events: Vec<Next>,
}

/// The milliseconds since the last event, whether the host misses the deadlines until then, and the event.
pub type Next = (i64, bool, Event);

/// A value of a fact, or that it is not known.
pub type FactValue = (&'static str, Option<Value>);

#[derive(Clone, Debug)]
pub enum Event {
    Nothing,
    /// A fact is read, and reported at once with what was kept back before.
    Read(FactValue),
    /// A fact is read, and kept back: the network is down.
    Keep(FactValue),
    /// What a source kept back is reported: how many of the last readings are sent again, and whether more follows.
    Send(usize, usize, bool),
    /// The device restarts, with a clock that runs ahead by so many milliseconds, and says that it was not set.
    Boot(i64),
    /// The clock is set, beside by how much it runs ahead; the shift may be an estimate.
    ClockSet(i64, bool),
    Acknowledge(usize),
    Snooze(i64),
    Silence(i64),
    Edit(Edit),
    /// Messages wait, or go out at once again.
    Flowing(bool),
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

/// The seed of the stories that are played if nobody asks for more of them.
const USUAL_SEED: u64 = 20_261_130;

/// Plays a number of stories, and returns how many; says the seed where one fails.
pub fn all<S: Strategy>(cases: u32, strategy: S, check: impl Fn(S::Value) -> TestCaseResult) -> u32 {
    let usual = Config::default();
    // 256 is proptest's default, so `PROPTEST_CASES` is not set: then the stories are the same in each run.
    let (cases, seed) = if usual.cases == 256 { (cases, Some(USUAL_SEED)) } else { (usual.cases, None) };
    let mut config =
        Config { cases, failure_persistence: None, max_shrink_iters: 4_000, max_shrink_time: 60_000, ..usual };
    let seed = match config.rng_seed {
        RngSeed::Fixed(seed) => seed,
        RngSeed::Random => seed.unwrap_or_else(|| RandomState::new().hash_one(cases)),
    };
    config.rng_seed = RngSeed::Fixed(seed);
    TestRunner::new(config)
        .run(&strategy, check)
        .unwrap_or_else(|failure| panic!("PROPTEST_RNG_SEED={seed}\n{failure}"));
    cases
}

pub fn story() -> impl Strategy<Value = Story> {
    let later = prop_oneof![
        2 => Just(0_i64),
        3 => (0..60_i64).prop_map(|seconds| seconds * 1_000),
        4 => 0..60_000_i64,
        4 => 0..900_000_i64,
        1 => 0..40_000_000_i64,
    ];
    let events = prop::collection::vec((later, prop::bool::weighted(0.15), event()), 1..30);
    (plan(), events).prop_map(|(plan, events)| Story { plan, events })
}

fn plan() -> impl Strategy<Value = Plan> {
    let others = prop::sample::subsequence((1..CONDITIONS.len()).collect::<Vec<_>>(), 0..=2);
    let waits = prop::collection::vec((seconds(&[0, 30, 30, 300]), seconds(&[0, 10, 600])), 3);
    let rules = (others, waits).prop_map(|(others, waits)| {
        let conditions = [MAINS].into_iter().chain(others);
        let named = conditions.zip(["power-outage", "second-look", "third-look"]).zip(waits);
        let rules = named.map(|((condition, name), (open_after, close_after))| Rule {
            name: name.to_owned(),
            condition,
            open_after,
            close_after,
            was: None,
        });
        rules.collect::<Vec<_>>()
    });
    let lapses = prop::option::of(seconds(&[60, 600]));
    let flags = (any::<bool>(), prop::bool::weighted(0.2), prop::bool::weighted(0.3));
    (rules, lapses, seconds(&[60, 600]), flags).prop_map(
        |(rules, lapses, repeat, (kim_is_quiet, inhibits, scripted))| Plan {
            rules,
            lapses,
            repeat,
            kim_is_quiet,
            inhibits,
            scripted,
            comment: 0,
        },
    )
}

fn event() -> impl Strategy<Value = Event> {
    let length = || seconds(&[-60, 300, 7_200]);
    let shift = prop_oneof![3 => Just(0_i64), 1 => -300_000..300_000_i64];
    let ahead = prop_oneof![2 => Just(0_i64), 1 => 0..7_200_000_i64];
    prop_oneof![
        1 => Just(Event::Nothing),
        12 => value().prop_map(Event::Read),
        8 => value().prop_map(Event::Keep),
        4 => (0..2_usize, 0..3_usize, prop::bool::weighted(0.2))
            .prop_map(|(source, again, more)| Event::Send(source, again, more)),
        1 => ahead.prop_map(Event::Boot),
        1 => (shift, prop::bool::weighted(0.3)).prop_map(|(beside, estimated)| Event::ClockSet(beside, estimated)),
        2 => (0..4_usize).prop_map(Event::Acknowledge),
        1 => length().prop_map(Event::Snooze),
        1 => length().prop_map(Event::Silence),
        3 => edit().prop_map(Event::Edit),
        2 => any::<bool>().prop_map(Event::Flowing),
    ]
}

fn edit() -> impl Strategy<Value = Edit> {
    let at = || 0..3_usize;
    prop_oneof![
        1 => Just(Edit::Comment),
        4 => (at(), 0..CONDITIONS.len()).prop_map(|(at, condition)| Edit::Condition(at, condition)),
        1 => (at(), seconds(&[0, 60]), seconds(&[0, 60])).prop_map(|(at, open, close)| Edit::Waits(at, open, close)),
        1 => at().prop_map(Edit::Remove),
        1 => at().prop_map(Edit::Return),
        1 => at().prop_map(Edit::Rename),
    ]
}

fn value() -> impl Strategy<Value = FactValue> {
    let switch = |on, off| prop_oneof![4 => Just(Some(on)), 4 => Just(Some(off)), 1 => Just(None)];
    let level = prop_oneof![3 => Just(Some(Value::Number(12))), 3 => Just(Some(Value::Number(80))), 1 => Just(None)];
    prop_oneof![
        8 => switch(Value::On, Value::Off).prop_map(|value| ("power", value)),
        1 => switch(Value::On, Value::Off).prop_map(|value| ("door", value)),
        2 => level.prop_map(|value| ("battery", value)),
        1 => switch(Value::Connected, Value::Disconnected).prop_map(|value| ("connection", value)),
    ]
}

fn seconds(choice: &[i64]) -> impl Strategy<Value = i64> + use<> {
    prop::sample::select(choice.to_vec())
}
