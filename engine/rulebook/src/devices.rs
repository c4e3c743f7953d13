//! The devices of a configuration, and those of which samples are made.

use std::collections::BTreeMap;

use dag_config::{Config, Mode};
use dag_engine::{Device, Name};

/// The most devices for which scripts are called and sample messages are rendered. A rendering takes some
/// milliseconds, so that a few devices stand for a large fleet.
const MOST_SAMPLED: usize = 16;

/// Returns the devices of which samples are made. In the mode `cloud` their account has an address, as it has once
/// somebody is assigned to it.
pub(super) fn sample_devices(config: &Config) -> impl Iterator<Item = Device> {
    let account = (config.mode == Mode::Cloud).then(|| "account@example.com".to_owned());
    let devices = devices(config).into_values().take(MOST_SAMPLED);
    devices.map(move |device| Device { account_emails: account.clone().into_iter().collect(), ..device })
}

/// Returns all devices of the configuration.
pub fn devices(config: &Config) -> BTreeMap<Name, Device> {
    let devices = config.devices.keys().filter_map(|id| config.device(Some(id.as_str())).ok());
    devices.map(|device| (device.id.clone(), device)).collect()
}
