//! What the machine says about the time.

use std::{
    fmt::Debug,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use dag_engine::Time;

/// The machine's clocks. Tests have one of their own.
pub trait Machine: Debug + Send + Sync {
    /// The system's time, right or wrong.
    fn system(&self) -> Time;

    /// For how long the machine has been running, by a clock that nobody can set and that does not stop while it
    /// sleeps.
    fn running(&self) -> Duration;

    /// Whether a time server has set the system's clock.
    fn timesync(&self) -> Timesync;

    /// All of that, at one moment.
    fn sample(&self) -> ClockSample {
        ClockSample { system: self.system(), running: self.running(), timesync: self.timesync() }
    }
}

/// Whether a time server has set the system's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timesync {
    /// Nobody says so: another program keeps the time, or none.
    Unknown,
    /// No time server was reached since the machine was started.
    Waits,
    /// One was.
    Done,
}

/// What the machine says at one moment.
#[derive(Clone, Copy, Debug)]
pub struct ClockSample {
    /// The system's time.
    pub system: Time,
    /// For how long the machine has been running.
    pub running: Duration,
    /// Whether a time server has set it.
    pub timesync: Timesync,
}

/// This machine.
#[derive(Debug)]
pub struct System {
    timesync: PathBuf,
    #[cfg(not(target_os = "linux"))]
    started: std::time::Instant,
}

impl System {
    /// Its clocks, and what systemd-timesyncd says of them.
    pub fn new() -> System {
        System::with_timesync(Path::new("/run/systemd/timesync"))
    }

    /// The same with another folder of systemd-timesyncd. The folder is there while that program is in use; the file
    /// `synchronized` in it from the first answer of a time server (systemd-timesyncd.service(8)).
    pub fn with_timesync(folder: &Path) -> System {
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

    /// A machine that slept was not set: `Instant` would not count that time.
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
    fn what_systemd_says_of_the_clock_is_read_from_its_folder() {
        let dir = tempfile::tempdir().unwrap();
        let system = System::with_timesync(&dir.path().join("timesync"));
        assert_eq!(system.timesync(), Timesync::Unknown);
        std::fs::create_dir(dir.path().join("timesync")).unwrap();
        assert_eq!(system.timesync(), Timesync::Waits);
        std::fs::write(dir.path().join("timesync/synchronized"), "").unwrap();
        assert_eq!(system.timesync(), Timesync::Done);
    }
}
