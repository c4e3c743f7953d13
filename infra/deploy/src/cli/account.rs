//! `dag-infra account`: people who may look at devices, and whose addresses stand for `@account`.

use std::io::{self, IsTerminal as _, Read as _};

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use dag_config::Config;
use dag_engine::Name;
use serde_json::{Value, json};

use super::common::{Common, with_cloud};
use crate::{
    account::{self, Ownership, devices_of, password},
    cloud::Cloud,
    template::Output,
};

/// The most bytes that are read for a password: the longest one, in characters of 4 bytes, and a line break.
const LONGEST_LINE: u64 = 4 * password::LONGEST as u64 + 16;

#[derive(Debug, Subcommand)]
pub(super) enum Account {
    /// Add an account
    Add(Add),
    /// Show all accounts and their devices
    List,
    /// Give an account a new password
    SetPassword(SetPassword),
    /// Give an account other addresses
    SetEmail(SetEmail),
    /// Remove an account
    Rm(Remove),
    /// Give devices to an account
    Assign(Devices),
    /// Take devices from an account
    Unassign(Devices),
}

#[derive(Debug, Args)]
pub(super) struct Add {
    /// The user name, by which its owner logs in
    username: String,
    /// An address that messages go to; may be given several times
    #[arg(long = "email", value_name = "ADDRESS")]
    emails: Vec<String>,
    #[command(flatten)]
    password: Password,
}

#[derive(Debug, Args)]
pub(super) struct SetPassword {
    /// The account's user name
    username: String,
    #[command(flatten)]
    password: Password,
}

#[derive(Debug, Args)]
pub(super) struct SetEmail {
    /// The account's user name
    username: String,
    /// An address that messages go to from now on, instead of those before; may be given several times
    #[arg(long = "email", value_name = "ADDRESS", required = true)]
    emails: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct Remove {
    /// The account's user name
    username: String,
    /// Remove it though it has devices; nobody has those then
    #[arg(long)]
    unassign: bool,
}

#[derive(Debug, Args)]
pub(super) struct Devices {
    /// The account's user name
    username: String,
    /// The devices
    #[arg(required = true, value_name = "DEVICE")]
    devices: Vec<String>,
}

#[derive(Debug, Args)]
struct Password {
    /// Read the password from the first line of the standard input instead of the terminal
    #[arg(long)]
    password_stdin: bool,
}

impl Account {
    pub fn run(self, common: &Common) -> Result<()> {
        match self {
            Account::Add(add) => add.run(common),
            Account::List => list(common),
            Account::SetPassword(set) => set.run(common),
            Account::SetEmail(set) => set.run(common),
            Account::Rm(remove) => remove.run(common),
            Account::Assign(devices) => devices.assign(common),
            Account::Unassign(devices) => devices.unassign(common),
        }
    }
}

impl Add {
    fn run(self, common: &Common) -> Result<()> {
        let password = password::hash(&self.password.read()?)?;
        with_cloud(common, async |config, cloud| {
            let registry = cloud.registry(&cloud.outputs().await?)?;
            let added = account::add(&registry, &self.username, &self.emails, password).await?;
            let mut lines = vec![format!("The account `{}` is added: {}.", added.username, added.id)];
            lines.extend(ask_owners(&cloud, &config, &added, "is added").await?);
            lines.push(format!("Give it devices by `dag-infra account assign {} DEVICE`.", added.username));
            common.print(lines.join("\n"), &to_json(&added, &[]))?;
            Ok(())
        })
    }
}

fn list(common: &Common) -> Result<()> {
    with_cloud(common, async |_, cloud| {
        let registry = cloud.registry(&cloud.outputs().await?)?;
        let (accounts, devices) = (registry.accounts().await?, registry.devices().await?);
        let accounts = accounts.iter().map(|account| (account, devices_of(&devices, account)));
        let accounts: Vec<_> = accounts.collect();
        let text = accounts.iter().map(|(account, devices)| {
            let none = |text: String| if text.is_empty() { "-".to_owned() } else { text };
            let emails = none(account.emails.join(", "));
            format!("{}  {}\n  emails:  {emails}\n  devices: {}", account.username, account.id, none(names(devices)))
        });
        let text: Vec<String> = text.collect();
        let text = match text.as_slice() {
            [] => "There is no account yet: add one by `dag-infra account add USERNAME`.".to_owned(),
            _ => text.join("\n"),
        };
        let json: Vec<Value> = accounts.iter().map(|(account, devices)| to_json(account, devices)).collect();
        common.print(text, &Value::from(json))?;
        Ok(())
    })
}

impl SetPassword {
    fn run(self, common: &Common) -> Result<()> {
        let password = password::hash(&self.password.read()?)?;
        with_cloud(common, async |_, cloud| {
            let registry = cloud.registry(&cloud.outputs().await?)?;
            let changed = account::set_password(&registry, &self.username, password).await?;
            common.print(
                format!("The account `{}` has a new password.", changed.username),
                &json!({ "id": changed.id, "username": changed.username }),
            )?;
            Ok(())
        })
    }
}

impl SetEmail {
    fn run(self, common: &Common) -> Result<()> {
        with_cloud(common, async |config, cloud| {
            let outputs = cloud.outputs().await?;
            let registry = cloud.registry(&outputs)?;
            let (account, devices) = account::set_emails(&registry, &self.username, &self.emails).await?;
            cloud.announce(outputs.get(Output::Events)?, &devices).await?;
            let mut lines =
                vec![format!("The account `{}` gets messages at {}.", account.username, account.emails.join(", "))];
            lines.extend(ask_owners(&cloud, &config, &account, "has these addresses").await?);
            common.print(lines.join("\n"), &to_json(&account, &devices))?;
            Ok(())
        })
    }
}

/// Makes SES ask the owners of an account's addresses if that is needed, and returns a sentence for each. `change` says
/// what happened to the account before, for the error.
async fn ask_owners(cloud: &Cloud, config: &Config, account: &dag_cloud::Account, change: &str) -> Result<Vec<String>> {
    let mut states = Vec::new();
    for email in &account.emails {
        let verification = account::verify(cloud, config, email).await.with_context(|| {
            let emails: Vec<String> = account.emails.iter().map(|email| format!("--email {email}")).collect();
            format!(
                "the account `{}` {change}, and not every owner of its addresses was asked. For that run `dag-infra \
                 account set-email {} {}` when this is mended",
                account.username,
                account.username,
                emails.join(" ")
            )
        })?;
        states.extend(verification.map(|state| state.to_text(email)));
    }
    Ok(states)
}

impl Remove {
    fn run(self, common: &Common) -> Result<()> {
        with_cloud(common, async |_, cloud| {
            let ownership = Ownership::connect(&cloud).await?;
            let (removed, devices) = account::remove(&ownership, &self.username, self.unassign).await?;
            let mut text = format!("The account `{}` is removed.", removed.username);
            if !devices.is_empty() {
                text += &format!(" Nobody has its devices now: {}.", names(&devices));
            }
            common.print(text, &to_json(&removed, &devices))?;
            Ok(())
        })
    }
}

impl Devices {
    fn assign(self, common: &Common) -> Result<()> {
        with_cloud(common, async |_, cloud| {
            let (ownership, devices) = (Ownership::connect(&cloud).await?, self.devices());
            let account = account::assign(&ownership, &self.username, &devices).await?;
            let recipients = match account.emails.as_slice() {
                [] => "it has no address for messages".to_owned(),
                emails => format!("{} stands for `@account` there", emails.join(", ")),
            };
            let text = format!("The account `{}` has {}: {recipients}.", account.username, names(&devices));
            common.print(text, &to_json(&account, &devices))?;
            Ok(())
        })
    }

