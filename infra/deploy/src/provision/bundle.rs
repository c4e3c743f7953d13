//! What goes onto the device's card: certificate, authorities, `config.toml` and `rules/`.

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

/// The authorities that vouch for AWS IoT's brokers ("Server authentication").
const AUTHORITIES: &str =
    concat!(include_str!("authorities/amazon-root-ca-1.pem"), include_str!("authorities/amazon-root-ca-3.pem"));

/// The sections that a device needs of the fleet's configuration, in the order in which people read them.
const SECTIONS: [&str; 6] = ["site", "storage", "web", "email", "webhook", "home_assistant"];

/// What a device's `config.toml` says of the cloud.
pub(super) struct Uplink<'a> {
    pub endpoint: &'a str,
    /// The key of whoever may send the device other rules.
    pub rules_key: Option<String>,
}

/// Writes everything but the key; without a certificate where the device keeps one of its own. Returns whether anything
/// changed.
///
/// # Errors
/// The configuration or the rules cannot be used, or the folder cannot be written.
pub(super) fn write(note: &Note, source: &Source<'_>, certificate: Option<&str>, uplink: &Uplink<'_>) -> Result<bool> {
    let text = config(source, &note.state.device, uplink)?;
    let path = note.folder().join("config.toml");
    // What a device would refuse must not reach its card.
    Config::parse(&text, &path, [], &[])?;
    let mut changed = files::write(&path, text.as_bytes(), Access::Open)?;
    if let Some(certificate) = certificate {
        changed |= files::write(&note.uplink("device.pem"), certificate.as_bytes(), Access::Open)?;
    }
    changed |= files::write(&note.uplink("ca.pem"), AUTHORITIES.as_bytes(), Access::Open)?;
    changed |= rules(note.folder(), source.rules)?;
    Ok(changed)
}

/// Whether the device would run on its bundle: asked before anything is made.
///
/// # Errors
/// What is wrong with the configuration or the rules.
pub(super) fn prove(source: &Source<'_>, folder: &Path, device: &str) -> Result<()> {
    // Neither key nor broker is known yet, and none counts here.
    let uplink = Uplink { endpoint: "broker.invalid", rules_key: None };
    let config = Config::parse(&config(source, device, &uplink)?, &folder.join("config.toml"), [], &[])?;
    Rulebook::prove(&source.root.join("rules"), &config).map(drop).map_err(|problems| anyhow::anyhow!("{problems}"))
}

/// What the fleet's folder has.
pub(super) struct Source<'a> {
    /// The folder itself.
    pub root: &'a Path,
    /// The text of its `config.toml`.
    pub config: &'a str,
    pub rules: &'a RulesFolder,
    /// The name that people read, for a device that the configuration does not have.
    pub name: Option<&'a str>,
}

impl Source<'_> {
    /// Reads `rules/` whole, scenarios and templates included: the device's rules are to have the name that its
    /// consumer's have.
    pub fn rules(root: &Path) -> Result<RulesFolder> {
        RulesFolder::read(&root.join("rules")).map_err(|problems| anyhow::anyhow!("{}", Problems(problems)))
    }
}

/// Returns the device's `config.toml`.
fn config(source: &Source<'_>, device: &str, uplink: &Uplink<'_>) -> Result<String> {
    let mut fleet: Table = source.config.parse().context("the configuration is not TOML any more")?;
    let mut own = Table::new();
    own.insert("mode".to_owned(), "cloud".into());
    let devices = fleet.remove("device").and_then(|devices| devices.try_into::<Table>().ok());
    let this = devices.and_then(|mut devices| devices.remove(device));
    let this = this.unwrap_or_else(|| Value::Table(unknown(source.name)));
    for section in SECTIONS {
        if let Some(content) = fleet.remove(section) {
            own.insert(section.to_owned(), content);
        }
        if section == "site" {
            own.insert("device".to_owned(), Value::Table(Table::from_iter([(device.to_owned(), this.clone())])));
        }
    }
    // What it says of port, topics and keep-alive holds for every device.
    let mut section = fleet.remove("uplink").and_then(|uplink| uplink.try_into::<Table>().ok()).unwrap_or_default();
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

/// A device that the configuration does not have: a Raspberry Pi on a UPS-Lite, which tells of the mains on pin 4.
fn unknown(name: Option<&str>) -> Table {
    let power = [("source", Value::from("gpio")), ("pin", Value::from(4))];
    let power = Table::from_iter(power.map(|(key, value)| (key.to_owned(), value)));
    let mut device = Table::new();
    device.extend(name.map(|name| ("name".to_owned(), name.into())));
    device.insert("power".to_owned(), Value::Table(power));
    device
}

/// Makes the bundle's `rules/` the same as the fleet's.
fn rules(folder: &Path, rules: &RulesFolder) -> Result<bool> {
    let place = folder.join("rules");
    check_links(folder)?;
    let mut changed = false;
    let wanted = rules.to_stored();
    for (path, bytes) in &wanted {
        changed |= files::write(&place.join(path), bytes, Access::Open)?;
    }
    // A rule that is gone would go on there.
    let here = RulesFolder::read(&place).map_err(|problems| anyhow::anyhow!("{}", Problems(problems)))?;
    let wanted: BTreeSet<&str> = wanted.iter().map(|(path, _)| path.as_str()).collect();
    for (path, _) in here.to_stored().iter().filter(|(path, _)| !wanted.contains(path.as_str())) {
        let path = place.join(path);
        fs::remove_file(&path).map_err(|error| files::unwritten(&path, &error))?;
        changed = true;
    }
    Ok(changed)
}

/// Whether the bundle's `rules/` is its own: what lies behind a link is somebody else's, and would be made the same as
/// the fleet's.
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

/// Every file of a bundle that the device needs, by its path from there, with who may read it.
///
/// # Errors
/// One cannot be read.
pub(super) fn contents(note: &Note) -> Result<Vec<(String, Vec<u8>, Access)>> {
    let mut found = Vec::new();
    let certificate = note.state.certificate.is_some();
    let mut take = |path: &str, access| -> Result<()> {
        match fs::read(note.folder().join(path)) {
            Ok(bytes) => found.push((path.to_owned(), bytes, access)),
            // A device that made its own key has it.
            Err(error) if error.kind() == io::ErrorKind::NotFound && access == Access::Secret => {}
            Err(error) => return Err(error).with_context(|| format!("`{path}` of the bundle cannot be read")),
        }
        Ok(())
    };
    take("config.toml", Access::Open)?;
    take("uplink/ca.pem", Access::Open)?;
    // A device of an older fleet has both.
    if certificate {
        take("uplink/device.pem", Access::Open)?;
    }
    take("uplink/device.key", Access::Secret)?;
    for (path, _) in Source::rules(note.folder())?.to_stored() {
        take(&format!("rules/{path}"), Access::Open)?;
    }
    Ok(found)
}
