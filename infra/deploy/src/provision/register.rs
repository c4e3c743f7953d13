//! What the consumer is told of a device: its row of the registry.

use anyhow::{Result, bail};
use dag_cloud::{Account, Registration, aws::Registry};
use dag_config::DeviceConfig;
use dag_engine::{Id, Name};

/// What a device is to be registered with.
#[derive(Debug)]
pub(super) struct DesiredRegistration<'a> {
    /// A name that was asked for. Without it a name that is there stays: people change it on the dashboard.
    pub name: Option<&'a str>,
    /// What the configuration has of it: that of labels and time zone counts each time.
    pub configured: Option<&'a DeviceConfig>,
    /// Whose it is to be.
    pub owners: &'a Owners,
    /// The rules that the fleet runs, for a device that has none yet.
    pub rules: Option<Id>,
}

/// The accounts that come into question for a device.
#[derive(Debug, Default)]
pub(super) struct Owners {
    /// The one that was asked for.
    pub asked: Option<Account>,
    /// The id of one that has the device and is not there any more: the one that was asked for takes its place.
    pub gone: Option<Name>,
    /// The one that has the device by what the older fleet or the configuration says, where nobody has it yet.
    pub usual: Option<Name>,
}

/// Returns the account of a user name.
///
/// # Errors
/// There is none.
pub(super) async fn account(registry: &Registry, username: &str) -> Result<Account> {
    match registry.account(username).await? {
        Some(account) => Ok(account),
        None => bail!("there is no account `{username}`: `dag-infra account add {username}` makes one"),
    }
}

/// Registers a device. Returns what the registry has of it now, and whether that is new.
///
/// # Errors
/// The table cannot be read or written.
pub(super) async fn register(
    registry: &Registry,
    device: &str,
    wanted: &DesiredRegistration<'_>,
) -> Result<(Registration, bool)> {
    let here = registry.registration(device).await?.map(|here| Registration { account_emails: Vec::new(), ..here });
    if let Some(here) = &here {
        let mut same = here.clone();
        wanted.apply(&mut same);
        if same == *here {
            return Ok((same, false));
        }
    }
    let registered = registry.change(device, |registration| wanted.apply(registration)).await?;
    if let Some(asked) = &wanted.owners.asked
        && registered.account.as_ref() != Some(&asked.id)
    {
        // Another was faster: who that is stands there now.
        crate::account::claim(registry, asked, &Name::new(device)).await?;
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
        let Owners { asked, gone, usual } = self.owners;
        // What belongs to somebody is not taken from them here.
        registration.account.take_if(|owner| Some(&*owner) == gone.as_ref());
        let asked = asked.as_ref().map(|account| account.id.clone());
        registration.account = registration.account.take().or(asked).or_else(|| usual.clone());
        registration.desired_rules = registration.desired_rules.or(self.rules);
    }
}
