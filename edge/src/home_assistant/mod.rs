//! Home Assistant: shows the device in the house, through the MQTT broker that `[home_assistant]` names.
//!
//! A [`Bridge`] is a task beside the daemon's loop. The loop hands it what is to be seen, a [`Snapshot`], and is never
//! held up by it; a press of the button comes back as `()` through a channel for one. Home Assistant finds the device
//! by itself ([MQTT discovery](https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery), one document for the
//! device, as from Home Assistant 2024.11 on): whether there is power, the battery, whether an incident is open and
//! which, and a button that acknowledges.
//!
//! Nothing is kept here: on every connection everything is said anew, retained by the broker. The broker says by itself
//! that the device is gone (its last will) when the connection ends, however it does. What the broker sends is small
//! or ends the connection, and only a `PRESS` that is pressed now means anything.
//!
//! `documents` is what is published, `bridge` the task that publishes it.

mod bridge;
mod bridge_settings;
mod documents;
mod snapshot;

pub use bridge::{Bridge, ConnectionState};
pub use bridge_settings::BridgeSettings;
pub use snapshot::{OpenIncident, Snapshot};
