//! A real MQTT broker, `mosquitto`, on loopback, and somebody who listens and speaks there as Home Assistant does.

use std::{
    collections::BTreeMap,
    fs,
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        atomic::{AtomicU32, Ordering},
        mpsc::{Receiver, channel},
    },
    thread,
    time::{Duration, Instant},
};

use rumqttc::{Client, Event, MqttOptions, Packet, QoS};

/// Longer than anything here takes on a busy machine; reached only when something is wrong.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running broker, killed when it is dropped.
pub struct Mosquitto {
    pub port: u16,
    child: Child,
    dir: tempfile::TempDir,
}

impl Mosquitto {
    /// A broker that lets everybody in, unprotected.
    pub fn start() -> Mosquitto {
        Mosquitto::start_with(tempfile::tempdir().unwrap(), "allow_anonymous true")
    }

    /// A broker with these lines in its configuration, which may name files in `dir`.
    pub fn start_with(dir: tempfile::TempDir, lines: &str) -> Mosquitto {
        // Somebody else may take the port before the broker does.
        let started = (0..5).find_map(|_| {
            let port = free_port();
            Some((port, spawn(dir.path(), port, lines)?))
        });
        let (port, child) = started.expect("mosquitto does not start");
        Mosquitto { port, child, dir }
    }

    /// Ends it and starts it anew, at the same port; it has forgotten everything.
    pub fn restart(&mut self, lines: &str) {
        self.stop();
        self.child = spawn(self.dir.path(), self.port, lines).expect("mosquitto does not start again");
    }

    fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Starts it and waits until it takes connections; nothing where it ends instead.
fn spawn(dir: &Path, port: u16, lines: &str) -> Option<Child> {
    let config = dir.join("mosquitto.conf");
    // Started by root it would become another user, who may not read this folder.
    fs::write(&config, format!("user root\nlistener {port} 127.0.0.1\n{lines}\n")).unwrap();
    // Debian has it where only administrators look for programs.
    let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new("mosquitto");
    let command = command.env("PATH", path).arg("-c").arg(config).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("mosquitto is missing: run `bash .ci/run`");
    let end = Instant::now() + PATIENCE;
    loop {
        let answers = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok();
        if child.try_wait().unwrap().is_some() {
            return None;
        }
        if answers {
            return Some(child);
        }
        assert!(Instant::now() < end, "mosquitto did not start");
        thread::sleep(Duration::from_millis(10));
    }
}

pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// Somebody else at the broker, who sees everything that is said there.
pub struct Listener {
    client: Client,
    heard: Receiver<Message>,
    /// What was said last, by topic.
    seen: BTreeMap<String, Message>,
}

/// What was said.
#[derive(Clone, Debug)]
pub struct Message {
    pub topic: String,
    pub payload: String,
    /// It was said before this listener came, and kept by the broker.
    pub retained: bool,
}

impl Listener {
    pub fn at(port: u16) -> Listener {
        // A broker takes two of one name for the same client.
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

    /// Waits until the last word on a topic is this one.
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

    /// Forgets what was said on a topic.
    pub fn forget(&mut self, topic: &str) {
        self.seen.remove(topic);
    }

    pub fn say(&self, topic: &str, payload: impl Into<Vec<u8>>, retain: bool) {
        self.client.publish(topic, QoS::AtLeastOnce, retain, payload).unwrap();
    }
}
