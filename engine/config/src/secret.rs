//! Secrets are named in files and read where they are used, never before.

use dag_engine::SecretRef;
use serde::{Deserialize, Deserializer, de::Error as _};

/// Reads `env:NAME` or `file:PATH`.
pub(crate) fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretRef>, D::Error> {
    Option::<String>::deserialize(deserializer)?.map(|text| text.parse().map_err(D::Error::custom)).transpose()
}

/// Why a named secret cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The environment variable is not set, or not UTF-8.
    #[error("the environment variable {0} is not set: set it for the daemon, or name another secret")]
    Env(String),
    /// The file cannot be read.
    #[error("the secret's file {path} cannot be read: {error}")]
    File {
        /// The file.
        path: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// It is there and holds nothing.
    #[error("the secret {0} is empty")]
    Empty(String),
}

/// Reads a secret from where it is kept. White space around it does not count.
pub fn resolve(secret: &SecretRef) -> Result<String, SecretError> {
    let (text, name) = match secret {
        SecretRef::Env(name) => (std::env::var(name).map_err(|_| SecretError::Env(name.clone()))?, name),
        SecretRef::File(path) => {
            let text = std::fs::read_to_string(path);
            (text.map_err(|error| SecretError::File { path: path.clone(), error })?, path)
        }
    };
    let text = text.trim();
    if text.is_empty() { Err(SecretError::Empty(name.clone())) } else { Ok(text.to_owned()) }
}
