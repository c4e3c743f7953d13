//! The device's side of detectordag: the daemon, and the commands that check, test and ask.
//!
//! `source` says what is read, `daemon` takes it over the engine, `store` keeps it, `dag-rulebook` holds the rules and
//! `dag-delivery` sends what was decided. `uplink` is the way to the cloud, for a device that reports there, and
//! `home_assistant` shows the device in the house. `trace` tries rules on readings of the past. `cli` is the way in: one file
//! a command.

mod backoff;
pub mod cli;
pub mod clock;
pub mod daemon;
pub mod home_assistant;
mod mqtt;
pub mod source;
pub mod store;
pub mod trace;
pub mod uplink;
