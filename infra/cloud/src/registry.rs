//! The registry: what people say of devices and accounts while everything runs, without another deployment.

use std::collections::BTreeMap;

use dag_engine::{Device, Id, Name, Time};
use serde::{Deserialize, Serialize};

/// What the registry has of a device, over what the configuration says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// The name that people read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Free pairs that scripts and silences match on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, String>>,
    /// The IANA name of its time zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<Name>,
    /// Whose it is: the id of an account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Name>,
    /// The addresses of that account. They are kept there, and here as they were when the registration was read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub account_emails: Vec<String>,
    /// The hash of the rules that the device should run. Without one the device chooses.
    #[serde(rename = "rules", default, skip_serializing_if = "Option::is_none")]
    pub desired_rules: Option<Id>,
}

impl Registration {
    /// The device as the engine is told of it.
    pub fn device(&self, id: &Name, configured: Option<Device>) -> Device {
        let mut device = configured.unwrap_or_else(|| Device {
            id: id.clone(),
            name: id.to_string(),
            labels: BTreeMap::new(),
            timezone: None,
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

/// Who may look at devices, and is told as `@account`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// A UUID, by which devices and the API name it.
    pub id: Name,
    /// By what its owner logs in.
    pub username: String,
    /// A hash of the password, in PHC's form; bcrypt's where it came from detectordag.
    pub password: String,
    /// Where it is told.
    #[serde(default)]
    pub emails: Vec<String>,
}

/// How the fleet's rules are signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signing {
    /// What devices check by, as their `config.toml` has it.
    pub key: String,
    /// When rules were signed last: devices take none that are older than those that they have.
    pub signed_at: Time,
}
