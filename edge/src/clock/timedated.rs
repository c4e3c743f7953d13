//! The kernel's record of whether its clock is synchronized, as systemd-timedated reads it.
//!
//! # Design
//! chrony, ntpd and ntpd-rs tell the kernel how far off its clock may be. The kernel lets this error grow, and counts
//! the clock as not synchronized from 16 seconds on, or when somebody else sets it (adjtimex(2)). timedated reads the
//! error and not the flag `STA_UNSYNC`, which chrony leaves set unless it has `rtcsync`.
//!
//! *No adjtimex here.* The call needs unsafe code or a crate for this alone. Also, the sandbox of our unit denies it:
//! `ProtectClock=yes` takes reading for setting.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant, SystemTime},
};

use dag_engine::Time;

/// The shortest time between two questions. A time server answers minutes after a start.
const PAUSE: Duration = Duration::from_secs(30);

/// The question for the property `NTPSynchronized` (org.freedesktop.timedate1(5)).
const QUESTION: [&str; 7] = [
    "--system",
    "--timeout=20s",
    "get-property",
    "org.freedesktop.timedate1",
    "/org/freedesktop/timedate1",
    "org.freedesktop.timedate1",
    "NTPSynchronized",
];

/// Asks systemd-timedated, one question at a time.
#[derive(Debug)]
pub(super) struct Timedated {
    /// The program `busctl` of systemd.
    busctl: PathBuf,
    questions: Arc<Mutex<Questions>>,
}

#[derive(Debug, Default)]
struct Questions {
    is_asking: bool,
    /// When the last question was put.
    last: Option<Instant>,
    /// When the last answer came that the clock is synchronized, by that clock.
    answered_at: Option<Time>,
}

impl Timedated {
    pub fn new() -> Timedated {
        Timedated::with_program("busctl".into())
    }

    fn with_program(busctl: PathBuf) -> Timedated {
        Timedated { busctl, questions: Arc::default() }
    }

    /// Returns when the clock was last found synchronized, by that clock. `None` where it never was.
    pub fn answered_at(&self) -> Option<Time> {
        lock(&self.questions).answered_at
    }

    /// Asks in a thread of its own, unless a question is under way or was put within the pause.
    pub fn ask(&self) {
        let mut questions = lock(&self.questions);
        if questions.is_asking || questions.last.is_some_and(|last| last.elapsed() < PAUSE) {
            return;
        }
        (questions.is_asking, questions.last) = (true, Some(Instant::now()));
        drop(questions);
        let (shared, busctl) = (Arc::clone(&self.questions), self.busctl.clone());
        let asked = thread::Builder::new().name("timedated".to_owned()).spawn(move || {
            let answer = ask(Command::new(busctl));
            let mut questions = lock(&shared);
            questions.is_asking = false;
            if answer == Some(true) {
                questions.answered_at = Some(Time::from(SystemTime::now()));
            }
        });
        if let Err(error) = asked {
            tracing::debug!(%error, "systemd-timedated cannot be asked");
            lock(&self.questions).is_asking = false;
        }
    }
}

fn lock(questions: &Mutex<Questions>) -> MutexGuard<'_, Questions> {
    questions.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns whether the kernel counts the clock as synchronized. `None` where nobody can tell.
fn ask(mut busctl: Command) -> Option<bool> {
    let output = busctl.args(QUESTION).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    match output.stdout.trim_ascii() {
        b"b true" => Some(true),
        b"b false" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead, BufReader},
        process::Child,
    };

    use super::*;

    /// A process that ends with the test.
    struct Peer(Child);

    impl Drop for Peer {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    /// A bus on which anybody may own any name, as a file for dbus-daemon(1).
    const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
        "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
        <busconfig><type>session</type><listen>unix:path=SOCKET</listen><auth>EXTERNAL</auth>
        <policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*"/>
        <allow receive_sender="*"/></policy></busconfig>"#;

    #[test]
    fn the_real_timedated_tells_what_the_kernel_has() {
        let dir = tempfile::tempdir().unwrap();
        let (socket, file) = (dir.path().join("bus"), dir.path().join("bus.conf"));
        std::fs::write(&file, BUS.replace("SOCKET", socket.to_str().unwrap())).unwrap();
        let mut bus = Command::new("dbus-daemon");
        bus.arg(format!("--config-file={}", file.display())).args(["--nofork", "--print-address"]);
        let mut bus = Peer(bus.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
        let mut address = String::new();
        BufReader::new(bus.0.stdout.take().unwrap()).read_line(&mut address).unwrap();
        let on_bus = |program: &str| {
            let mut command = Command::new(program);
            command.env("DBUS_SYSTEM_BUS_ADDRESS", address.trim()).stderr(Stdio::null());
            command
        };
        assert_eq!(ask(on_bus("busctl")), None, "nobody is there to ask");

        let _timedated = Peer(on_bus("/usr/lib/systemd/systemd-timedated").spawn().unwrap());
        // It owns its name as soon as it runs.
        let answer = (0..1_000).find_map(|_| ask(on_bus("busctl")));
        let mut adjtimex = Command::new("python3");
        adjtimex.args(["-c", "import ctypes; t = (ctypes.c_long * 64)(); ctypes.CDLL(None).adjtimex(t); print(t[3])"]);
        let max_error: u64 = String::from_utf8(adjtimex.output().unwrap().stdout).unwrap().trim().parse().unwrap();
        assert_eq!(answer, Some(max_error < 16_000_000), "{max_error} us");
    }

    #[test]
    fn only_a_yes_is_an_answer() {
        for (line, answer) in [("b true", Some(true)), ("b false", Some(false)), ("", None), ("b truest", None)] {
            let mut echo = Command::new("sh");
            echo.args(["-c", &format!("echo '{line}'")]);
            assert_eq!(ask(echo), answer, "{line}");
        }
        assert_eq!(ask(Command::new("/no/such/program")), None);
    }

    #[test]
    fn one_question_is_put_at_a_time() {
        let timedated = Timedated::with_program("/no/such/program".into());
        timedated.ask();
        let first = lock(&timedated.questions).last;
        timedated.ask();
        let second = lock(&timedated.questions).last;
        assert!(first.is_some() && second == first, "within the pause");
        assert_eq!(timedated.answered_at(), None);
    }
}
