//! The device that is monitored.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Name, is_default};

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
    /// The IANA name of the device's time zone; the site's where none is given.
    #[serde(default, skip_serializing_if = "is_default")]
    pub timezone: Option<Name>,
    /// The addresses that `@account` stands for.
    #[serde(default, skip_serializing_if = "is_default")]
    pub account_emails: Vec<String>,
}
