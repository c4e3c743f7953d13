//! Configurations whose policies are tested.

use dag_infra::template::Template;

use crate::{
    WITH_MAIL_REGION,
    deployed_stack::{DeployedStack, HOME, MAIL_REGION},
    facts,
};

/// A configuration, and the values in it that its policies depend on.
pub struct Case {
    set: Vec<(&'static str, &'static str)>,
    pub sender: &'static str,
    pub topics: &'static str,
    pub mail_region: &'static str,
    pub sandbox: bool,
}

/// Returns the shipped configuration.
pub fn shipped() -> Case {
    Case { set: Vec::new(), sender: "dag@example.com", topics: "dag", mail_region: HOME, sandbox: false }
}

/// Returns a configuration in which every key has another value than its default.
pub fn everything() -> Case {
    let set = vec![
        ("mode", "cloud"),
        ("email.transport", "ses"),
        ("email.from", "The mill <mill@example.net>"),
        ("email.ses.sandbox", "true"),
        ("aws.sender_domain", "example.net"),
        ("aws.operator_email", "operator@example.net"),
        ("aws.log_days", "90"),
        ("uplink.endpoint", "x"),
        ("uplink.certificate", "x"),
        ("uplink.key", "x"),
        ("uplink.topics", "mill"),
    ];
    Case { set, sender: "mill@example.net", topics: "mill", mail_region: HOME, sandbox: true }
}

/// Returns the case with mail from another region.
pub fn with_mail_region(mut case: Case) -> Case {
    case.set.extend(WITH_MAIL_REGION);
    Case { mail_region: MAIL_REGION, ..case }
}

impl Case {
    /// Returns the stack with everything; without mail where that leaves from another region.
    pub fn main(&self) -> DeployedStack {
        DeployedStack::new(&Template::of(&facts(&self.set)), HOME)
    }

    /// Returns the stack in the region that mail leaves from, where that is another one.
    pub fn mail(&self) -> DeployedStack {
        DeployedStack::new(&Template::of_mail(&facts(&self.set)).unwrap(), self.mail_region)
    }
}
