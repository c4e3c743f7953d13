//! The changes in a change set, as a table.

use aws_sdk_cloudformation::types::{ChangeAction, PolicyAction, Replacement, ResourceChange};
use dag_cli::count;
use serde::Serialize;

use crate::words;

/// The change of a resource that is proposed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ProposedChange {
    pub action: Action,
    /// The logical id.
    pub resource: String,
    /// The resource type of CloudFormation.
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(rename = "replaced")]
    pub replacement: ReplacementForecast,
    /// Whether the old resource stays in the account, outside of the stack.
    pub kept: bool,
    /// The properties that change.
    pub properties: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Action {
    Make,
    Change,
    Delete,
    /// Any other action of CloudFormation.
    Other,
}

/// Whether a new resource will replace the old one, whose content the new one does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ReplacementForecast {
    No,
    /// It is known only while the change is made.
    Maybe,
    Yes,
}

impl From<ResourceChange> for ProposedChange {
    fn from(change: ResourceChange) -> Self {
        let action = match change.action {
            Some(ChangeAction::Add) => Action::Make,
            Some(ChangeAction::Modify) => Action::Change,
            Some(ChangeAction::Remove) => Action::Delete,
            _ => Action::Other,
        };
        let replacement = match change.replacement {
            Some(Replacement::True) => ReplacementForecast::Yes,
            Some(Replacement::Conditional) => ReplacementForecast::Maybe,
            _ => ReplacementForecast::No,
        };
        let mut properties: Vec<String> = Vec::new();
        for detail in change.details.unwrap_or_default() {
            let Some(target) = detail.target else { continue };
            let attribute = target.attribute.map(|attribute| attribute.as_str().to_owned());
            let name = target.name.or(attribute).unwrap_or_default();
            if !name.is_empty() && !properties.contains(&name) {
                properties.push(name);
            }
        }
        properties.sort();
        let kept = [PolicyAction::Retain, PolicyAction::ReplaceAndRetain];
        ProposedChange {
            action,
            resource: change.logical_resource_id.unwrap_or_default(),
            kind: change.resource_type.unwrap_or_default(),
            replacement,
            kept: change.policy_action.is_some_and(|action| kept.contains(&action)),
            properties,
        }
    }
}

/// Returns the table of the changes, and below it the number of those that lose content.
pub(crate) fn table(changes: &[ProposedChange]) -> String {
    let rows: Vec<[String; 4]> = changes.iter().map(row).collect();
    let mut text = words::columns(["", "Resource", "Type", "Details"], &rows);
    let replaced = changes.iter().filter(|change| change.replacement != ReplacementForecast::No).count();
    let deleted = changes.iter().filter(|change| change.action == Action::Delete && !change.kept).count();
    if replaced > 0 {
        text += &format!(
            "\n{} REPLACED: the new one does not have the content of the old one.\n",
            count(replaced, "resource")
        );
    }
    if deleted > 0 {
        text += &format!("\n{} deleted, with its content.\n", count(deleted, "resource"));
    }
    text
}

fn row(change: &ProposedChange) -> [String; 4] {
    let action = match (change.action, change.replacement) {
        (Action::Make, _) => "make",
        (Action::Change, ReplacementForecast::Yes) => "REPLACE",
        (Action::Change, ReplacementForecast::Maybe) => "REPLACE?",
        (Action::Change, ReplacementForecast::No) => "change",
        (Action::Delete, _) if change.kept => "let go",
        (Action::Delete, _) => "DELETE",
        (Action::Other, _) => "see AWS",
    };
    let mut of_it = change.properties.join(", ");
    if change.kept {
        of_it =
            if of_it.is_empty() { "the old one is kept".to_owned() } else { format!("{of_it}; the old one is kept") };
    }
    [action.to_owned(), change.resource.clone(), words::kind(&change.kind).to_owned(), of_it]
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudformation::types::{ResourceAttribute, ResourceChangeDetail, ResourceTargetDefinition};

    use super::*;

    fn change(
        action: ChangeAction,
        id: &str,
        kind: &str,
    ) -> aws_sdk_cloudformation::types::builders::ResourceChangeBuilder {
        ResourceChange::builder().action(action).logical_resource_id(id).resource_type(kind)
    }

    fn detail(name: &str) -> ResourceChangeDetail {
        let target = ResourceTargetDefinition::builder().attribute(ResourceAttribute::Properties).name(name);
        ResourceChangeDetail::builder().target(target.build()).build()
    }

    #[test]
    fn a_change_set_is_a_table_that_marks_what_is_lost() {
        let changes = [
            change(ChangeAction::Add, "OperatorMail", "AWS::SNS::Subscription"),
            change(ChangeAction::Modify, "Consumer", "AWS::Lambda::Function")
                .replacement(Replacement::False)
                .details(detail("Layers"))
                .details(detail("Layers"))
                .details(detail("Environment")),
            change(ChangeAction::Modify, "Events", "AWS::SQS::Queue")
                .replacement(Replacement::True)
                .details(detail("QueueName")),
            change(ChangeAction::Modify, "EventsToConsumer", "AWS::Lambda::EventSourceMapping")
                .replacement(Replacement::Conditional)
                .details(detail("EventSourceArn")),
            change(ChangeAction::Modify, "Table", "AWS::DynamoDB::Table")
                .replacement(Replacement::True)
                .policy_action(PolicyAction::ReplaceAndRetain)
                .details(detail("KeySchema")),
            change(ChangeAction::Remove, "SilenceAlarm", "AWS::CloudWatch::Alarm").policy_action(PolicyAction::Delete),
            change(ChangeAction::Remove, "Secret", "AWS::SecretsManager::Secret").policy_action(PolicyAction::Retain),
        ];
        let changes: Vec<ProposedChange> = changes.into_iter().map(|change| change.build().into()).collect();
        insta::assert_snapshot!(table(&changes), @"
                  Resource          Type                  Details
        make      OperatorMail      mail to the operator
        change    Consumer          function              Environment, Layers
        REPLACE   Events            queue                 QueueName
        REPLACE?  EventsToConsumer  queue to function     EventSourceArn
        REPLACE   Table             table                 KeySchema; the old one is kept
        DELETE    SilenceAlarm      alarm
        let go    Secret            secret                the old one is kept

        3 resources REPLACED: the new one does not have the content of the old one.

        1 resource deleted, with its content.
        ");
    }
}
