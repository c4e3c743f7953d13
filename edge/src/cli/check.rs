//! `dag check`

use dag_cli::Done;
use dag_rulebook::{Rulebook, RulesFolder};

use super::common::{Common, load};

pub(super) fn check(common: &Common) -> Done {
    let config = load(common)?;
    let folder = RulesFolder::read(&config.root.join("rules")).map_err(dag_engine::Problems)?;
    let rulebook = Rulebook::compile(folder, &config)?;
    let warnings = rulebook.warnings(&config);
    let rules: Vec<&str> = rulebook.engine.rules().rules().map(|rule| rule.as_str()).collect();
    let hash = rulebook.engine.rules().hash();
    let mut text = String::new();
    for warning in &warnings {
        text.push_str(&format!("{warning}\n"));
    }
    text.push_str(&format!("all good: {} rules ({}), hash {hash}", rules.len(), rules.join(", ")));
    common.print(text, &serde_json::json!({ "rules": rules, "hash": hash, "warnings": warnings }))?;
    Ok(())
}
