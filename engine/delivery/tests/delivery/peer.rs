//! Real servers: small Python programs that a test starts and ends.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

use serde_json::Value;

/// A running server.
pub struct Peer {
    child: Child,
    output: BufReader<ChildStdout>,
    /// Its port on loopback.
    pub port: u16,
}

impl Peer {
    /// Starts `tests/peers/NAME` in the Python environment of the tests and waits until it listens.
    pub fn start(name: &str, arguments: &[&str]) -> Peer {
        let venv = std::env::var_os("DAG_TEST_VENV")
            .expect("DAG_TEST_VENV names no Python environment with aiosmtpd and standardwebhooks: run `bash .ci/run`");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(name);
        let mut command = Command::new(Path::new(&venv).join("bin/python"));
        let mut child = command.arg(script).args(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut peer = Peer { child, output, port: 0 };
        peer.port = peer.next()["port"].as_u64().unwrap().try_into().unwrap();
        peer
    }

    /// Waits for the next line that it prints, and returns it: a mail or a request that it received.
    pub fn next(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("the peer said {line:?}"))
    }

    /// Ends it, and returns the other lines that it printed.
    pub fn end(mut self) -> Vec<Value> {
        self.child.kill().unwrap();
        let lines = (&mut self.output).lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap());
        lines.collect()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
