//! moto on loopback, which stands in for AWS. The tests of `infra/cloud` and of `infra/deploy` include this file by
//! `#[path]`.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
};

use aws_config::SdkConfig;
use aws_sdk_sqs::config::{Credentials, SharedCredentialsProvider};
use serde_json::Value;

/// A moto server. It ends when this is dropped.
pub struct Moto {
    child: Child,
    port: u16,
}

impl Moto {
    /// Starts `peers/moto_server.py` in the Python environment of the tests, and waits until it listens.
    pub fn start() -> Moto {
        let venv = std::env::var_os("DAG_TEST_VENV")
            .expect("DAG_TEST_VENV names no Python environment with moto: run `bash .ci/run`");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/peers/moto_server.py");
        let mut command = Command::new(Path::new(&venv).join("bin/python"));
        let command = command.arg("-B").arg(script);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let first: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("moto printed {line:?}"));
        Moto { child, port: first["port"].as_u64().unwrap().try_into().unwrap() }
    }

    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The configuration from which a test makes its own clients.
    pub async fn sdk(&self) -> SdkConfig {
        let credentials = SharedCredentialsProvider::new(Credentials::new("test", "test", None, None, "test"));
        let sdk = dag_cloud::aws::sdk(Some("eu-west-1")).await.into_builder();
        sdk.endpoint_url(self.endpoint()).credentials_provider(credentials).build()
    }

    /// Returns the requests since the last call, in their order.
    pub fn requests(&self) -> Vec<Value> {
        self.get("/dag/requests").as_array().unwrap().clone()
    }

    /// Sets the status of a stack to one that it would reach only by a failure.
    pub fn set_status(&self, stack: &str, status: &str) {
        self.get(&format!("/dag/status/{stack}/{status}"));
    }

    /// Fails the request of this number from now on, counted from 0. With `before` it has no effect, and with `after` only
    /// its answer is lost.
    pub fn fail(&self, number: usize, when: &str) {
        self.get(&format!("/dag/fail/{number}/{when}"));
    }

    /// Removes a fault that did not occur yet. Returns whether there was one.
    pub fn clear_fault(&self) -> bool {
        self.get("/dag/clear-fault") == true
    }

    /// Returns how a call is to fail: `before` and `after` its effect in turn, and both in the long proofs.
    pub fn fault_modes(call: usize) -> Vec<&'static str> {
        let both = ["before", "after"];
        match std::env::var_os("DAG_PROOFS") {
            Some(_) => both.to_vec(),
            None => both.into_iter().skip(call % 2).take(1).collect(),
        }
    }

    /// Fails the next change of a stack at this resource, so that CloudFormation rolls it back.
    pub fn break_at(&self, resource: &str) {
        self.get(&format!("/dag/break/{resource}"));
    }

    /// Returns the document of a path.
    pub fn get(&self, path: &str) -> Value {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap()
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
