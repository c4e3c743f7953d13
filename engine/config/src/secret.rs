//! Secrets. Files name them; they are read only where they are used.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use dag_engine::SecretRef;

/// A named secret cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The environment variable is not set, or not UTF-8.
    #[error("the environment variable `{0}` is not set: set it for the daemon, or name another secret")]
    Env(String),
    /// The file cannot be read.
    #[error("the secret's file `{path}` cannot be read: {error}")]
    File {
        /// The file.
        path: String,
        /// What the system says.
        error: io::Error,
    },
    /// The stack's secret has no such entry.
    #[error("the stack's secret has no entry `{0}`: set it by `dag-infra secret set {0}`")]
    Entry(String),
    /// The secret is empty.
    #[error("the secret `{0}` is empty")]
    Empty(String),
}

/// The most bytes of a secret's file. AWS Secrets Manager has the same limit.
const LARGEST: u64 = 64 << 10;

/// The place where a host keeps its secrets.
#[derive(Clone)]
pub struct Secrets {
    folder: PathBuf,
    entries: Option<Entries>,
}

/// Returns the value of an entry.
type Entries = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

impl Secrets {
    /// Secrets in the environment, and in files whose paths count from `folder`: [`Config::root`](crate::Config::root).
    pub fn of_machine(folder: &Path) -> Secrets {
        Secrets { folder: folder.to_owned(), entries: None }
    }

    /// The same, but `env:NAME` is an entry of the stack's secret, which `entries` returns. The environment is not
    /// read: in a function it belongs to the stack.
    pub fn of_stack(folder: &Path, entries: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Secrets {
        Secrets { folder: folder.to_owned(), entries: Some(Arc::new(entries)) }
    }

    /// Reads a secret, without the white space around it.
    ///
    /// # Errors
    ///
    /// There is none of this name, it cannot be read or is not UTF-8, there is nothing in it, or its file is no regular
    /// file or larger than 64 KiB.
    pub fn resolve(&self, secret: &SecretRef) -> Result<String, SecretError> {
        let (text, name) = match (secret, &self.entries) {
            (SecretRef::Env(name), Some(entries)) => {
                (entries(name).ok_or_else(|| SecretError::Entry(name.clone()))?, name)
            }
            (SecretRef::Env(name), None) => (std::env::var(name).map_err(|_| SecretError::Env(name.clone()))?, name),
            (SecretRef::File(name), _) => {
                let path = self.folder.join(name);
                let text = read_bounded(&path, LARGEST);
                (text.map_err(|error| SecretError::File { path: path.display().to_string(), error })?, name)
            }
        };
        let text = text.trim();
        if text.is_empty() { Err(SecretError::Empty(name.clone())) } else { Ok(text.to_owned()) }
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secrets").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// Reads a secret of this machine, without the white space around it. A path counts from the working directory.
///
/// # Errors
///
/// The variable is not set or not UTF-8, the file cannot be read or is not UTF-8, or there is nothing in it.
pub fn resolve(secret: &SecretRef) -> Result<String, SecretError> {
    Secrets::of_machine(Path::new("")).resolve(secret)
}

/// Reads a file of at most `most` bytes that the configuration names. It is read by the daemon's loop, so that it must
/// neither block nor be without an end: a pipe and a device are refused.
///
/// # Errors
///
/// The file cannot be read, is no regular file, is larger, or is not UTF-8.
pub fn read_bounded(path: &Path, most: u64) -> io::Result<String> {
    let file = open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let mut bytes = Vec::new();
    // One byte more shows that there are more.
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::other(format!("it is larger than {} KiB", most / 1024)));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::other("it is not text in UTF-8"))
}

/// Opens a file without waiting for it: the open of a pipe would wait for its writer.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
        options.custom_flags(flags.bits().cast_signed());
    }
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the error of a secret that cannot be read.
    fn told(folder: &Path, secret: &str) -> String {
        let told = Secrets::of_machine(folder).resolve(&secret.parse().unwrap()).unwrap_err().to_string();
        told.replace(&folder.display().to_string(), "/home/dag")
    }

    #[test]
    fn a_secret_is_read_from_a_file_or_the_environment_and_trimmed() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("key"), "hunter2\n").unwrap();
        assert_eq!(Secrets::of_machine(folder.path()).resolve(&SecretRef::File("key".into())).unwrap(), "hunter2");
        let absolute = folder.path().join("key").display().to_string();
        assert_eq!(resolve(&SecretRef::File(absolute)).unwrap(), "hunter2");
        assert_eq!(resolve(&SecretRef::Env("CARGO_PKG_NAME".into())).unwrap(), "dag-config");
    }

    #[test]
    fn a_secret_that_cannot_be_had_says_why() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("empty"), " \n").unwrap();
        insta::assert_snapshot!(told(folder.path(), "env:DAG_TEST_NOT_SET"), @r"the environment variable `DAG_TEST_NOT_SET` is not set: set it for the daemon, or name another secret");
        insta::assert_snapshot!(told(folder.path(), "file:missing"), @r"the secret's file `/home/dag/missing` cannot be read: No such file or directory (os error 2)");
        insta::assert_snapshot!(told(folder.path(), "file:empty"), @r"the secret `empty` is empty");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_blocks_or_has_no_end_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = std::process::Command::new("mkfifo").arg(folder.path().join("pipe")).status().unwrap();
        assert!(pipe.success());
        std::fs::write(folder.path().join("most"), "x".repeat(64 << 10)).unwrap();
        std::fs::write(folder.path().join("large"), "x".repeat((64 << 10) + 1)).unwrap();
        std::fs::write(folder.path().join("binary"), [0xff]).unwrap();
        insta::assert_snapshot!(told(folder.path(), "file:pipe"), @r"the secret's file `/home/dag/pipe` cannot be read: it is not a file");
        insta::assert_snapshot!(told(folder.path(), "file:."), @r"the secret's file `/home/dag/.` cannot be read: it is not a file");
        insta::assert_snapshot!(told(folder.path(), "file:/dev/zero"), @r"the secret's file `/dev/zero` cannot be read: it is not a file");
        insta::assert_snapshot!(told(folder.path(), "file:large"), @r"the secret's file `/home/dag/large` cannot be read: it is larger than 64 KiB");
        insta::assert_snapshot!(told(folder.path(), "file:binary"), @r"the secret's file `/home/dag/binary` cannot be read: it is not text in UTF-8");
        assert_eq!(
            Secrets::of_machine(folder.path()).resolve(&SecretRef::File("most".into())).unwrap().len(),
            64 << 10
        );
    }

    #[test]
    fn in_the_cloud_a_name_is_an_entry_of_the_stacks_secret() {
        let secrets = Secrets::of_stack(Path::new(""), |name| (name == "HOOK").then(|| " hunter2 ".to_owned()));
        assert_eq!(secrets.resolve(&SecretRef::Env("HOOK".into())).unwrap(), "hunter2");
        let told = secrets.resolve(&SecretRef::Env("CARGO_PKG_NAME".into())).unwrap_err().to_string();
        insta::assert_snapshot!(told, @"the stack's secret has no entry `CARGO_PKG_NAME`: set it by `dag-infra secret set CARGO_PKG_NAME`");
    }
}
