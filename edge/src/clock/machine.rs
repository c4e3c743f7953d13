//! The machine's clocks.

use std::{
    fmt::Debug,
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use dag_engine::{Id, Time};

use super::timedated::Timedated;

/// The kernel's random id of a boot of the machine (random(4)).
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// The machine's clocks. Tests have one of their own.
pub trait Machine: Debug + Send + Sync {
    /// Returns the system's time, right or wrong.
    fn system(&self) -> Time;

    /// Returns how long the machine has been running, by a clock that nobody can set and that does not stop while it
    /// sleeps.
    fn running(&self) -> Duration;

    /// Returns whether a time server has set the system's clock.
    fn timesync(&self) -> Timesync;

    /// Asks beside the loop whether a time server has set the clock, where that takes a while. A later call of
    /// [`Machine::timesync`] returns the answer.
    fn ask_timesync(&self) {}

    /// Returns the id of this boot of the machine. Times for which it has been [running](Machine::running) can be
    /// compared where it is the same. `None` where the machine gives none.
    fn boot_id(&self) -> Option<Id> {
        None
    }

    /// Reads the clocks at one moment.
    ///
    /// The system's time is read last. So it is the one that the time server has set, if the server has answered just
    /// now.
    fn sample(&self) -> ClockSample {
        let timesync = self.timesync();
        ClockSample { timesync, system: self.system(), running: self.running() }
    }
}

/// The state of the system clock's synchronization with a time server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timesync {
    /// Nothing is known.
    Unknown,
    /// No time server has answered systemd-timesyncd since it was started.
    Waits,
    /// A time server has answered since the machine was started. The last answer known was at this time, by the clock
    /// as the server had set it.
    Answered(Time),
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
///
/// # Time servers
/// systemd-timesyncd touches a file at each answer of a server. Of any other program (chrony, ntpd, ntpd-rs) the
/// kernel's own record tells, for which systemd-timedated is asked. It is asked only while the system's clock is behind
/// the last time noted. Until then [`Timesync::Unknown`] is returned for these.
///
/// Not seen is a time server where neither runs: in a container without the bus of its host, or on a system without
/// systemd. Nor is a program that sets the clock and leaves the kernel's record alone, such as `ntpdate` or `htpdate`.
#[derive(Debug)]
pub struct System {
    timesync: PathBuf,
    timedated: Timedated,
    #[cfg(not(target_os = "linux"))]
    started: std::time::Instant,
}

impl System {
    /// Uses the folder of systemd-timesyncd in `/run`.
    pub fn new() -> System {
        System::with_timesync(Path::new("/run/systemd/timesync"), Timedated::new())
    }

    /// Uses another folder of systemd-timesyncd. The folder exists while that program is in use. The file
    /// `synchronized` in it is touched at each answer of a time server (systemd-timesyncd.service(8)).
    fn with_timesync(folder: &Path, timedated: Timedated) -> System {
        System {
            timesync: folder.to_owned(),
            timedated,
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
        let touched = fs::metadata(self.timesync.join("synchronized")).and_then(|file| file.modified());
        match touched.ok().map(Time::from).or_else(|| self.timedated.answered_at()) {
            Some(at) => Timesync::Answered(at),
            None if self.timesync.exists() => Timesync::Waits,
            None => Timesync::Unknown,
        }
    }

    fn ask_timesync(&self) {
        self.timedated.ask();
    }

    #[cfg(target_os = "linux")]
    fn boot_id(&self) -> Option<Id> {
        Id::parse(&fs::read_to_string(BOOT_ID).ok()?.trim().replace('-', ""))
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn the_folder_of_systemd_shows_whether_the_clock_is_synchronized_and_when_it_was_last() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("timesync");
        let system = System::with_timesync(&folder, Timedated::new());
        assert_eq!(system.timesync(), Timesync::Unknown);
        fs::create_dir(&folder).unwrap();
        assert_eq!(system.timesync(), Timesync::Waits);
        let file = File::create(folder.join("synchronized")).unwrap();
        for at in ["2066-05-01T10:00:00Z", "2026-05-01T10:00:00Z"] {
            let at: Time = at.parse().unwrap();
            let millis = Duration::from_millis(at.as_millis().unsigned_abs());
            file.set_modified(SystemTime::UNIX_EPOCH + millis).unwrap();
            assert_eq!(system.timesync(), Timesync::Answered(at));
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_boot_of_the_machine_has_an_id_that_stays() {
        let id = System::new().boot_id();
        assert!(id.is_some());
        assert_eq!(System::new().boot_id(), id);
    }
}
