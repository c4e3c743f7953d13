//! The results of an attempt, and the errors of the setup.

use dag_engine::Millis;

/// The proof that a receiver accepted a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The receiver's response, or the path of the file.
    pub answer: String,
}

/// A failed attempt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// A later attempt may succeed.
    #[error("{error}")]
    Retry {
        /// The error, for people.
        error: String,
        /// The pause that the receiver asked for.
        after: Option<Millis>,
    },
    /// No attempt will succeed.
    #[error("{error}")]
    Permanent {
        /// The error, for people.
        error: String,
    },
}

impl Failure {
    /// A failure after which a later attempt may succeed.
    pub fn later(error: impl Into<String>) -> Self {
        Failure::Retry { error: error.into(), after: None }
    }
}

/// A configuration by which nothing can be delivered.
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
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
    /// The HTTP client cannot be set up.
    #[error("webhooks cannot be called: {0}")]
    Http(String),
}

/// Returns the text of an error with its causes, the outermost first. A text that is already contained is left out.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let cause_text = error.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        cause = error.source();
    }
    text
}
