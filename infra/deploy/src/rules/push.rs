//! The push of the folder `rules/`: it becomes the desired rules of devices.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use dag_cloud::{Signing, aws::Registry};
use dag_config::Config;
use dag_engine::{Name, Time, nearest};
use dag_rulebook::{Rulebook, RulesFolder};
use dag_uplink::{Command, LONGEST_REPORT, SignedRules, SigningKey};
use futures::StreamExt as _;

use crate::{cloud::Cloud, explain::explain_fault};

/// The most devices that are changed at the same time.
const AT_ONCE: usize = 16;

/// The number of largest files that an error names if all files together are too long.
const NAMED: usize = 3;

/// The devices that rules are pushed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// Every device, including those that are provisioned later.
    All,
    /// Some devices.
    Devices(Vec<Name>),
}

/// A push of rules.
pub(crate) struct PushRequest<'a> {
    pub rules: &'a SignedRules,
    pub target: &'a Target,
    /// The key and the time of their signature.
    pub signing: &'a Signing,
    /// The signature before it, as the table has it.
    pub last: Option<&'a Signing>,
}

/// The result of a push: the devices whose desired rules they are now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PushReport {
    pub devices: Vec<Name>,
    /// The devices that could not be changed, by the reason.
    pub failures: BTreeMap<String, Vec<Name>>,
}

/// Checks the folder `rules/` as a device does, including its scenarios.
pub(crate) fn prove(config: &Config) -> Result<RulesFolder> {
    match Rulebook::prove(&config.root.join("rules"), config) {
        Ok(rulebook) => Ok(rulebook.folder),
        Err(problems) => bail!("{problems}\nnothing was sent: no device would take these rules"),
    }
}

/// Signs rules.
///
/// # Errors
/// They are longer than a device accepts.
pub(crate) fn sign(folder: RulesFolder, key: &SigningKey, at: Time) -> Result<SignedRules> {
    let command = Command::Rules(key.sign(folder.into_files(), at));
    let length = command.to_json().len();
    let Command::Rules(rules) = command else { bail!("a command was another one") };
    if length > LONGEST_REPORT {
        bail!(too_long(&rules.files, length));
    }
    Ok(rules)
}

fn too_long(files: &BTreeMap<String, String>, length: usize) -> String {
    let mut files: Vec<(&str, usize)> = files.iter().map(|(path, text)| (path.as_str(), text.len())).collect();
    files.sort_by_key(|(_, length)| std::cmp::Reverse(*length));
    let largest = files.iter().take(NAMED).map(|(path, length)| format!("rules/{path} with {}", kilobytes(*length)));
    let largest: Vec<String> = largest.collect();
    format!(
        "the rules are a message of {}, and a device takes {} at most. The largest files are {}: shorten them, or \
         remove scenarios and templates that are not needed any more",
        kilobytes(length),
        kilobytes(LONGEST_REPORT),
        largest.join(", ")
    )
}

/// Returns a length in KB, rounded up: a length past a limit must not look like the limit.
fn kilobytes(bytes: usize) -> String {
    format!("{} KB", bytes.div_ceil(1024))
}

/// Stores signed rules and makes them the desired rules of devices. The consumer sends them.
///
/// A device that cannot be changed is reported and does not stop the others. The same push again finishes an
/// interrupted one, and changes nothing else.
pub(crate) async fn push(
    cloud: &Cloud,
    registry: &Registry,
    events_url: &str,
    request: &PushRequest<'_>,
) -> Result<PushReport> {
    let devices = match request.target {
        Target::All => registry.devices().await?.into_keys().collect(),
        Target::Devices(devices) => {
            check_registered(registry, devices).await?;
            devices.clone()
        }
    };
    // First of all: rules that another key signed must not replace rules with a good signature.
    if !registry.set_signing(request.signing, request.last).await? {
        bail!(
            "rules were pushed from elsewhere at the same moment: look whether these are still wanted, and push them \
             again"
        );
    }
    let hash = request.rules.hash();
    // The rules are stored before anything refers to them.
    registry.keep_rules(request.rules).await?;
    if *request.target == Target::All {
        registry.set_desired_rules(hash).await?;
    }
    let mut report = PushReport::default();
    let change = |device: Name| async move {
        let changed = registry.change(&device, |registration| registration.desired_rules = Some(hash)).await;
        (device, changed)
    };
    let mut changes = futures::stream::iter(devices).map(change).buffer_unordered(AT_ONCE);
    while let Some((device, changed)) = changes.next().await {
        match changed {
            Ok(_) => report.devices.push(device),
            Err(fault) => report.failures.entry(explain_fault(&fault, Some(&cloud.login))).or_default().push(device),
        }
    }
    report.devices.sort();
    report.failures.values_mut().for_each(|devices| devices.sort());
    cloud.announce(events_url, &report.devices).await?;
    Ok(report)
}

