//! Devices: each a thing of AWS IoT with a certificate, a bundle of files for its card, and a row of the registry.
//!
//! `note.rs` keeps what was done in the bundle, so that whatever was left halfway goes on. `identity.rs` has key and request,
//! `things.rs` the calls of AWS IoT, `bundle.rs` the files, `register.rs` the registry; `rotate.rs`, `revoke.rs` and
//! `adopt.rs` what happens to a device later; `cloud_init.rs` and `balena.rs` other ways for a bundle to reach it.

mod adopt;
mod balena;
mod bundle;
mod cloud_init;
mod files;
mod identity;
mod note;
mod register;
mod revoke;
mod rotate;
mod things;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use dag_cloud::{Account, aws::Registry};
use dag_config::Config;
use dag_engine::Name;

pub(crate) use balena::Balena;
pub(crate) use things::Things;

use self::{
    bundle::{Source, Uplink},
    note::{Certificate, Note},
    register::Wanted,
};
use crate::{cloud::Cloud, template::Output};

/// What is asked for a device.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub device: String,
    pub name: Option<String>,
    /// The user name of an account.
    pub account: Option<String>,
    /// The folder of the bundle.
    pub out: PathBuf,
    /// A request that the device made.
    pub csr: Option<PathBuf>,
    /// The key that signs rules; it need not be there.
    pub signing_key: PathBuf,
    pub cloud_init: Option<PathBuf>,
    pub balena: Option<Balena>,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Report {
    pub device: String,
    pub folder: PathBuf,
    /// The certificate of the bundle.
    pub certificate: Option<String>,
    /// Whether the bundle has the device's key, or the device itself has it.
    pub key: bool,
    /// What there was to do, in its order.
    pub done: Vec<&'static str>,
    /// How many other certificates the device has, until a rotation is finished.
    pub others: usize,
}

/// The cloud side, as a device's provisioning needs it.
pub(crate) struct Provisioner<'a> {
    cloud: &'a Cloud,
    config: &'a Config,
    /// The text of `config.toml`.
    text: String,
    things: Things,
    registry: Registry,
    events: String,
}

/// Whether this can be the id of a device.
///
/// # Errors
/// Why not.
pub(crate) fn check_id(device: &str) -> Result<()> {
    if !dag_config::is_device_id(device) {
        bail!(
            "`{}` cannot be the id of a device: use letters, digits, `-` and `_`, at most 64, for it stands in topics and \
             names of files",
            device.escape_debug()
        );
    }
    Ok(())
}

