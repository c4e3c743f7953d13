//! The CloudFormation template: a pure function of the configuration and the rules.
//!
//! A file a part of the cloud side. Each answers its resources in the order in which a reader wants them; `document.rs`
//! writes them out. Logical ids, outputs and parameters are promises: changing a logical id replaces what it names.

mod alarms;
mod broker;
mod document;
mod function;
mod mail;
mod output;
mod queues;
mod schedule;
mod secret;
mod table;

use std::collections::BTreeSet;

use dag_config::{Config, Ses};
use dag_engine::SecretRef;
use dag_rulebook::Folder;
use serde_json::{Value, json};

use crate::secret::check_name;

pub(crate) use broker::rule_name;
pub use document::Template;
pub use output::Output;

/// The names of the template's parameters.
pub mod parameter {
    /// The bucket that the packages are in.
    pub const CODE_BUCKET: &str = "CodeBucket";
    /// The key of the consumer's package.
    pub const CONSUMER_KEY: &str = "ConsumerKey";
    /// The key of the package with `config.toml` and `rules/`.
    pub const RULES_KEY: &str = "RulesKey";
}

/// A part of the cloud side, as a reader of the template finds it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Part {
    /// What it is for.
    pub about: &'static str,
    /// Its resources, by logical id.
    pub resources: Vec<(&'static str, Value)>,
}

/// What the template depends on, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    pub(crate) stack: String,
    pub(crate) region: String,
    pub(crate) log_days: u16,
    pub(crate) operator_email: Option<String>,
    /// The address that mail comes from.
    pub(crate) sender: String,
    pub(crate) sender_domain: Option<String>,
    pub(crate) sender_exists: bool,
    pub(crate) ses: Ses,
    /// The first level of the topics.
    pub(crate) topics: String,
    /// What `env:NAME` in `rules/` names: entries of the stack's secret.
    pub(crate) secrets: BTreeSet<String>,
    /// Secrets in `rules/` that the cloud cannot have: `file:…`, which is on no function's disk, and `env:…` that is no name.
    pub(crate) unreachable: BTreeSet<String>,
}

/// What is wrong with the configuration for a stack.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FactsError {
    /// There is no section `[aws]`.
    #[error("the configuration says nothing of AWS: add a section `[aws]` with `region = \"eu-west-1\"`")]
    NoAws,
    /// Mail cannot leave from the region of the stack.
    #[error(
        "`{0}` does not have SES, which mail leaves by: say from which other region it leaves, `region` in `[email.ses]`, \
         like `region = \"us-east-1\"`"
    )]
    NoMail(String),
    /// The sender's address is in letters that SES does not take.
    #[error(
        "SES takes the sender's address in ASCII alone, and `{0}` is not: write its domain in Punycode (`xn--…`) as `from` in \
         `[email]`"
    )]
    Sender(String),
}

impl Facts {
    /// What the configuration and the rules say.
    ///
    /// # Errors
    /// The configuration has no section `[aws]`, or SES cannot send as it says.
    pub fn new(config: &Config, rules: &Folder) -> Result<Facts, FactsError> {
        let aws = config.aws.clone().ok_or(FactsError::NoAws)?;
        let sender = &config.email.from;
        let sender = sender.rsplit_once('<').map_or(sender.as_str(), |(_, rest)| rest.trim_end_matches('>'));
        if !sender.is_ascii() {
            return Err(FactsError::Sender(sender.to_owned()));
        }
        if config.email.ses.region.is_none() && !dag_config::sends_mail(&aws.region) {
            return Err(FactsError::NoMail(aws.region));
        }
        let (mut entries, mut unreachable) = (BTreeSet::new(), BTreeSet::new());
        for secret in secrets(rules) {
            match secret {
                SecretRef::Env(name) if check_name(&name).is_ok() => entries.insert(name),
                SecretRef::Env(name) => unreachable.insert(format!("env:{name}")),
                SecretRef::File(path) => unreachable.insert(format!("file:{path}")),
            };
        }
        Ok(Facts {
            stack: aws.stack,
            region: aws.region,
            log_days: aws.log_days,
            operator_email: aws.operator_email,
            sender: sender.to_owned(),
            sender_domain: aws.sender_domain,
            sender_exists: aws.sender_exists,
            ses: config.email.ses.clone(),
            topics: config.topics.to_string(),
            secrets: entries,
            unreachable,
        })
    }

