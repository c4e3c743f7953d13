//! The daemon's side of Home Assistant: shows the device's state there, and acknowledges when its button is pressed.

use dag_config::{Config, Source};
use dag_engine::{Device, Id, Input};

use super::state::Daemon;
use crate::home_assistant::{Bridge, BridgeSettings, Snapshot};

/// The name under which a press of the button acknowledges.
const BY: &str = "Home Assistant";

impl Daemon {
    /// Starts, restarts or ends the bridge if the configuration asks for another one.
    pub(super) fn bridge_home_assistant(&mut self) {
        let wanted = bridge_settings(&self.start.config, &self.device);
        if self.bridge.as_ref().map(Bridge::settings) == wanted.as_ref() {
            return;
        }
        // The old one ends first: both would connect with the same client id.
        self.bridge = None;
        self.bridge =
            wanted.map(|settings| Bridge::start(settings, Snapshot::of(self.engine.state()), self.press.clone()));
    }

    /// Shows the current state.
    pub(super) fn show_home_assistant(&self) {
        if let Some(bridge) = &self.bridge {
            bridge.show(Snapshot::of(self.engine.state()));
        }
    }

    /// Acknowledges every open incident that nobody has acknowledged: the button was pressed.
    pub(super) fn acknowledge_all(&mut self) {
        let open = self.engine.state().open_incidents().filter(|incident| !incident.is_acknowledged());
        let open: Vec<Id> = open.map(|incident| incident.id).collect();
        for incident in open {
            self.engine.apply(Input::Acknowledge { incident, by: BY.to_owned() }, self.clock.now());
        }
    }
}

fn bridge_settings(config: &Config, device: &Device) -> Option<BridgeSettings> {
    let home_assistant = config.home_assistant.clone()?;
    let battery = config.devices.get(&device.id).and_then(|device| device.inputs.get("battery"));
    Some(BridgeSettings {
        config: home_assistant,
        device: device.id.clone(),
        name: device.name.clone(),
        has_battery: battery.is_some_and(|source| *source != Source::None),
    })
}
