//! The differences between two templates: a pure function.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, bail};
use serde::Serialize;
use serde_json::Value;

use crate::words;

/// The properties of our resource types whose change replaces the resource, or may replace it ("Update requires:
/// Replacement" in the resource reference of CloudFormation).
const REPLACING: [(&str, &[&str]); 21] = [
    ("AWS::SQS::Queue", &["QueueName", "FifoQueue"]),
    ("AWS::DynamoDB::Table", &["TableName", "KeySchema", "AttributeDefinitions"]),
    ("AWS::SecretsManager::Secret", &["Name"]),
    ("AWS::Lambda::Function", &["FunctionName", "PackageType"]),
    (
        "AWS::Lambda::LayerVersion",
        &["LayerName", "Description", "Content", "CompatibleRuntimes", "CompatibleArchitectures", "LicenseInfo"],
    ),
    ("AWS::Lambda::EventSourceMapping", &["EventSourceArn"]),
    ("AWS::IAM::Role", &["RoleName", "Path"]),
    ("AWS::Logs::LogGroup", &["LogGroupName"]),
    ("AWS::IoT::TopicRule", &["RuleName"]),
    ("AWS::IoT::Policy", &["PolicyName"]),
    ("AWS::IoT::ThingType", &["ThingTypeName"]),
    ("AWS::IoT::ThingGroup", &["ThingGroupName", "ParentGroupName"]),
    ("AWS::Events::Rule", &["Name", "EventBusName"]),
    ("AWS::Scheduler::Schedule", &["Name"]),
    ("AWS::Scheduler::ScheduleGroup", &["Name"]),
    ("AWS::SES::EmailIdentity", &["EmailIdentity"]),
    ("AWS::SES::ConfigurationSet", &["Name"]),
    ("AWS::SES::ConfigurationSetEventDestination", &["ConfigurationSetName"]),
    ("AWS::SNS::Topic", &["TopicName", "FifoTopic"]),
    ("AWS::SNS::Subscription", &["TopicArn", "Protocol", "Endpoint"]),
    ("AWS::CloudWatch::Alarm", &["AlarmName"]),
];

/// The differences of a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Difference {
    /// The logical id.
    pub resource: String,
    /// The resource type of CloudFormation.
    #[serde(rename = "type")]
    pub kind: String,
    pub what: DifferenceKind,
    /// Whether a new resource replaces the old one.
    pub replaced: bool,
    /// The values that differ. Empty for a resource that is added or removed.
    pub paths: Vec<ChangedValue>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DifferenceKind {
    Added,
    Removed,
    Changed,
}

/// A value that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ChangedValue {
    /// The path, like `Properties.Environment.Variables.DAG_TABLE`.
    pub path: String,
    /// `None` if the old template has no such value.
    pub old: Option<Value>,
    /// `None` if the new template has no such value.
    pub new: Option<Value>,
}

/// Parses a template in YAML or JSON.
///
/// # Errors
/// It is neither, or no template.
pub(crate) fn read(text: &str) -> Result<Value> {
    // JSON is YAML, too.
    let value: Value = serde_saphyr::from_str(text).context("that is no template: neither YAML nor JSON")?;
    let resources = value.get("Resources").context("that is no template: it has no `Resources`")?;
    let typed = |resource: &Value| resource.get("Type").is_some_and(Value::is_string);
    let sound = resources.as_object().is_some_and(|resources| resources.values().all(typed));
    if !sound {
        bail!("that is no template: its `Resources` are not resources by name, each with its `Type`");
    }
    Ok(value)
}

/// Returns the differences by resource: first those of the new template in its order, then the removed ones.
pub(crate) fn between(old: &Value, new: &Value) -> Vec<Difference> {
    let resources =
        |template: &Value| template.get("Resources").and_then(Value::as_object).cloned().unwrap_or_default();
    let (old, new) = (resources(old), resources(new));
    let mut differences = Vec::new();
    for (id, resource) in &new {
        let kind = kind(resource);
        let Some(before) = old.get(id) else {
            differences.push(Difference {
                resource: id.clone(),
                kind,
                what: DifferenceKind::Added,
                replaced: false,
                paths: Vec::new(),
            });
            continue;
        };
        let mut paths = Vec::new();
        collect("", Some(before), Some(resource), &mut paths);
        if !paths.is_empty() {
            let replaced = paths.iter().any(|changed| replaces(&kind, &changed.path));
            differences.push(Difference { resource: id.clone(), kind, what: DifferenceKind::Changed, replaced, paths });
        }
    }
    for (id, resource) in old.iter().filter(|(id, _)| !new.contains_key(*id)) {
        let kind = kind(resource);
        differences.push(Difference {
            resource: id.clone(),
            kind,
            what: DifferenceKind::Removed,
            replaced: false,
            paths: Vec::new(),
        });
    }
    differences
}

fn kind(resource: &Value) -> String {
    resource.get("Type").and_then(Value::as_str).unwrap_or_default().to_owned()
}

