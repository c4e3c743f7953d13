//! The messages to Home Assistant: the document by which it finds the device, and the states.

use dag_engine::Value;
use serde_json::{Value as Json, json};

use super::{bridge_settings::BridgeSettings, snapshot::Snapshot};

/// The payload of a button that is pressed.
pub(super) const PRESS: &[u8] = b"PRESS";

/// The states of availability. Home Assistant publishes the first about itself when it has started.
pub(super) const ONLINE: &str = "online";
pub(super) const OFFLINE: &str = "offline";

/// The state of any sensor that means "unknown" to Home Assistant.
const UNKNOWN: &str = "None";

/// The topics of a device.
#[derive(Clone, Debug)]
pub(super) struct Topics {
    /// The beginning of the device's own topics.
    base: String,
    /// The discovery document.
    pub discovery: String,
    /// Home Assistant's own availability.
    pub status: String,
    /// The device's availability.
    pub availability: String,
    /// Presses of the button.
    pub acknowledge: String,
}

impl Topics {
    pub fn of(settings: &BridgeSettings) -> Topics {
        let (prefix, device) = (&settings.config.prefix, &settings.device);
        let base = format!("detectordag/{device}");
        Topics {
            discovery: format!("{prefix}/device/detectordag_{device}/config"),
            status: format!("{prefix}/status"),
            availability: format!("{base}/availability"),
            acknowledge: format!("{base}/acknowledge"),
            base,
        }
    }

    fn own(&self, name: &str) -> String {
        format!("{}/{name}", self.base)
    }
}

/// Returns the document by which Home Assistant finds the device.
pub(super) fn discovery(settings: &BridgeSettings, topics: &Topics) -> Json {
    let id = format!("detectordag_{}", settings.device);
    let version = env!("CARGO_PKG_VERSION");
    // A component with nothing but its platform removes an earlier one.
    let battery = if settings.has_battery {
        json!({
            "platform": "sensor",
            "unique_id": format!("{id}_battery"),
            "name": "Battery",
            "device_class": "battery",
            "state_class": "measurement",
            "unit_of_measurement": "%",
            "state_topic": topics.own("battery"),
        })
    } else {
        json!({ "platform": "sensor" })
    };
    json!({
        "device": {
            "identifiers": [id],
            "name": settings.name,
            "manufacturer": "detectordag",
            "model": "mains monitor",
            "sw_version": version,
        },
        "origin": { "name": "detectordag", "sw_version": version },
        "availability": [{ "topic": topics.availability }],
        "components": {
            "power": {
                "platform": "binary_sensor",
                "unique_id": format!("{id}_power"),
                "name": "Power",
                "device_class": "power",
                "state_topic": topics.own("power"),
            },
            "battery": battery,
            "incident": {
                "platform": "binary_sensor",
                "unique_id": format!("{id}_incident"),
                "name": "Incident",
                "device_class": "problem",
                "state_topic": topics.own("incident"),
                "json_attributes_topic": topics.own("incident/attributes"),
            },
            "acknowledge": {
                "platform": "button",
                "unique_id": format!("{id}_acknowledge"),
                "name": "Acknowledge",
                "icon": "mdi:check",
                "command_topic": topics.acknowledge,
            },
        },
    })
}

/// Returns every state, with its topic.
pub(super) fn states(settings: &BridgeSettings, topics: &Topics, snapshot: &Snapshot) -> Vec<(String, String)> {
    let incident = switch(Some(!snapshot.incidents.is_empty()));
    let mut states = vec![
        (topics.own("power"), switch(on(snapshot.power)).to_owned()),
        (topics.own("incident"), incident.to_owned()),
        (topics.own("incident/attributes"), attributes(snapshot).to_string()),
    ];
    if settings.has_battery {
        let charge = snapshot.battery.map_or_else(|| UNKNOWN.to_owned(), |value| value.to_string());
        states.push((topics.own("battery"), charge));
    }
    states
}

/// Returns the first incident, and the list of all.
fn attributes(snapshot: &Snapshot) -> Json {
    let Some(first) = snapshot.incidents.first() else { return json!({}) };
    let mut all = json!(first);
    if let Some(all) = all.as_object_mut() {
        all.insert("incidents".to_owned(), json!(snapshot.incidents));
    }
    all
}

fn on(power: Option<Value>) -> Option<bool> {
    match power? {
        Value::On => Some(true),
        Value::Off => Some(false),
        _ => None,
    }
}

