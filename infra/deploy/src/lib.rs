//! Stands up the cloud side of detectordag, from `config.toml` and `rules/`, in the user's own account; and looks after
//! what is not in a template: devices, their rules, accounts and secrets.
//!
//! ```text
//! config.toml, rules/ ──▶ template (pure) ──▶ change set ──▶ stack
//!                   └───▶ packages (content hash) ─▶ bucket ──┘ │ outputs
//!                                                               ▼
//!             provision, rules, account, secret ──▶ table, IoT, secret, queue `events`
//! ```
//!
//! `template/` is a pure function. Everything else reaches AWS by the SDK, through [`cloud::Cloud`]: region and
//! credentials as the SDK finds them, the stack's outputs for the names of things. `iot/` is what speaks to AWS IoT,
//! `provision/` makes devices, `fleet.rs` reads them, `cost/` is pure. `cli/` has a file a command; `explain.rs` turns
//! what AWS says into what to do.

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
mod package;
mod provision;
mod regions;
mod rules;
mod secret;
mod stack;
pub mod template;
mod words;
