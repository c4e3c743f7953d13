//! Warnings of settings by which a device would monitor or report nothing, which people would notice only after an
//! outage.

use std::fs;

use anyhow::{Context as _, Result};
use dag_config::{Config, DeviceConfig, Source};
use dag_engine::SecretRef;

use super::{bundle, note::Note};
use crate::{secret, words::quoted};

/// Returns the warnings of a bundle that was written. `configured` is the device's section of the fleet's
/// configuration.
///
/// # Errors
/// The bundle cannot be read.
pub(super) fn of_bundle(note: &Note, configured: Option<&DeviceConfig>) -> Result<Vec<String>> {
    let device = note.state.device.as_str();
    let path = note.folder().join("config.toml");
    let text = fs::read_to_string(&path).with_context(|| format!("`{}` cannot be read", path.display()))?;
    let config = Config::parse(&text, &path, [], &[])?;
    let mut warnings = Vec::new();
    match configured {
        None => warnings.push(format!(
            "config.toml has no section `[device.{device}]`: the device reads the mains at GPIO pin 4, where a \
             UPS-Lite tells of them. Write the section if yours is wired otherwise, and run this again"
        )),
        Some(_) => warnings.extend(config.devices.get(device).and_then(|configured| of_power(device, configured))),
    }
    let secrets = secrets(note, &text)?;
    if !secrets.is_empty() {
        warnings.push(format!(
            "the device needs secrets that no bundle has: {}. `env:NAME` is set in /etc/dag/secrets.env there, or as a \
             variable at balena; `file:PATH` is a file beside its config.toml",
            secrets.join(", ")
        ));
    }
    Ok(warnings)
}

fn of_power(device: &str, configured: &DeviceConfig) -> Option<String> {
    let what = match configured.inputs.get("power")? {
        Source::Simulated => "`simulated`, which only `dag unplug` switches",
        Source::None => "`none`",
        Source::Gpio { .. } | Source::Nut { .. } => return None,
    };
    Some(format!(
        "`[device.{device}]` of config.toml has the mains from the source {what}: the device notices no outage. Say \
         there what it is wired to, like `power = {{ source = \"gpio\", pin = 4 }}`, and run this again"
    ))
}

/// Returns the secrets that the device's files refer to, as they are written there.
fn secrets(note: &Note, config: &str) -> Result<Vec<String>> {
    let mut references = secret::references(config);
    for (path, bytes, _) in bundle::contents(note)? {
        // The secrets in scenarios are examples.
        if path.starts_with("rules/") && !path.starts_with("rules/tests/") && path.ends_with(".toml") {
            references.extend(secret::references(&String::from_utf8_lossy(&bytes)));
        }
    }
    let shown = references.into_iter().map(|secret| match secret {
        SecretRef::Env(name) => format!("`env:{name}`"),
        SecretRef::File(path) => format!("`file:{path}`"),
    });
    Ok(shown.collect())
}

/// Returns the warning that a device has no account, although the configuration or the older fleet names one.
pub(super) fn unowned(device: &str, configured: Option<&str>, older: Option<&str>) -> Option<String> {
    if let Some(older) = older {
        return Some(format!(
            "`{device}` is nobody's: it belonged to the account {older} of the older fleet, which is not one of this \
             stack. `dag-infra account assign USERNAME {device}` gives it to another"
        ));
    }
    let username = configured?;
    Some(format!(
        "`{device}` is nobody's: config.toml gives it to the account `{username}`, which there is not. Make that by \
         `dag-infra account add {username}`, and run this again"
    ))
}

/// Returns the warning that other things share a certificate with the device.
pub(super) fn shared(device: &str, others: &[String]) -> String {
    format!(
        "a certificate of `{device}` is that of {}, too: whoever has it can report as any of them, and revoking one \
         revokes all. `dag-infra provision {device} --rotate` gives it one of its own",
        quoted(others)
    )
}
