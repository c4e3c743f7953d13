//! A message that waits or was given up, in a status.

use dag_delivery::{Entry, EntryState};
use dag_engine::{Channel, Id, Kind, Name, Time};
use serde::{Deserialize, Serialize};

/// A message that waits, or that could not be delivered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MessageStatus {
    /// Its id.
    pub id: Id,
    /// Its recipient.
    pub recipient: Name,
    /// Its channel.
    pub channel: Channel,
    /// Its kind.
    pub kind: Kind,
    /// The number of attempts that have begun.
    pub attempts: u32,
    /// The reason why the last attempt failed.
    pub last_error: Option<String>,
    /// The time of the next attempt. While one is under way, it is the time after which that counts as lost.
    pub due: Option<Time>,
    /// An attempt is under way.
    pub under_way: bool,
    /// The time at which it was given up.
    pub given_up_at: Option<Time>,
}

impl From<&Entry> for MessageStatus {
    fn from(entry: &Entry) -> Self {
        MessageStatus {
            id: entry.notification.id,
            recipient: entry.notification.recipient.clone(),
            channel: entry.notification.channel(),
            kind: entry.notification.kind,
            attempts: entry.attempts,
            last_error: entry.last_error.clone(),
            due: entry.due(),
            under_way: matches!(entry.state, EntryState::Leased { .. }),
            given_up_at: match entry.state {
                EntryState::Undelivered { at } => Some(at),
                _ => None,
            },
        }
    }
}
