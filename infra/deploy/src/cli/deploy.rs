//! `dag-infra deploy`: the deployment of the template and the packages.

use dag_cli::count;
use std::{collections::BTreeMap, env, path::PathBuf};

use anyhow::{Result, bail};
use clap::Args;
use dag_cli::say;
use dag_config::Config;
use dag_rulebook::Rulebook;
use serde_json::{Value, json};

use super::{
    common::{Common, Format, facts, with_cloud},
    prompt,
};
use crate::{
    build,
    cloud::Cloud,
    deploy::{Bucket, Plan, sender, table},
    destroy::{self, mail_region},
    diff,
    iot::listeners,
    package::{Package, cloud_config},
    secret,
    stack::{Event, PAUSE, Progress, Stack, operation_for},
    template::{Facts, Template, parameter},
};

#[derive(Debug, Args)]
pub(super) struct Deploy {
    /// Deploy `config.toml` and `rules/` alone, which is quick and changes nothing else
    #[arg(long, conflicts_with = "consumer")]
    rules_only: bool,
    /// Make the changes without a question
    #[arg(long)]
    yes: bool,
    /// A function that is built already (cargo-lambda's `bootstrap` for arm64), instead of building it
    #[arg(long, value_name = "FILE")]
    consumer: Option<PathBuf>,
    /// The folder of detectordag's sources, from which the function is built
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    sources: PathBuf,
}

/// A deployment that passed every check on this machine.
struct Deployment<'a> {
    common: &'a Common,
    facts: Facts,
    /// The package with `config.toml` and `rules/`.
    rules: Package,
    yes: bool,
    cloud: Cloud,
}

impl Deploy {
    /// Checks everything that can be checked here, then deploys it.
    pub fn run(self, common: &Common) -> Result<()> {
        let (config, _, facts) = facts(common)?;
        let rulebook = Rulebook::prove(&config.root.join("rules"), &config)?;
        let text = cloud_config(&common.config, &config)?;
        for warning in rulebook.warnings(&config).into_iter().chain(warnings(&facts)) {
            eprintln!("{warning}");
        }
        let rules = Package::of_rules(&text, &rulebook.folder)?;
        with_cloud(common, |_: Config, cloud| async move {
            let deployment = Deployment { common, facts, rules, yes: self.yes, cloud };
            deployment.run(&self).await
        })
    }

    fn bootstrap(&self) -> Result<PathBuf> {
        match &self.consumer {
            Some(file) => Ok(file.clone()),
            None => {
                eprintln!("Building the consumer");
                let cargo = env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from);
                Ok(build::consumer(&self.sources, &cargo)?)
            }
        }
    }
}

/// Returns warnings of settings that are allowed and probably not intended.
fn warnings(facts: &Facts) -> Vec<String> {
    let mut warnings = Vec::new();
    for secret in &facts.unreachable {
        warnings.push(format!(
            "warning: `{secret}` in rules/ cannot be had in the cloud: name it `env:NAME`, in letters, digits and `_`, \
             and set it by `dag-infra secret set NAME`"
        ));
    }
    if facts.operator_email.is_none() {
        warnings.push(
            "warning: nobody is told when the cloud side itself is in trouble: give `operator_email` in `[aws]` an \
             address"
                .to_owned(),
        );
    }
    warnings
}

