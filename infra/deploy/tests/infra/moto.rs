//! AWS on loopback, and a folder with a deployment, in which `dag-infra` runs.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use aws_config::SdkConfig;
use serde_json::Value;
use tempfile::TempDir;

pub struct Moto {
    child: Child,
    port: u16,
}

impl Moto {
    pub fn start() -> Moto {
        let venv = std::env::var_os("DAG_TEST_VENV")
            .expect("DAG_TEST_VENV names no Python environment with moto: run `bash .ci/run`");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/aws.py");
        let mut command = Command::new(Path::new(&venv).join("bin/python"));
        let mut child = command.arg(script).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("moto said {line:?}"));
        Moto { child, port: said["port"].as_u64().unwrap().try_into().unwrap() }
    }

    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What a test makes its own clients from.
    pub async fn sdk(&self) -> SdkConfig {
        let credentials = aws_sdk_s3::config::Credentials::new("test", "test", None, None, "test");
        let credentials = aws_sdk_s3::config::SharedCredentialsProvider::new(credentials);
        let sdk = dag_cloud::aws::sdk(Some("eu-west-1")).await.into_builder();
        sdk.endpoint_url(self.endpoint()).credentials_provider(credentials).build()
    }

    /// What was asked since the last time.
    pub fn requests(&self) -> Vec<Value> {
        self.get("/dag/requests").as_array().unwrap().clone()
    }

    /// Puts a stack into a status that it would reach only by a failure.
    pub fn put_into(&self, stack: &str, status: &str) {
        self.get(&format!("/dag/status/{stack}/{status}"));
    }

    /// The request of this number from now on fails, the first being 0: before it did anything, or after, so that only its
    /// answer is lost.
    pub fn fail(&self, number: usize, when: &str) {
        self.get(&format!("/dag/fail/{number}/{when}"));
    }

    /// Whether the request that was to fail has not come. It will not fail any more.
    pub fn spared(&self) -> bool {
        self.get("/dag/spared") == true
    }

    /// In which ways a call is refused: by turns in one of the two, and in both where the long proofs run.
    pub fn ways(call: usize) -> Vec<&'static str> {
        let both = ["before", "after"];
        match std::env::var_os("DAG_PROOFS") {
            Some(_) => both.to_vec(),
            None => both.into_iter().skip(call % 2).take(1).collect(),
        }
    }

    /// The next change of a stack breaks at this resource, and all goes back.
    pub fn break_at(&self, resource: &str) {
        self.get(&format!("/dag/break/{resource}"));
    }

    fn get(&self, path: &str) -> Value {
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

/// A folder with the shipped `config.toml`, as a cloud has it, and the shipped `rules/`.
pub struct Place {
    pub folder: TempDir,
}

/// What a run of `dag-infra` said.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Place {
    pub fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        copy(&top.join("rules"), &folder.path().join("rules"));
        let place = Place { folder };
        let text = fs::read_to_string(top.join("config.toml")).unwrap();
        let text = text.replace("mode = \"standalone\"", "mode = \"cloud\"");
        fs::write(place.path("config.toml"), text.replace("transport = \"outbox\"", "transport = \"ses\"")).unwrap();
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Replaces a text in a file.
    pub fn edit(&self, name: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(name)).unwrap();
        assert!(text.contains(from), "{name} has no {from:?}");
        fs::write(self.path(name), text.replace(from, to)).unwrap();
    }

    /// Writes a file, and the folders that it is in.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A program for arm64 that stands for the consumer.
    pub fn bootstrap(&self) -> PathBuf {
        let mut program = b"\x7fELF\x02\x01\x01".to_vec();
        program.resize(18, 0);
        program.extend([183, 0]);
        let path = self.path("bootstrap");
        fs::write(&path, program).unwrap();
        path
    }

    /// Runs `dag-infra` here, with nothing of this environment, at that endpoint.
    pub fn run(&self, endpoint: &str, arguments: &[&str], input: Option<&str>) -> Said {
        self.run_with(
            &[("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test"), ("AWS_ENDPOINT_URL", endpoint)],
            arguments,
            input,
        )
    }

    /// Runs `dag-infra` here, with this environment alone.
    pub fn run_with(&self, environment: &[(&str, &str)], arguments: &[&str], input: Option<&str>) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dag-infra"));
        command.current_dir(self.folder.path()).args(arguments).env_clear().envs(environment.iter().copied());
        command.env("HOME", self.folder.path()).env("AWS_EC2_METADATA_DISABLED", "true");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // A command that is wrong reads nothing.
        let _ = stdin.write_all(input.unwrap_or_default().as_bytes());
        drop(stdin);
        let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap().trim_end().to_owned();
        Said { code: status.code().unwrap(), out: text(stdout), err: text(stderr) }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
