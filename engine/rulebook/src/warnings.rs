//! Warnings about what is allowed, but probably not meant: rules that cannot fire, and a monitor that is half a trial.

use std::collections::BTreeSet;

use dag_config::{Config, Mode, Source};
use dag_engine::{Address, Engine, Problems, Runs};
use url::Url;

use crate::{real_monitor, rules_folder::RulesFolder};

/// Returns the warnings of the rules that `engine` has, compiled from `folder`.
pub(super) fn of(engine: &Engine, folder: &RulesFolder, config: &Config) -> Vec<String> {
    let compiled = folder.placed(Problems(engine.rules().warnings().to_vec()));
    let mut warnings: Vec<String> = compiled.0.iter().map(ToString::to_string).collect();
    let cloud = config.mode == Mode::Cloud;
    for (rule, facts, here) in engine.rules().needs(if cloud { Runs::Device } else { Runs::Standalone }) {
        // In the mode `cloud` the other rules run in the cloud, on facts that the devices report. In the mode
        // `standalone` nothing is to be done about the cloud's: `notes.rs` tells of them.
        if !here && !cloud {
            continue;
        }
        for fact in facts {
            let connection = !here && fact == "connection";
            if !connection && !has_source(config, fact) && !is_without_source(config, fact) {
                warnings.push(format!(
                    "warning: the rule `{rule}` reads `{fact}`, and no device has a source for it: give it one in \
                     config.toml"
                ));
            }
        }
    }
    warnings.extend(forbidden_webhooks(engine, config));
    let deployment = real_monitor::warnings(engine, config);
    warnings.extend(deployment.into_iter().map(|warning| format!("warning: {warning}")));
    warnings
}

/// Returns a warning for each recipient whose webhook is at an address that may not be called.
fn forbidden_webhooks(engine: &Engine, config: &Config) -> BTreeSet<String> {
    let devices: Vec<_> = config.devices.keys().filter_map(|id| config.device(Some(id)).ok()).collect();
    let receivers = devices.iter().flat_map(|device| engine.rules().receivers(Runs::Everything, device));
    let forbidden = receivers.filter_map(|receiver| {
        let Address::Webhook { url, .. } = receiver.address else { return None };
        let reason = dag_delivery::forbidden_address(&Url::parse(&url).ok()?, &config.webhook)?;
        Some(format!("warning: the webhook of `{}` is never called: {reason}", receiver.recipient))
    });
    forbidden.collect()
}

/// Returns whether a device has a source for a fact.
pub(super) fn has_source(config: &Config, fact: &str) -> bool {
    config.devices.values().any(|device| {
        let battery = fact == "battery_mv" && matches!(device.inputs.get("battery"), Some(Source::Nut { .. }));
        battery || device.inputs.get(fact).is_some_and(|source| *source != Source::None)
    })
}

/// Returns whether a device says that it has no source for a fact.
pub(super) fn is_without_source(config: &Config, fact: &str) -> bool {
    let read_as = if fact == "battery_mv" { "battery" } else { fact };
    config.devices.values().any(|device| device.inputs.get(read_as) == Some(&Source::None))
}
