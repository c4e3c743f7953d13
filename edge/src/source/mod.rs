//! Sources: where a device's readings come from.
//!
//! [`start`] sets every source of a device going. What they see comes out of one bounded channel, as [`SourceEvent`]s: the
//! first reading of each fact, then only changes. A source that is lost says so once for each reason, and its facts
//! are unknown from then on; it comes back by itself and says that too. Dropping [`Sources`] stops them all.
//!
//! ```no_run
//! # use std::collections::BTreeMap;
//! # async fn example(inputs: &BTreeMap<dag_engine::Name, dag_config::Source>) -> Result<(), dag::source::SourceError> {
//! use dag::source;
//!
//! let clock = || dag_engine::Time::from(std::time::SystemTime::now());
//! let mut sources = source::start(inputs, &source::SourceSettings::default(), clock)?;
//! while let Some(event) = sources.events.recv().await {
//!     println!("{event:?}"); // number the readings, step the engine, tell the operators of a loss
//! }
//! # Ok(()) }
//! ```
//!
//! Sources do not number readings, keep nothing on disk and judge nothing: a dip of a second is a reading.
//!
//! To add a source, touch these places:
//! 1. `dag_config::Source`: its keys in `config.toml`, with their defaults.
//! 2. A file or folder here: a task that hands what it reads to a `Reporter`, which knows what is worth telling.
//! 3. [`start`]: its arm of the `match`, and a variant of [`SourceError`] for what a user can get wrong.
//! 4. `config.toml` and the README's table of sources, and a test against the real thing or its official simulator.

mod error;
mod event;
mod gpio;
mod nut;
mod reporter;
mod simulated;

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
};

use dag_config::Source;
use dag_engine::{BUILT_IN, FactKind, Name, Time, Value};
use tokio::{
    sync::{Notify, mpsc},
    task::JoinSet,
};

pub use error::{SimulateError, SourceError};
pub use event::{Observation, SourceEvent, SourceStatus};
pub use gpio::PinError;
pub use nut::Timing;

use event::Clock;
use reporter::Reporter;
use simulated::Simulated;

/// How many events may wait for the daemon. Beyond it the sources wait, and tell the latest state afterwards.
const WAITING: usize = 64;

/// What [`start`] needs beside the configuration of the sources.
#[derive(Clone, Debug)]
pub struct SourceSettings {
    /// The values that simulated facts start with: the last known ones. A fact that is not here starts `on`, the
    /// battery full.
    pub last: BTreeMap<Name, Value>,
    /// By how many percent the battery must move to be told again. Full and empty are always told.
    pub report_step: u8,
    /// How patient the NUT client is.
    pub nut: Timing,
}

impl Default for SourceSettings {
    fn default() -> Self {
        SourceSettings { last: BTreeMap::new(), report_step: 5, nut: Timing::default() }
    }
}

/// The running sources of one device.
#[derive(Debug)]
pub struct Sources {
    /// What they say, in the order in which it was seen.
    pub events: mpsc::Receiver<SourceEvent>,
    simulated: Simulated,
    rereads: Vec<Arc<Notify>>,
    /// Aborted when dropped.
    tasks: JoinSet<()>,
}

impl Sources {
    /// Asks every source to read again now. What differs from what was last told is told, however small.
    pub fn reread(&self) {
        for reread in &self.rereads {
            reread.notify_one();
        }
    }

    /// Ends every source, so that what they held (pins, connections) is free again. What they told can still be read.
    pub async fn stop(&mut self) {
        self.tasks.shutdown().await;
    }

    /// Sets a simulated fact; an equal value is no event.
    ///
    /// # Errors
    /// If the fact has no simulated source, if it cannot have that value, or if too many events wait already.
    pub fn simulate(&mut self, fact: &str, value: Value) -> Result<(), SimulateError> {
        self.simulated.set(fact, value)
    }
}

/// Starts the sources of `inputs`, by fact. Must be called within a Tokio runtime.
///
/// A UPS that gives several facts is one connection. With `battery` a UPS gives `battery_mv` too.
///
/// # Errors
/// If a fact cannot come from the source that is given for it, if a UPS's name or poll cannot be used, or if there are
/// no pins here. A UPS that does not answer is no error: its facts are unknown until it does.
pub fn start(
    inputs: &BTreeMap<Name, Source>,
    settings: &SourceSettings,
    clock: impl Fn() -> Time + Send + Sync + 'static,
) -> Result<Sources, SourceError> {
    let clock: Clock = Arc::new(clock);
    let (sender, events) = mpsc::channel(WAITING);
    let mut simulated = Simulated::new(sender.clone(), Arc::clone(&clock));
    let mut pins = BTreeMap::new();
    let mut upses = BTreeMap::new();
    for (fact, source) in inputs {
        let kind = kind(fact);
        if *source != Source::None {
            own_source(fact)?;
        }
        match source {
            Source::None => {}
            Source::Simulated => simulated.add(fact, kind, settings.last.get(fact).copied()),
            Source::Gpio { pin, on_when, glitch } => match pins.entry(*pin) {
                _ if kind != FactKind::Switch => return Err(SourceError::NotFromPin { fact: fact.clone() }),
                Entry::Vacant(entry) => {
                    entry.insert(gpio::Input { fact: fact.clone(), pin: *pin, on_when: *on_when, glitch: *glitch });
                }
                Entry::Occupied(entry) => {
                    let (fact, other) = (fact.clone(), entry.get().fact.clone());
                    return Err(SourceError::PinTwice { pin: *pin, fact, other });
                }
            },
            Source::Nut { address, ups, poll } => {
                let ups = upses
                    .entry((address, ups))
                    .or_insert_with(|| nut::Ups::new(address.clone(), ups.clone(), *poll, settings.nut));
                ups.give(fact, *poll)?;
            }
        }
    }

    let mut sources = Sources { events, simulated, rereads: Vec::new(), tasks: JoinSet::new() };
    for input in pins.into_values() {
        let reporter = Reporter::new(&format!("gpio:{}", input.pin), sender.clone(), settings.report_step);
        let reread = Arc::new(Notify::new());
        let line = gpio::open(input.pin, &clock)?;
        sources.tasks.spawn(gpio::run(input, line, reporter, Arc::clone(&clock), Arc::clone(&reread)));
        sources.rereads.push(reread);
    }
    for ups in upses.into_values() {
        let reporter = Reporter::new(&ups.source_name(), sender.clone(), settings.report_step);
        let reread = Arc::new(Notify::new());
        sources.tasks.spawn(nut::run(ups, reporter, Arc::clone(&clock), Arc::clone(&reread)));
        sources.rereads.push(reread);
    }
    sources.simulated.tell_first();
    Ok(sources)
}

/// What values a fact takes: one that the user names is a switch.
fn kind(fact: &str) -> FactKind {
    BUILT_IN.iter().find(|(name, _)| *name == fact).map_or(FactKind::Switch, |(_, kind)| *kind)
}

fn own_source(fact: &Name) -> Result<(), SourceError> {
    match fact.as_str() {
        "connection" => Err(SourceError::OnlyCloud),
        "battery_mv" => Err(SourceError::WithBattery),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
