//! The device that is monitored.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Name, Value, is_default};

/// A device, as it is described besides its facts: the configuration's entry or the registry's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// The id in topics, paths and hashes.
    pub id: Name,
    /// The name that people read.
    pub name: String,
    /// Free pairs that scripts and silences match on.
    #[serde(default, skip_serializing_if = "is_default")]
    pub labels: BTreeMap<String, String>,
    /// The words for the two states of its inputs, for those that have words of their own.
    #[serde(default, skip_serializing_if = "is_default")]
    pub switches: BTreeMap<Name, SwitchLabels>,
    /// The IANA name of the device's time zone; the site's where none is given.
    #[serde(default, skip_serializing_if = "is_default")]
    pub timezone: Option<Name>,
    /// The addresses that `@account` stands for.
    #[serde(default, skip_serializing_if = "is_default")]
    pub account_emails: Vec<String>,
}

/// The words that people read for the two states of a digital input: a door is `open` and not `on`. Rules, scripts and
/// traces always say `on` and `off`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwitchLabels {
    /// The word for `on`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub on: Option<String>,
    /// The word for `off`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub off: Option<String>,
}

impl Device {
    /// Returns the word that people read for a value of `fact`, if the configuration gives it one.
    pub fn label(&self, fact: &str, value: Value) -> Option<&str> {
        let labels = self.switches.get(fact)?;
        match value {
            Value::On => labels.on.as_deref(),
            Value::Off => labels.off.as_deref(),
            Value::Connected | Value::Disconnected | Value::Number(_) => None,
        }
    }
}
