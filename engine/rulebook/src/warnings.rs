//! Warnings about what is allowed, but probably not meant: rules that cannot fire, and a monitor that is half a trial.

use dag_config::{Config, Mode, Source};
use dag_engine::{Engine, Runs};

use crate::real_monitor;

/// Returns the warnings of the rules that `engine` has.
pub(super) fn of(engine: &Engine, config: &Config) -> Vec<String> {
    let mut warnings: Vec<String> = engine.rules().warnings().iter().map(ToString::to_string).collect();
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
    warnings.extend(real_monitor::warnings(engine, config));
    warnings
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
