//! The task that keeps Home Assistant's broker up to date.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{Instant, sleep_until},
};

use super::{
    bridge_settings::BridgeSettings,
    documents::{OFFLINE, ONLINE, PRESS, Topics, discovery, states},
    snapshot::Snapshot,
};
use crate::mqtt::{Client, Event, Message, Options, PemFile, QoS, Tls};

/// The interval between signs of life. After one and a half of it the broker publishes that the device is gone.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// The longest that the broker may take to accept a connection: it stands in the same house.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The longest packet that is accepted, in bytes: "PRESS" and "online" are all that is ever read.
const MAX_INCOMING: usize = 16 << 10;

/// The longest packet that is sent, in bytes: the attributes of twenty incidents are far below.
const MAX_OUTGOING: usize = 256 << 10;

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
    task: JoinHandle<()>,
}

impl Bridge {
    /// Starts the task, with the first state to show. A press goes to `presses`; one that finds no room there is
    /// dropped, since the one that waits means the same. Must be called within a Tokio runtime.
    pub fn start(settings: BridgeSettings, snapshot: Snapshot, presses: mpsc::Sender<()>) -> Bridge {
        let (snapshots, seen) = watch::channel(snapshot);
        let (sender, connection) = watch::channel(ConnectionState::Connecting);
        let task = tokio::spawn(run(settings.clone(), seen, presses, sender));
        Bridge { settings, snapshots, connection, task }
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

impl Drop for Bridge {
    fn drop(&mut self) {
        self.task.abort();
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
    let mut client = Client::start(options(&settings, &topics));
    let (published, queue) = (BTreeMap::new(), VecDeque::new());
    let mut publisher = Publisher { settings: &settings, topics: &topics, published, queue };
    let (mut is_connected, mut is_asked) = (false, false);
    let mut rested = Instant::now();
    loop {
        let is_idle = is_connected && publisher.queue.is_empty();
        let announces = tokio::select! {
            event = client.events.recv() => match event {
                Some(Event::Connected) => {
                    tracing::info!(broker = %settings.config.broker.host, "Home Assistant is told");
                    connection.send_replace(ConnectionState::Connected);
                    is_connected = true;
                    true
                }
                Some(Event::Lost { reason, .. }) => {
                    let lost = ConnectionState::Lost { reason };
                    if *connection.borrow() != lost {
                        tracing::warn!(?lost, "Home Assistant is not told");
                        connection.send_replace(lost);
                    }
                    publisher.queue.clear();
                    is_connected = false;
                    false
                }
                // A message that the broker kept was for somebody else: a press of yesterday is none of today.
                Some(Event::Received(message)) if !message.retain => {
                    if message.topic == topics.acknowledge && message.payload == PRESS {
                        // One that waits already means the same.
                        let _ = presses.try_send(());
                    }
                    is_asked |= message.topic == topics.status && message.payload == ONLINE.as_bytes();
                    false
                }
                Some(Event::Received(_) | Event::Confirmed) => false,
                None => return,
            },
            Ok(slot) = client.outgoing.reserve(), if !publisher.queue.is_empty() => {
                publisher.queue.pop_front().map(|message| slot.send(message));
                false
            }
            () = sleep_until(rested), if is_idle && is_asked => true,
            Ok(()) = snapshots.changed(), if is_idle => {
                publisher.update(&snapshots.borrow_and_update());
                false
            }
        };
        if announces {
            publisher.announce(&snapshots.borrow_and_update());
            (is_asked, rested) = (false, Instant::now() + REST);
        }
    }
}

/// Queues what is to be published.
///
/// All of it has the lowest quality of service: TCP loses nothing while the connection is up, and on the next one
/// everything is published anew.
struct Publisher<'a> {
    settings: &'a BridgeSettings,
    topics: &'a Topics,
    /// The last state on each topic.
    published: BTreeMap<String, String>,
    queue: VecDeque<Message>,
}

impl Publisher<'_> {
    /// Publishes everything, for somebody who knows nothing yet.
    fn announce(&mut self, snapshot: &Snapshot) {
        self.published.clear();
        self.publish(self.topics.discovery.clone(), discovery(self.settings, self.topics).to_string());
        self.update(snapshot);
        // Last, so that nobody takes an old state that the broker kept for one of now.
        self.publish(self.topics.availability.clone(), ONLINE.to_owned());
    }

    /// Publishes the states that differ from those published.
    fn update(&mut self, snapshot: &Snapshot) {
        for (topic, payload) in states(self.settings, self.topics, snapshot) {
            if self.published.get(&topic) != Some(&payload) {
                self.publish(topic.clone(), payload.clone());
                self.published.insert(topic, payload);
            }
        }
    }

    fn publish(&mut self, topic: String, payload: String) {
        self.queue.push_back(Message { topic, payload: payload.into(), qos: QoS::AtMostOnce, retain: true });
    }
}

fn options(settings: &BridgeSettings, topics: &Topics) -> Options {
    let config = &settings.config;
    let last_will =
        Message { topic: topics.availability.clone(), payload: OFFLINE.into(), qos: QoS::AtLeastOnce, retain: true };
    Options {
        client_id: format!("detectordag-{}", settings.device),
        host: config.broker.host.clone(),
        port: config.broker.port,
        credentials: config.username.clone().zip(config.password.clone()),
        tls: config.broker.tls.then(|| Tls {
            ca: config.ca.as_deref().map(|path| PemFile::new("home_assistant.ca", path)),
            trusts_public_authorities: true,
            identity: None,
            alpn: None,
        }),
        keep_alive: KEEP_ALIVE,
        timeout: TIMEOUT,
        max_incoming: MAX_INCOMING,
        max_outgoing: MAX_OUTGOING,
        last_will: Some(last_will),
        subscriptions: vec![topics.acknowledge.clone(), topics.status.clone()],
        // The states are shown even where the broker does not allow the button.
        needs_subscriptions: false,
    }
}
