//! `[email]`: how mail leaves.

use std::path::PathBuf;

use dag_engine::SecretRef;
use serde::Deserialize;

/// The section `[email]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Email {
    /// By which means.
    pub transport: Transport,
    /// The sender, as `Name <user@host>` or `user@host`.
    pub from: String,
    /// The folder that the transport `outbox` writes to, from the folder of `config.toml`.
    #[serde(default = "default_outbox")]
    pub outbox: PathBuf,
    /// What the transport `smtp` needs.
    pub smtp: Option<Smtp>,
}

/// How mail leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Into a folder, one file a message: for trying things out, and for tests.
    Outbox,
    /// Through a mail server.
    Smtp,
}

/// The section `[email.smtp]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Smtp {
    /// The mail server's name or address.
    pub server: String,
    /// Its port; 587 for STARTTLS, 465 for TLS, 25 for plain where none is given.
    pub port: Option<u16>,
    /// How the connection is protected.
    #[serde(default)]
    pub security: Security,
    /// A file of PEM certificates that are trusted besides the usual ones: for a server with its own authority.
    pub ca: Option<PathBuf>,
    /// The user to log in as.
    pub username: Option<String>,
    /// That user's password, named.
    #[serde(default, deserialize_with = "crate::secret::optional")]
    pub password: Option<SecretRef>,
}

/// How the connection to a mail server is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// Plain at first, then TLS, or nothing is sent.
    #[default]
    Starttls,
    /// TLS from the first byte.
    Tls,
    /// No protection: on loopback only.
    Plain,
}

fn default_outbox() -> PathBuf {
    PathBuf::from("var/outbox")
}
