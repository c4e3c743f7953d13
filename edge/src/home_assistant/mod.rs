//! Home Assistant: shows it the device, through the MQTT broker that `[home_assistant]` names.
//!
//! A [`Bridge`] is a task beside the daemon's loop. The loop gives it a [`Snapshot`] and never waits for it. A press
//! of the button is a `()` in a channel that holds one.
//!
//! Home Assistant finds the device by itself ([MQTT
//! discovery](https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery), with one document for the device, as
//! from Home Assistant 2024.11 on). It shows whether there is power, the battery, the open incidents, and a button
//! that acknowledges them.
//!
//! Nothing is kept here: on every connection everything is published anew, retained by the broker. When the
//! connection ends, the broker publishes that the device is gone (its last will). A large message of the broker ends
//! the connection, and only a `PRESS` that is not retained has an effect.
//!
//! `documents` is what is published, `bridge` the task that publishes it.

mod bridge;
mod bridge_settings;
mod documents;
mod snapshot;

pub use bridge::{Bridge, ConnectionState};
pub use bridge_settings::BridgeSettings;
pub use snapshot::Snapshot;
