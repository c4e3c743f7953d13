//! The connection to the cloud's broker: reports go out, commands come in.

use std::time::Duration;

use dag_config::Uplink;
use dag_engine::Name;
use dag_uplink::{LONGEST_REPORT, Topics};

use crate::mqtt::{Client, Event, Message, Options, Tls};

/// The longest that the broker may take: to accept a connection, and to confirm a report.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The room in a packet for what is not the message: its header and its topic, in bytes.
const FRAME: usize = 1_024;

/// AWS IoT accepts MQTT with a client's certificate on the port for HTTPS, where this protocol is asked for ([device
/// communication protocols](https://docs.aws.amazon.com/iot/latest/developerguide/protocols.html)).
const ALPN: &[u8] = b"x-amzn-mqtt-ca";
const HTTPS: u16 = 443;

/// A connection that is kept up until this is dropped.
#[derive(Debug)]
pub struct Connection {
    client: Client,
    report_topic: String,
}

impl Connection {
    /// Starts to connect as `device`, and returns at once. Must be called within a Tokio runtime.
    pub fn start(device: &Name, uplink: &Uplink) -> Connection {
        let topics = Topics { prefix: &uplink.topics };
        let tls = Tls {
            section: "uplink",
            ca: uplink.ca.clone(),
            trusts_public_authorities: uplink.ca.is_none(),
            identity: Some((uplink.certificate.clone(), uplink.key.clone())),
            alpn: (uplink.port == HTTPS).then_some(ALPN),
        };
        let options = Options {
            client_id: device.to_string(),
            host: uplink.endpoint.clone(),
            port: uplink.port,
            credentials: None,
            tls: Some(tls),
            keep_alive: uplink.keep_alive.into(),
            timeout: TIMEOUT,
            max_packet: LONGEST_REPORT + FRAME,
            last_will: None,
            subscriptions: vec![topics.command(device)],
            needs_subscriptions: true,
        };
        Connection { client: Client::start(options), report_topic: topics.report(device) }
    }

    /// Returns the next event. A message is a command. Cancel safe.
    pub async fn next(&mut self) -> Option<Event> {
        self.client.events.recv().await
    }

    /// Sends a report, once [`Event::Connected`] came and every report before was confirmed. Returns false where the
    /// connection is about to be lost.
    pub fn send(&self, report: Vec<u8>) -> bool {
        let topic = self.report_topic.clone();
        let message = Message { topic, payload: report, retain: false };
        self.client.outgoing.try_send(message).is_ok()
    }
}
