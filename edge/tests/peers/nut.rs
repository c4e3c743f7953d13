//! Drives `peers/nut.py`: a real `upsd` with `dummy-ups` behind it.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// A running server. Dropping it ends the server and its driver.
pub struct Nut {
    /// The server's address, as `host:port`.
    pub address: String,
    child: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Nut {
    /// Starts a server with a UPS called `ups`. It is on mains, and its battery is full at 13.4 V.
    pub fn start() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/nut.py");
        let mut python = Command::new("python3");
        let mut child = python.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (commands, answers) = (child.stdin.take(), child.stdout.take().unwrap());
        let mut nut = Nut { address: String::new(), child, commands, answers: BufReader::new(answers) };
        nut.address = nut.answer("address");
        nut
    }

    /// Sends a command (see `nut.py`) and waits until the server shows the change.
    pub fn tell(&mut self, command: &str) {
        writeln!(self.commands.as_mut().unwrap(), "{command}").unwrap();
        assert_eq!(self.answer("done"), command);
    }

    fn answer(&mut self, key: &str) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "the NUT server did not start: see above, and run `bash .ci/run`");
        let answer: serde_json::Value = serde_json::from_str(&line).unwrap();
        answer[key].as_str().unwrap_or_else(|| panic!("{line}")).to_owned()
    }
}

impl Drop for Nut {
    fn drop(&mut self) {
        self.commands.take();
        let _ = self.child.wait();
    }
}