    /// Whether mail leaves from another region than everything else is in: then SES's part is a stack of its own there.
    pub fn mail_region(&self) -> Option<&str> {
        self.ses.region.as_deref().filter(|region| *region != self.region)
    }

    /// The names of secrets that `rules/` mentions.
    pub fn secrets(&self) -> &BTreeSet<String> {
        &self.secrets
    }

    /// The configuration set that tells of bounces.
    pub(crate) fn configuration_set(&self) -> String {
        self.ses.configuration_set.clone().unwrap_or_else(|| self.stack.clone())
    }
}

/// The secrets that `rules/` names, found in its TOML files whatever their keys are.
fn secrets(rules: &Folder) -> BTreeSet<SecretRef> {
    let files = rules.rules().into_iter().filter(|(path, _)| path.ends_with(".toml"));
    files.flat_map(|(_, text)| crate::secret::named(&text)).collect()
}

impl Template {
    /// The whole cloud side; without SES's part where that is in another region.
    pub fn of(facts: &Facts) -> Template {
        let mut parts = vec![
            queues::part(),
            table::part(),
            secret::part(facts),
            function::part(facts),
            schedule::part(),
            broker::part(facts),
        ];
        parts.push(mail::events(facts));
        if facts.mail_region().is_none() {
            parts.extend(mail::sender(facts));
        }
        parts.push(alarms::part(facts));
        Template::new(
            "detectordag: devices report when the mains fail, and people are told. Made by `dag-infra` from config.toml \
             and rules/: change those, not this.",
            vec![
                (parameter::CODE_BUCKET, "The bucket that the packages are in"),
                (parameter::CONSUMER_KEY, "The package of the consumer, named by its content"),
                (parameter::RULES_KEY, "The package with config.toml and rules/, named by its content"),
            ],
            parts,
            output::all(facts),
        )
    }

    /// SES's part alone, for the region that mail leaves from; none where that is the region of everything else.
    pub fn of_mail(facts: &Facts) -> Option<Template> {
        facts.mail_region()?;
        let mut parts = mail::sender(facts);
        parts.push(mail::forwarding(facts));
        let about = "detectordag: the sender of its mail, in the region that mail leaves from. Made by `dag-infra` from \
                     config.toml: change that, not this.";
        Some(Template::new(about, Vec::new(), parts, output::of_sender(facts)))
    }
}

/// `Fn::Sub`.
pub(crate) fn sub(text: impl Into<String>) -> Value {
    json!({ "Fn::Sub": text.into() })
}

/// `Ref`.
pub(crate) fn reference(id: &str) -> Value {
    json!({ "Ref": id })
}

/// `Fn::GetAtt`.
pub(crate) fn attribute(id: &str, name: &str) -> Value {
    json!({ "Fn::GetAtt": [id, name] })
}

/// A role that a service takes on, with what it may do. Only this account's own resources can make the service take it
/// on, so that nobody else's can borrow it.
pub(crate) fn role(about: &str, service: &str, policy: &str, statements: Vec<Value>) -> Value {
    json!({
        "Type": "AWS::IAM::Role",
        "Properties": {
            "Description": about,
            "AssumeRolePolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [{
                    "Effect": "Allow",
                    "Principal": { "Service": service },
                    "Action": "sts:AssumeRole",
                    "Condition": { "StringEquals": { "aws:SourceAccount": reference("AWS::AccountId") } },
                }],
            },
            "Policies": [{
                "PolicyName": policy,
                "PolicyDocument": { "Version": "2012-10-17", "Statement": statements },
            }],
        },
    })
}

/// A statement that allows something.
pub(crate) fn allow(sid: &str, actions: &[&str], resources: Vec<Value>) -> Value {
    json!({ "Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources })
}
