//! The CloudFormation template: a pure function of the configuration and the rules.
//!
//! There is a file for each part of the cloud side. Each returns its resources in an order for readers, and
//! `document.rs` writes them. Logical ids, outputs and parameters must not change: a new logical id replaces the
//! resource.

mod alarms;
mod broker;
mod document;
mod facts;
mod function;
mod mail;
mod output;
pub(crate) mod parameter;
mod part;
mod queues;
mod schedule;
mod secret;
mod table;

pub(crate) use broker::rule_name;
pub use document::Template;
pub use facts::{Facts, FactsError};
pub use output::Output;

impl Template {
    /// Returns the template of the whole cloud side, without SES's part if that is in another region.
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
            "detectordag: devices report when the mains fail, and people are told. Made by `dag-infra` from \
             config.toml and rules/: change those, not this.",
            vec![
                (parameter::CODE_BUCKET, "The bucket that the packages are in"),
                (parameter::CONSUMER_KEY, "The package of the consumer, named by its content"),
                (parameter::RULES_KEY, "The package with config.toml and rules/, named by its content"),
            ],
            parts,
            output::all(facts),
        )
    }

    /// Returns the template of SES's part for the region that mail leaves from, or `None` if that is the stack's
    /// region.
    pub fn of_mail(facts: &Facts) -> Option<Template> {
        facts.mail_region()?;
        let mut parts = mail::sender(facts);
        parts.push(mail::forwarding(facts));
        let about = "detectordag: the sender of its mail, in the region that mail leaves from. Made by `dag-infra` \
                     from config.toml: change that, not this.";
        Some(Template::new(about, Vec::new(), parts, output::of_sender(facts)))
    }
}
