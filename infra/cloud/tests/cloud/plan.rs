//! Which call of the consumer to what surrounds it goes wrong, and how.

use std::{collections::BTreeMap, ops::RangeInclusive};

use dag_engine::{Millis, Time};

/// What the consumer calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    Load,
    Commit,
    Prepared,
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

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It is refused, and nothing was done. A message may be tried again.
    Refuse,
    /// It was done, and the answer got lost.
    Lost,
    /// Somebody else was there first. For a commit; anything else goes well.
    Conflict,
    /// No attempt will help. For a message; anything else is refused.
    Permanent,
    /// The process dies before it is done.
    DieBefore,
    /// The process dies when it is done.
    DieAfter,
    /// No answer for three seconds, and then it is refused.
    Hang,
}

/// What becomes of timer messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Timers {
    #[default]
    Fine,
    Lost,
    Doubled,
    /// They come before their time, by less than a second.
    Early,
}

/// What becomes of any record.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manners {
    /// So many of a thousand come twice.
    pub doubled: u64,
    /// So many of a thousand come late, by up to `late`.
    pub delayed: u64,
    pub late: Millis,
    /// They come in any order.
    pub shuffled: bool,
}

/// A plan of what goes wrong.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// By the number of the call, from 0.
    pub at: BTreeMap<usize, Trouble>,
    /// By the kind of call: which of that kind, from 1.
    pub of: Vec<(Call, RangeInclusive<usize>, Trouble)>,
    /// The same for calls about one receiver.
    pub to: Vec<(&'static str, RangeInclusive<usize>, Trouble)>,
    /// So many calls of a thousand go wrong somehow, until then.
    pub chance: u64,
    pub until: Option<Time>,
    pub timers: Timers,
    pub manners: Manners,
    pub seed: u64,
}

impl Plan {
    /// One call goes wrong.
    pub fn one(number: usize, trouble: Trouble) -> Plan {
        Plan { at: BTreeMap::from([(number, trouble)]), ..Plan::default() }
    }

    /// Some calls of one kind go wrong.
    pub fn some(call: Call, which: RangeInclusive<usize>, trouble: Trouble) -> Plan {
        Plan { of: vec![(call, which, trouble)], ..Plan::default() }
    }
}

/// Chance that repeats itself: splitmix64.
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

    /// Yes, in so many of a thousand cases.
    pub fn one_of(&mut self, per_mille: u64) -> bool {
        per_mille > 0 && self.below(1_000) < per_mille
    }

    pub fn trouble(&mut self) -> Trouble {
        [Trouble::Refuse, Trouble::Lost, Trouble::Conflict, Trouble::DieBefore, Trouble::DieAfter, Trouble::Hang]
            [self.below(6) as usize]
    }
}
