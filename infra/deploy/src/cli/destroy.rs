//! `dag-infra destroy`: the deletion of the cloud side.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use dag_cli::say;
use serde_json::json;

use super::{
    common::{Common, Format, facts, with_cloud},
    prompt,
};
use crate::{
    destroy,
    iot::Iot,
    stack::{Event, PAUSE, Progress, Stack, check_deletable},
    template::Facts,
};

#[derive(Debug, Args)]
pub(super) struct Destroy {
    /// Lock out the devices that are still there, instead of refusing
    #[arg(long)]
    with_devices: bool,
    /// Delete without a question: the stack's name, in full
    #[arg(long, value_name = "NAME")]
    yes: Option<String>,
}

impl Destroy {
    pub fn run(self, common: &Common) -> Result<()> {
        let (_, _, facts): (_, _, Facts) = facts(common)?;
        with_cloud(common, |_, cloud| async move {
            let stack = Stack::new(&cloud.sdk, &cloud.stack, &cloud.region, PAUSE);
            let name = stack.name.as_str();
            let live = stack.template().await?;
            // The deployed template and the configuration may name different regions for mail.
            let regions = live.as_ref().and_then(destroy::mail_region).into_iter().chain(facts.mail_region());
            let regions: BTreeSet<&str> = regions.filter(|region| *region != stack.region).collect();
            let mut stacks = vec![stack.clone()];
            stacks.extend(regions.iter().map(|region| Stack::new(&cloud.sdk, &cloud.stack, region, PAUSE)));
            let mut there = Vec::new();
            for one in stacks {
                let status = one.status().await?;
                // This check comes before any device is locked out.
                check_deletable(name, status.as_deref())?;
                if status.is_some() {
                    there.push(one);
                }
            }
            if there.is_empty() {
                bail!("there is no stack `{name}` in {}: nothing to delete", stack.region);
            }
            let iot = Iot::of_stack(&cloud.sdk, name);
            let devices = iot.devices().await?;
            if !devices.is_empty() && !self.with_devices {
                bail!(
                    "`{name}` has devices, which would report to nobody: {}. Revoke them first, or say \
                     `--with-devices`",
                    devices.join(", ")
                );
            }
            let places: Vec<&str> = there.iter().map(|stack| stack.region.as_str()).collect();
            eprintln!(
                "This deletes `{name}` in {}: functions, queues, rules of the broker, alarms, roles{}.\nKept: the \
                 table and the secret, as they are, and the bucket of packages. Delete them in the console if they \
                 are not wanted.",
                places.join(" and in "),
                if devices.is_empty() { String::new() } else { format!(", and the devices {}", devices.join(", ")) }
            );
            let typed = match self.yes {
                Some(typed) => typed,
                None => prompt::read_line("Type the stack's name to delete it:", &format!("say `--yes {name}`"))?,
            };
            if typed != name {
                bail!("`{typed}` is not the stack's name, `{name}`: nothing was deleted");
            }
            for device in &devices {
                let what = || format!("locking out the device `{device}`");
                iot.remove_device(device).await.with_context(what)?;
            }
            for stack in &there {
                let mut progress = Progress::default();
                let mut tell = |event: &Event| match common.format {
                    // A failure to print is ignored, because the deletion goes on at AWS.
                    Format::Text => drop(say(progress.line(event))),
                    Format::Json => eprintln!("{}", progress.line(event)),
                };
                destroy::delete_stack(stack, &mut tell).await?;
            }
            common.print(format!("`{name}` is deleted"), &json!({ "deleted": name, "devices": devices }))?;
            Ok(())
        })
    }
}
