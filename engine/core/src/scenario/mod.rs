//! Scenarios: what a user's rules are expected to do, written as a story in `rules/tests/*.toml`.
//!
//! `parse.rs` reads one, `acts.rs` and `holds.rs` what its steps say, `entries.rs` the messages of `expect.rs` that
//! they speak of. `play.rs` tells it to a [`Simulation`](crate::Simulation), and `recording.rs` notes what that decides.
//! `compare.rs` holds what was sent against what is expected, with what was not (`omission.rs`), and `rewrite.rs`
//! writes what was sent in its place.

mod acts;
mod compare;
mod entries;
mod expect;
mod holds;
mod omission;
mod parse;
mod play;
mod recording;
mod rewrite;

use std::collections::BTreeMap;

use expect::Expected;

use crate::{
    Device, Engine, GivenAs, Millis, Name, Problem, Problems, Reading, Silence, Sources, Time, rules::document::Span,
    simulation::Failing,
};

/// One scenario, read and checked.
#[derive(Debug)]
pub struct Scenario {
    /// A sentence about what it shows.
    pub name: String,
    /// The device that it is about.
    pub device: Device,
    start: Time,
    steps: Vec<Step>,
    /// The rules that steps put in force, by the name of their folder.
    reloads: BTreeMap<String, Engine>,
    file: String,
    text: String,
}

/// The folders beside a scenario's file: other rules, which a step may put in force.
pub trait OtherRules {
    /// Returns the names of the folders.
    fn names(&self) -> Vec<String>;

    /// Returns the rules of that folder, with the same configuration as the rules that the scenario is about.
    ///
    /// # Errors
    /// The files that cannot be read.
    fn sources(&self, name: &str) -> Result<Sources, Problems>;
}

/// Folders that have all been read; none, where a scenario has none beside it.
impl OtherRules for BTreeMap<String, Sources> {
    fn names(&self) -> Vec<String> {
        self.keys().cloned().collect()
    }

    fn sources(&self, name: &str) -> Result<Sources, Problems> {
        self.get(name).cloned().ok_or(Problems(Vec::new()))
    }
}

#[derive(Debug)]
struct Step {
    at: Millis,
    span: Span,
    /// Its acts in this order, each with its place.
    acts: Vec<(Span, Act)>,
}

/// One thing that a step says.
#[derive(Debug)]
enum Act {
    /// Other rules are in force: those of this folder.
    Rules(String),
    /// Readings come in, as one report: `readings` and `set`.
    Report(Vec<Reading>),
    /// Deliveries to these fail from here, and to no others.
    Fail(Vec<Failing>),
    Ack {
        by: String,
        /// Only this rule's incident; every open one where none is named.
        rule: Option<Name>,
    },
    Snooze {
        until: Time,
        until_given: GivenAs,
        by: String,
        /// As for `Ack`.
        rule: Option<Name>,
    },
    Silence(Silence),
    /// Each of these was sent since the last `expect`.
    Told(Vec<Expected>),
    /// None of these was sent since then.
    NotTold(Vec<Expected>),
    /// Everything that was sent since the last one.
    Expect(Expectation),
}

/// What an `expect` says of the messages.
#[derive(Debug)]
enum Expectation {
    /// They do not matter here.
    Anything,
    /// They are these, in this order.
    Exactly(Vec<Expected>),
}

/// The outcome of a scenario that was played.
#[derive(Debug)]
pub struct Played {
    /// The differences from what is expected; empty if there are none.
    pub problems: Vec<Problem>,
    /// Every decision, and what became of each message, a line each: for people, where something was not as expected.
    pub timeline: String,
    /// The file with what was sent in the lists of `expect`. `None` if all is as expected, and if anything but such a
    /// list is wrong: then what was sent is no answer.
    pub rewritten: Option<Rewritten>,
}

/// A scenario's file in which lists of `expect` are replaced by what was sent.
///
/// All else of the file is as it was, byte for byte. An entry that still holds stays as it is written. Another gets the
/// values that came for the keys that it has, and a new one gets `to` and `kind`. A scenario that is played from this
/// text goes as expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewritten {
    /// The whole file.
    pub text: String,
    /// Each list that was replaced: its line in the new file, from 1, and what it is now.
    pub lists: Vec<(usize, String)>,
}

impl Scenario {
    fn problem(&self, span: Span, message: impl Into<String>, help: Option<String>) -> Problem {
        Problem::error(&self.file, &self.text, span, message, help)
    }
}