impl<'a> Provisioner<'a> {
    /// Asks the stack for the names of things.
    ///
    /// # Errors
    /// There is no such stack, or AWS cannot be asked.
    pub async fn new(cloud: &'a Cloud, config: &'a Config, path: &Path) -> Result<Provisioner<'a>> {
        let text = fs::read_to_string(path).with_context(|| format!("`{}` cannot be read", path.display()))?;
        let outputs = cloud.outputs().await?;
        Ok(Provisioner {
            cloud,
            config,
            text,
            things: Things::new(cloud, &outputs)?,
            registry: Registry::new(&cloud.sdk, outputs.get(Output::Table)?),
            events: outputs.get(Output::Events)?.to_owned(),
        })
    }

    /// Makes a device, or goes on where that was left off. Done again it changes nothing.
    ///
    /// # Errors
    /// What is wrong with the order, or which call failed.
    pub async fn provision(&self, order: &Order) -> Result<Report> {
        let account = self.accounts(order).await?;
        let mut note = self.open(order)?;
        if note.noted.next.is_some() {
            return self.go_on_rotating(order, note).await;
        }
        let thing = self.things.find(&order.device).await?;
        if note.noted.certificate.is_none() && thing.is_some() {
            self.is_new(&order.device, thing.as_ref().and_then(|thing| thing.thing_type.as_deref())).await?;
        }
        // Key and request are on the disk before anything is asked for.
        let request = match note.noted.certificate {
            Some(_) if order.csr.is_none() => String::new(),
            _ => identity::request(&note, "device", order.csr.as_deref())?,
        };
        let mut done = Vec::new();
        if thing.is_none() {
            self.things.make(&order.device).await?;
            done.push("the thing is made");
        }
        let certificate = match note.noted.certificate.clone() {
            Some(certificate) => certificate,
            None => {
                let certificate = self.things.issue(&request).await?;
                note.noted.certificate = Some(certificate.clone());
                note.keep()?;
                done.push("the certificate is made");
                certificate
            }
        };
        done.extend(self.things.put_to_work(&order.device, &certificate).await?);
        self.complete(order, &note, account, done).await
    }

    /// Gives a device another certificate; the first stays good until [`finish`](Self::finish).
    ///
    /// # Errors
    /// There is nothing to rotate, or which call failed.
    pub async fn rotate(&self, order: &Order) -> Result<Report> {
        let note = self.open(order)?;
        self.go_on_rotating(order, note).await
    }

    async fn go_on_rotating(&self, order: &Order, mut note: Note) -> Result<Report> {
        let account = self.accounts(order).await?;
        self.known(&order.device).await?;
        let done = rotate::begin(&self.things, &mut note, order.csr.as_deref()).await?;
        self.complete(order, &note, account, done).await
    }

    /// Ends the certificates that a rotation left. Answers how many.
    ///
    /// # Errors
    /// There is no rotation to finish, or which call failed.
    pub async fn finish(&self, order: &Order) -> Result<usize> {
        self.known(&order.device).await?;
        let Some(note) = Note::find(&order.out, &order.device, self.cloud)? else {
            bail!("there is no bundle in `{}`: say where it is by `--out DIR`", order.out.display());
        };
        rotate::finish(&self.things, &note).await
    }

    /// Revokes everything of a device. Answers how many certificates.
    ///
    /// # Errors
    /// There is no such device, or which call failed.
    pub async fn revoke(&self, order: &Order) -> Result<usize> {
        let note = Note::find(&order.out, &order.device, self.cloud).ok().flatten();
        revoke::revoke(&self.things, &order.device, note.as_ref()).await
    }

    /// Takes over a device of an older fleet.
    ///
    /// # Errors
    /// There is no such thing, it has no certificate, or which call failed.
    pub async fn adopt(&self, order: &Order) -> Result<Report> {
        let account = self.accounts(order).await?;
        let thing = self.known(&order.device).await?;
        let mut note = self.open(order)?;
        let done = adopt::adopt(&self.things, &mut note, &thing).await?;
        self.complete(order, &note, account, done).await
    }

    fn open(&self, order: &Order) -> Result<Note> {
        check_id(&order.device)?;
        if let Some(balena) = &order.balena {
            balena.check(&order.device)?;
        }
        let rules = Source::rules(&self.config.root)?;
        let name = order.name.as_deref();
        let source = Source { root: &self.config.root, config: &self.text, rules: &rules, name };
        bundle::prove(&source, &order.out, &order.device)?;
        Note::open(&order.out, &order.device, self.cloud)
    }

    async fn known(&self, device: &str) -> Result<things::Thing> {
        check_id(device)?;
        let thing = self.things.find(device).await?;
        thing.with_context(|| format!("AWS IoT knows no device `{device}`: make it by `dag-infra provision {device}`"))
    }

    /// A thing that is there already is one that was left halfway, and nothing else.
    async fn is_new(&self, device: &str, thing_type: Option<&str>) -> Result<()> {
        if thing_type != Some(&self.things.thing_type) {
            bail!(
                "AWS IoT has a thing `{device}` already, which this stack did not make: `--adopt` takes it over with the \
                 certificate that it has"
            );
        }
        if !self.things.certificates(device).await?.is_empty() {
            bail!(
                "the device `{device}` has a certificate already, and its bundle is not here: say where that is by \
                 `--out DIR`, or give the device another certificate by `--rotate`"
            );
        }
        Ok(())
    }

    /// The account that was asked for, and that of the configuration if there is such a one.
    async fn accounts(&self, order: &Order) -> Result<(Option<Account>, Option<Account>)> {
        let asked = match &order.account {
            Some(username) => Some(register::account(&self.registry, username).await?),
            None => None,
        };
        let configured = self.config.devices.get(order.device.as_str()).and_then(|device| device.account.as_ref());
        let usual = match configured {
            Some(username) => self.registry.account(username).await?,
            None => None,
        };
        Ok((asked, usual))
    }

    /// What every way to a device has in common once it has its certificate: group, registry, bundle.
    async fn complete(
        &self,
        order: &Order,
        note: &Note,
        (account, usual): (Option<Account>, Option<Account>),
        mut done: Vec<&'static str>,
    ) -> Result<Report> {
        let device = order.device.as_str();
        let certificate = note.noted.certificate.as_ref().context("the bundle has no certificate")?;
        if !self.things.is_in_group(device).await? {
            self.things.join_group(device).await?;
            done.push("the thing is in its group");
        }
        let wanted = Wanted {
            name: order.name.as_deref(),
            configured: self.config.devices.get(device),
            account,
            usual,
            rules: self.registry.wanted().await?,
        };
        let (registration, new) = register::register(&self.registry, device, &wanted).await?;
        if new {
            done.push("the consumer is told of the device");
        }
        // Also where it is old: the last time may have ended before this.
        self.cloud.announce(&self.events, &[Name::new(device)]).await?;
        if let Some(account) = &registration.account
            && self.things.find(device).await?.and_then(|thing| thing.account).as_deref() != Some(account)
        {
            self.things.set_account(device, account).await?;
            done.push("the thing names its account");
        }
        let endpoint = self.things.endpoint().await?;
        if self.write(order, note, certificate, &endpoint, registration.name.as_deref()).await? {
            done.push("the bundle is written");
        }
        identity::remove_foreign_key(note)?;
        if let Some(path) = &order.cloud_init {
            cloud_init::write(note, path)?;
        }
        if let Some(balena) = &order.balena {
            done.extend(balena.look_after(note, &endpoint)?);
        }
        Ok(Report {
            device: device.to_owned(),
            folder: note.folder().to_owned(),
            certificate: Some(certificate.id.clone()),
            key: note.uplink("device.key").exists(),
            done,
            others: rotate::others(&self.things, note).await?.len(),
        })
    }

    async fn write(
        &self,
        order: &Order,
        note: &Note,
        certificate: &Certificate,
        endpoint: &str,
        name: Option<&str>,
    ) -> Result<bool> {
        let (pem, _) = self.things.look(certificate).await?.context("the certificate was deleted meanwhile")?;
        let rules = Source::rules(&self.config.root)?;
        let source = Source { root: &self.config.root, config: &self.text, rules: &rules, name };
        let key = &order.signing_key;
        let rules_key = crate::rules::key::for_device(key, &self.registry, self.config, note.folder()).await?;
        bundle::write(note, &source, &pem, &Uplink { endpoint, rules_key })
    }
}
