//! The parameters of a connection.

use std::time::Duration;

use dag_config::resolve;
use dag_engine::SecretRef;
use rumqttc::{LastWill, MqttOptions, QoS, TlsConfiguration, Transport};

use super::tls::Tls;

/// A message that is published, or that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub topic: String,
    pub payload: Vec<u8>,
    /// The broker keeps it for those who subscribe later. Of a message that arrived: it was kept for this client.
    pub retain: bool,
}

/// The parameters of a connection. Secrets and certificates are named here, and read anew for each connection:
/// changed files count at the next one.
#[derive(Clone, Debug)]
pub struct Options {
    /// Unique at the broker, which ends the older of two connections of the same id.
    pub client_id: String,
    pub host: String,
    pub port: u16,
    pub credentials: Option<(String, SecretRef)>,
    /// Absent for a connection that is not encrypted.
    pub tls: Option<Tls>,
    /// The interval between signs of life. The broker ends a connection that is silent for one and a half of it.
    pub keep_alive: Duration,
    /// The longest that the broker may take to accept the connection with its subscriptions, and to confirm a message.
    pub timeout: Duration,
    /// The longest packet, in bytes. A longer one ends the connection.
    pub max_packet: usize,
    /// The broker publishes it when the connection ends, however it ends.
    pub last_will: Option<Message>,
    /// Topics to subscribe to on each connection.
    pub subscriptions: Vec<String>,
    /// Without its subscriptions the connection is of no use: a broker that refuses one is an error.
    pub needs_subscriptions: bool,
}

impl Options {
    /// Reads the secrets and certificates. Blocks.
    ///
    /// # Errors
    /// A sentence: which of them cannot be used, and why.
    pub(super) fn read(&self) -> Result<MqttOptions, String> {
        let mut options = MqttOptions::new(&self.client_id, &self.host, self.port);
        options.set_clean_session(true);
        options.set_keep_alive(self.keep_alive);
        options.set_max_packet_size(self.max_packet, self.max_packet);
        if let Some(Message { topic, payload, retain }) = self.last_will.clone() {
            options.set_last_will(LastWill::new(topic, payload, QoS::AtLeastOnce, retain));
        }
        if let Some((username, password)) = &self.credentials {
            options.set_credentials(username, resolve(password).map_err(|error| error.to_string())?);
        }
        if let Some(tls) = &self.tls {
            options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(tls.read()?.into())));
        }
        Ok(options)
    }
}