impl Difference {
    /// Returns whether only descriptions differ, which has no effect on what runs.
    pub fn is_in_descriptions(&self) -> bool {
        let words = |changed: &ChangedValue| changed.path.ends_with("Description");
        self.what == DifferenceKind::Changed && self.paths.iter().all(words)
    }
}

/// Returns whether a change at a path replaces the resource.
fn replaces(kind: &str, path: &str) -> bool {
    let property = path.strip_prefix("Properties.").and_then(|rest| rest.split(['.', '[']).next());
    let replacing = REPLACING.iter().find(|(known, _)| *known == kind).map(|(_, properties)| *properties);
    path == "Type" || property.is_some_and(|property| replacing.unwrap_or_default().contains(&property))
}

/// Collects the values that differ, as deep as both sides have the same shape.
fn collect(path: &str, old: Option<&Value>, new: Option<&Value>, found: &mut Vec<ChangedValue>) {
    if old == new {
        return;
    }
    match (old, new) {
        (Some(Value::Object(before)), Some(Value::Object(after))) => {
            let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            for name in names {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                collect(&path, before.get(name), after.get(name), found);
            }
        }
        (Some(Value::Array(before)), Some(Value::Array(after))) if before.len() == after.len() => {
            for (at, (before, after)) in before.iter().zip(after).enumerate() {
                collect(&format!("{path}[{at}]"), Some(before), Some(after), found);
            }
        }
        _ => found.push(ChangedValue { path: path.to_owned(), old: old.cloned(), new: new.cloned() }),
    }
}

/// Returns the differences as text: each resource, and below it the values.
pub(crate) fn text(differences: &[Difference]) -> String {
    if differences.is_empty() {
        return "no differences".to_owned();
    }
    let value = |value: &Option<Value>| value.as_ref().map_or_else(|| "nothing".to_owned(), Value::to_string);
    let mut text = String::new();
    for one in differences {
        let sign = match (one.what, one.replaced) {
            (DifferenceKind::Added, _) => "+",
            (DifferenceKind::Removed, _) => "-",
            (DifferenceKind::Changed, true) => "! REPLACED",
            (DifferenceKind::Changed, false) => "~",
        };
        text += &format!("{sign} {} ({})\n", one.resource, words::kind(&one.kind));
        for changed in &one.paths {
            text += &format!("    {}: {} -> {}\n", changed.path, value(&changed.old), value(&changed.new));
        }
    }
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn template(resources: Value) -> Value {
        json!({ "Resources": resources })
    }

    #[test]
    fn resources_are_added_removed_changed_and_replaced() {
        let old = template(json!({
            "Events": { "Type": "AWS::SQS::Queue", "Properties": { "QueueName": "a", "VisibilityTimeout": 180 } },
            "Consumer": { "Type": "AWS::Lambda::Function", "Properties": { "Layers": ["a"], "MemorySize": 256 } },
            "Alarm": { "Type": "AWS::CloudWatch::Alarm", "Properties": {} },
            "Same": { "Type": "AWS::SNS::Topic", "Properties": { "TopicName": "a" } },
        }));
        let new = template(json!({
            "Events": { "Type": "AWS::SQS::Queue", "Properties": { "QueueName": "b", "VisibilityTimeout": 180 } },
            "Consumer": { "Type": "AWS::Lambda::Function", "Properties": { "Layers": ["b"], "Timeout": 30 } },
            "Table": { "Type": "AWS::DynamoDB::Table", "Properties": {} },
            "Same": { "Type": "AWS::SNS::Topic", "Properties": { "TopicName": "a" } },
        }));
        insta::assert_snapshot!(text(&between(&old, &new)), @r#"
        ~ Consumer (function)
            Properties.Layers[0]: "a" -> "b"
            Properties.MemorySize: 256 -> nothing
            Properties.Timeout: nothing -> 30
        ! REPLACED Events (queue)
            Properties.QueueName: "a" -> "b"
        + Table (table)
        - Alarm (alarm)
        "#);
        insta::assert_snapshot!(text(&between(&new, &new)), @"no differences");
    }

    #[test]
    fn yaml_and_json_are_read_alike_and_anything_else_is_refused() {
        let yaml = "Resources:\n  Events:\n    Type: AWS::SQS::Queue\n";
        let json = r#"{ "Resources": { "Events": { "Type": "AWS::SQS::Queue" } } }"#;
        assert_eq!(read(yaml).unwrap(), read(json).unwrap());
        insta::assert_snapshot!(read("Resources: [1]").unwrap_err(), @"that is no template: its `Resources` are not resources by name, each with its `Type`");
        insta::assert_snapshot!(read("Outputs: {}").unwrap_err(), @"that is no template: it has no `Resources`");
        insta::assert_snapshot!(read("[").unwrap_err(), @"that is no template: neither YAML nor JSON");
    }
}
