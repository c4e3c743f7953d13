//! The connection to the devices: AWS IoT Core.

use aws_config::SdkConfig;
use aws_sdk_iotdataplane::{Client, config::Builder, primitives::Blob};
use dag_uplink::{Command, Topics};

use super::error::fault;
use crate::world::{Devices, Fault};

/// MQTT quality of service 1: at least once.
const QOS: i32 = 1;

/// The broker.
pub(super) struct Broker {
    client: Client,
    topics: String,
}

impl Broker {
    /// `endpoint` is the broker's host name, as the console shows it, or its URL.
    pub fn new(sdk: &SdkConfig, endpoint: Option<&str>, topics: &str) -> Self {
        let mut config = Builder::from(sdk);
        if let Some(endpoint) = endpoint {
            let scheme = if endpoint.contains("://") { "" } else { "https://" };
            config = config.endpoint_url(format!("{scheme}{endpoint}"));
        }
        Broker { client: Client::from_conf(config.build()), topics: topics.to_owned() }
    }
}

impl Devices for Broker {
    async fn command(&self, device: &str, command: &Command) -> Result<(), Fault> {
        let topic = Topics { prefix: &self.topics }.command(device);
        let publish = self.client.publish().topic(topic).qos(QOS).payload(Blob::new(command.to_json()));
        publish.send().await.map(|_| ()).map_err(|error| fault("publishing a command", &error))
    }
}
