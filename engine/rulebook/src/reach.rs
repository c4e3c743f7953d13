//! Whether anybody could be told: a monitor that tells nobody looks like mains that never fail.

use dag_config::{Config, Mode};
use dag_engine::{Problem, Ruleset, Runs};

use crate::devices::sample_devices;

/// Returns the problem of rules by which nobody could ever be told, on this device or, in the mode `cloud`, anywhere.
pub(super) fn nobody(rules: &Ruleset, root: &str, config: &Config) -> Option<Problem> {
    let device = sample_devices(config).next()?;
    let mut here = rules.reach_of_steps(runs(config), &device).peekable();
    let (message, help) = if rules.rules().next().is_none() {
        let help = "write one into a file like power.toml there; rules/README.md shows how";
        ("there is no rule, so that this monitor would watch nothing", help)
    } else if here.peek().is_none() {
        let help = "a rule that runs on a device says run_on = \"edge\" or \"anywhere\"";
        ("all rules run in the cloud alone, and this device decides by itself", help)
    } else if here.any(|steps| steps.scripted || steps.reaching.contains(&true)) {
        return None;
    } else {
        let help = "name a recipient with `email` or `webhook` in a step of an escalation; `@account` is nobody on a \
                    device that decides by itself";
        ("no rule could tell anybody: the steps of its escalation reach nobody", help)
    };
    Some(Problem::without_place(root, message, Some(help.to_owned())))
}

/// Returns a warning for each escalation, and each step of one, that reaches nobody on this host.
pub(super) fn warnings(rules: &Ruleset, config: &Config) -> Vec<String> {
    let Some(device) = sample_devices(config).next() else { return Vec::new() };
    let mut warnings = Vec::new();
    for steps in rules.reach_of_steps(runs(config), &device).filter(|steps| !steps.scripted) {
        let escalation = steps.escalation;
        let nobody = "reaches nobody here: `@account` is nobody on a device that decides by itself. Name a recipient";
        let silent = steps.reaching.iter().zip(0_u32..).filter(|(reaches, _)| !**reaches);
        let found: Vec<String> = if steps.reaching.contains(&true) {
            silent.map(|(_, step)| format!("warning: step {step} of the escalation `{escalation}` {nobody}")).collect()
        } else {
            vec![format!("warning: the escalation `{escalation}` {nobody}")]
        };
        for warning in found {
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
    }
    warnings
}

/// Returns the rules that are looked at: the device's, or in the mode `cloud` those of the device and of the cloud.
fn runs(config: &Config) -> Runs {
    if config.mode == Mode::Cloud { Runs::Everything } else { Runs::Standalone }
}
