//! The content of a message. It is rendered once, at the first attempt, and kept, so that every attempt sends the same.

use dag_engine::Notification;
use serde::{Deserialize, Serialize};

/// The content of one message, as its outbox entry keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "channel", rename_all = "lowercase")]
pub enum MessageContent {
    /// A mail.
    Email(MailContent),
    /// A webhook request.
    Webhook {
        /// The media type of the body.
        content_type: String,
        /// The body.
        body: String,
    },
}

/// The content of a mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailContent {
    /// The subject: one line.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The HTML page. Without one the mail is plain text only.
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
