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
//! `documents` is what is said, `session` one connection, `link` the connection's settings and its faults in words.

mod documents;
mod link;
mod session;
mod snapshot;

use dag_config::HomeAssistant;
use dag_engine::Name;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

pub use link::Link;
pub use snapshot::{OpenIncident, Snapshot};

/// What a bridge is started with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The broker, and how to log in there.
    pub config: HomeAssistant,
    /// The device's id.
    pub device: Name,
    /// The name that people read.
    pub name: String,
    /// Whether something reads its battery.
    pub has_battery: bool,
}

/// The task that talks to the broker, ended when this is dropped.
#[derive(Debug)]
pub struct Bridge {
    settings: Settings,
    snapshots: watch::Sender<Snapshot>,
    link: watch::Receiver<Link>,
    task: JoinHandle<()>,
}

impl Bridge {
    /// Starts it, with what is to be seen at first. A press goes to `presses`; one that finds no room there is dropped,
    /// since the one that waits says the same. Must be called within a Tokio runtime.
    pub fn start(settings: Settings, snapshot: Snapshot, presses: mpsc::Sender<()>) -> Bridge {
        let (snapshots, seen) = watch::channel(snapshot);
        let (sender, link) = watch::channel(Link::Connecting);
        let task = tokio::spawn(session::run(settings.clone(), seen, presses, sender));
        Bridge { settings, snapshots, link, task }
    }

    /// What it was started with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Shows this from now on.
    pub fn show(&self, snapshot: Snapshot) {
        self.snapshots.send_if_modified(|shown| {
            let differs = *shown != snapshot;
            *shown = snapshot;
            differs
        });
    }

    /// How the connection is.
    pub fn link(&self) -> Link {
        self.link.borrow().clone()
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        self.task.abort();
    }
}
