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
    heard: Receiver<Message>,
    /// The last message of each topic.
    seen: BTreeMap<String, Message>,
}

/// A message.
#[derive(Clone, Debug)]
pub struct Message {
    pub topic: String,
    pub payload: String,
    /// It was published before this client subscribed, and kept by the broker.
    pub retained: bool,
}

impl Listener {
    pub fn at(port: u16) -> Listener {
        // A broker takes two connections of one id for the same client.
        static LISTENERS: AtomicU32 = AtomicU32::new(0);
        let id = format!("listener-{}-{}", std::process::id(), LISTENERS.fetch_add(1, Ordering::Relaxed));
        let mut options = MqttOptions::new(id, "127.0.0.1", port);
        options.set_max_packet_size(1 << 20, 1 << 20);
        let (client, mut connection) = Client::new(options, 16);
        client.subscribe("#", QoS::AtLeastOnce).unwrap();
        let (sender, heard) = channel();
        thread::spawn(move || {
            for event in connection.iter() {
                let said = match event {
                    Ok(Event::Incoming(Packet::Publish(said))) => said,
                    Ok(_) => continue,
                    // The broker or the test is gone.
                    Err(_) => return,
                };
                let payload = String::from_utf8_lossy(&said.payload).into_owned();
                if sender.send(Message { topic: said.topic, payload, retained: said.retain }).is_err() {
                    return;
                }
            }
        });
        Listener { client, heard, seen: BTreeMap::new() }
    }

    /// Waits until the last message of a topic is a right one.
    pub fn wait_for(&mut self, topic: &str, right: impl Fn(&str) -> bool) -> Message {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(message) = self.seen.get(topic).filter(|message| right(&message.payload)) {
                return message.clone();
            }
            match self.heard.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(message) => self.seen.insert(message.topic.clone(), message),
                Err(_) => panic!("nothing like it was said on `{topic}`: {:#?}", self.seen),
            };
        }
    }

    /// Forgets the last message of a topic.
    pub fn forget(&mut self, topic: &str) {
        self.seen.remove(topic);
    }

    pub fn say(&self, topic: &str, payload: impl Into<Vec<u8>>, retain: bool) {
        self.client.publish(topic, QoS::AtLeastOnce, retain, payload).unwrap();
    }
}
