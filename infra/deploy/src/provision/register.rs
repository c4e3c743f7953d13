//! The registration of a device: its row of the registry, which the consumer reads.

use anyhow::{Result, bail};
use dag_cloud::{Account, Registration, aws::Registry};
use dag_config::DeviceConfig;
use dag_engine::{Id, Name};

/// The desired registration of a device.
#[derive(Debug)]
pub(super) struct DesiredRegistration<'a> {
    /// The name in the order. Without it the device keeps its name, which people change on the dashboard.
    pub name: Option<&'a str>,
    /// Its section of the configuration, whose labels and time zone always apply.
    pub configured: Option<&'a DeviceConfig>,
    /// The possible accounts of the device.
    pub owners: &'a Owners,
    /// The fleet's rules, for a device without desired rules.
    pub rules: Option<Id>,
}

/// The possible accounts of a device.
#[derive(Debug, Default)]
pub(super) struct Owners {
    /// The account in the order.
    pub by_order: Option<Account>,
    /// The id of an account that has the device and was removed. The one in the order replaces it.
    pub former: Option<Name>,
    /// The id of the account in the older fleet or the configuration, for a device without an account.
    pub by_default: Option<Name>,
}

/// Returns the account of a user name.
///
/// # Errors
/// There is no such account.
pub(super) async fn account(registry: &Registry, username: &str) -> Result<Account> {
    match registry.account(username).await? {
        Some(account) => Ok(account),
        None => bail!("there is no account `{username}`: `dag-infra account add {username}` makes one"),
    }
}

/// Registers a device. Returns its registration, and whether that changed.
///
/// # Errors
/// The table cannot be read or written, or another account has the device.
pub(super) async fn register(
    registry: &Registry,
    device: &str,
    desired: &DesiredRegistration<'_>,
) -> Result<(Registration, bool)> {
    let here = registry.registration(device).await?.map(|here| Registration { account_emails: Vec::new(), ..here });
    if let Some(here) = &here {
        let mut same = here.clone();
        desired.apply(&mut same);
        if same == *here {
            return Ok((same, false));
        }
    }
    let registered = registry.change(device, |registration| desired.apply(registration)).await?;
    if let Some(account) = &desired.owners.by_order
        && registered.account.as_ref() != Some(&account.id)
    {
        // Another command gave it to another account meanwhile, which the error names.
        crate::account::claim(registry, account, &Name::new(device)).await?;
    }
    Ok((registered, true))
}

impl DesiredRegistration<'_> {
    fn apply(&self, registration: &mut Registration) {
        if let Some(name) = self.name {
            registration.name = Some(name.to_owned());
        }
        if let Some(configured) = self.configured {
            registration.name.get_or_insert_with(|| configured.name.clone());
            registration.labels = Some(configured.labels.clone());
            registration.timezone.clone_from(&configured.timezone);
        }
        let Owners { by_order, former, by_default } = self.owners;
        // A device stays with the account that has it.
        registration.account.take_if(|owner| Some(&*owner) == former.as_ref());
        let by_order = by_order.as_ref().map(|account| account.id.clone());
        registration.account = registration.account.take().or(by_order).or_else(|| by_default.clone());
        registration.desired_rules = registration.desired_rules.or(self.rules);
    }
}
