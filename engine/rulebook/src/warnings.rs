//! Warnings about rules that are allowed, but cannot fire.

use dag_config::{Config, Mode, Source};
use dag_engine::{Engine, Runs};

/// Returns the warnings of the rules that `engine` has.
pub(super) fn of(engine: &Engine, config: &Config) -> Vec<String> {
    let mut warnings: Vec<String> = engine.rules().warnings().iter().map(ToString::to_string).collect();
    let cloud = config.mode == Mode::Cloud;
    for (rule, facts, here) in engine.rules().needs(if cloud { Runs::Device } else { Runs::Standalone }) {
        // In the mode `cloud` the other rules run in the cloud, on facts that the devices report.
        if !here && !cloud {
            warnings.push(format!(
                "warning: the rule `{rule}` runs in the cloud alone (run_on = \"cloud\"), and this device decides by \
                 itself: it never fires here"
            ));
            continue;
        }
        for fact in facts {
            if !config.devices.values().any(|device| {
                let source = device.inputs.get(fact);
                let battery = fact == "battery_mv" && matches!(device.inputs.get("battery"), Some(Source::Nut { .. }));
                let connection = !here && fact == "connection";
                connection || battery || source.is_some_and(|source| *source != Source::None)
            }) {
                warnings.push(format!(
                    "warning: the rule `{rule}` reads `{fact}`, and no device has a source for it: give it one in \
                     config.toml"
                ));
            }
        }
    }
    warnings
}
