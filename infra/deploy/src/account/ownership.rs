//! The account of a device, in all places that store it.

use anyhow::{Context as _, Result};
use dag_cloud::{Account, Registration, aws::Registry};
use dag_engine::Name;

use crate::{cloud::Cloud, iot::Iot, template::Output};

/// The places that store the account of a device: the registry, the thing of AWS IoT, and the consumer.
pub(crate) struct Ownership<'a> {
    cloud: &'a Cloud,
    pub(super) registry: Registry,
    pub(super) iot: Iot,
    /// The queue for announcements to the consumer.
    events: String,
}

impl<'a> Ownership<'a> {
    /// Asks the stack for the names of these places.
    ///
    /// # Errors
    /// There is no such stack, or AWS cannot be asked.
    pub async fn connect(cloud: &'a Cloud) -> Result<Ownership<'a>> {
        let outputs = cloud.outputs().await?;
        let events = outputs.get(Output::Events)?.to_owned();
        Ok(Ownership { cloud, registry: cloud.registry(&outputs)?, iot: Iot::new(cloud, &outputs)?, events })
    }

    /// Makes the consumer read the registrations of devices.
    pub(super) async fn announce(&self, devices: &[Name]) -> Result<()> {
        self.cloud.announce(&self.events, devices).await
    }

    /// Takes a device from an account if it belongs to that. The thing is changed first: after an interruption the
    /// registry still has the device among those of the account.
    pub(super) async fn disown(&self, device: &Name, account: &Account) -> Result<()> {
        self.iot.set_account(device, None).await?;
        let disown = |registration: &mut Registration| {
            registration.account.take_if(|owner| *owner == account.id);
        };
        let changed = self.registry.change(device, disown).await;
        changed.map(drop).with_context(|| format!("taking `{device}` from its account"))
    }
}
