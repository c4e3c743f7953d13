//! A folder with a deployment, in which `dag-infra` runs.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

use crate::moto::Moto;

/// A folder with the shipped `config.toml`, as a cloud has it, and the shipped `rules/`.
pub struct WorkFolder {
    dir: TempDir,
}

/// The output of a run of `dag-infra`, and its exit code.
#[derive(Debug)]
pub struct RunOutput {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl WorkFolder {
    pub fn new() -> WorkFolder {
        let dir = tempfile::tempdir().unwrap();
        let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        copy(&top.join("rules"), &dir.path().join("rules"));
        let folder = WorkFolder { dir };
        let text = fs::read_to_string(top.join("config.toml")).unwrap();
        let text = text.replace("mode = \"standalone\"", "mode = \"cloud\"");
        fs::write(folder.path("config.toml"), text.replace("transport = \"outbox\"", "transport = \"ses\"")).unwrap();
        folder
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
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

    /// Writes the head of a program for arm64, which stands for the consumer.
    pub fn bootstrap(&self) -> PathBuf {
        let mut program = b"\x7fELF\x02\x01\x01".to_vec();
        program.resize(18, 0);
        program.extend([183, 0]);
        let path = self.path("bootstrap");
        fs::write(&path, program).unwrap();
        path
    }

    /// Runs `dag-infra deploy` with the stand-in of the consumer, without a question.
    pub fn deploy(&self, moto: &Moto, more: &[&str]) -> RunOutput {
        let consumer = self.bootstrap();
        let deploy = ["deploy", "--yes", "--consumer", consumer.to_str().unwrap()];
        self.run(&moto.endpoint(), &[&deploy[..], more].concat(), None)
    }

    /// Runs `dag-infra` in the folder against an endpoint, without this process's environment.
    pub fn run(&self, endpoint: &str, arguments: &[&str], input: Option<&str>) -> RunOutput {
        self.run_with(
            &[("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test"), ("AWS_ENDPOINT_URL", endpoint)],
            arguments,
            input,
        )
    }

    /// Runs `dag-infra` in the folder, with `environment` alone.
    pub fn run_with(&self, environment: &[(&str, &str)], arguments: &[&str], input: Option<&str>) -> RunOutput {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dag-infra"));
        command.current_dir(self.dir.path()).args(arguments).env_clear();
        command.env("HOME", self.dir.path()).env("AWS_EC2_METADATA_DISABLED", "true");
        command.envs(environment.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // A command with wrong arguments ends without reading its input.
        let _ = stdin.write_all(input.unwrap_or_default().as_bytes());
        drop(stdin);
        let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap().trim_end().to_owned();
        RunOutput { code: status.code().unwrap(), out: text(stdout), err: text(stderr) }
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
