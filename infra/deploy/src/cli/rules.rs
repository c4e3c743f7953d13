//! `dag-infra rules`: the key that signs rules, and their push to devices.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args, Subcommand, error::ErrorKind};
use dag_cli::count;
use dag_engine::Name;
use serde_json::json;

use super::common::{Common, load, now, with_cloud};
use crate::{
    rules::{
        self, PushReport, PushRequest, Target, key,
        signing::{self, Overrides},
    },
    template::Output,
    words::quoted,
};

#[derive(Debug, Subcommand)]
pub(super) enum Rules {
    /// Check rules/, sign it, and send it to devices
    Push(Push),
    /// Make the key that signs rules
    Key(Key),
}

#[derive(Debug, Args)]
pub(super) struct Push {
    /// A device that should run them; may be given several times
    #[arg(long, value_name = "DEVICE", conflicts_with = "all")]
    device: Vec<String>,
    /// Every device, including those that are provisioned later
    #[arg(long)]
    all: bool,
    /// The key that signs the rules; rules-signing.key beside the configuration unless given
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Sign by this key instead of the one before; every device needs a new bundle then, by `dag-infra provision`
    #[arg(long)]
    new_key: bool,
    /// Sign by this machine's clock though the last rules have a later time; the other machine's clock was wrong
    #[arg(long)]
    clock_is_right: bool,
}

#[derive(Debug, Args)]
pub(super) struct Key {
    /// The file of the key; rules-signing.key beside the configuration unless given
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

impl Rules {
    pub fn run(self, common: &Common) -> Result<()> {
        match self {
            Rules::Push(push) => push.run(common),
            Rules::Key(key) => key.run(common),
        }
    }
}

impl Push {
    fn run(self, common: &Common) -> Result<()> {
        if self.device.is_empty() && !self.all {
            let neither = "say which devices should run the rules: `--device DEVICE` for one, or `--all` for every one";
            let mut command = Push::augment_args(clap::Command::new("dag-infra rules push"));
            command.error(ErrorKind::MissingRequiredArgument, neither).exit();
        }
        with_cloud(common, async |config, cloud| {
            let key = key::read(&self.key.unwrap_or_else(|| key::path(&config)))?;
            let folder = rules::prove(&config)?;
            let target = match self.all {
                true => Target::All,
                false => Target::Devices(self.device.into_iter().map(Name::new).collect()),
            };
            let outputs = cloud.outputs().await?;
            let registry = cloud.registry(&outputs)?;
            let last = registry.signing().await?;
            let overrides = Overrides { new_key: self.new_key, clock: self.clock_is_right };
            let signing = signing::next(last.as_ref(), &key.public(), now(), overrides)?;
            let signed = rules::sign(folder, &key, signing.signed_at)?;
            let request = PushRequest { rules: &signed, target: &target, signing: &signing, last: last.as_ref() };
            let pushed = rules::push(&cloud, &registry, outputs.get(Output::Events)?, &request).await?;
            if !pushed.failures.is_empty() {
                bail!(failure_text(&pushed));
            }
            let (hash, files, devices) = (signed.hash(), signed.files.len(), pushed.devices);
            let next = match devices.as_slice() {
                [] => "No device is registered yet: those that are provisioned from now on run them.".to_owned(),
                [one] => sent_text(&format!("`{one}`")),
                several => sent_text(&count(several.len(), "device")),
            };
            let text = format!("The rules {hash} ({}) are signed.\n{next}", count(files, "file"));
            let json = json!({ "rules": hash, "signed_at": signed.signed_at, "files": files, "devices": devices });
            common.print(text, &json)?;
            Ok(())
        })
    }
}

/// Returns the text of a push that could not change all devices, with the reasons.
fn failure_text(pushed: &PushReport) -> String {
    let missing: usize = pushed.failures.values().map(Vec::len).sum();
    let all = missing + pushed.devices.len();
    let mut text = format!(
        "The rules are sent to {} of {}. The others were not changed:\n",
        pushed.devices.len(),
        count(all, "device")
    );
    for (reason, devices) in &pushed.failures {
        text += &format!("  {}: {reason}\n", quoted(devices));
    }
    text + "Run the command again: those that have the rules keep them."
}

fn sent_text(devices: &str) -> String {
    format!(
        "They are sent to {devices} now, or when next there is a connection. A device checks them itself, and runs \
         them or says why not: `dag-infra list` shows who runs what."
    )
}

impl Key {
    fn run(self, common: &Common) -> Result<()> {
        let path = match self.key {
            Some(path) => path,
            None => key::path(&load(common)?),
        };
        let public = key::make(&path)?.to_text();
        let text = format!(
            "`{}` is the key that signs your rules: keep a copy of it where nobody else gets it.\n\
             Devices check by the public key {public}, which `dag-infra provision` gives them.",
            path.display()
        );
        common.print(text, &json!({ "key": path, "public_key": public }))?;
        Ok(())
    }
}
