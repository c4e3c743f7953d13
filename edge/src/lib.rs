//! The device's side of detectordag: the daemon, and the commands that check rules, test them and control the daemon.
//!
//! `source` reads the sensors, `daemon` runs the engine on what they report, and `store` keeps it. `dag-rulebook`
//! holds the rules, and `dag-delivery` sends messages. `uplink` reports to the cloud, for a device in the mode
//! `cloud`, and `home_assistant` shows the device in the house; both use the client in `mqtt`. `trace` runs rules on
//! recorded readings. `init` makes a new monitor and `backup` copies one. `cli` is the command line: one file a
//! command.

mod backoff;
mod backup;
pub mod cli;
pub mod clock;
pub mod daemon;
mod home_assistant;
mod init;
mod mqtt;
mod new_files;
mod owner;
pub mod source;
pub mod store;
mod trace;
mod uplink;
