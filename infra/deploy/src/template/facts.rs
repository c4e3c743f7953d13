//! The values that the template depends on, from the configuration and the rules.

use std::collections::BTreeSet;

use dag_config::{Config, Ses};
use dag_engine::SecretRef;
use dag_rulebook::RulesFolder;

use crate::{
    regions::has_ses,
    secret::{check_name, references},
};

/// The values that the template depends on, and nothing else.
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
    /// The names in `env:NAME` in `rules/`, which are entries of the stack's secret.
    pub(crate) secrets: BTreeSet<String>,
    /// The secrets in `rules/` that the cloud cannot have: `file:…`, because the function has no such files, and
    /// `env:…` with a bad name.
    pub(crate) unreachable: BTreeSet<String>,
}

/// The reasons why a configuration has no stack.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FactsError {
    /// There is no section `[aws]`.
    #[error("the configuration says nothing of AWS: add a section `[aws]` with `region = \"eu-west-1\"`")]
    NoAws,
    /// Mail cannot leave from the region of the stack.
    #[error(
        "`{0}` does not have SES, which mail leaves by: say from which other region it leaves, `region` in \
         `[email.ses]`, like `region = \"us-east-1\"`"
    )]
    NoMail(String),
    /// The sender's address is not ASCII, which SES requires.
    #[error(
        "SES takes the sender's address in ASCII alone, and `{0}` is not: write its domain in Punycode (`xn--…`) as \
         `from` in `[email]`"
    )]
    Sender(String),
}

impl Facts {
    /// Returns the values in the configuration and the rules.
    ///
    /// # Errors
    /// The configuration has no section `[aws]`, or SES cannot send as it says.
    pub fn new(config: &Config, rules: &RulesFolder) -> Result<Facts, FactsError> {
        let aws = config.aws.clone().ok_or(FactsError::NoAws)?;
        let sender = &config.email.from;
        let sender = sender.rsplit_once('<').map_or(sender.as_str(), |(_, rest)| rest.trim_end_matches('>'));
        if !sender.is_ascii() {
            return Err(FactsError::Sender(sender.to_owned()));
        }
        if config.email.ses.region.is_none() && !has_ses(&aws.region) {
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

    /// Returns the region that mail leaves from, if it is not the stack's. SES's part is a stack of its own there.
    pub fn mail_region(&self) -> Option<&str> {
        self.ses.region.as_deref().filter(|region| *region != self.region)
    }

    /// Returns the name of the configuration set, whose events report bounces.
    pub(crate) fn configuration_set(&self) -> String {
        self.ses.configuration_set.clone().unwrap_or_else(|| self.stack.clone())
    }
}

/// Returns the secrets that the TOML files of `rules/` refer to, under any key.
fn secrets(rules: &RulesFolder) -> BTreeSet<SecretRef> {
    let files = rules.rules().into_iter().filter(|(path, _)| path.ends_with(".toml"));
    files.flat_map(|(_, text)| references(&text)).collect()
}
