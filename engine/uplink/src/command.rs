//! Commands of the cloud to a device.

use dag_engine::Id;
use serde::{Deserialize, Serialize};

use crate::{MessageError, SignedRules, VERSION, report::read};

/// A command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cmd", rename_all = "snake_case")]
pub enum Command {
    /// Send a report now.
    Report,
    /// Somebody acknowledged an incident of the rules that the device runs by itself.
    Acknowledge {
        /// The incident.
        incident: Id,
        /// The name of who acknowledged it.
        by: String,
    },
    /// Run these rules from now on.
    Rules(SignedRules),
}

#[derive(Serialize)]
struct CommandDocument<'a> {
    v: u32,
    #[serde(flatten)]
    command: &'a Command,
}

impl Command {
    /// Parses a command.
    ///
    /// # Errors
    /// The message is too long, not JSON, of another version, or no command of this version.
    pub fn parse(bytes: &[u8]) -> Result<Command, MessageError> {
        read(bytes)
    }

    /// Returns the message's bytes.
    pub fn to_json(&self) -> Vec<u8> {
        // Cannot fail: there are only strings, numbers and maps with strings for keys.
        serde_json::to_vec(&CommandDocument { v: VERSION, command: self }).unwrap_or_default()
    }
}
