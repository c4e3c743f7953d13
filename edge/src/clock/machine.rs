//! The machine's clocks.

use std::{
    fmt::Debug,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use dag_engine::Time;

/// The machine's clocks. Tests have one of their own.
pub trait Machine: Debug + Send + Sync {
    /// Returns the system's time, right or wrong.
    fn system(&self) -> Time;

    /// Returns how long the machine has been running, by a clock that nobody can set and that does not stop while it
    /// sleeps.
    fn running(&self) -> Duration;

    /// Returns whether a time server has set the system's clock.
    fn timesync(&self) -> Timesync;

    /// Reads all three at one moment.
    fn sample(&self) -> ClockSample {
        ClockSample { system: self.system(), running: self.running(), timesync: self.timesync() }
    }
}

/// The state of the system clock's synchronization with a time server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timesync {
    /// Nothing is known: systemd-timesyncd is not in use.
    Unknown,
    /// No time server has answered since the machine was started.
    Waits,
    /// A time server has answered.
    Done,
}

/// The machine's clocks at one moment.
#[derive(Clone, Copy, Debug)]
pub struct ClockSample {
    /// The system's time.
    pub system: Time,
    /// The time for which the machine has been running.
    pub running: Duration,
    /// The state of its synchronization.
    pub timesync: Timesync,
}

/// The clocks of this machine.
#[derive(Debug)]
pub struct System {
    timesync: PathBuf,
    #[cfg(not(target_os = "linux"))]
    started: std::time::Instant,
}

impl System {
    /// Uses the folder of systemd-timesyncd in `/run`.
    pub fn new() -> System {
        System::with_timesync(Path::new("/run/systemd/timesync"))
    }

    /// Uses another folder of systemd-timesyncd. The folder exists while that program is in use, and the file
    /// `synchronized` in it from the first answer of a time server on (systemd-timesyncd.service(8)).
    fn with_timesync(folder: &Path) -> System {
        System {
            timesync: folder.to_owned(),
            #[cfg(not(target_os = "linux"))]
            started: std::time::Instant::now(),
        }
    }
}

impl Default for System {
    fn default() -> Self {
        System::new()
    }
}

impl Machine for System {
    fn system(&self) -> Time {
        Time::from(SystemTime::now())
    }

    /// `Instant` would not count the time that the machine slept, and that time would look like a clock that was set.
    #[cfg(target_os = "linux")]
    fn running(&self) -> Duration {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
    }

    #[cfg(not(target_os = "linux"))]
    fn running(&self) -> Duration {
        self.started.elapsed()
    }

    fn timesync(&self) -> Timesync {
        if self.timesync.join("synchronized").exists() {
            Timesync::Done
        } else if self.timesync.exists() {
            Timesync::Waits
        } else {
            Timesync::Unknown
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_of_systemd_shows_whether_the_clock_is_synchronized() {
        let dir = tempfile::tempdir().unwrap();
        let system = System::with_timesync(&dir.path().join("timesync"));
        assert_eq!(system.timesync(), Timesync::Unknown);
        std::fs::create_dir(dir.path().join("timesync")).unwrap();
        assert_eq!(system.timesync(), Timesync::Waits);
        std::fs::write(dir.path().join("timesync/synchronized"), "").unwrap();
        assert_eq!(system.timesync(), Timesync::Done);
    }
}
