//! The results of an attempt, and the errors of the setup.

use dag_engine::Millis;

use crate::words::one_line;

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

    /// Returns the same failure with its text [`bounded`].
    pub(crate) fn bounded(self) -> Self {
        match self {
            Failure::Retry { error, after } => Failure::Retry { error: bounded(&error), after },
            Failure::Permanent { error } => Failure::Permanent { error: bounded(&error) },
        }
    }
}

/// The longest text of an error's causes, in characters: a server may answer what it likes.
const LONGEST_CHAIN: usize = 400;

/// The longest text of a failure, in characters. It has room for a sentence and advice around the causes.
const LONGEST_TEXT: usize = 800;

/// Returns a text that a server may have written, as one line of bounded length without control characters. It goes to
/// terminals, and `dag status` shows one for each message that waits.
pub(crate) fn bounded(text: &str) -> String {
    one_line(text, LONGEST_TEXT)
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

/// Returns the text of an error with its causes, the outermost first. A text that is already contained is left out. It is
/// one line of bounded length without control characters.
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
    one_line(&text, LONGEST_CHAIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A greeting of 90 KB for each of many messages made a status that could not be read.
    #[test]
    fn what_a_server_says_is_cut_and_cannot_command_a_terminal() {
        let greeting = std::io::Error::other(format!("500 \u{1b}[2Jno\r\n{}", "x".repeat(90_000)));
        let text = chain(&greeting);
        assert!(text.starts_with("500 [2Jno xxx"), "{text}");
        assert!(text.ends_with("x…") && text.chars().count() == LONGEST_CHAIN, "{text}");
        let failure = Failure::Permanent { error: greeting.to_string() }.bounded().to_string();
        assert_eq!(failure.chars().count(), LONGEST_TEXT);
        assert!(!failure.contains(char::is_control), "{failure}");
    }
}
