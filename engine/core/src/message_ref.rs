//! References to messages: a host gives one when it says what became of a message.

use serde::{Deserialize, Serialize};

use crate::{Channel, Id, Name, is_default};

/// The message that an attempt was about: see [`Notification::reference`](crate::Notification::reference).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageRef {
    /// The message.
    pub notification: Id,
    /// The incident that it is of; none for one of kind `system`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub incident: Option<Id>,
    /// Who it goes to.
    pub recipient: Name,
    /// By which means.
    pub channel: Channel,
}
