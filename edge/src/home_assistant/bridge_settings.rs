//! What a bridge is started with.

use dag_config::HomeAssistant;
use dag_engine::Name;

/// What a bridge is started with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BridgeSettings {
    /// The broker, and how to log in there.
    pub config: HomeAssistant,
    /// The device's id.
    pub device: Name,
    /// The name that people read.
    pub name: String,
    /// Whether something reads its battery.
    pub has_battery: bool,
}
