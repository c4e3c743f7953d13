//! The outputs of the stack, by which the other commands find its resources.

use serde_json::{Map, Value, json};

use super::{
    facts::Facts,
    mail,
    part::{reference, sub},
};

/// An output of the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// The name of the table.
    Table,
    /// The address of the queue `events`.
    Events,
    /// The address of the queue `deliveries`.
    Deliveries,
    /// The address of the queue of dead letters.
    DeadLetters,
    /// The ARN of the stack's secret.
    Secret,
    /// The name of the policy of devices.
    DevicePolicy,
    /// The name of the thing type of devices.
    DeviceType,
    /// The name of the thing group of devices.
    DeviceGroup,
    /// The name of the function.
    Consumer,
    /// The ARN of the topic of the operator.
    Operator,
    /// The region that mail leaves from.
    MailRegion,
}

impl Output {
    /// Every output.
    pub const ALL: [Output; 11] = [
        Output::Table,
        Output::Events,
        Output::Deliveries,
        Output::DeadLetters,
        Output::Secret,
        Output::DevicePolicy,
        Output::DeviceType,
        Output::DeviceGroup,
        Output::Consumer,
        Output::Operator,
        Output::MailRegion,
    ];

    /// Returns the name of the output.
    pub fn name(self) -> &'static str {
        match self {
            Output::Table => "Table",
            Output::Events => "Events",
            Output::Deliveries => "Deliveries",
            Output::DeadLetters => "DeadLetters",
            Output::Secret => "Secret",
            Output::DevicePolicy => "DevicePolicy",
            Output::DeviceType => "DeviceType",
            Output::DeviceGroup => "DeviceGroup",
            Output::Consumer => "Consumer",
            Output::Operator => "Operator",
            Output::MailRegion => "MailRegion",
        }
    }

    fn about(self) -> &'static str {
        match self {
            Output::Table => "The table of devices, decisions, messages and accounts",
            Output::Events => "The queue of events",
            Output::Deliveries => "The queue of messages that are due",
            Output::DeadLetters => "The queue of records that could not be processed, with the reason",
            Output::Secret => "The values of env:NAME in rules/",
            Output::DevicePolicy => "The rights of a device at the broker",
            Output::DeviceType => "The type of every device",
            Output::DeviceGroup => "The group that every device is in",
            Output::Consumer => "The function that decides",
            Output::Operator => "The topic of alarms",
            Output::MailRegion => "The region that mail leaves from",
        }
    }

    fn value(self, facts: &Facts) -> Value {
        match self {
            // It is a literal, so that `destroy` can read it in the template, too.
            Output::MailRegion => Value::from(facts.mail_region().unwrap_or(&facts.region)),
            Output::DevicePolicy => sub("${AWS::StackName}-device"),
            Output::DeviceGroup | Output::DeviceType => sub("${AWS::StackName}"),
            other => reference(other.name()),
        }
    }
}

pub(super) fn all(facts: &Facts) -> Map<String, Value> {
    let output = |output: Output| {
        (output.name().to_owned(), json!({ "Description": output.about(), "Value": output.value(facts) }))
    };
    let mut outputs: Map<String, Value> = Output::ALL.into_iter().map(output).collect();
    if facts.mail_region().is_none() {
        outputs.extend(mail::records(facts));
    }
    outputs
}

pub(super) fn of_sender(facts: &Facts) -> Map<String, Value> {
    let mut outputs = mail::records(facts);
    let set = json!({ "Description": "The configuration set, whose events report bounces", "Value": facts.configuration_set() });
    outputs.insert("MailSet".to_owned(), set);
    outputs
}
