//! `dag-infra destroy`: the cloud side, taken down.

use clap::Args;
use serde_json::json;

use super::{Common, Done, Failure, Format, ask, say};
use crate::{
    destroy,
    stack::{Event, PAUSE, Stack},
    template::Facts,
};

#[derive(Debug, Args)]
pub(super) struct Destroy {
    /// Shut out the devices that are still there, instead of refusing
    #[arg(long)]
    with_devices: bool,
    /// Delete without a question: the stack's name, in full
    #[arg(long, value_name = "NAME")]
    yes: Option<String>,
}

impl Destroy {
    pub fn run(self, common: &Common) -> Done {
        let (_, _, facts): (_, _, Facts) = common.facts()?;
        common.with_cloud(|_, cloud| async move {
            let stack = Stack::new(&cloud.sdk, &cloud.stack, &cloud.region, PAUSE);
            let mail = facts.mail_region().map(|region| Stack::new(&cloud.sdk, &cloud.stack, region, PAUSE));
            let name = stack.name.as_str();
            if stack.describe().await?.is_none() {
                return Err(Failure::from(format!("there is no stack `{name}` in {}: nothing to delete", stack.region)));
            }
            // The stack's group has the stack's name.
            let devices = destroy::devices(&cloud.sdk, name).await?;
            if !devices.is_empty() && !self.with_devices {
                return Err(Failure::from(format!(
                    "`{name}` has devices, which would report to nobody: {}. Revoke them first, or say `--with-devices`",
                    devices.join(", ")
                )));
            }
            eprintln!(
                "This deletes `{name}` in {}: functions, queues, rules of the broker, alarms, roles{}.\nKept: the table and the \
                 secret, as they are, and the bucket of packages. Delete them in the console if they are not wanted.",
                stack.region,
                if devices.is_empty() { String::new() } else { format!(", and the devices {}", devices.join(", ")) }
            );
            let typed = match self.yes {
                Some(typed) => typed,
                None => ask::line("Type the stack's name to delete it:", &format!("say `--yes {name}`"))?,
            };
            if typed != name {
                return Err(Failure::from(format!("`{typed}` is not the stack's name, `{name}`: nothing was deleted")));
            }
            for device in &devices {
                destroy::shut_out(&cloud.sdk, device, &format!("{name}-device")).await?;
            }
            let mut tell = |event: &Event| match common.format {
                Format::Text => say(event),
                Format::Json => eprintln!("{event}"),
            };
            destroy::stack(&stack, &mut tell).await?;
            if let Some(mail) = &mail {
                destroy::stack(mail, &mut tell).await?;
            }
            common.print(format!("`{name}` is deleted"), &json!({ "deleted": name, "devices": devices }));
            Ok(())
        })
    }
}
