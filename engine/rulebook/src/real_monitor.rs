//! Warnings about what a real monitor would not have: trials and reality side by side.

use std::collections::BTreeSet;

use dag_config::{Config, DeviceConfig, Source, Transport};
use dag_engine::{Address, Engine, Runs};
use url::Url;

/// The domains that nobody has (RFC 2606, RFC 6761).
const RESERVED: [&str; 6] = ["example.com", "example.net", "example.org", "example", "invalid", "test"];

/// Returns the warnings about the deployment, each without the word in front of it.
pub(super) fn warnings(engine: &Engine, config: &Config) -> Vec<String> {
    let mut warnings: Vec<String> = without_any_source(config).collect();
    let transport = match config.email.transport {
        Transport::Outbox => {
            warnings.extend(outbox_beside_a_source(config));
            return warnings;
        }
        Transport::Smtp => "smtp",
        Transport::Ses => "ses",
    };
    warnings.extend(simulated_sources(config, transport));
    let nobody = |address: &str, whose: &str, advice: &str| {
        format!("nobody reads {address}, {whose}: write a real one {advice}")
    };
    if let Some(from) =
        config.email.from.trim_end_matches('>').rsplit(['<', ' ']).next().filter(|from| is_reserved(from))
    {
        warnings.push(nobody(from, "the sender's address", "as `from` in `[email]`"));
    }
    let devices: Vec<_> = config.devices.keys().filter_map(|id| config.device(Some(id)).ok()).collect();
    let receivers = devices.iter().flat_map(|device| engine.rules().receivers(Runs::Everything, device));
    let addresses = receivers.filter_map(|receiver| {
        let (shown, whose) = match receiver.address {
            Address::Email(address) => (is_reserved(&address).then_some(address)?, "the address"),
            // The rest of a URL may be secret.
            Address::Webhook { url, .. } => {
                let host = Url::parse(&url).ok()?.host_str()?.to_owned();
                (is_reserved(&host).then_some(host)?, "the host of the webhook")
            }
        };
        Some(nobody(&shown, &format!("{whose} of `{}`", receiver.recipient), "in rules/"))
    });
    warnings.extend(addresses.collect::<BTreeSet<_>>());
    warnings
}

/// Returns a warning for each device that has no source at all.
fn without_any_source(config: &Config) -> impl Iterator<Item = String> {
    let blind = |device: &DeviceConfig| device.inputs.values().all(|source| *source == Source::None);
    config.devices.iter().filter(move |(_, device)| blind(device)).map(|(id, _)| {
        format!("the device `{id}` has no source at all, so that it notices nothing: give it one in config.toml")
    })
}

/// Returns a warning for each device with real sources whose messages become files.
fn outbox_beside_a_source(config: &Config) -> impl Iterator<Item = String> {
    config.devices.iter().filter(|(_, device)| has_real_source(device)).map(|(id, _)| {
        format!(
            "the device `{id}` has a real source, and no message leaves it (`transport = \"outbox\"`): nobody \
             is told. Set `transport = \"smtp\"` in `[email]`"
        )
    })
}

/// Returns a warning for each simulated source whose messages are really sent.
fn simulated_sources(config: &Config, transport: &str) -> impl Iterator<Item = String> {
    let inputs = config.devices.iter().flat_map(|(id, device)| device.inputs.iter().map(move |input| (id, input)));
    inputs.filter(|(_, (_, source))| **source == Source::Simulated).map(move |(id, (fact, _))| {
        format!(
            "`{fact}` of the device `{id}` is simulated, and messages are really sent (`transport = \
             \"{transport}\"`): nothing real is noticed. Give it the source \"gpio\" or \"nut\" in config.toml"
        )
    })
}

/// Returns whether one of a device's facts comes from the world.
pub(super) fn has_real_source(device: &DeviceConfig) -> bool {
    device.inputs.values().any(|source| !matches!(source, Source::None | Source::Simulated))
}

/// Returns whether an address or a host is of a domain that nobody has.
fn is_reserved(address: &str) -> bool {
    let host = address.rsplit('@').next().unwrap_or_default().to_ascii_lowercase();
    let is_in = |domain: &str| host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    RESERVED.into_iter().any(is_in)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_that_nobody_has_is_known() {
        for reserved in ["nor@example.com", "a@mail.Example.ORG", "x.invalid", "example.net", "host.test"] {
            assert!(is_reserved(reserved), "{reserved}");
        }
        for real in ["nor@notexample.com", "a@example.com.org", "hooks.slack.com", "localhost", "192.168.1.2", ""] {
            assert!(!is_reserved(real), "{real}");
        }
    }
}
