//! The changes of an account.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow, bail};
use dag_cloud::{Account, Registration, aws::Registry};
use dag_engine::{Address, Name, nearest};
use uuid::Uuid;

use super::ownership::Ownership;
use crate::{rules::check_registered, words::quoted};

/// The longest user name, in characters.
const LONGEST_NAME: usize = 64;

/// Invisible letters (those with the Unicode property "Default_Ignorable_Code_Point").
const INVISIBLE: [char; 4] = ['\u{115f}', '\u{1160}', '\u{3164}', '\u{ffa0}'];

/// Adds an account. `password` is a hash.
pub(crate) async fn add(registry: &Registry, username: &str, emails: &[String], password: String) -> Result<Account> {
    // With invisible characters, or ones that turn the direction of writing, a name could look like another one.
    let plain = |c: char| c.is_ascii_graphic() || (c.is_alphanumeric() && !INVISIBLE.contains(&c));
    if username.is_empty() || username.chars().count() > LONGEST_NAME || !username.chars().all(plain) {
        bail!(
            "`{}` cannot be a user name: it has 1 to {LONGEST_NAME} letters, digits and signs like `.`, `-`, `_` and \
             `@`, and no spaces",
            username.escape_default()
        );
    }
    let id = Name::new(Uuid::new_v4().to_string());
    let account = Account { id, username: username.to_owned(), password, emails: addresses(emails)? };
    if !registry.add_account(&account).await? {
        bail!(
            "the user name `{username}` is taken: take another one, or give its owner a new password by `dag-infra \
             account set-password {username}`, or other addresses by `dag-infra account set-email {username}`"
        );
    }
    Ok(account)
}

/// Sets the addresses. Returns the account and its devices, which have to be announced to the consumer.
pub(crate) async fn set_emails(registry: &Registry, username: &str, emails: &[String]) -> Result<(Account, Vec<Name>)> {
    let emails = addresses(emails)?;
    let changed = registry.change_account(username, |account| account.emails.clone_from(&emails)).await?;
    let Some(account) = changed else { return Err(no_such_account(registry, username).await) };
    let devices = devices_of(&registry.devices().await?, &account);
    Ok((account, devices))
}

/// Returns each address once, in its first spelling. Mail servers hardly ever distinguish upper and lower case, and
/// nobody should get a message twice.
fn addresses(emails: &[String]) -> Result<Vec<String>> {
    let mut kept: Vec<String> = Vec::new();
    for email in emails {
        if !Address::is_email(email) {
            bail!("`{}` is not an email address: write it as user@host, without a name", email.escape_debug());
        }
        if !kept.iter().any(|kept| kept.to_lowercase() == email.to_lowercase()) {
            kept.push(email.clone());
        }
    }
    Ok(kept)
}

/// Sets the password, of which `password` is a hash.
pub(crate) async fn set_password(registry: &Registry, username: &str, password: String) -> Result<Account> {
    let changed = registry.change_account(username, |account| account.password.clone_from(&password)).await?;
    match changed {
        Some(account) => Ok(account),
        None => Err(no_such_account(registry, username).await),
    }
}

/// Removes an account. Returns it, and its devices, which have no account then.
///
/// A run that is interrupted may have given up some devices, and the next run finds only the rest. So the account first
/// loses its addresses, and all devices are announced, before any is given up: from then on its owner gets no messages,
/// wherever the run ends.
pub(crate) async fn remove(ownership: &Ownership<'_>, username: &str, unassign: bool) -> Result<(Account, Vec<Name>)> {
    let account = find(&ownership.registry, username).await?;
    let devices = devices_of(&ownership.registry.devices().await?, &account);
    if !devices.is_empty() && !unassign {
        bail!(
            "the account `{}` still has {}: take them from it by `dag-infra account unassign`, or say `--unassign`, \
             and nobody has them",
            account.username,
            quoted(&devices)
        );
    }
    if !devices.is_empty() {
        ownership.registry.change_account(username, |account| account.emails.clear()).await?;
        ownership.announce(&devices).await?;
        for device in &devices {
            ownership.disown(device, &account).await?;
        }
        ownership.announce(&devices).await?;
    }
    ownership.registry.remove_account(username).await?;
    Ok((account, devices))
}

