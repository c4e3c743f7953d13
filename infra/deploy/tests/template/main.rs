//! The template: its document, its policies, and the cost of what it makes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail the test"
)]

mod case;
mod cost;
mod deployed_stack;
mod document;
mod evaluate;
mod policies;
mod rows;
mod tables;

use std::path::{Path, PathBuf};

use dag_config::Config;
use dag_infra::template::{Facts, Template};
use dag_rulebook::RulesFolder;
use serde_json::Value;

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Returns the shipped configuration with other values.
fn config(set: &[(&str, &str)]) -> Config {
    let set: Vec<_> = set.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let text = std::fs::read_to_string(top().join("config.toml")).unwrap();
    Config::parse(&text, &top().join("config.toml"), [], &set).unwrap_or_else(|wrong| panic!("{wrong}"))
}

fn facts(set: &[(&str, &str)]) -> Facts {
    Facts::new(&config(set), &RulesFolder::read_rules(&top().join("rules")).unwrap()).unwrap()
}

/// The values of a configuration with mail from another region.
const WITH_MAIL_REGION: [(&str, &str); 3] =
    [("mode", "cloud"), ("email.transport", "ses"), ("email.ses.region", "eu-central-1")];

/// Returns the resources of a template.
fn resources(template: &Template) -> Value {
    template.to_value()["Resources"].clone()
}
