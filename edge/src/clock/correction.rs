//! The times that move because the system's clock was set.

use dag_engine::{ClockShift, Time};

use super::known_boot::{EarlierShift, KnownBoot};

/// The shifts of recorded times because the system's clock was set, and the boots as they are from then on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClockCorrection {
    /// The shifts of the boots before this one whose clocks were ahead, oldest first. They come before `own`.
    pub earlier: Vec<EarlierShift>,
    /// The shift of this boot, whose times are certain from now on.
    pub own: ClockShift,
    /// The boots to be stored instead of those that are.
    pub boots: Vec<KnownBoot>,
}

impl ClockCorrection {
    /// Returns the shifts, in the order in which they are applied.
    pub fn shifts(&self) -> impl Iterator<Item = ClockShift> {
        self.earlier.iter().map(|earlier| earlier.shift).chain([self.own])
    }

    /// Returns a recorded time as the right clock would have given it.
    pub fn apply(&self, at: Time) -> Time {
        self.shifts().fold(at, |at, shift| shift.apply(at))
    }
}
