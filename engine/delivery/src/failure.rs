//! What becomes of an attempt, and what can be wrong before the first one.

use dag_engine::Millis;

/// A message was taken by its receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// What the receiver answered, or where the file is.
    pub answer: String,
}

/// A message was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// A later attempt may succeed.
    #[error("{error}")]
    Retry {
        /// What went wrong, for people.
        error: String,
        /// How long the receiver asked to be left alone.
        after: Option<Millis>,
    },
    /// No attempt will succeed.
    #[error("{error}")]
    Permanent {
        /// What went wrong, for people.
        error: String,
    },
}

impl Failure {
    /// A failure that may be better at the next attempt.
    pub fn later(error: impl Into<String>) -> Self {
        Failure::Retry { error: error.into(), after: None }
    }
}

/// Why nothing can be delivered as the configuration has it.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// `[email] from` is no mailbox.
    #[error("`from = \"{0}\"` is not a mail address: write `dag@example.com` or `detectordag <dag@example.com>`")]
    From(String),
    /// The transport is `smtp`, and no server is named.
    #[error("`transport = \"smtp\"` needs a section `[email.smtp]` with `server`")]
    NoServer,
    /// Mails would cross a network unprotected.
    #[error("`security = \"plain\"` is for a mail server on this machine only, not for {0}: use `starttls` or `tls`")]
    Plain(String),
    /// The file of additional certificates cannot be used.
    #[error("`ca = \"{path}\"` cannot be used: {error}")]
    Ca {
        /// The file.
        path: String,
        /// What is wrong with it.
        error: String,
    },
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
    /// The HTTP client cannot be set up.
    #[error("webhooks cannot be called: {0}")]
    Http(String),
}

/// An error with its causes, from the outermost to the first; each said once.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !told.contains(&said) {
            told.push_str(": ");
            told.push_str(&said);
        }
        cause = error.source();
    }
    told
}
