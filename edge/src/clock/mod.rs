//! The daemon's clock: it goes on by the monotonic clock, and follows the system's when that is set.
//!
//! Within one boot of the daemon time never jumps by itself: whoever owns the clock [looks](Clock::look) at the
//! system's from time to time, and is told when it was set, so that what was recorded by the old clock can be moved
//! along.
//!
//! Whether the system's clock can be believed is another matter. A Raspberry Pi has none that runs on without power: it
//! boots with the time of its last shutdown, or with 1970, until a time server tells it.

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
    /// Starts at the system's time, or just after `last`, the latest time ever noted, where that is later.
    pub fn start(machine: Arc<dyn Machine>, last: Option<Time>) -> Clock {
        let reckoning = Reckoning::start(machine.sample(), last);
        Clock { machine, reckoning: Arc::new(Mutex::new(reckoning)) }
    }

    /// The time now.
    pub fn now(&self) -> Time {
        let running = self.machine.running();
        self.reckoning().at(running)
    }

    /// When this clock started; moves when the clock is set.
    pub fn began(&self) -> Time {
        self.reckoning().began()
    }

    /// Looks at the system's clock, and follows it if it was set.
    pub fn look(&self) -> Option<ClockShift> {
        let sample = self.machine.sample();
        self.reckoning().look(sample)
    }

    /// Why the time is uncertain, as of the last look; none if it is not.
    pub fn uncertainty(&self) -> Option<ClockUncertainty> {
        self.reckoning().uncertainty()
    }

    fn reckoning(&self) -> MutexGuard<'_, Reckoning> {
        self.reckoning.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
