//! Deploys the cloud side of detectordag from `config.toml` and `rules/` into the user's own AWS account. It also
//! manages what is in no template: devices, their rules, accounts and secrets.
//!
//! ```text
//! config.toml, rules/ ──▶ template (pure) ──▶ change set ──▶ stack
//!                   └───▶ packages (content hash) ─▶ bucket ──┘ │ outputs
//!                                                               ▼
//!             provision, rules, account, secret ──▶ table, IoT, secret, queue `events`
//! ```
//!
//! `template/` and `cost/` are pure functions. Everything else calls AWS through [`cloud::Cloud`], with the region of
//! the configuration and the credentials that the SDK finds (`login/`). The stack's outputs name the resources. `iot/`
//! calls AWS IoT, `provision/` makes devices, and `fleet.rs` reads them. `cli/` has a file for each command.
//! `explain.rs` turns errors of AWS into advice.

mod account;
mod announce;
mod build;
pub mod cli;
mod cloud;
pub mod cost;
mod deploy;
mod destroy;
mod diff;
mod explain;
mod fleet;
mod iot;
mod login;
mod package;
mod provision;
mod regions;
mod rules;
mod secret;
mod stack;
pub mod template;
mod words;
