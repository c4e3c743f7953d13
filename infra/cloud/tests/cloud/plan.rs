//! The calls of the consumer that fail, and how they fail.

use std::{collections::BTreeMap, ops::RangeInclusive};

use dag_engine::{Millis, Time};

/// The calls that the consumer makes to its world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    Load,
    Commit,
    MessageContent,
    Due,
    Suppress,
    Registration,
    Rules,
    Events,
    Deliveries,
    DeadLetter,
    Command,
    Send,
}

/// The failure of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallFailure {
    /// It is refused, and nothing is done. A message may be retried.
    Refuse,
    /// It is done, and the answer is lost.
    Lost,
    /// A commit conflicts with another writer. Other calls succeed.
    Conflict,
    /// A message fails permanently. Other calls are refused.
    Permanent,
    /// The process dies before the call is done.
    DieBefore,
    /// The process dies after the call is done.
    DieAfter,
    /// There is no answer for three seconds, and then it is refused.
    Hang,
}

/// The disorder of timer messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Timers {
    #[default]
    Fine,
    Lost,
    Doubled,
    /// They come up to a second early.
    Early,
}

/// The disorder of all records.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manners {
    /// How many of a thousand records come twice.
    pub doubled: u64,
    /// How many of a thousand records come late, by up to `late`.
    pub delayed: u64,
    pub late: Millis,
    /// They come in any order.
    pub shuffled: bool,
}

/// The failures of a story.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// By the number of the call among all calls, from 0.
    pub at: BTreeMap<usize, CallFailure>,
    /// By the kind of call, and its number among that kind, from 1.
    pub of: Vec<(Call, RangeInclusive<usize>, CallFailure)>,
    /// The same for calls about one receiver.
    pub to: Vec<(&'static str, RangeInclusive<usize>, CallFailure)>,
    /// How many of a thousand calls fail at random, until then.
    pub chance: u64,
    pub until: Option<Time>,
    pub timers: Timers,
    pub manners: Manners,
    pub seed: u64,
}

impl Plan {
    /// Returns a plan in which one call fails.
    pub fn one(number: usize, failure: CallFailure) -> Plan {
        Plan { at: BTreeMap::from([(number, failure)]), ..Plan::default() }
    }

    /// Returns a plan in which some calls of one kind fail.
    pub fn some(call: Call, which: RangeInclusive<usize>, failure: CallFailure) -> Plan {
        Plan { of: vec![(call, which, failure)], ..Plan::default() }
    }
}

/// A deterministic random generator: splitmix64.
#[derive(Clone, Debug)]
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound.max(1)
    }

    /// Returns true in this many of a thousand cases.
    pub fn one_of(&mut self, per_mille: u64) -> bool {
        per_mille > 0 && self.below(1_000) < per_mille
    }

    pub fn failure(&mut self) -> CallFailure {
        [
            CallFailure::Refuse,
            CallFailure::Lost,
            CallFailure::Conflict,
            CallFailure::DieBefore,
            CallFailure::DieAfter,
            CallFailure::Hang,
        ][self.below(6) as usize]
    }
}
