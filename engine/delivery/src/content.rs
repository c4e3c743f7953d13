//! What is sent: rendered once, at the first attempt, and kept, so that every attempt sends the same bytes.

use dag_engine::Notification;
use serde::{Deserialize, Serialize};

/// The content of one message, as it is kept beside its outbox entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "channel", rename_all = "lowercase")]
pub enum MessageContent {
    /// A mail.
    Email(MailContent),
    /// The body of a call.
    Webhook {
        /// The media type of the body.
        content_type: String,
        /// The body.
        body: String,
    },
}

/// A mail's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailContent {
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// The same as a page; `None` where no page could be made: then the mail is plain text only.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    pub html: Option<String>,
}

/// A message to be sent now: its lease is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeasedMessage {
    /// Whom it is for, and what it is about.
    pub notification: Notification,
    /// What goes over the wire, the same at every attempt.
    pub prepared: MessageContent,
}
