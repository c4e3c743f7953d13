//! The MQTT client: one connection to a broker, made again whenever it is lost. The uplink and Home Assistant both
//! use it.
//!
//! A [`Client`] is a task with two channels. It takes [`Message`]s to publish and reports [`Event`]s: that it
//! connected, what arrived, and why the connection was lost. `options` holds the parameters of a connection, `tls`
//! reads its certificates, `error` puts errors into words. No other module uses `rumqttc`.
//!
//! The client keeps no message from one connection to the next: its user publishes again what still matters, after
//! [`Event::Connected`].

mod client;
mod error;
mod options;
mod tls;

pub use client::{Client, Event};
pub use options::{Message, Options};
pub use tls::Tls;
