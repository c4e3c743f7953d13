//! `dag-infra diff`: what a deploy would change.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};

use super::{Common, Done, Failure};
use crate::{diff, explain::explain, stack, template::Template};

#[derive(Debug, Args)]
pub(super) struct Diff {
    /// A saved template, in YAML or JSON, instead of that of the live stack
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
}

impl Diff {
    /// Packages are known by a deploy alone: what only they change is not shown here.
    pub fn run(self, common: &Common) -> Done {
        let (_, _, facts) = common.facts()?;
        let new = Template::of(&facts).to_value();
        match &self.against {
            Some(file) => show(common, &saved(file)?, &new),
            None => common.with_cloud(|_, cloud| async move {
                let stack = stack::Stack::new(&cloud.sdk, &cloud.stack, &cloud.region, stack::PAUSE);
                if stack.describe().await?.is_none() {
                    return show(common, &json!({ "Resources": {} }), &new);
                }
                let live = stack.client.get_template().stack_name(&stack.name).send().await;
                let live = live.map_err(|error| explain("asking for the stack's template", &error))?;
                let text = live.template_body.context("AWS answers no template of the stack")?;
                show(common, &diff::read(&text)?, &new)
            }),
        }
    }
}

fn saved(file: &Path) -> Result<Value, Failure> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    Ok(diff::read(&text).with_context(|| format!("{} cannot be compared", file.display()))?)
}

fn show(common: &Common, old: &Value, new: &Value) -> Done {
    let differences = diff::between(old, new);
    common.print(diff::text(&differences), &json!(differences));
    Ok(())
}
