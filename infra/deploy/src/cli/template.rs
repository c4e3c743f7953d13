//! `dag-infra template`: what would be made, as a document.

use clap::Args;

use super::{Common, Done, Failure, Format, say};
use crate::template::Template as Document;

#[derive(Debug, Args)]
pub(super) struct Template {
    /// The part for the region that mail leaves from, where `email.ses.region` is another one
    #[arg(long)]
    mail: bool,
}

impl Template {
    /// YAML, or JSON by `--format json`.
    pub fn run(&self, common: &Common) -> Done {
        let (_, _, facts) = common.facts()?;
        let document = match self.mail {
            true => Document::of_mail(&facts).ok_or_else(|| {
                Failure::new(
                    "mail leaves from the region of everything else, so that there is one template: leave out `--mail`",
                )
            })?,
            false => Document::of(&facts),
        };
        let text = match common.format {
            Format::Text => document.to_yaml()?,
            Format::Json => document.to_json()?,
        };
        say(text.trim_end());
        Ok(())
    }
}
