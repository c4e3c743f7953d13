//! The uplink: reports to the cloud and commands from it, for a device in the mode `cloud`.
//!
//! [`Connection`] is the connection to the cloud's broker. The store keeps the readings that wait. [`count_fitting`]
//! and [`compose_parts`] choose the content of the next message, and know neither of them. The daemon
//! (`daemon/uplink.rs`) brings the three together. [`bundle`] checks rules that came from the cloud and puts their
//! files in place.

pub mod bundle;
mod connection;
mod parts;
#[cfg(test)]
mod tests;

pub use connection::Connection;
pub use parts::{ConfirmedReadings, compose_parts, count_fitting};
