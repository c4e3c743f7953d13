//! `dag-infra secret`: the secrets that `env:NAME` in `rules/` refers to, in the cloud.

use std::io::{self, IsTerminal as _, Read as _};

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde_json::json;

use super::common::{Common, facts, with_cloud};
use crate::{secret, template::Output};

#[derive(Debug, Args)]
pub(super) struct Secret {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Set a secret; its value is asked for, and never shown
    Set {
        /// The name, as in `env:NAME` in rules/
        name: String,
        /// Read the value from the standard input instead of the terminal
        #[arg(long)]
        stdin: bool,
    },
    /// List the names, and those that are missing
    List,
}

impl Secret {
    pub fn run(self, common: &Common) -> Result<()> {
        let (_, _, facts) = facts(common)?;
        let referenced = facts.secrets;
        match self.command {
            Command::Set { name, stdin } => {
                secret::check_name(&name)?;
                if !referenced.contains(&name) {
                    eprintln!("warning: nothing in rules/ names `env:{name}`");
                }
                let value = value(&name, stdin)?;
                with_cloud(common, |_, cloud| async move {
                    let outputs = cloud.outputs().await?;
                    secret::set(&cloud.sdk, outputs.get(Output::Secret)?, &name, &value).await?;
                    common.print(format!("`{name}` is set"), &json!({ "set": name }))?;
                    Ok(())
                })
            }
            Command::List => with_cloud(common, |_, cloud| async move {
                let outputs = cloud.outputs().await?;
                let there = secret::names(&cloud.sdk, outputs.get(Output::Secret)?).await?;
                let missing: Vec<&String> = referenced.difference(&there).collect();
                let mut text: String = there.iter().map(|name| format!("{name}\n")).collect();
                for name in &missing {
                    text += &format!("{name}  MISSING: set it by `dag-infra secret set {name}`\n");
                }
                common.print(text.trim_end(), &json!({ "names": there, "missing": missing }))?;
                Ok(())
            }),
        }
    }
}

/// Reads the value from the terminal without an echo, or from the standard input without its last line break.
fn value(name: &str, stdin: bool) -> Result<String> {
    let value = if stdin {
        let mut text = String::new();
        io::stdin().lock().take(1 << 20).read_to_string(&mut text)?;
        text.strip_suffix('\n').map(|text| text.strip_suffix('\r').unwrap_or(text).to_owned()).unwrap_or(text)
    } else if io::stdin().is_terminal() {
        rpassword::prompt_password(format!("The value of `{name}` (it is not shown): "))?
    } else {
        bail!("there is no terminal to ask at: say `--stdin`, and give the value by the standard input");
    };
    match value.is_empty() {
        true => bail!("the value of `{name}` is empty: nothing was changed"),
        false => Ok(value),
    }
}
