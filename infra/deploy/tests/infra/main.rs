//! `dag-infra` as a user runs it, against AWS on loopback: a module a command.
//! `dag-infra` as a person runs it, against moto on loopback.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail the test"
)]

mod account;
mod deploy;
mod destroy;
mod fleet;
mod list;
mod moto;
mod provision;
mod rules;
mod secret;
mod stack;
