//! The configuration as a whole.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use dag_engine::{BUILT_IN, Device, Name};

use crate::{
    Aws, DeviceConfig, Email, Heartbeat, HomeAssistant, Mode, Site, Storage, Uplink, Web, Webhook,
    diagnostic::Diagnostic, section::Section, uplink::TOPICS,
};

/// The checked content of `config.toml`, the environment and the flags. Its paths are joined to the file's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Who decides and delivers.
    pub mode: Mode,
    /// The place that is watched.
    pub site: Site,
    /// The monitors, by id; at least one.
    pub devices: BTreeMap<Name, DeviceConfig>,
    /// The store.
    pub storage: Storage,
    /// The dashboard.
    pub web: Web,
    /// How mail leaves.
    pub email: Email,
    /// The limits of webhooks.
    pub webhook: Webhook,
    /// The services that tell somebody when this monitor dies, by name.
    pub heartbeats: BTreeMap<Name, Heartbeat>,
    /// The Home Assistant of the house, where there is one.
    pub home_assistant: Option<HomeAssistant>,
    /// The connection to the cloud. A device in the mode `cloud` needs it; the cloud's own copy of the file does not.
    pub uplink: Option<Uplink>,
    /// The first level of every topic between devices and the cloud.
    pub topics: Name,
    /// The cloud side's account, where there is one.
    pub aws: Option<Aws>,
    /// The folder of `config.toml`; `rules/` stands in it.
    pub root: PathBuf,
}

/// Sections that later versions read.
const LATER: [&str; 1] = ["drill"];

/// No device, or no single one, is meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// No device is named, and there are several.
    #[error("the configuration has several devices ({0}): say which one this is with `--device NAME`")]
    Several(String),
    /// There is no device of this name.
    #[error("the configuration has no device `{name}`: it has {known}")]
    Unknown {
        /// The name asked for.
        name: String,
        /// The devices that exist.
        known: String,
    },
}

impl Config {
    pub(crate) fn read(mut top: Section<'_>, root: &Path) -> Option<Config> {
        let modes = [("standalone", Mode::Standalone), ("cloud", Mode::Cloud)];
        let mode = top.need("mode", "mode = \"standalone\"").word("mode", &modes, &[]);
        let site = top.need("site", "[site]").table("site").and_then(Site::read);
        let devices = top.need("device", "[device.NAME]").table("device").map(read_devices);
        let storage = Storage::read(top.table_or_empty("storage"));
        let web = Web::read(top.table_or_empty("web"));
        let email = top.need("email", "[email]").table("email").and_then(|section| Email::read(section, mode));
        let webhook = Webhook::read(top.table_or_empty("webhook"));
        let heartbeats = top.table("heartbeat").map(Heartbeat::read_all).unwrap_or_default();
        let home_assistant = top.table("home_assistant").and_then(HomeAssistant::read);
        // One that is wrong is reported like every other section, whatever the mode.
        let of_a_fleet = top.has("aws");
        let uplink = top.table("uplink").and_then(|section| Uplink::read(section, of_a_fleet));
        let (uplink, topics) = uplink.unwrap_or((None, TOPICS));
        let from = email.as_ref().map(|email| email.from.as_str());
        let aws = top.table("aws").and_then(|section| Aws::read(section, from));
        for section in LATER {
            top.refuse_later(section);
        }
        top.finish();
        let (mode, site, devices, email) = (mode?, site?, devices?, email?);
        Some(Config {
            mode,
            site,
            devices,
            storage,
            web,
            email,
            webhook,
            heartbeats,
            home_assistant,
            uplink,
            topics,
            aws,
            root: root.to_owned(),
        })
    }

    /// Returns the device that this host is: `name`, or the only one.
    ///
    /// Its time zone is the site's where it has none of its own. `account_emails` is empty: only a registry knows
    /// those.
    ///
    /// # Errors
    ///
    /// There is no device `name`, or no name and several devices.
    pub fn device(&self, name: Option<&str>) -> Result<Device, DeviceError> {
        let known = || self.devices.keys().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ");
        let mut all = self.devices.iter();
        let (id, device) = match (name, all.next(), all.next()) {
            (None, Some(only), None) => only,
            (None, ..) => return Err(DeviceError::Several(known())),
            (Some(name), ..) => self
                .devices
                .get_key_value(name)
                .ok_or_else(|| DeviceError::Unknown { name: name.to_owned(), known: known() })?,
        };
        Ok(Device {
            id: id.clone(),
            name: device.name.clone(),
            labels: device.labels.clone(),
            timezone: Some(device.timezone.clone().unwrap_or_else(|| self.site.timezone.clone())),
            switches: device.switch_labels.clone(),
            account_emails: Vec::new(),
        })
    }

    /// Returns whether this is the configuration of one device of a fleet, as `dag-infra provision` writes it: it has
    /// no section `[aws]`.
    pub fn is_of_one_device(&self) -> bool {
        self.mode == Mode::Cloud && self.aws.is_none()
    }

    /// Returns the digital inputs that the devices declare: the facts that rules may name besides the built-in ones.
    pub fn facts(&self) -> BTreeSet<Name> {
        let built_in = |fact: &Name| BUILT_IN.iter().any(|(name, _)| *name == fact);
        let inputs = self.devices.values().flat_map(|device| device.inputs.keys());
        inputs.filter(|fact| !built_in(fact)).cloned().collect()
    }
}

fn read_devices(mut section: Section<'_>) -> BTreeMap<Name, DeviceConfig> {
    let ids = section.left();
    if ids.is_empty() {
        section.reject(Diagnostic::new("there is no device", "add a section `[device.NAME]`"));
    }
    let read = |id: &String| Some((Name::new(id), section.table(id).and_then(DeviceConfig::read)?));
    ids.iter().filter_map(read).collect()
}
