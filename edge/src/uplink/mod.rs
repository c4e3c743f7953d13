//! The way to the cloud, for a device in the mode `cloud`: one connection to an MQTT broker over TLS, that is made again
//! whenever it is lost.
//!
//! [`Connection`] is a task with channels: it takes reports, one at a time, and hands back that it connected, that the
//! broker confirmed, what the cloud asks, and why it was lost. What waits is in the store; what goes into a message next is
//! worked out by [`fitting`] and [`parts`], which know neither. The daemon (`daemon/link.rs`) brings the three together.
//! [`bundle`] checks rules that came from the cloud and puts their files in place.

pub mod bundle;
mod connection;
mod parts;
#[cfg(test)]
mod tests;
mod tls;

pub use connection::{Connection, News};
pub use parts::{Rings, fitting, parts};