/// Gives devices to an account: all of them, or none if one belongs to another account.
pub(crate) async fn assign(ownership: &Ownership<'_>, username: &str, devices: &[Name]) -> Result<Account> {
    let registry = &ownership.registry;
    let account = find(registry, username).await?;
    check_registered(registry, devices).await?;
    for device in devices {
        if claim(registry, &account, device).await?.is_some() {
            bail!(owned_by_other(device, username, &None));
        }
    }
    for device in devices {
        let assigned = registry
            .change(device, |registration| {
                // Another command may have given it to an account meanwhile.
                registration.account.get_or_insert_with(|| account.id.clone());
            })
            .await?;
        if let Some(owner) = assigned.account.filter(|owner| *owner != account.id) {
            bail!(owned_by_other(device, username, &name_of(registry, &owner).await?));
        }
        ownership.iot.set_account(device, Some(&account.id)).await?;
    }
    ownership.announce(devices).await?;
    Ok(account)
}

/// Checks that an account can be given a device. Returns the id of its account so far if that was removed.
///
/// # Errors
/// The device belongs to another account, whose owner would get no more messages about it.
pub(crate) async fn claim(registry: &Registry, account: &Account, device: &Name) -> Result<Option<Name>> {
    let owner = registry.registration(device).await?.and_then(|registration| registration.account);
    let Some(owner) = owner.filter(|owner| *owner != account.id) else { return Ok(None) };
    match name_of(registry, &owner).await? {
        Some(known) => bail!(owned_by_other(device, &account.username, &Some(known))),
        None => Ok(Some(owner)),
    }
}

/// Takes devices from an account: all of them, or none if one belongs to another account. A device without an account
/// is announced, too: an earlier run may have been interrupted before its announcement.
pub(crate) async fn unassign(ownership: &Ownership<'_>, username: &str, devices: &[Name]) -> Result<Account> {
    let registry = &ownership.registry;
    let account = find(registry, username).await?;
    check_registered(registry, devices).await?;
    for device in devices {
        let owner = registry.registration(device).await?.and_then(|registration| registration.account);
        if owner.is_some_and(|owner| owner != account.id) {
            bail!("`{device}` is not a device of `{username}`: `dag-infra account list` shows which are");
        }
    }
    for device in devices {
        ownership.disown(device, &account).await?;
    }
    ownership.announce(devices).await?;
    Ok(account)
}

/// Returns those of some devices that belong to an account.
pub(crate) fn devices_of(devices: &BTreeMap<Name, Registration>, account: &Account) -> Vec<Name> {
    let own = devices.iter().filter(|(_, registration)| registration.account.as_ref() == Some(&account.id));
    own.map(|(device, _)| device.clone()).collect()
}

/// Returns the error that there is no such account, with the most similar user name.
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

async fn name_of(registry: &Registry, id: &Name) -> Result<Option<String>> {
    let accounts = registry.accounts().await?;
    Ok(accounts.into_iter().find(|account| account.id == *id).map(|account| account.username))
}

/// Returns the text that a device belongs to another account.
fn owned_by_other(device: &Name, username: &str, owner: &Option<String>) -> String {
    match owner {
        Some(owner) => format!(
            "`{device}` belongs to `{owner}`, who would not be told of it any more: `dag-infra account unassign \
             {owner} {device}` first, then assign it to `{username}`"
        ),
        None => format!(
            "`{device}` belongs to an account that is not known here: `dag-infra provision {device} --account \
             {username}` gives it to `{username}`"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_differ_in_capitals_are_one_as_it_was_written_first() {
        let kept = |emails: &[&str]| addresses(&emails.iter().map(|email| (*email).to_owned()).collect::<Vec<_>>());
        let written = ["Nor@Example.com", "kim@example.com", "nor@example.COM", "kim@example.com"];
        assert_eq!(kept(&written).unwrap(), ["Nor@Example.com", "kim@example.com"]);
        assert!(kept(&["nor"]).is_err());
    }
}
