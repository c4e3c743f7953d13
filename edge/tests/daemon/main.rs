//! The daemon as users run it: a process, its files and its commands.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail the test"
)]

mod backups;
mod clock;
mod commands;
mod disk;
mod edits;
mod files;
mod heartbeats;
mod holds;
mod home;
mod home_assistant;
mod init;
mod life;
#[path = "../peers/listener.rs"]
mod listener;
mod log;
#[path = "../peers/mosquitto.rs"]
mod mosquitto;
mod notify;
#[path = "../../../engine/delivery/tests/delivery/peer.rs"]
mod peer;
mod receivers;
#[path = "../../../engine/rulebook/tests/shared/edits.rs"]
mod shared_edits;
mod troubles;
mod untouched;
mod update;
mod upgrade;
mod uplink;
#[path = "../peers/uplink_broker.rs"]
mod uplink_broker;
