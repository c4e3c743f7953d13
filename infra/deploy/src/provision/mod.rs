//! Devices: each a thing of AWS IoT with a certificate, a bundle of files for its card, and a row of the registry.
//!
//! `order.rs` has the input and the output. `note.rs` stores in the bundle which steps are done, so that an interrupted
//! command can go on. `identity.rs` has the key and the request, `bundle.rs` the files, `register.rs` the registry, and
//! `warn.rs` the warnings. `rotate.rs`, `revoke.rs` and `adopt.rs` are for certificates of a device that exists.
//! `cloud_init.rs` and `balena.rs` bring a bundle onto the device.

mod adopt;
mod balena;
mod bundle;
mod cloud_init;
mod files;
mod identity;
mod note;
mod order;
mod register;
mod revoke;
mod rotate;
mod warn;

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context as _, Result, bail};
use dag_cloud::aws::Registry;
use dag_config::{Config, DeviceConfig};
use dag_engine::{Name, Time};

pub(crate) use balena::Balena;
pub(crate) use order::{Ending, Order, Report, check_id};

use self::{
    bundle::{FleetFolder, Uplink},
    note::Note,
    order::check_name,
    register::{DesiredRegistration, Owners},
};
use crate::{
    account,
    cloud::Cloud,
    iot::{Iot, Thing},
    package,
    template::Output,
};

/// The parts of the cloud side that the provisioning of a device needs.
pub(crate) struct Provisioner<'a> {
    cloud: &'a Cloud,
    config: &'a Config,
    /// The path of the configuration.
    path: &'a Path,
    /// The text of that file.
    text: String,
    iot: Iot,
    registry: Registry,
    events: String,
}