    fn unassign(self, common: &Common) -> Result<()> {
        with_cloud(common, async |_, cloud| {
            let (ownership, devices) = (Ownership::connect(&cloud).await?, self.devices());
            let account = account::unassign(&ownership, &self.username, &devices).await?;
            let text = format!("The account `{}` has {} no more.", account.username, names(&devices));
            common.print(text, &to_json(&account, &devices))?;
            Ok(())
        })
    }

    fn devices(&self) -> Vec<Name> {
        self.devices.iter().map(|device| Name::new(device.clone())).collect()
    }
}

impl Password {
    fn read(&self) -> Result<String> {
        Ok(if self.password_stdin { first_line(io::stdin().lock())? } else { ask_twice()? })
    }
}

fn first_line(input: impl io::Read) -> Result<String> {
    let mut text = String::new();
    let read = input.take(LONGEST_LINE).read_to_string(&mut text);
    read.context("the password cannot be read from the standard input")?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// Asks for a password twice, without an echo.
fn ask_twice() -> Result<String> {
    if !io::stdin().is_terminal() {
        bail!(
            "there is no terminal to ask for the password at: give it on the standard input, with `--password-stdin`"
        );
    }
    let read_error =
        "the password cannot be read from the terminal: give it on the standard input, with `--password-stdin`";
    let password = rpassword::prompt_password("Password: ").context(read_error)?;
    let again = rpassword::prompt_password("Again: ").context(read_error)?;
    if password != again {
        bail!("the two passwords differ: nothing was changed, try it again");
    }
    Ok(password)
}

fn names(devices: &[Name]) -> String {
    devices.iter().map(|device| device.as_str()).collect::<Vec<_>>().join(", ")
}

/// Returns an account as JSON, without its password.
fn to_json(account: &dag_cloud::Account, devices: &[Name]) -> Value {
    json!({ "id": account.id, "username": account.username, "emails": account.emails, "devices": devices })
}