/// Checks that devices are registered. Otherwise a typing error would register one.
pub(crate) async fn check_registered(registry: &Registry, devices: &[Name]) -> Result<()> {
    for device in devices {
        if registry.registration(device).await?.is_none() {
            let known = registry.devices().await?;
            let near = nearest(device, known.keys().map(Name::as_str));
            let near = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
            bail!(
                "the device `{device}` is not registered: {near}`dag-infra list` shows those that are, and `dag-infra \
                 provision {device}` makes it one"
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use ring::{rand::SystemRandom, signature::Ed25519KeyPair};

    use super::*;

    fn sign(config: &Config, key: &SigningKey, now: Time) -> Result<SignedRules> {
        super::sign(prove(config)?, key, now)
    }

    const NOW: Time = Time::from_millis(1_768_046_400_000);

    fn key() -> SigningKey {
        SigningKey::from_pkcs8(Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap().as_ref()).unwrap()
    }

    /// Returns a configuration with the shipped rules and another file.
    fn folder(path: &str, text: &str) -> (tempfile::TempDir, Config) {
        let top = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let rulebook = dag_rulebook::RulesFolder::read(&top.join("rules")).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::copy(top.join("config.toml"), folder.path().join("config.toml")).unwrap();
        for (path, text) in
            rulebook.into_files().iter().map(|(path, text)| (path.as_str(), text.as_str())).chain([(path, text)])
        {
            let path = folder.path().join("rules").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let config = Config::load(&folder.path().join("config.toml"), &[]).unwrap();
        (folder, config)
    }

    #[test]
    fn the_shipped_rules_are_signed_as_devices_check_them() {
        let (_folder, config) = folder("more.toml", "");
        let key = key();
        let rules = sign(&config, &key, NOW).unwrap();
        assert_eq!(rules.verify(&key.public()), Ok(()));
        assert!(rules.verify(&self::key().public()).is_err());
        assert_eq!(rules.hash(), dag_rulebook::RulesFolder::read(&config.root.join("rules")).unwrap().id());
        assert_eq!(rules.signed_at, NOW);
    }

    #[test]
    fn rules_that_devices_would_refuse_are_not_signed() {
        let (_folder, config) =
            folder("more.toml", "[rule.odd]\nwhen = \"pwoer == off\"\nescalation = \"household\"\n");
        let error = sign(&config, &key(), NOW).unwrap_err().to_string();
        insta::assert_snapshot!(error.replace(&format!("{}/", config.root.display()), ""), @r#"
        error: there is no fact or value `pwoer`
         --> rules/more.toml:2:9
          |
        2 | when = "pwoer == off"
          |         ^^^^^
          |
          = help: did you mean `power`?

        1 problem found; nothing was changed
        nothing was sent: no device would take these rules
        "#);
        let scenario = "name = \"wrong\"\ndevice = \"cottage\"\nstart = \"2026-01-10T18:00:00Z\"\n\
                        [[step]]\nat = \"0s\"\nexpect = [{ to = \"nor\" }]\n";
        let (_folder, config) = folder("tests/wrong.toml", scenario);
        let error = sign(&config, &key(), NOW).unwrap_err().to_string();
        assert!(error.contains("wrong.toml:6:11") && error.ends_with("no device would take these rules"), "{error}");
    }

    #[test]
    fn rules_that_are_too_long_name_the_largest_files() {
        let (_folder, config) = folder("long.toml", &"# A long remark.\n".repeat(10_000));
        insta::assert_snapshot!(sign(&config, &key(), NOW).unwrap_err(), @"the rules are a message of 194 KB, and a device takes 128 KB at most. The largest files are rules/long.toml with 167 KB, rules/people.toml with 5 KB, rules/contact.rhai with 3 KB: shorten them, or remove scenarios and templates that are not needed any more");
    }
}