impl<'a> Provisioner<'a> {
    /// Asks the stack for the names of its parts.
    ///
    /// # Errors
    /// There is no such stack, or AWS cannot be asked.
    pub async fn new(cloud: &'a Cloud, config: &'a Config, path: &'a Path) -> Result<Provisioner<'a>> {
        let text = fs::read_to_string(path).with_context(|| format!("`{}` cannot be read", path.display()))?;
        let outputs = cloud.outputs().await?;
        Ok(Provisioner {
            cloud,
            config,
            path,
            text,
            iot: Iot::new(cloud, &outputs)?,
            registry: Registry::new(&cloud.sdk, outputs.get(Output::Table)?),
            events: outputs.get(Output::Events)?.to_owned(),
        })
    }

    /// Makes a device, or finishes an interrupted run. Repeated, it changes nothing.
    ///
    /// # Errors
    /// The order is wrong, or a call failed.
    pub async fn provision(&self, order: &Order, now: Time) -> Result<Report> {
        let mut note = self.open(order)?;
        if note.state.next.is_some() {
            return self.rotate(order, now).await;
        }
        if note.state.adopted && note.state.certificate.is_none() {
            if order.csr.is_some() {
                bail!("`{}` keeps the certificate that it has: `--rotate --csr FILE` gives it another", order.device);
            }
            return self.adopt(order, now).await;
        }
        let owners = self.owners(order, None).await?;
        let thing = self.iot.find_thing(&order.device).await?;
        if note.state.certificate.is_none() && thing.is_some() {
            self.check_new(&order.device, thing.as_ref().and_then(|thing| thing.thing_type.as_deref())).await?;
        }
        note.save()?;
        // The key and the request are on the disk before AWS is asked for a certificate.
        let request = match note.state.certificate {
            Some(_) if order.csr.is_none() => String::new(),
            _ => identity::request(&note, "device", order.csr.as_deref())?,
        };
        let mut done = Vec::new();
        if thing.is_none() {
            self.iot.create_thing(&order.device).await?;
            done.push("the thing is made");
        }
        let certificate = match note.state.certificate.clone() {
            Some(certificate) => certificate,
            None => {
                let certificate = self.iot.issue(&request).await?;
                note.state.certificate = Some(certificate.clone());
                note.save()?;
                done.push("the certificate is made");
                certificate
            }
        };
        done.extend(self.iot.put_into_service(&order.device, &certificate).await?);
        self.complete(order, &note, &owners, done, Vec::new()).await
    }

    /// Gives a device another certificate. The first one stays active until [`finish`](Self::finish).
    ///
    /// # Errors
    /// There is nothing to rotate, or a call failed.
    pub async fn rotate(&self, order: &Order, now: Time) -> Result<Report> {
        let mut note = self.open(order)?;
        let owners = self.owners(order, None).await?;
        self.find_thing(&order.device).await?;
        let done = rotate::begin(&self.iot, &mut note, order.csr.as_deref(), now).await?;
        self.complete(order, &note, &owners, done, Vec::new()).await
    }

    /// Returns what [`finish`](Self::finish) would end.
    ///
    /// # Errors
    /// There is no rotation to finish, or a call failed.
    pub async fn ending(&self, order: &Order) -> Result<Ending> {
        let note = self.find_note(order).await?;
        let certificates = rotate::certificates_to_end(&self.iot, &note).await?.len();
        let last_report_at = self.registry.item(&order.device).await?.and_then(|stored| stored.item.last_report_at);
        let reported = note.state.rotated_at.is_some_and(|rotated_at| last_report_at.is_some_and(|at| at > rotated_at));
        Ok(Ending { certificates, reported })
    }

    /// Ends the certificates before a rotation. Returns their number.
    ///
    /// # Errors
    /// There is no rotation to finish, or a call failed.
    pub async fn finish(&self, order: &Order) -> Result<usize> {
        let mut note = self.find_note(order).await?;
        let certificates = rotate::certificates_to_end(&self.iot, &note).await?;
        rotate::finish(&self.iot, &mut note, &certificates).await?;
        Ok(certificates.len())
    }

    /// Returns the other things that share a certificate with a device, and lose it by a revocation.
    ///
    /// # Errors
    /// A call failed.
    pub async fn companions(&self, order: &Order) -> Result<BTreeSet<String>> {
        revoke::companions(&self.iot, &order.device).await
    }

    /// Revokes all certificates of a device. Returns their number.
    ///
    /// # Errors
    /// There is no such device, or a call failed.
    pub async fn revoke(&self, order: &Order) -> Result<usize> {
        let note = Note::find(&order.out, &order.device, self.cloud).ok().flatten();
        revoke::revoke(&self.iot, &order.device, note.as_ref()).await
    }

    /// Adopts a device of an older fleet. An interrupted rotation is finished first.
    ///
    /// # Errors
    /// There is no such thing, it has no certificate, or a call failed.
    pub async fn adopt(&self, order: &Order, now: Time) -> Result<Report> {
        let mut note = self.open(order)?;
        let thing = self.find_thing(&order.device).await?;
        let owners = self.owners(order, thing.older_account.as_deref()).await?;
        let mut done = Vec::new();
        if note.state.next.is_some() {
            done = rotate::begin(&self.iot, &mut note, None, now).await?;
        }
        let adopted = adopt::adopt(&self.iot, &mut note, &thing).await?;
        done.extend(adopted.done);
        self.complete(order, &note, &owners, done, adopted.warnings).await
    }

    /// Checks an order, and returns the note of its bundle. It writes nothing.
    fn open(&self, order: &Order) -> Result<Note> {
        check_id(&order.device)?;
        if let Some(name) = &order.name {
            check_name(name)?;
        }
        if package::differs(package::parse_file(&self.text, self.path)?, self.config) {
            bail!(
                "`--set` or the environment (DAG_…) changes more than `[aws]`, and would not reach the device, whose \
                 files are made of {} as it is: write it there",
                self.path.display()
            );
        }
        let rules = FleetFolder::read_rules(&self.config.root)?;
        let name = order.name.as_deref();
        let fleet = FleetFolder { root: &self.config.root, config: &self.text, rules: &rules, name };
        bundle::prove(&fleet, &order.out, &order.device)?;
        let note = Note::open(&order.out, &order.device, self.cloud)?;
        bundle::check_links(note.folder())?;
        if let Some(path) = &order.cloud_init {
            cloud_init::check(path)?;
        }
        if let Some(balena) = &order.balena {
            balena.check(&note)?;
        }
        Ok(note)
    }

    /// Returns the note of a bundle that exists.
    async fn find_note(&self, order: &Order) -> Result<Note> {
        self.find_thing(&order.device).await?;
        Note::find(&order.out, &order.device, self.cloud)?
            .with_context(|| format!("there is no bundle in `{}`: say where it is by `--out DIR`", order.out.display()))
    }

    async fn find_thing(&self, device: &str) -> Result<Thing> {
        check_id(device)?;
        let thing = self.iot.find_thing(device).await?;
        thing.with_context(|| format!("AWS IoT knows no device `{device}`: make it by `dag-infra provision {device}`"))
    }

    /// Checks that a thing without a bundle is left from an interrupted run: it has our type and no certificate.
    async fn check_new(&self, device: &str, thing_type: Option<&str>) -> Result<()> {
        if thing_type != Some(&self.iot.thing_type) {
            bail!(
                "AWS IoT has a thing `{device}` already, which this stack did not make: `--adopt` takes it over with \
                 the certificate that it has"
            );
        }
        if !self.iot.certificates(device).await?.is_empty() {
            bail!(
                "the device `{device}` has a certificate already, and its bundle is not here: say where that is by \
                 `--out DIR`. Without one, `--adopt` takes over a device of an older fleet with the certificate that \
                 it has, and `--rotate` gives it another"
            );
        }
        Ok(())
    }

    fn configured(&self, device: &str) -> Option<&DeviceConfig> {
        self.config.devices.get(device)
    }

    /// Returns the possible accounts of a device: that of the order, that of the older fleet, and that of the
    /// configuration.
    async fn owners(&self, order: &Order, older: Option<&str>) -> Result<Owners> {
        let mut owners = Owners::default();
        if let Some(username) = &order.account {
            let account = register::account(&self.registry, username).await?;
            owners.former = account::claim(&self.registry, &account, &Name::new(order.device.as_str())).await?;
            owners.by_order = Some(account);
        }
        if let Some(older) = older {
            let accounts = self.registry.accounts().await?;
            owners.by_default = accounts.into_iter().map(|account| account.id).find(|id| *id == *older);
        }
        let configured = self.configured(&order.device).and_then(|device| device.account.as_ref());
        if let (None, Some(username)) = (&owners.by_default, configured) {
            owners.by_default = self.registry.account(username).await?.map(|account| account.id);
        }
        Ok(owners)
    }

    /// Does the last steps, which are the same for every command: group, registry, bundle.
    async fn complete(
        &self,
        order: &Order,
        note: &Note,
        owners: &Owners,
        mut done: Vec<&'static str>,
        mut warnings: Vec<String>,
    ) -> Result<Report> {
        let device = order.device.as_str();
        if !self.iot.is_in_group(device).await? {
            self.iot.join_group(device).await?;
            done.push("the thing is in its group");
        }
        let configured = self.configured(device);
        let rules = self.registry.desired_rules().await?;
        let desired = DesiredRegistration { name: order.name.as_deref(), configured, owners, rules };
        let (registration, new) = register::register(&self.registry, device, &desired).await?;
        if new {
            done.push("the consumer is told of the device");
        }
        // An earlier run may have been interrupted before its announcement.
        self.cloud.announce(&self.events, &[Name::new(device)]).await?;
        let thing = self.find_thing(device).await?;
        match registration.account.as_ref().map(Name::as_str) {
            Some(account) if thing.account.as_deref() != Some(account) => {
                self.iot.set_account(device, Some(account)).await?;
                done.push("the thing names its account");
            }
            Some(_) => {}
            None => {
                let username = configured.and_then(|device| device.account.as_deref());
                warnings.extend(warn::unowned(device, username, thing.older_account.as_deref()));
            }
        }
        let endpoint = self.iot.endpoint().await?;
        if self.write(order, note, &endpoint, registration.name.as_deref()).await? {
            done.push("the bundle is written");
        }
        if let Some(path) = &order.cloud_init {
            cloud_init::write(note, path)?;
        }
        if let Some(balena) = &order.balena {
            done.extend(balena.set_up(note, &endpoint)?);
        }
        warnings.extend(warn::of_bundle(note, configured)?);
        Ok(Report {
            device: device.to_owned(),
            folder: note.folder().to_owned(),
            certificate: note.state.certificate.as_ref().map(|certificate| certificate.id.clone()),
            key: note.uplink("device.key").exists(),
            done,
            others: rotate::count_active_besides(&self.iot, note).await?,
            warnings,
        })
    }

    async fn write(&self, order: &Order, note: &Note, endpoint: &str, name: Option<&str>) -> Result<bool> {
        let pem = match &note.state.certificate {
            Some(certificate) => {
                Some(self.iot.describe(certificate).await?.context("the certificate was deleted meanwhile")?.0)
            }
            None => None,
        };
        let rules = FleetFolder::read_rules(&self.config.root)?;
        let fleet = FleetFolder { root: &self.config.root, config: &self.text, rules: &rules, name };
        let key = &order.signing_key;
        let rules_key = crate::rules::key::for_device(key, &self.registry, self.config, note.folder()).await?;
        bundle::write(note, &fleet, pem.as_deref(), &Uplink { endpoint, rules_key })
    }
}
