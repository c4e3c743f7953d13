//! Sources of a device's readings.
//!
//! [`start`] starts every source of a device. They report [`SourceEvent`]s through one bounded channel: the first
//! reading of each fact, then only changes. A source that is lost reports each reason once, and its facts are unknown
//! from then on. It recovers by itself, and reports that too. Dropping [`Sources`] stops them all.
//!
//! ```no_run
//! # use std::collections::BTreeMap;
//! # type Inputs = BTreeMap<dag_engine::Name, dag_config::Source>;
//! # async fn example(inputs: &Inputs) -> Result<(), dag::source::SourceError> {
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
//! Sources do not number readings, store nothing and judge nothing: a dip of a second is a reading.
//!
//! To add a source, touch these places:
//! 1. `dag_config::Source`: its keys in `config.toml`, with their defaults.
//! 2. A file or folder here: a task that gives what it reads to a `Reporter`, which reports first readings and changes.
//! 3. [`start`]: its arm of the `match`, and a variant of [`SourceError`] for what a user can get wrong.
//! 4. `config.toml` and the README's table of sources, and a test against the real device or its official simulator.

mod error;
mod event;
mod gpio;
mod nut;
mod reporter;
mod simulated;

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
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
pub(crate) use gpio::probe as probe_pins;
pub use nut::Timing;

use event::Clock;
use reporter::Reporter;
use simulated::Simulated;

/// The most events that wait for the daemon. Beyond it the sources wait, and report the latest state afterwards.
const MOST_WAITING: usize = 64;

/// The settings of the sources besides their configuration.
#[derive(Clone, Debug)]
pub struct SourceSettings {
    /// The values that simulated facts start with: the last known ones. A fact that is not here starts `on`, the
    /// battery full.
    pub last: BTreeMap<Name, Value>,
    /// The change of the battery, in percent, that is reported. Full and empty are always reported.
    pub report_step: u8,
    /// The timeouts of the NUT client.
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
    /// Their events, in order.
    pub events: mpsc::Receiver<SourceEvent>,
    /// Their names, as their events have them. Each reports something soon after the start: that it works or is lost.
    pub names: BTreeSet<Name>,
    simulated: Simulated,
    rereads: Vec<Arc<Notify>>,
    /// Aborted when dropped.
    tasks: JoinSet<()>,
}

impl Sources {
    /// Asks every source to read again now. A reading that differs from the last reported one is reported, however
    /// little.
    pub fn reread(&self) {
        for reread in &self.rereads {
            reread.notify_one();
        }
    }

    /// Ends every source, so that its pins and connections are free again. Events that wait can still be received.
    pub async fn stop(&mut self) {
        self.tasks.shutdown().await;
    }

    /// Sets a simulated fact. An equal value is no event.
    ///
    /// # Errors
    /// The fact has no simulated source or cannot have that value, or too many events wait.
    pub fn simulate(&mut self, fact: &str, value: Value) -> Result<(), SimulateError> {
        self.simulated.set(fact, value)
    }
}

/// Starts the sources of facts. Must be called within a Tokio runtime.
///
/// A UPS that gives several facts is one connection. With `battery` a UPS gives `battery_mv` too.
///
/// # Errors
/// A fact cannot come from its source, a UPS's name or poll cannot be used, or a pin is not available. A UPS that
/// does not answer is no error: its facts are unknown until it does.
pub fn start(
    inputs: &BTreeMap<Name, Source>,
    settings: &SourceSettings,
    clock: impl Fn() -> Time + Send + Sync + 'static,
) -> Result<Sources, SourceError> {
    let clock: Clock = Arc::new(clock);
    let (sender, events) = mpsc::channel(MOST_WAITING);
    let mut simulated = Simulated::new(sender.clone(), Arc::clone(&clock));
    let mut pins = BTreeMap::new();
    let mut upses = BTreeMap::new();
    for (fact, source) in inputs {
        let kind = kind(fact);
        if *source != Source::None {
            check_has_source(fact)?;
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
                ups.add(fact, *poll)?;
            }
        }
    }

    let names = simulated.name().into_iter().collect();
    let mut sources = Sources { events, names, simulated, rereads: Vec::new(), tasks: JoinSet::new() };
    for input in pins.into_values() {
        let name = Name::new(format!("gpio:{}", input.pin));
        let reporter = Reporter::new(&name, sender.clone(), settings.report_step);
        let reread = Arc::new(Notify::new());
        let line = gpio::open(input.pin, &clock)?;
        sources.tasks.spawn(gpio::run(input, line, reporter, Arc::clone(&clock), Arc::clone(&reread)));
        sources.names.insert(name);
        sources.rereads.push(reread);
    }
    for ups in upses.into_values() {
        let name = Name::new(ups.source_name());
        let reporter = Reporter::new(&name, sender.clone(), settings.report_step);
        let reread = Arc::new(Notify::new());
        sources.tasks.spawn(nut::run(ups, reporter, Arc::clone(&clock), Arc::clone(&reread)));
        sources.names.insert(name);
        sources.rereads.push(reread);
    }
    sources.simulated.report_first();
    Ok(sources)
}

/// Returns the kind of a fact: one that the user names is a switch.
fn kind(fact: &str) -> FactKind {
    BUILT_IN.iter().find(|(name, _)| *name == fact).map_or(FactKind::Switch, |(_, kind)| *kind)
}

fn check_has_source(fact: &Name) -> Result<(), SourceError> {
    match fact.as_str() {
        "connection" => Err(SourceError::OnlyCloud),
        "battery_mv" => Err(SourceError::WithBattery),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