impl Deployment<'_> {
    async fn run(&self, flags: &Deploy) -> Result<()> {
        let cloud = &self.cloud;
        let account = cloud.account().await?;
        let stack = Stack::new(&cloud.sdk, &cloud.stack, &cloud.region, PAUSE);
        // This check comes before a build of some minutes.
        operation_for(&stack.name, stack.status().await?.as_deref())?;
        let live = stack.template().await?;
        if flags.rules_only {
            self.check_rules_only(live.as_ref())?;
        }
        let others = listeners(&cloud.sdk, &self.facts).await?;
        if !others.is_empty() {
            bail!(
                "the topic rules {} hear the same devices, in this account and region: people would be told twice, and \
                 of devices that are not known here. Delete the other stack, or give this one another region (`region` \
                 in `[aws]`) or other topics (`topics` in `[uplink]`)",
                others.join(", ")
            );
        }
        let consumer = match flags.rules_only {
            true => None,
            false => Some(Package::of_consumer(&flags.bootstrap()?)?),
        };
        let bucket = Bucket::new(&cloud.sdk, &cloud.stack, &account, &cloud.region);
        if bucket.ensure().await? {
            self.tell(format_args!("Made the bucket {}", bucket.name))?;
        }
        self.upload(&bucket, &self.rules).await?;
        let mut deployed = Vec::new();
        let Some(consumer) = consumer else {
            let keep = [parameter::CODE_BUCKET, parameter::CONSUMER_KEY].map(|name| (name, None));
            let parameters = keep.into_iter().chain([(parameter::RULES_KEY, Some(self.rules.key.clone()))]);
            let plan = Plan { template: None, parameters: parameters.collect() };
            deployed.push(self.apply(&stack, &plan).await?);
            return self.print_result(deployed).await;
        };
        self.upload(&bucket, &consumer).await?;
        if let (Some(region), Some(template)) = (self.facts.mail_region(), Template::of_mail(&self.facts)) {
            let mail = Stack::new(&cloud.sdk, &cloud.stack, region, PAUSE);
            let template = Package::of_template(template.to_yaml()?);
            self.upload(&bucket, &template).await?;
            let plan = Plan { template: Some(bucket.url(&template.key)), parameters: Vec::new() };
            deployed.push(self.apply(&mail, &plan).await?);
        }
        let template = Package::of_template(Template::of(&self.facts).to_yaml()?);
        self.upload(&bucket, &template).await?;
        let parameters = vec![
            (parameter::CODE_BUCKET, Some(bucket.name.clone())),
            (parameter::CONSUMER_KEY, Some(consumer.key.clone())),
            (parameter::RULES_KEY, Some(self.rules.key.clone())),
        ];
        let plan = Plan { template: Some(bucket.url(&template.key)), parameters };
        deployed.push(self.apply(&stack, &plan).await?);
        self.delete_old_mail_stack(live.as_ref()).await?;
        self.print_result(deployed).await
    }

    /// Checks that only the package of rules differs from the stack.
    fn check_rules_only(&self, live: Option<&Value>) -> Result<()> {
        let differences =
            live.map(|live| diff::between(live, &Template::of(&self.facts).to_value())).unwrap_or_default();
        let changed: Vec<&str> =
            differences.iter().filter(|one| !one.is_in_descriptions()).map(|one| one.resource.as_str()).collect();
        if changed.is_empty() {
            return Ok(());
        }
        bail!(
            "config.toml and rules/ change more than what the function reads ({}): run `dag-infra deploy` without \
             `--rules-only`; `dag-infra diff` shows what changes",
            changed.join(", ")
        )
    }

    /// Deletes the stack in the region that mail left from before, if it leaves from another one now.
    async fn delete_old_mail_stack(&self, live: Option<&Value>) -> Result<()> {
        let now = self.facts.mail_region().unwrap_or(&self.cloud.region);
        let before = live.and_then(mail_region).filter(|before| *before != now && *before != self.cloud.region);
        let Some(before) = before else { return Ok(()) };
        let mail = Stack::new(&self.cloud.sdk, &self.cloud.stack, before, PAUSE);
        if mail.describe().await?.is_none() {
            return Ok(());
        }
        self.tell(format_args!("\nMail leaves from {now} now: {} is not needed any more.", mail.place()))?;
        let instead = "say `--yes`, or delete it in the console of CloudFormation";
        if self.yes || prompt::confirm("Delete it?", instead)? {
            let mut progress = Progress::default();
            destroy::delete_stack(&mail, &mut |event| self.follow(&mut progress, event)).await?;
        }
        Ok(())
    }

    async fn upload(&self, bucket: &Bucket, package: &Package) -> Result<()> {
        if bucket.put(package).await? {
            self.tell(format_args!("Uploaded {} ({})", package.key, count(package.bytes.len(), "byte")))?;
        }
        Ok(())
    }

    /// Shows the changes of a plan, asks, and makes them. Returns the JSON for programs.
    async fn apply(&self, stack: &Stack, plan: &Plan) -> Result<Value> {
        let title = stack.place();
        let Some(proposal) = stack.propose(plan).await? else {
            self.tell(format_args!("{title}: no changes"))?;
            self.protect(stack).await;
            return Ok(self.to_json(stack, json!([]), &stack.outputs().await?));
        };
        self.tell(format_args!("\n{title}:\n{}", table(&proposal.changes)))?;
        if !self.yes {
            let instead = "look at `dag-infra diff`, and say `--yes` if that is meant";
            let answer = prompt::confirm("Make these changes?", instead);
            if !matches!(answer, Ok(true)) {
                stack.withdraw(&proposal).await?;
            }
            if !answer? {
                bail!("nothing was changed");
            }
        }
        let mut progress = Progress::default();
        let outputs = stack.execute(&proposal, &mut |event| self.follow(&mut progress, event)).await?;
        self.protect(stack).await;
        Ok(self.to_json(stack, json!(proposal.changes), &outputs))
    }

    /// Protects the stack from deletion. That is done after each deploy, because an interrupted deploy or a failed
    /// deletion leaves it unprotected.
    async fn protect(&self, stack: &Stack) {
        if let Err(error) = stack.set_protection(true).await {
            eprintln!("warning: the stack could be deleted in the console by mistake: {error}");
        }
    }

    /// Returns what a person has to do before messages are sent.
    async fn to_do(&self, deployed: &[Value]) -> Vec<String> {
        let mut left = Vec::new();
        match sender(&self.cloud.sdk, &self.facts).await {
            Ok(unverified) => left.extend(unverified),
            Err(error) => left.push(format!("whether mail can leave is not known: {error}")),
        }
        let secret =
            deployed.iter().filter_map(|stack| stack.pointer("/outputs/Secret").and_then(Value::as_str)).next_back();
        if let Some(secret) = secret {
            match secret::names(&self.cloud.sdk, secret).await {
                Ok(there) => left.extend(self.facts.secrets.difference(&there).map(|name| {
                    format!("`env:{name}` in rules/ stands for nothing yet: `dag-infra secret set {name}`")
                })),
                Err(error) => left.push(format!("which secrets are missing is not known: {error}")),
            }
        }
        left
    }

    fn to_json(&self, stack: &Stack, changes: Value, outputs: &BTreeMap<String, String>) -> Value {
        json!({ "stack": stack.name, "region": stack.region, "changes": changes, "outputs": outputs })
    }

    async fn print_result(&self, deployed: Vec<Value>) -> Result<()> {
        let left = self.to_do(&deployed).await;
        let mut text = String::new();
        for stack in &deployed {
            for (name, value) in stack.get("outputs").and_then(Value::as_object).into_iter().flatten() {
                text += &format!("{name}: {}\n", value.as_str().unwrap_or_default());
            }
        }
        text.extend(left.iter().map(|left| format!("\nTo do: {left}\n")));
        self.common.print(format!("\nDeployed.\n{}", text.trim_end()), &json!({ "stacks": deployed, "left": left }))?;
        Ok(())
    }

    /// Prints progress: on the standard output for people, on the standard error for programs.
    fn tell(&self, text: impl std::fmt::Display) -> Result<()> {
        match self.common.format {
            Format::Text => say(text)?,
            Format::Json => eprintln!("{text}"),
        }
        Ok(())
    }

    /// Prints an event. A failure to print is ignored, because the change goes on at AWS.
    fn follow(&self, progress: &mut Progress, event: &Event) {
        let _ = self.tell(progress.line(event));
    }
}
