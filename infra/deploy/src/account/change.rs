//! What can be done with an account.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, anyhow, bail};
use dag_cloud::{Account, Registration, aws::Registry};
use dag_engine::{Address, Name, nearest};
use uuid::Uuid;

use crate::rules::registered;

/// A user name has so many characters at most.
const LONGEST_NAME: usize = 64;

/// Adds an account. `password` is a hash.
pub(crate) async fn add(registry: &Registry, username: &str, emails: &[String], password: String) -> Result<Account> {
    let plain = |c: char| !c.is_whitespace() && !c.is_control();
    if username.is_empty() || username.chars().count() > LONGEST_NAME || !username.chars().all(plain) {
        bail!(
            "`{}` cannot be a user name: it has 1 to {LONGEST_NAME} characters, and no spaces",
            username.escape_debug()
        );
    }
    let mut kept: Vec<String> = Vec::new();
    for email in emails {
        if !Address::is_email(email) {
            bail!("`{}` is not an email address: write it as user@host, without a name", email.escape_debug());
        }
        if !kept.contains(email) {
            kept.push(email.clone());
        }
    }
    let id = Name::new(Uuid::new_v4().to_string());
    let account = Account { id, username: username.to_owned(), password, emails: kept };
    if !registry.add_account(&account).await? {
        bail!(
            "the user name `{username}` is taken: take another one, or give its owner a new password by `dag-infra account \
             set-password {username}`"
        );
    }
    Ok(account)
}

/// Sets the password, of which `password` is a hash.
pub(crate) async fn set_password(registry: &Registry, username: &str, password: String) -> Result<Account> {
    let changed = registry.change_account(username, |account| account.password.clone_from(&password)).await?;
    match changed {
        Some(account) => Ok(account),
        None => Err(no_such_account(registry, username).await),
    }
}

/// Removes an account, and answers it with the devices that were its own. Those are nobody's then.
pub(crate) async fn remove(registry: &Registry, username: &str, unassign: bool) -> Result<(Account, Vec<Name>)> {
    let account = find(registry, username).await?;
    let devices = devices_of(&registry.devices().await?, &account);
    if !devices.is_empty() && !unassign {
        bail!(
            "the account `{}` still has {}: take them from it by `dag-infra account unassign`, or say `--unassign`, and \
             nobody has them",
            account.username,
            listed(&devices)
        );
    }
    for device in &devices {
        give_up(registry, device, &account).await?;
    }
    registry.remove_account(username).await?;
    Ok((account, devices))
}

/// Gives devices to an account: all of them, or none.
pub(crate) async fn assign(registry: &Registry, username: &str, devices: &[Name]) -> Result<Account> {
    let account = find(registry, username).await?;
    registered(registry, devices).await?;
    for device in devices {
        let owner = registry.registration(device).await?.and_then(|registration| registration.account);
        if let Some(owner) = owner.filter(|owner| *owner != account.id) {
            bail!(taken(device, username, &name_of(registry, &owner).await?));
        }
    }
    for device in devices {
        let assigned = registry
            .change(device, |registration| {
                // Whoever was faster has it.
                registration.account.get_or_insert_with(|| account.id.clone());
            })
            .await?;
        if let Some(owner) = assigned.account.filter(|owner| *owner != account.id) {
            bail!(taken(device, username, &name_of(registry, &owner).await?));
        }
    }
    Ok(account)
}

/// Takes devices from an account: all of them, or none.
pub(crate) async fn unassign(registry: &Registry, username: &str, devices: &[Name]) -> Result<Account> {
    let account = find(registry, username).await?;
    for device in devices {
        let registration = registry.registration(device).await?.unwrap_or_default();
        if registration.account.as_ref() != Some(&account.id) {
            bail!("`{device}` is not a device of `{username}`: `dag-infra account list` shows which are");
        }
    }
    for device in devices {
        give_up(registry, device, &account).await?;
    }
    Ok(account)
}

/// The devices of an account among all.
pub(crate) fn devices_of(devices: &BTreeMap<Name, Registration>, account: &Account) -> Vec<Name> {
    let own = devices.iter().filter(|(_, registration)| registration.account.as_ref() == Some(&account.id));
    own.map(|(device, _)| device.clone()).collect()
}

/// That there is no such account, with the one that was meant.
async fn no_such_account(registry: &Registry, username: &str) -> anyhow::Error {
    let known = registry.accounts().await.unwrap_or_default();
    let near = nearest(username, known.iter().map(|account| account.username.as_str()));
    let near = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
    anyhow!("there is no account `{username}`: {near}`dag-infra account list` shows all")
}

async fn find(registry: &Registry, username: &str) -> Result<Account> {
    match registry.account(username).await? {
        Some(account) => Ok(account),
        None => Err(no_such_account(registry, username).await),
    }
}

async fn give_up(registry: &Registry, device: &Name, account: &Account) -> Result<()> {
    let give_up = |registration: &mut Registration| {
        registration.account.take_if(|owner| *owner == account.id);
    };
    registry.change(device, give_up).await.map(drop).with_context(|| format!("taking `{device}` from its account"))
}

async fn name_of(registry: &Registry, id: &Name) -> Result<Option<String>> {
    let accounts = registry.accounts().await?;
    Ok(accounts.into_iter().find(|account| account.id == *id).map(|account| account.username))
}

fn taken(device: &Name, username: &str, owner: &Option<String>) -> String {
    match owner {
        Some(owner) => format!(
            "`{device}` belongs to `{owner}`, who would not be told of it any more: `dag-infra account unassign {owner} \
             {device}` first, then assign it to `{username}`"
        ),
        None => format!(
            "`{device}` belongs to an account that is not known here: `dag-infra provision {device}` can give it another"
        ),
    }
}

fn listed(devices: &[Name]) -> String {
    devices.iter().map(|device| format!("`{device}`")).collect::<Vec<_>>().join(", ")
}
