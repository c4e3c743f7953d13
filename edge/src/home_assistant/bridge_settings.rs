//! The settings of a bridge.

use dag_config::HomeAssistant;
use dag_engine::Name;

/// The settings of a bridge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BridgeSettings {
    /// The section `[home_assistant]`: the broker, and how to log in there.
    pub config: HomeAssistant,
    /// The device's id.
    pub device: Name,
    /// The device's name for people.
    pub name: String,
    /// The device has a source for its battery.
    pub has_battery: bool,
}
