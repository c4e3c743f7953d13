//! The daemon's clock: it runs by the monotonic clock, and follows the system's clock when that is set.
//!
//! Between two [looks](Clock::look) at the system's clock, time never jumps. A look that finds the system's clock set
//! returns a [`ClockCorrection`], by which the owner moves the times that it recorded.
//!
//! The system's clock may be wrong. A Raspberry Pi has none that runs without power: it boots with the time of its last
//! shutdown, or with 1970, until a time server answers. It may as well be ahead: a battery-backed clock that was never
//! set right, a typing error, a bad answer. So there are three rules:
//!
//! - The last time noted is not gone behind, as long as nobody knows better: time goes on from there, and is uncertain.
//! - A time server knows better. The clock goes back to the time that it has set, however far.
//! - An earlier boot whose last time lies after the true start of this one was ahead. Its times move back, too. They
//!   stay uncertain, since nobody compared that clock with a right one: see [`KnownBoot`].

mod correction;
mod known_boot;
mod machine;
mod reckoning;
mod timedated;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dag_engine::Time;

pub use correction::ClockCorrection;
pub use known_boot::{EarlierShift, KnownBoot};
pub use machine::{Machine, System, Timesync};
pub use reckoning::ClockUncertainty;

use reckoning::{DaemonStart, Reckoning};

/// The clock. Copies are the same clock.
#[derive(Clone, Debug)]
pub struct Clock {
    machine: Arc<dyn Machine>,
    reckoning: Arc<Mutex<Reckoning>>,
}

impl Clock {
    /// Starts at the system's time, or just after `last`, the latest time ever recorded, if that is later. In a boot of
    /// the machine in which the daemon ran before, its clock goes on.
    ///
    /// `number` is the number of this start, and `boots` are those that the store knows.
    pub fn start(machine: Arc<dyn Machine>, number: u64, boots: Vec<KnownBoot>, last: Option<Time>) -> Clock {
        let start = DaemonStart { number, boot_id: machine.boot_id(), boots, last };
        let reckoning = Reckoning::start(machine.sample(), start);
        Clock { machine, reckoning: Arc::new(Mutex::new(reckoning)) }
    }

    /// Returns the time now.
    pub fn now(&self) -> Time {
        let running = self.machine.running();
        self.reckoning().at(running)
    }

    /// Returns when the daemon was started. Setting the clock moves it.
    pub fn started(&self) -> Time {
        self.reckoning().started()
    }

    /// Returns the boots to be stored, this one last.
    pub fn boots(&self) -> Vec<KnownBoot> {
        let running = self.machine.running();
        self.reckoning().boots(running)
    }

    /// Looks at the system's clock, and follows it if it was set. Returns by how much recorded times move.
    pub fn look(&self) -> Option<ClockCorrection> {
        let sample = self.machine.sample();
        let set = self.reckoning().look(sample);
        if self.uncertainty() == Some(ClockUncertainty::Behind) {
            self.machine.ask_timesync();
        }
        set
    }

    /// Returns why the time is uncertain, as of the last look; `None` if it is certain.
    pub fn uncertainty(&self) -> Option<ClockUncertainty> {
        self.reckoning().uncertainty()
    }

    fn reckoning(&self) -> MutexGuard<'_, Reckoning> {
        self.reckoning.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
