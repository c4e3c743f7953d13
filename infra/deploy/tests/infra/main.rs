//! `dag-infra` as a user runs it, against moto on loopback. There is a module for each command. `work_folder.rs` and
//! `stack.rs` are for all of them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail the test"
)]

mod account;
mod adopt;
mod balena;
mod bundle;
mod deploy;
mod destroy;
mod interrupted;
mod key_request;
mod list;
mod login;
mod login_failure;
mod login_services;
#[path = "../../../tests/moto.rs"]
mod moto;
mod provision;
mod rotation;
mod rules;
mod secret;
mod stack;
mod work_folder;
