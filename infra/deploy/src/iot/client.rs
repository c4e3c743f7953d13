//! The client of AWS IoT, with the names of the stack's resources.

use anyhow::{Context as _, Result};
use aws_config::SdkConfig;
use aws_sdk_iot::Client;

use crate::{
    cloud::{Cloud, Outputs},
    explain::explain,
    template::Output,
};

/// AWS IoT in a stack.
pub(crate) struct Iot {
    pub(super) client: Client,
    /// The name of the policy of devices.
    pub policy: String,
    /// The name of the thing type of devices.
    pub thing_type: String,
    /// The name of the thing group of devices.
    pub(super) group: String,
}

impl Iot {
    /// Returns AWS IoT with the names in the stack's outputs.
    pub fn new(cloud: &Cloud, outputs: &Outputs) -> Result<Iot> {
        Ok(Iot {
            client: Client::new(&cloud.sdk),
            policy: outputs.get(Output::DevicePolicy)?.to_owned(),
            thing_type: outputs.get(Output::DeviceType)?.to_owned(),
            group: outputs.get(Output::DeviceGroup)?.to_owned(),
        })
    }

    /// Returns AWS IoT with the names that the template gives, for a stack that may have no outputs any more.
    pub fn of_stack(sdk: &SdkConfig, stack: &str) -> Iot {
        Iot {
            client: Client::new(sdk),
            policy: format!("{stack}-device"),
            thing_type: stack.to_owned(),
            group: stack.to_owned(),
        }
    }

    /// Returns the host name of the broker, as devices reach it.
    pub async fn endpoint(&self) -> Result<String> {
        let endpoint = self.client.describe_endpoint().endpoint_type("iot:Data-ATS").send().await;
        let endpoint = endpoint.map_err(|error| explain("asking where the broker is", &error))?;
        endpoint.endpoint_address.context("AWS IoT does not say where the broker is")
    }
}
