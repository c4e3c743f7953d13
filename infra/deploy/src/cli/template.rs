//! `dag-infra template`: the CloudFormation template.

use anyhow::{Context as _, Result};
use clap::Args;
use dag_cli::say;

use super::common::{Common, Format, facts};
use crate::template::Template as Document;

#[derive(Debug, Args)]
pub(super) struct Template {
    /// The part for the region that mail leaves from, where `email.ses.region` is another one
    #[arg(long)]
    mail: bool,
}

impl Template {
    /// Prints the template as YAML, or as JSON with `--format json`.
    pub fn run(&self, common: &Common) -> Result<()> {
        let (_, _, facts) = facts(common)?;
        let document = match self.mail {
            true => Document::of_mail(&facts).context(
                "mail leaves from the region of everything else, so that there is one template: leave out `--mail`",
            )?,
            false => Document::of(&facts),
        };
        let text = match common.format {
            Format::Text => document.to_yaml()?,
            Format::Json => document.to_json()?,
        };
        say(text.trim_end())?;
        Ok(())
    }
}
