//! The daemon as its users meet it: a process, its files and its commands.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail the test"
)]

#[path = "../peers/broker.rs"]
mod broker;
mod clock;
mod disk;
mod files;
mod holds;
mod home;
mod home_assistant;
mod life;
#[path = "../peers/mosquitto.rs"]
mod mosquitto;
mod troubles;
mod uplink;
