//! `dag check`

use clap::Args;
use dag_cli::{Done, count};
use dag_rulebook::{Refusal, Rulebook};

use super::{
    common::{Common, load, rules_path},
    missing_files, pins,
};
use crate::source::probe_pins;

#[derive(Debug, Args)]
pub(super) struct Check {
    /// Leave the scenarios of rules/tests/ out
    #[arg(long)]
    no_scenarios: bool,
}

impl Check {
    pub fn run(self, common: &Common) -> Done {
        let config = load(common)?;
        let path = rules_path(common);
        let (rulebook, failing) = if self.no_scenarios {
            (Rulebook::load(&path, &config)?, None)
        } else {
            match Rulebook::prove(&path, &config) {
                Ok(rulebook) => (rulebook, None),
                Err(Refusal::Mistakes(problems)) => return Err(problems.into()),
                Err(Refusal::Scenarios { rulebook, failed }) => {
                    (*rulebook, Some(format!("{failed}\n`dag check --no-scenarios` checks everything else.")))
                }
            }
        };
        let scenarios = if self.no_scenarios { 0 } else { rulebook.scenarios() };
        let (mut warnings, mut notes) = (rulebook.warnings(&config), rulebook.notes(&config));
        warnings.extend(missing_files::warnings(&config));
        notes.extend(pins::notes(&config, probe_pins()));
        if let Some(failing) = failing {
            // They may say why.
            warnings.extend(notes);
            warnings.push(failing);
            return Err(warnings.join("\n").into());
        }
        let rules: Vec<&str> = rulebook.engine.rules().rules().map(|rule| rule.as_str()).collect();
        let hash = rulebook.engine.rules().hash();
        let mut text = String::new();
        for warning in warnings.iter().chain(&notes) {
            text.push_str(&format!("{warning}\n"));
        }
        text.push_str(&format!("All good: {} ({})", count(rules.len(), "rule"), rules.join(", ")));
        if scenarios > 0 {
            text.push_str(&format!(", {} as expected", count(scenarios, "scenario")));
        }
        text.push_str(&format!(", hash {hash}"));
        let json = serde_json::json!({
            "rules": rules, "scenarios": scenarios, "hash": hash, "warnings": warnings, "notes": notes,
        });
        common.print(text, &json)?;
        Ok(())
    }
}
