//! The rules as the engine runs them: what users wrote in `rules/`, compiled and checked.
//!
//! `compile.rs` makes a [`Ruleset`] of [`Sources`]: `document.rs` reads TOML with the place of everything,
//! `sections.rs` and `people.rs` its sections. `resolve.rs` looks up the names that they use, with `order.rs` where
//! names lead to names.

mod compile;
mod declared_facts;
mod declared_webhook;
pub(crate) mod document;
mod escalation;
mod order;
mod people;
mod recipient;
mod resolve;
mod rule;
mod ruleset;
mod sections;
mod sources;

pub(crate) use declared_facts::DeclaredFacts;
pub use declared_webhook::DeclaredWebhook;
pub(crate) use escalation::Escalation;
pub(crate) use recipient::ACCOUNT;
pub use recipient::Reachable;
pub(crate) use rule::Rule;
pub use ruleset::{Ruleset, StepReach};
pub use sources::Sources;
