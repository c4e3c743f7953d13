//! The bundle: the files for the device's card. They are certificate, authorities, `config.toml` and `rules/`.

use std::{collections::BTreeSet, fs, io, path::Path};

use anyhow::{Context as _, Result, bail};
use dag_config::Config;
use dag_engine::Problems;
use dag_rulebook::{Rulebook, RulesFolder};
use toml::{Table, Value};

use super::{
    files::{self, Access},
    note::Note,
};

/// The certificate authorities of AWS IoT's brokers ("Server authentication").
const AUTHORITIES: &str =
    concat!(include_str!("authorities/amazon-root-ca-1.pem"), include_str!("authorities/amazon-root-ca-3.pem"));

/// The sections of the fleet's configuration that a device needs, in their usual order.
const SECTIONS: [&str; 6] = ["site", "storage", "web", "email", "webhook", "home_assistant"];

/// The values in a device's `config.toml` that depend on the cloud.
pub(super) struct Uplink<'a> {
    pub endpoint: &'a str,
    /// The public key by which the device checks rules.
    pub rules_key: Option<String>,
}

/// Writes the bundle without the key. `certificate` is `None` if the device keeps its own. Returns whether anything
/// changed.
///
/// # Errors
/// The configuration or the rules cannot be used, or the folder cannot be written.
pub(super) fn write(
    note: &Note,
    fleet: &FleetFolder<'_>,
    certificate: Option<&str>,
    uplink: &Uplink<'_>,
) -> Result<bool> {
    let text = device_config(fleet, &note.state.device, uplink)?;
    let path = note.folder().join("config.toml");
    // A device would refuse a broken configuration.
    Config::parse(&text, &path, [], &[])?;
    let mut changed = files::write(&path, text.as_bytes(), Access::Open)?;
    if let Some(certificate) = certificate {
        changed |= files::write(&note.uplink("device.pem"), certificate.as_bytes(), Access::Open)?;
    }
    changed |= files::write(&note.uplink("ca.pem"), AUTHORITIES.as_bytes(), Access::Open)?;
    changed |= write_rules(note.folder(), fleet.rules)?;
    Ok(changed)
}

/// Checks that the device would run on its bundle, before anything is made.
///
/// # Errors
/// The configuration or the rules are wrong.
pub(super) fn prove(fleet: &FleetFolder<'_>, folder: &Path, device: &str) -> Result<()> {
    // The broker and the key are not known yet, and do not matter here.
    let uplink = Uplink { endpoint: "broker.invalid", rules_key: None };
    let config = Config::parse(&device_config(fleet, device, &uplink)?, &folder.join("config.toml"), [], &[])?;
    Rulebook::prove(&fleet.root.join("rules"), &config).map(drop).map_err(|problems| anyhow::anyhow!("{problems}"))
}

/// The folder of the fleet's configuration.
pub(super) struct FleetFolder<'a> {
    /// The path of the folder.
    pub root: &'a Path,
    /// The text of its `config.toml`.
    pub config: &'a str,
    pub rules: &'a RulesFolder,
    /// The name for a device that the configuration does not have.
    pub name: Option<&'a str>,
}

impl FleetFolder<'_> {
    /// Reads all of `rules/`, including scenarios and templates, so that the device's rules have the same id as the
    /// consumer's.
    pub fn read_rules(root: &Path) -> Result<RulesFolder> {
        RulesFolder::read(&root.join("rules")).map_err(|problems| anyhow::anyhow!("{}", Problems(problems)))
    }
}

