//! The connection to the cloud, in a status.

use dag_engine::Time;
use serde::{Deserialize, Serialize};

use crate::store::Backlog;

/// The state of the connection to the cloud.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UplinkStatus {
    /// The address of the broker.
    pub endpoint: String,
    /// The beginning of the connection, while there is one.
    pub connected_since: Option<Time>,
    /// The reason why there is no connection.
    pub reason: Option<String>,
    /// The time of the next try to connect.
    pub again_at: Option<Time>,
    /// The readings that the broker has not confirmed yet, and those that were dropped.
    #[serde(flatten)]
    pub backlog: Backlog,
    /// The number of reports sent since the start.
    pub sent: u64,
    /// The reason why the last rules from the cloud were refused.
    pub rules_refused: Option<String>,
}
