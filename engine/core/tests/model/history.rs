//! Histories of a device, as small events that shrink well.

use std::fmt;

use dag_engine::{Millis, Value};

use crate::{edit::Edit, rules::Rules, wall_clock::TimeOfDay};

/// Rules and a story.
#[derive(Clone)]
pub struct Case {
    pub rules: Rules,
    /// When it begins: one of [`STARTS`].
    pub start: &'static str,
    pub post: Post,
    /// Engine and model wake at their own deadlines only; else both at those of either.
    pub alone: bool,
    /// The host starts again before every event.
    pub restarts: bool,
    pub history: Vec<Moment>,
}

/// Some hours before clocks go forward or back somewhere, or before nothing at all.
pub const STARTS: [&str; 8] = [
    "2026-01-10T18:00:00Z",
    "2026-03-07T20:00:00Z",
    "2026-03-28T20:00:00Z",
    "2026-04-04T11:00:00Z",
    "2026-10-03T11:00:00Z",
    "2026-10-24T21:00:00Z",
    "2026-11-01T02:00:00Z",
    "2026-06-30T03:00:00Z",
];

/// The fate of messages as soon as they are decided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Post {
    /// Nothing.
    Waits,
    Delivers,
    /// Those to this recipient fail, others are delivered.
    FailsFor(&'static str),
}

#[derive(Clone, Debug)]
pub struct Moment {
    /// How long after the last one.
    pub later: Millis,
    /// The host sleeps until then.
    pub asleep: bool,
    pub event: Event,
}

#[derive(Clone, Debug)]
pub enum Event {
    Nothing,
    Read(Read),
    /// The power changes this many times, a millisecond apart.
    Flicker {
        times: u8,
    },
    /// This many reports come, each without the one before it.
    Holes {
        count: u8,
    },
    /// Reports of this many sources that never sent any before.
    Sources {
        count: u8,
    },
    /// A report that no engine takes.
    Refused(Unfit),
    /// All sources start again; the next reports name the number before, or not. The clock is ahead by this much then.
    Boot {
        before: bool,
        ahead: i64,
    },
    /// A report that did not come, comes.
    Late(usize),
    /// A report comes again.
    Again(usize),
    Acknowledge {
        incident: usize,
        by: &'static str,
    },
    Snooze {
        incident: usize,
        until: Asked,
    },
    Silence {
        device: bool,
        label: bool,
        rule: Option<&'static str>,
        from: Asked,
        until: Asked,
    },
    /// Many silences, of rules that are not there.
    Silences {
        count: u8,
    },
    Attempt {
        message: usize,
        outcome: Attempt,
    },
    Trouble {
        about: &'static str,
        begins: bool,
    },
    Account {
        emails: usize,
        zone: Option<&'static str>,
        label: bool,
    },
    Reload(Vec<Edit>),
    ClockSet {
        back: i64,
        shift: i64,
        earlier_boot: bool,
        estimated: bool,
    },
    /// The clock turns out to have been wrong since this boot began, or the one before it.
    ClockRighted {
        earlier_boot: bool,
        estimated: bool,
    },
}

/// A moment as somebody gives it.
#[derive(Clone, Copy, Debug)]
pub enum Asked {
    /// After so many milliseconds.
    Length(i64),
    TimeOfDay(TimeOfDay),
    /// The moment so many milliseconds from now.
    Date(i64),
}

/// Why a report is refused as a whole.
#[derive(Clone, Copy, Debug)]
pub enum Unfit {
    TooManyReadings,
    LongName,
}

#[derive(Clone, Debug)]
pub struct Read {
    pub source: usize,
    /// The fact, its value, and for how long it had it when the report was made, in milliseconds.
    pub readings: Vec<(&'static str, Option<Value>, i64)>,
    pub fate: Fate,
    /// How many earlier readings are sent again.
    pub resent: usize,
    pub more: bool,
    pub uncertain: bool,
}

/// The fate of a report.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fate {
    Comes,
    /// Twice.
    Doubled,
    /// It may come [`Event::Late`].
    Lost,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Attempt {
    Begins,
    Succeeds,
    Fails,
    FailsForGood,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.rules.toml())?;
        let Rules { operators, zone, door, .. } = &self.rules;
        writeln!(f, "# site zone {zone}, operators {operators:?}, the fact `door` is {door:?}")?;
        let Case { start, post, alone, restarts, .. } = self;
        writeln!(f, "start {start}, post {post:?}, alone {alone}, restarts {restarts}")?;
        for Moment { later, asleep, event } in &self.history {
            writeln!(f, "{later} later{}: {event:?}", if *asleep { ", asleep" } else { "" })?;
        }
        Ok(())
    }
}