/// Returns the text of the device's `config.toml`.
fn device_config(fleet: &FleetFolder<'_>, device: &str, uplink: &Uplink<'_>) -> Result<String> {
    let mut table: Table = fleet.config.parse().context("the configuration is not TOML any more")?;
    let mut own = Table::new();
    own.insert("mode".to_owned(), "cloud".into());
    let devices = table.remove("device").and_then(|devices| devices.try_into::<Table>().ok());
    let this = devices.and_then(|mut devices| devices.remove(device));
    let this = this.unwrap_or_else(|| Value::Table(default_device(fleet.name)));
    for section in SECTIONS {
        if let Some(content) = table.remove(section) {
            own.insert(section.to_owned(), content);
        }
        if section == "site" {
            own.insert("device".to_owned(), Value::Table(Table::from_iter([(device.to_owned(), this.clone())])));
        }
    }
    // Port, topics and keep-alive are the same for every device.
    let mut section = table.remove("uplink").and_then(|uplink| uplink.try_into::<Table>().ok()).unwrap_or_default();
    let files = [("ca", "uplink/ca.pem"), ("certificate", "uplink/device.pem"), ("key", "uplink/device.key")];
    section.insert("endpoint".to_owned(), uplink.endpoint.into());
    section.extend(files.map(|(key, path)| (key.to_owned(), path.into())));
    if let Some(key) = &uplink.rules_key {
        section.insert("rules_key".to_owned(), key.as_str().into());
    }
    own.insert("uplink".to_owned(), Value::Table(section));
    let about = format!(
        "# Made for the device `{device}` by `dag-infra provision`, which makes it anew each time: change the \
         config.toml that it was\n# made from.\n\n"
    );
    let text = toml::to_string(&own)?;
    Ok(about + text.as_str())
}

/// Returns the section of a device that the configuration does not have: a Raspberry Pi on a UPS-Lite, which shows the
/// mains on pin 4.
fn default_device(name: Option<&str>) -> Table {
    let power = [("source", Value::from("gpio")), ("pin", Value::from(4))];
    let power = Table::from_iter(power.map(|(key, value)| (key.to_owned(), value)));
    let mut device = Table::new();
    device.extend(name.map(|name| ("name".to_owned(), name.into())));
    device.insert("power".to_owned(), Value::Table(power));
    device
}

/// Writes the fleet's rules into the bundle, and removes others there. Returns whether anything changed.
fn write_rules(folder: &Path, rules: &RulesFolder) -> Result<bool> {
    let place = folder.join("rules");
    check_links(folder)?;
    let mut changed = false;
    let files = rules.to_stored();
    for (path, bytes) in &files {
        changed |= files::write(&place.join(path), bytes, Access::Open)?;
    }
    // The device would go on running a rule that the fleet removed.
    let here = RulesFolder::read(&place).map_err(|problems| anyhow::anyhow!("{}", Problems(problems)))?;
    let paths: BTreeSet<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
    for (path, _) in here.to_stored().iter().filter(|(path, _)| !paths.contains(path.as_str())) {
        let path = place.join(path);
        fs::remove_file(&path).map_err(|error| files::write_error(&path, &error))?;
        changed = true;
    }
    Ok(changed)
}

/// Checks that the bundle's `rules/` has no links to folders. Writing the fleet's rules would change files of others
/// behind a link.
///
/// # Errors
/// It is a link, or has a folder that is one.
pub(super) fn check_links(folder: &Path) -> Result<()> {
    let mut folders = vec![folder.join("rules")];
    while let Some(path) = folders.pop() {
        if path.is_dir() && path.is_symlink() {
            bail!(
                "`{}` is a link to another folder, whose files would be changed: remove the link, and run this again",
                path.display()
            );
        }
        let Ok(entries) = fs::read_dir(&path) else { continue };
        folders.extend(entries.filter_map(Result::ok).map(|entry| entry.path()).filter(|path| path.is_dir()));
    }
    Ok(())
}

/// Returns every file of a bundle that the device needs: its path in the bundle, its bytes, and who may read it.
///
/// # Errors
/// A file cannot be read.
pub(super) fn contents(note: &Note) -> Result<Vec<(String, Vec<u8>, Access)>> {
    let mut found = Vec::new();
    let certificate = note.state.certificate.is_some();
    let mut add = |path: &str, access| -> Result<()> {
        match fs::read(note.folder().join(path)) {
            Ok(bytes) => found.push((path.to_owned(), bytes, access)),
            // The key is missing if the device made its own.
            Err(error) if error.kind() == io::ErrorKind::NotFound && access == Access::Secret => {}
            Err(error) => return Err(error).with_context(|| format!("`{path}` of the bundle cannot be read")),
        }
        Ok(())
    };
    add("config.toml", Access::Open)?;
    add("uplink/ca.pem", Access::Open)?;
    // An adopted device has its own certificate and key.
    if certificate {
        add("uplink/device.pem", Access::Open)?;
    }
    add("uplink/device.key", Access::Secret)?;
    for (path, _) in FleetFolder::read_rules(note.folder())?.to_stored() {
        add(&format!("rules/{path}"), Access::Open)?;
    }
    Ok(found)
}