fn switch(on: Option<bool>) -> &'static str {
    match on {
        Some(true) => "ON",
        Some(false) => "OFF",
        None => UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use dag_config::{Broker, HomeAssistant};
    use dag_engine::{Name, Severity, Time};
    use insta::{assert_json_snapshot, assert_snapshot};

    use super::*;
    use crate::home_assistant::snapshot::OpenIncident;

    fn settings(has_battery: bool) -> BridgeSettings {
        let broker = Broker { host: "home".to_owned(), port: 1883, tls: false };
        let prefix = "homeassistant".to_owned();
        let config = HomeAssistant { broker, username: None, password: None, ca: None, prefix };
        BridgeSettings { config, device: Name::new("cottage"), name: "The \"Cottage\"".to_owned(), has_battery }
    }

    /// Returns the document as it is sent, with a fixed version.
    fn document(has_battery: bool) -> Json {
        let settings = settings(has_battery);
        let text = discovery(&settings, &Topics::of(&settings)).to_string();
        serde_json::from_str(&text.replace(env!("CARGO_PKG_VERSION"), "1.2.3")).unwrap()
    }

    fn published(snapshot: &Snapshot) -> String {
        let settings = settings(true);
        let states = states(&settings, &Topics::of(&settings), snapshot);
        states.iter().map(|(topic, payload)| format!("{topic} {payload}\n")).collect()
    }

    #[test]
    fn the_device_is_found_with_its_four_entities() {
        assert_eq!(Topics::of(&settings(true)).discovery, "homeassistant/device/detectordag_cottage/config");
        assert_json_snapshot!(document(true), @r#"
        {
          "availability": [
            {
              "topic": "detectordag/cottage/availability"
            }
          ],
          "components": {
            "acknowledge": {
              "command_topic": "detectordag/cottage/acknowledge",
              "icon": "mdi:check",
              "name": "Acknowledge",
              "platform": "button",
              "unique_id": "detectordag_cottage_acknowledge"
            },
            "battery": {
              "device_class": "battery",
              "name": "Battery",
              "platform": "sensor",
              "state_class": "measurement",
              "state_topic": "detectordag/cottage/battery",
              "unique_id": "detectordag_cottage_battery",
              "unit_of_measurement": "%"
            },
            "incident": {
              "device_class": "problem",
              "json_attributes_topic": "detectordag/cottage/incident/attributes",
              "name": "Incident",
              "platform": "binary_sensor",
              "state_topic": "detectordag/cottage/incident",
              "unique_id": "detectordag_cottage_incident"
            },
            "power": {
              "device_class": "power",
              "name": "Power",
              "platform": "binary_sensor",
              "state_topic": "detectordag/cottage/power",
              "unique_id": "detectordag_cottage_power"
            }
          },
          "device": {
            "identifiers": [
              "detectordag_cottage"
            ],
            "manufacturer": "detectordag",
            "model": "mains monitor",
            "name": "The \"Cottage\"",
            "sw_version": "1.2.3"
          },
          "origin": {
            "name": "detectordag",
            "sw_version": "1.2.3"
          }
        }
        "#);
    }

    #[test]
    fn a_device_without_a_battery_removes_an_earlier_one() {
        assert_json_snapshot!(document(false)["components"]["battery"], @r#"
        {
          "platform": "sensor"
        }
        "#);
    }

    #[test]
    fn what_is_not_known_is_published_as_unknown() {
        assert_snapshot!(published(&Snapshot::default()), @"
        detectordag/cottage/power None
        detectordag/cottage/incident OFF
        detectordag/cottage/incident/attributes {}
        detectordag/cottage/battery None
        ");
    }

    #[test]
    fn the_first_incident_gives_the_attributes_and_all_are_listed() {
        let incident = |rule: &'static str, severity, by: Option<&str>| OpenIncident {
            rule: Name::new_static(rule),
            since: Time::from_millis(1_000),
            severity,
            acknowledged_by: by.map(str::to_owned),
        };
        let incidents = vec![
            incident("power-outage", Severity::Critical, Some("nor \"x\"")),
            incident("low", Severity::Info, None),
        ];
        let snapshot = Snapshot { power: Some(Value::Off), battery: Some(Value::Number(87)), incidents };
        assert_snapshot!(published(&snapshot), @r#"
        detectordag/cottage/power OFF
        detectordag/cottage/incident ON
        detectordag/cottage/incident/attributes {"acknowledged_by":"nor \"x\"","incidents":[{"acknowledged_by":"nor \"x\"","rule":"power-outage","severity":"critical","since":"1970-01-01T00:00:01Z"},{"acknowledged_by":null,"rule":"low","severity":"info","since":"1970-01-01T00:00:01Z"}],"rule":"power-outage","severity":"critical","since":"1970-01-01T00:00:01Z"}
        detectordag/cottage/battery 87
        "#);
    }
}
