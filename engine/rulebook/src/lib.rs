//! A rulebook: the rules, scripts, templates and scenarios of the folder `rules/`, compiled and checked.
//!
//! Every program that runs rules loads them by this crate, so that all of them accept the same rules.
//! [`Rulebook::compile`] compiles rules and scripts, calls the scripts and renders the templates on samples.
//! [`Rulebook::prove`] also refuses rules that could tell nobody, and plays the scenarios.

mod devices;
mod notes;
mod prove;
mod reach;
mod real_monitor;
mod refusal;
mod rulebook;
mod rules_folder;
mod sibling_rules;
mod warnings;
mod webhooks;

pub use devices::devices;
pub use refusal::{FailedScenario, FailedScenarios, Refusal};
pub use rulebook::{Rulebook, ScenarioResult};
pub use rules_folder::{RulesFolder, read_text};
pub use sibling_rules::SiblingRules;
