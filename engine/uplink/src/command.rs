//! What the cloud asks of a device.

use dag_engine::Id;
use serde::{Deserialize, Serialize};

use crate::{MessageError, SignedRules, VERSION, report::read};

/// One command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cmd", rename_all = "snake_case")]
pub enum Command {
    /// Say where you stand, now.
    Report,
    /// Somebody took an incident of the device's own rules on.
    Acknowledge {
        /// The incident.
        incident: Id,
        /// Who.
        by: String,
    },
    /// Run these rules from now on.
    Rules(SignedRules),
}

#[derive(Serialize)]
struct Outgoing<'a> {
    v: u32,
    #[serde(flatten)]
    command: &'a Command,
}

impl Command {
    /// Reads a command.
    ///
    /// # Errors
    /// Too long, not JSON, of another version, or nothing that this version knows.
    pub fn parse(bytes: &[u8]) -> Result<Command, MessageError> {
        read(bytes)
    }

    /// The bytes of the message.
    pub fn to_json(&self) -> Vec<u8> {
        // Strings, numbers and maps with strings for keys: JSON holds them.
        serde_json::to_vec(&Outgoing { v: VERSION, command: self }).unwrap_or_default()
    }
}
