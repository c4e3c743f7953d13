//! The wall clock of the device.

use dag_delivery::TimeFormatter;
use dag_engine::Time;

/// The wall clock of a device on the day of the status.
pub(super) struct WallClock(TimeFormatter);

impl WallClock {
    /// Returns the clock of the zone `name`, at `now`; of UTC if the device has no zone.
    pub fn new(name: Option<&str>, now: Time) -> WallClock {
        WallClock(TimeFormatter::new(name.unwrap_or("UTC"), now))
    }

    /// Returns a time to the second, with its day where that is not today.
    pub fn time(&self, at: Time) -> String {
        self.0.time_with_seconds(at)
    }
}
