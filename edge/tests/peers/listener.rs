//! An MQTT client that receives and publishes as Home Assistant does.

use std::{
    collections::BTreeMap,
    sync::{
        atomic::{AtomicU32, Ordering},
        mpsc::{Receiver, channel},
    },
    thread,
    time::Instant,
};

use rumqttc::{Client, Event, MqttOptions, Packet, QoS};

use crate::mosquitto::PATIENCE;

/// A client that receives every message of a broker.
pub struct Listener {
    client: Client,
    messages: Receiver<Message>,
    last_by_topic: BTreeMap<String, Message>,
}

/// A message.
#[derive(Clone, Debug)]
pub struct Message {
    pub topic: String,
    pub payload: String,
    /// It was published before this client subscribed, and the broker kept it.
    pub retained: bool,
}

impl Listener {
    pub fn at(port: u16) -> Listener {
        // A broker ends an older connection with the same id.
        static LISTENERS: AtomicU32 = AtomicU32::new(0);
        let id = format!("listener-{}-{}", std::process::id(), LISTENERS.fetch_add(1, Ordering::Relaxed));
        let mut options = MqttOptions::new(id, "127.0.0.1", port);
        options.set_max_packet_size(1 << 20, 1 << 20);
        let (client, mut connection) = Client::new(options, 16);
        client.subscribe("#", QoS::AtLeastOnce).unwrap();
        let (sender, messages) = channel();
        thread::spawn(move || {
            for event in connection.iter() {
                let message = match event {
                    Ok(Event::Incoming(Packet::Publish(message))) => message,
                    Ok(_) => continue,
                    // The broker or the test is gone.
                    Err(_) => return,
                };
                let payload = String::from_utf8_lossy(&message.payload).into_owned();
                if sender.send(Message { topic: message.topic, payload, retained: message.retain }).is_err() {
                    return;
                }
            }
        });
        Listener { client, messages, last_by_topic: BTreeMap::new() }
    }

    /// Waits until the payload of a topic's last message is `expected`.
    pub fn wait_for(&mut self, topic: &str, expected: impl Fn(&str) -> bool) -> Message {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(message) = self.last_by_topic.get(topic).filter(|message| expected(&message.payload)) {
                return message.clone();
            }
            match self.messages.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(message) => self.last_by_topic.insert(message.topic.clone(), message),
                Err(_) => panic!("no such message came on `{topic}`: {:#?}", self.last_by_topic),
            };
        }
    }

    /// Forgets the last message of a topic.
    pub fn forget(&mut self, topic: &str) {
        self.last_by_topic.remove(topic);
    }

    pub fn publish(&self, topic: &str, payload: impl Into<Vec<u8>>, retain: bool) {
        self.client.publish(topic, QoS::AtLeastOnce, retain, payload).unwrap();
    }
}
