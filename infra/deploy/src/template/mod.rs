//! The CloudFormation template: a pure function of the configuration and the rules.
//!
//! A file a part of the cloud side. Each answers its resources in the order in which a reader wants them; `document.rs`
//! writes them out. Logical ids, outputs and parameters are promises: changing a logical id replaces what it names.

mod alarms;
mod broker;
mod document;
mod facts;
mod function;
mod mail;
mod output;
pub mod parameter;
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
    /// Returns the whole cloud side; without SES's part where that is in another region.
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

    /// SES's part alone, for the region that mail leaves from; none where that is the region of everything else.
    pub fn of_mail(facts: &Facts) -> Option<Template> {
        facts.mail_region()?;
        let mut parts = mail::sender(facts);
        parts.push(mail::forwarding(facts));
        let about = "detectordag: the sender of its mail, in the region that mail leaves from. Made by `dag-infra` \
                     from config.toml: change that, not this.";
        Some(Template::new(about, Vec::new(), parts, output::of_sender(facts)))
    }
}
