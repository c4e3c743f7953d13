//! The task that keeps Home Assistant's broker up to date.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Instant, sleep_until},
};

use super::{
    bridge_settings::BridgeSettings,
    documents::{OFFLINE, ONLINE, PRESS, Topics, discovery, states},
    snapshot::Snapshot,
};
use crate::mqtt::{Client, Event, Message, Options, Tls};

/// The interval between signs of life. After one and a half of it the broker publishes that the device is gone.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// The longest that the broker may take to accept a connection: it stands in the same house.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The longest packet, in bytes. The attributes of twenty incidents are far below, and "PRESS" and "online" are all
/// that is ever read.
const MAX_PACKET: usize = 64 << 10;

/// The shortest time between two announcements, whoever asks for them.
const REST: Duration = Duration::from_secs(1);

/// The state of the connection to the broker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ConnectionState {
    /// The first attempt is under way.
    Connecting,
    /// It is up.
    Connected,
    /// It is down, and is tried again.
    Lost {
        /// A sentence for users, without its full stop.
        reason: String,
    },
}

/// The task that talks to the broker, ended when this is dropped.
#[derive(Debug)]
pub struct Bridge {
    settings: BridgeSettings,
    snapshots: watch::Sender<Snapshot>,
    connection: watch::Receiver<ConnectionState>,
    /// Aborted when dropped.
    _task: JoinSet<()>,
}

impl Bridge {
    /// Starts the task, with the first state to show. A press goes to `presses`; one that finds no room there is
    /// dropped, since the one that waits means the same. Must be called within a Tokio runtime.
    pub fn start(settings: BridgeSettings, snapshot: Snapshot, presses: mpsc::Sender<()>) -> Bridge {
        let (snapshots, seen) = watch::channel(snapshot);
        let (sender, connection) = watch::channel(ConnectionState::Connecting);
        let mut task = JoinSet::new();
        task.spawn(run(settings.clone(), seen, presses, sender));
        Bridge { settings, snapshots, connection, _task: task }
    }

    /// Returns the settings that it was started with.
    pub fn settings(&self) -> &BridgeSettings {
        &self.settings
    }

    /// Replaces the state that is shown.
    pub fn show(&self, snapshot: Snapshot) {
        self.snapshots.send_if_modified(|shown| {
            let differs = *shown != snapshot;
            *shown = snapshot;
            differs
        });
    }

    /// Returns the state of the connection.
    pub fn connection(&self) -> ConnectionState {
        self.connection.borrow().clone()
    }
}

/// Publishes the device's states, until the bridge is dropped.
async fn run(
    settings: BridgeSettings,
    mut snapshots: watch::Receiver<Snapshot>,
    presses: mpsc::Sender<()>,
    connection: watch::Sender<ConnectionState>,
) {
    let topics = Topics::of(&settings);
    let client = Client::start(options(&settings, &topics));
    let mut publisher = Publisher { settings, topics, client, published: BTreeMap::new(), is_behind: false };
    let mut rested = Instant::now();
    loop {
        let is_connected = *connection.borrow() == ConnectionState::Connected;
        tokio::select! {
            event = publisher.client.events.recv() => match event {
                Some(Event::Connected) => {
                    tracing::info!(broker = %publisher.settings.config.broker.host, "Home Assistant is told");
                    connection.send_replace(ConnectionState::Connected);
                    (publisher.is_behind, rested) = (true, Instant::now());
                }
                Some(Event::Lost { reason, .. }) => {
                    let lost = ConnectionState::Lost { reason };
                    if *connection.borrow() != lost {
                        tracing::warn!(?lost, "Home Assistant is not told");
                        connection.send_replace(lost);
                    }
                }
                // A message that the broker kept was for somebody else: a press of yesterday is none of today.
                Some(Event::Received(message)) if !message.retain => {
                    if message.topic == publisher.topics.acknowledge && message.payload == PRESS {
                        // One that waits already means the same.
                        let _ = presses.try_send(());
                    }
                    publisher.is_behind |=
                        message.topic == publisher.topics.status && message.payload == ONLINE.as_bytes();
                }
                Some(Event::Received(_) | Event::Confirmed) => {}
                None => return,
            },
            () = sleep_until(rested), if is_connected && publisher.is_behind => {
                publisher.announce(&snapshots.borrow_and_update());
                rested = Instant::now() + REST;
            }
            Ok(()) = snapshots.changed(), if is_connected && !publisher.is_behind => {
                publisher.update(&snapshots.borrow_and_update());
            }
        }
    }
}

/// Publishes the discovery document and the states.
struct Publisher {
    settings: BridgeSettings,
    topics: Topics,
    client: Client,
    /// The last state on each topic.
    published: BTreeMap<String, String>,
    /// Everything is to be published: somebody new is there, or a message found no room.
    is_behind: bool,
}

impl Publisher {
    /// Publishes everything.
    fn announce(&mut self, snapshot: &Snapshot) {
        self.is_behind = false;
        self.published.clear();
        self.publish(self.topics.discovery.clone(), discovery(&self.settings, &self.topics).to_string());
        self.update(snapshot);
        // Last, so that nobody takes an old state that the broker kept for one of now.
        self.publish(self.topics.availability.clone(), ONLINE.to_owned());
    }

    /// Publishes the states that differ from those published.
    fn update(&mut self, snapshot: &Snapshot) {
        for (topic, payload) in states(&self.settings, &self.topics, snapshot) {
            if self.published.get(&topic) != Some(&payload) {
                self.publish(topic.clone(), payload.clone());
                self.published.insert(topic, payload);
            }
        }
    }

    fn publish(&mut self, topic: String, payload: String) {
        let message = Message { topic, payload: payload.into(), retain: true };
        self.is_behind |= self.client.outgoing.try_send(message).is_err();
    }
}

fn options(settings: &BridgeSettings, topics: &Topics) -> Options {
    let config = &settings.config;
    let last_will = Message { topic: topics.availability.clone(), payload: OFFLINE.into(), retain: true };
    Options {
        client_id: format!("detectordag-{}", settings.device),
        host: config.broker.host.clone(),
        port: config.broker.port,
        credentials: config.username.clone().zip(config.password.clone()),
        tls: config.broker.tls.then(|| Tls {
            section: "home_assistant",
            ca: config.ca.clone(),
            trusts_public_authorities: true,
            identity: None,
            alpn: None,
        }),
        keep_alive: KEEP_ALIVE,
        timeout: TIMEOUT,
        max_packet: MAX_PACKET,
        last_will: Some(last_will),
        subscriptions: vec![topics.acknowledge.clone(), topics.status.clone()],
        // The states are shown even where the broker does not allow the button.
        needs_subscriptions: false,
    }
}
