//! The daemon's clock: it runs by the monotonic clock, and follows the system's clock when that is set.
//!
//! Between two [looks](Clock::look) at the system's clock, time never jumps. A look that finds the system's clock set
//! returns a [`ClockShift`], by which the owner moves the times that it recorded.
//!
//! The system's clock may be wrong. A Raspberry Pi has none that runs without power: it boots with the time of its last
//! shutdown, or with 1970, until a time server answers.

mod machine;
mod reckoning;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dag_engine::{ClockShift, Time};

pub use machine::{Machine, System, Timesync};
pub use reckoning::ClockUncertainty;

use reckoning::Reckoning;

/// The clock. Copies are the same clock.
#[derive(Clone, Debug)]
pub struct Clock {
    machine: Arc<dyn Machine>,
    reckoning: Arc<Mutex<Reckoning>>,
}

impl Clock {
    /// Starts at the system's time, or just after `last`, the latest time ever recorded, if that is later.
    pub fn start(machine: Arc<dyn Machine>, last: Option<Time>) -> Clock {
        let reckoning = Reckoning::start(machine.sample(), last);
        Clock { machine, reckoning: Arc::new(Mutex::new(reckoning)) }
    }

    /// Returns the time now.
    pub fn now(&self) -> Time {
        let running = self.machine.running();
        self.reckoning().at(running)
    }

    /// Returns when this clock started. Setting the clock moves it.
    pub fn began(&self) -> Time {
        self.reckoning().began()
    }

    /// Looks at the system's clock, and follows it if it was set. Returns by how much recorded times move.
    pub fn look(&self) -> Option<ClockShift> {
        let sample = self.machine.sample();
        self.reckoning().look(sample)
    }

    /// Returns why the time is uncertain, as of the last look; `None` if it is certain.
    pub fn uncertainty(&self) -> Option<ClockUncertainty> {
        self.reckoning().uncertainty()
    }

    fn reckoning(&self) -> MutexGuard<'_, Reckoning> {
        self.reckoning.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
