//! A folder with the shipped configuration and short waiting times, and daemons that run in it.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

/// The longest wait for anything here. It is reached only when something is wrong, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A folder with the configuration of a device.
pub struct Home {
    dir: tempfile::TempDir,
}

impl Home {
    /// Copies the shipped files with changes. An outage opens and closes at once. There are no quiet hours, since tests
    /// run at any hour, and no scenarios, since those expect the shipped rules.
    pub fn new() -> Home {
        let dir = tempfile::tempdir().unwrap();
        let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        fs::copy(top.join("config.toml"), dir.path().join("config.toml")).unwrap();
        fs::create_dir(dir.path().join("rules")).unwrap();
        for file in ["power.toml", "people.toml"] {
            let text = fs::read_to_string(top.join("rules").join(file)).unwrap();
            let text = text.replace("open_after = \"30s\"", "open_after = \"0s\"");
            let text = text.replace("close_after = \"10s\"", "close_after = \"0s\"");
            let text = text.replace("quiet = {", "# quiet = {");
            fs::write(dir.path().join("rules").join(file), text).unwrap();
        }
        Home { dir }
    }

    /// Copies the shipped configuration and rules as they are.
    pub fn shipped() -> Home {
        let dir = tempfile::tempdir().unwrap();
        let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        fs::copy(top.join("config.toml"), dir.path().join("config.toml")).unwrap();
        copy(&top.join("rules"), &dir.path().join("rules"));
        Home { dir }
    }

    /// Starts a daemon in a new home. Switches the mains off, and waits for the mail about the outage.
    pub fn with_outage() -> (Home, Daemon) {
        let home = Home::new();
        let daemon = home.run();
        home.json(&["unplug"]);
        home.wait_for_mails(1);
        (home, daemon)
    }

    pub fn path(&self, file: &str) -> PathBuf {
        self.dir.path().join(file)
    }

    pub fn edit(&self, file: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(file)).unwrap();
        assert!(text.contains(from), "`{from}` is not in {file}");
        fs::write(self.path(file), text.replace(from, to)).unwrap();
    }

    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dag"));
        command.args(words).arg("--config").arg(self.path("config.toml"));
        command
    }

    /// Runs a command to its end.
    pub fn dag(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    /// Runs a command that has to succeed, and returns its JSON.
    pub fn json(&self, words: &[&str]) -> Value {
        let output = self.dag(&[words, &["--format", "json"]].concat());
        assert!(output.status.success(), "{words:?}: {}", text(&output.stdout));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    pub fn run(&self) -> Daemon {
        Daemon::start(self.command(&["run"]))
    }

    /// Starts the daemon of one of the devices.
    pub fn run_as(&self, device: &str) -> Daemon {
        Daemon::start(self.command(&["run", "--device", device]))
    }

    /// Lets the daemon send by a mail server on this machine. `more` has further keys of the section.
    pub fn send_by_smtp(&self, port: u16, more: &str) {
        self.edit("config.toml", "transport = \"outbox\"", "transport = \"smtp\"");
        let section = format!("[email.smtp]\nserver = \"localhost\"\nport = {port}\n{more}\n# The limits of webhooks");
        self.edit("config.toml", "# The limits of webhooks", &section);
    }

    /// Returns the subjects of the mails so far, oldest first.
    pub fn mails(&self) -> Vec<String> {
        mails(&self.path("var/outbox"))
    }

    /// Waits until there are at least `count` mails.
    pub fn wait_for_mails(&self, count: usize) -> Vec<String> {
        wait_until(|| Some(self.mails()).filter(|mails| mails.len() >= count))
    }

    /// Waits until a mail says that the power is out.
    pub fn wait_for_outage(&self) {
        self.wait_for_mail("Power is out");
    }

    /// Waits for a mail whose subject contains `part`.
    pub fn wait_for_mail(&self, part: &str) {
        wait_until(|| self.mails().iter().any(|subject| subject.contains(part)).then_some(()));
    }
}

/// Copies a folder with all that is in it.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

pub fn mails(outbox: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(outbox) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "eml"));
    files.sort();
    let subject = |file: &PathBuf| {
        let mail = fs::read_to_string(file).unwrap();
        mail.lines().find_map(|line| line.strip_prefix("Subject: ").map(str::to_owned)).unwrap()
    };
    files.iter().map(subject).collect()
}

pub fn wait_until<T>(mut ready: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = ready() {
            return value;
        }
        assert!(Instant::now() < end, "waited in vain");
        thread::sleep(Duration::from_millis(10));
    }
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A running daemon, killed when it is dropped.
pub struct Daemon {
    pub child: Child,
    log: Receiver<String>,
}

impl Daemon {
    pub fn start(mut command: Command) -> Daemon {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, log) = channel();
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let daemon = Daemon { child, log };
        daemon.wait_for("\"ready\"");
        daemon
    }

    /// Waits for a line of the log.
    pub fn wait_for(&self, part: &str) -> String {
        let mut before = Vec::new();
        loop {
            match self.log.recv_timeout(PATIENCE) {
                Ok(line) if line.contains(part) => return line,
                Ok(line) => before.push(line),
                Err(_) => panic!("`{part}` is not in the log:\n{}", before.join("\n")),
            }
        }
    }

    pub fn signal(&self, name: &str) {
        let killed = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(killed.unwrap().success());
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
