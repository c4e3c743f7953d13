//! Secrets are named in files and read where they are used, never before.

use std::path::Path;

use dag_engine::SecretRef;

/// Why a named secret cannot be had.
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
        error: std::io::Error,
    },
    /// It is there and holds nothing.
    #[error("the secret `{0}` is empty")]
    Empty(String),
}

/// Reads a secret from where it is kept; a path counts from the working directory. White space around the secret does
/// not count.
///
/// # Errors
///
/// The variable is not set or not UTF-8, the file cannot be read or is not UTF-8, or there is nothing in it.
pub fn resolve(secret: &SecretRef) -> Result<String, SecretError> {
    resolve_in(Path::new(""), secret)
}

/// Like [`resolve`], with paths that count from `folder`: [`Config::root`](crate::Config::root) for what `rules/`
/// names.
///
/// # Errors
///
/// Those of [`resolve`].
pub fn resolve_in(folder: &Path, secret: &SecretRef) -> Result<String, SecretError> {
    let (text, name) = match secret {
        SecretRef::Env(name) => (std::env::var(name).map_err(|_| SecretError::Env(name.clone()))?, name),
        SecretRef::File(name) => {
            let path = folder.join(name);
            let text = std::fs::read_to_string(&path);
            (text.map_err(|error| SecretError::File { path: path.display().to_string(), error })?, name)
        }
    };
    let text = text.trim();
    if text.is_empty() { Err(SecretError::Empty(name.clone())) } else { Ok(text.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said where `secret` cannot be had.
    fn told(folder: &Path, secret: &str) -> String {
        let told = resolve_in(folder, &secret.parse().unwrap()).unwrap_err().to_string();
        told.replace(&folder.display().to_string(), "/home/dag")
    }

    #[test]
    fn a_secret_comes_from_a_file_or_the_environment_without_its_last_line_break() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("key"), "hunter2\n").unwrap();
        assert_eq!(resolve_in(folder.path(), &SecretRef::File("key".into())).unwrap(), "hunter2");
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
}
