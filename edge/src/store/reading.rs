//! Readings as they are stored.

use dag_engine::{Name, Reading};
use serde::{Deserialize, Serialize};

/// A reading with where it came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredReading {
    /// The source that reported it.
    pub source: Name,
    /// Which start of the source it belongs to.
    pub boot: u64,
    /// Its number within that boot, from 1.
    pub number: u64,
    /// What was read.
    #[serde(flatten)]
    pub reading: Reading,
}

/// A reading that waits until the cloud has confirmed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queued {
    /// What was read, and where it comes from.
    #[serde(flatten)]
    pub reading: StoredReading,
    /// The number of the last reading of the boot before, as far as the device knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// A switch or a link that changed, or a fact that became known or unknown: what goes last when there is no room.
    pub is_change: bool,
}
