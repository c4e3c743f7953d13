//! The registry: settings of devices and accounts that people change without another deployment.

use std::collections::BTreeMap;

use dag_engine::{Device, Id, Name, Time};
use serde::{Deserialize, Serialize};

/// The registry's entry of a device. It takes precedence over the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// The display name.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    pub name: Option<String>,
    /// Free-form pairs that scripts and silences match on.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    pub labels: Option<BTreeMap<String, String>>,
    /// The IANA name of its time zone.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    pub timezone: Option<Name>,
    /// The id of the account that owns the device.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    pub account: Option<Name>,
    /// The addresses of that account, as they were when the registration was read. The account stores them.
    #[serde(default, skip_serializing_if = "dag_engine::is_default")]
    pub account_emails: Vec<String>,
    /// The hash of the rules that the device should run. Without one the device chooses.
    #[serde(rename = "rules", default, skip_serializing_if = "dag_engine::is_default")]
    pub desired_rules: Option<Id>,
}

impl Registration {
    /// Returns the device as the engine gets it: the configured one with the registry's values. The words for the
    /// states of its inputs are the configuration's.
    pub fn device(&self, id: &Name, configured: Option<Device>) -> Device {
        let mut device = configured.unwrap_or_else(|| Device {
            id: id.clone(),
            name: id.to_string(),
            labels: BTreeMap::new(),
            timezone: None,
            switches: BTreeMap::new(),
            account_emails: Vec::new(),
        });
        if let Some(name) = &self.name {
            device.name.clone_from(name);
        }
        if let Some(labels) = &self.labels {
            device.labels.clone_from(labels);
        }
        if self.timezone.is_some() {
            device.timezone.clone_from(&self.timezone);
        }
        device.account_emails.clone_from(&self.account_emails);
        device
    }
}

/// An account. Its owner may see its devices, and is notified as `@account`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// A UUID. Devices and the API refer to the account by it.
    pub id: Name,
    /// The login name of the owner.
    pub username: String,
    /// The hash of the password, as a PHC string; a bcrypt hash for an account from the old detectordag.
    pub password: String,
    /// The addresses that are notified.
    #[serde(default)]
    pub emails: Vec<String>,
}

/// The signature of the fleet's rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signing {
    /// The public key, in the form of the devices' `config.toml`.
    pub key: String,
    /// When rules were signed last. Devices refuse rules that are older than their own.
    pub signed_at: Time,
}

#[cfg(test)]
mod tests {
    use dag_config::Config;

    use super::*;

    /// A message has the same words, whichever host sends it.
    #[test]
    fn a_registered_device_has_the_words_of_the_configuration() {
        let shipped = include_str!("../../../config.toml").replace("# freezer_door = ", "freezer_door = ");
        let config = Config::parse(&shipped, "config.toml".as_ref(), [], &[]).unwrap();
        let on_the_device = config.device(None).unwrap();
        assert_eq!(on_the_device.label("freezer_door", dag_engine::Value::On), Some("open"));
        let registration = Registration { timezone: on_the_device.timezone.clone(), ..Registration::default() };
        let in_the_cloud = registration.device(&on_the_device.id, config.device(None).ok());
        assert_eq!(in_the_cloud, on_the_device);
    }
}
