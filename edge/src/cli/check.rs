//! `dag check`

use clap::Args;
use dag_cli::{Done, Failure, count};
use dag_rulebook::{Refusal, Rulebook};

use super::{
    common::{Common, load, rules_path},
    missing_files,
};

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
        let rulebook = if self.no_scenarios {
            Rulebook::load(&path, &config)?
        } else {
            Rulebook::prove(&path, &config).map_err(in_full)?
        };
        let scenarios = if self.no_scenarios { 0 } else { rulebook.scenarios() };
        let (mut warnings, notes) = (rulebook.warnings(&config), rulebook.notes(&config));
        warnings.extend(missing_files::warnings(&config));
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

/// Returns what is wrong: all mistakes, or the scenarios that failed and how to leave them out.
fn in_full(refusal: Refusal) -> Failure {
    match refusal {
        Refusal::Mistakes(problems) => problems.into(),
        scenarios @ Refusal::Scenarios { .. } => {
            format!("{scenarios}.\n`dag check --no-scenarios` checks everything else.").into()
        }
    }
}
