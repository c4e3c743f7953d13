//! `dag-infra diff`: the changes that a deploy would make.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;
use serde_json::{Value, json};

use super::common::{Common, facts, with_cloud};
use crate::{
    diff::{self, Difference},
    package::{Package, cloud_config},
    stack::{PAUSE, Stack},
    template::{Template, parameter},
};

#[derive(Debug, Args)]
pub(super) struct Diff {
    /// A saved template, in YAML or JSON, instead of the deployed one
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
}

/// The differences of one stack.
struct StackDifferences {
    /// The name and the region, for people.
    place: String,
    differences: Vec<Difference>,
    /// Whether the package with the configuration and the rules differs.
    rules: bool,
}

impl Diff {
    /// Prints the differences. A change of the consumer's program is not among them, because only a deploy builds it.
    pub fn run(self, common: &Common) -> Result<()> {
        let (config, rules, facts) = facts(common)?;
        let new = Template::of(&facts).to_value();
        if let Some(file) = &self.against {
            let differences = diff::between(&saved(file)?, &new);
            common.print(diff::text(&differences), &json!(differences))?;
            return Ok(());
        }
        // A configuration that the cloud cannot run on has no package. A deploy reports that.
        let package = cloud_config(&common.config, &config).and_then(|text| Package::of_rules(&text, &rules)).ok();
        with_cloud(common, |_, cloud| async move {
            let mut found = Vec::new();
            if let (Some(region), Some(template)) = (facts.mail_region(), Template::of_mail(&facts)) {
                let mail = Stack::new(&cloud.sdk, &cloud.stack, region, PAUSE);
                found.push(StackDifferences { rules: false, ..between(&mail, &template.to_value()).await? });
            }
            let stack = Stack::new(&cloud.sdk, &cloud.stack, &cloud.region, PAUSE);
            let key = stack.parameter(parameter::RULES_KEY).await?;
            let other = package.is_some_and(|package| key.is_some_and(|key| key != package.key));
            found.push(StackDifferences { rules: other, ..between(&stack, &new).await? });
            let texts: Vec<String> = found.iter().map(|one| one.text(found.len() > 1)).collect();
            let json: Vec<Value> = found.iter().map(StackDifferences::json).collect();
            common.print(texts.join("\n\n"), &json!({ "stacks": json }))?;
            Ok(())
        })
    }
}

async fn between(stack: &Stack, new: &Value) -> Result<StackDifferences> {
    let live = stack.template().await?.unwrap_or_else(|| json!({ "Resources": {} }));
    Ok(StackDifferences { place: stack.place(), differences: diff::between(&live, new), rules: false })
}

impl StackDifferences {
    /// Returns the differences as text, under the stack's name if `with_name`.
    fn text(&self, with_name: bool) -> String {
        let mut text = match (self.differences.is_empty(), self.rules) {
            (true, true) => String::new(),
            _ => diff::text(&self.differences),
        };
        if self.rules {
            text += "\n~ config.toml or rules/, as the function has them";
        }
        let text = text.trim_start();
        if with_name { format!("{}:\n{text}", self.place) } else { text.to_owned() }
    }

    fn json(&self) -> Value {
        json!({ "stack": self.place, "differences": self.differences, "rules": self.rules })
    }
}

fn saved(file: &Path) -> Result<Value> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    diff::read(&text).with_context(|| format!("{} cannot be compared", file.display()))
}
