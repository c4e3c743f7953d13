//! `dag-infra` as a user runs it, against moto on loopback: a module a command, and `moto.rs` and `stack.rs` for all.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail the test"
)]

mod account;
mod adopt;
mod deploy;
mod destroy;
mod interrupted;
mod list;
mod moto;
mod provision;
mod rules;
mod secret;
mod stack;
