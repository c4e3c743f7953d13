//! A real MQTT broker, `mosquitto`, on loopback.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// The longest wait for anything here. It is reached only when something is wrong, even on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A running broker, killed when it is dropped.
pub struct Mosquitto {
    pub port: u16,
    child: Child,
    dir: tempfile::TempDir,
}

impl Mosquitto {
    /// Starts a broker without TLS, which accepts every client.
    pub fn start() -> Mosquitto {
        Mosquitto::start_with(tempfile::tempdir().unwrap(), "allow_anonymous true")
    }

    /// Starts a broker with these lines in its configuration. They may name files in `dir`.
    pub fn start_with(dir: tempfile::TempDir, lines: &str) -> Mosquitto {
        // Another process may take the port before the broker does.
        let started = (0..5).find_map(|_| {
            let port = free_port();
            Some((port, spawn(dir.path(), port, lines)?))
        });
        let (port, child) = started.expect("mosquitto does not start");
        Mosquitto { port, child, dir }
    }

    /// Ends the broker and starts it again at the same port. It keeps no message.
    pub fn restart(&mut self, lines: &str) {
        self.stop();
        self.child = spawn(self.dir.path(), self.port, lines).expect("mosquitto does not start again");
    }

    /// Returns the folder of the broker's files.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Starts a broker and waits until it accepts connections. Returns `None` if it ends instead.
fn spawn(dir: &Path, port: u16, lines: &str) -> Option<Child> {
    let config = dir.join("mosquitto.conf");
    // A broker that root starts switches to another user by default, who may not read this folder.
    let text = format!("user root\npersistence false\nlistener {port} 127.0.0.1\n{lines}\n");
    fs::write(&config, &text).unwrap();
    let listens = text.lines().filter_map(|line| line.strip_prefix("listener ")?.split(' ').next()?.parse().ok());
    let ports: Vec<u16> = listens.collect();
    // Debian installs it to a folder that is not in every user's `PATH`.
    let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new("mosquitto");
    let command = command.env("PATH", path).arg("-c").arg(config).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("mosquitto is missing: run `bash .ci/run`");
    let end = Instant::now() + PATIENCE;
    loop {
        let answers = ports.iter().all(|port| TcpStream::connect((Ipv4Addr::LOCALHOST, *port)).is_ok());
        if child.try_wait().unwrap().is_some() {
            return None;
        }
        if answers {
            return Some(child);
        }
        assert!(Instant::now() < end, "mosquitto did not start");
        thread::sleep(Duration::from_millis(10));
    }
}

pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}
