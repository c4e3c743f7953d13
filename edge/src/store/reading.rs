//! Readings as they are stored.

use dag_engine::{Name, Reading};
use serde::{Deserialize, Serialize};

/// A reading, and where it came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredReading {
    /// The source that reported it.
    pub source: Name,
    /// The start of the source in which it was read.
    pub boot: u64,
    /// Its number within that boot, from 1.
    pub number: u64,
    /// The reading itself.
    #[serde(flatten)]
    pub reading: Reading,
}

/// A reading that is queued until the cloud has confirmed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueuedReading {
    /// The reading, and where it came from.
    #[serde(flatten)]
    pub reading: StoredReading,
    /// The number of the source's last reading in the boot before, where the device knows it.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    pub before: Option<u64>,
    /// A switch or a link changed, or a fact became known or unknown. Such readings are dropped last.
    pub is_change: bool,
}
