//! A template's values as AWS has them once it is deployed.

use serde_json::Value;

pub const ACCOUNT: &str = "123456789012";
pub const REGION: &str = "eu-west-1";
pub const STACK: &str = "detectordag";

/// A text with its intrinsic functions worked out.
pub fn text(resources: &Value, value: &Value) -> String {
    if let Some(text) = value.as_str() {
        return text.to_owned();
    }
    if let Some(name) = value["Ref"].as_str() {
        return reference(resources, name);
    }
    if let Some(path) = value["Fn::GetAtt"].as_array() {
        return attribute(resources, path[0].as_str().unwrap(), path[1].as_str().unwrap());
    }
    let sub = value["Fn::Sub"].as_str().unwrap_or_else(|| panic!("{value} is no text"));
    let mut parts = sub.split("${");
    let mut text = parts.next().unwrap().to_owned();
    for part in parts {
        let (name, rest) = part.split_once('}').unwrap();
        match name.strip_prefix('!') {
            // A variable of the policy, which stays.
            Some(variable) => text += &format!("${{{variable}}}"),
            None => match name.split_once('.') {
                Some((id, of)) => text += &attribute(resources, id, of),
                None => text += &reference(resources, name),
            },
        }
        text += rest;
    }
    text
}

fn reference(resources: &Value, name: &str) -> String {
    match name {
        "AWS::AccountId" => ACCOUNT.to_owned(),
        "AWS::Region" => REGION.to_owned(),
        "AWS::Partition" => "aws".to_owned(),
        "AWS::StackName" => STACK.to_owned(),
        // These are named by their ARN.
        _ if ["AWS::SecretsManager::Secret", "AWS::SNS::Topic"].contains(&kind(resources, name)) => {
            arn(resources, name)
        }
        _ => named(resources, name),
    }
}

fn attribute(resources: &Value, id: &str, of: &str) -> String {
    match of {
        "Arn" => arn(resources, id),
        "QueueName" => named(resources, id),
        other => panic!("{id}.{other}"),
    }
}

fn kind<'v>(resources: &'v Value, id: &str) -> &'v str {
    resources[id]["Type"].as_str().unwrap_or_else(|| panic!("no resource {id}"))
}

fn named(resources: &Value, id: &str) -> String {
    let properties = &resources[id]["Properties"];
    let names = ["QueueName", "FunctionName", "LogGroupName", "TopicName", "Name", "RoleName"];
    let name = names.into_iter().find_map(|name| properties.get(name));
    name.map_or_else(|| format!("{STACK}-{id}-0123"), |name| text(resources, name))
}

/// The ARN of what a resource becomes.
pub fn arn(resources: &Value, id: &str) -> String {
    let name = named(resources, id);
    let (service, rest) = match kind(resources, id) {
        "AWS::SQS::Queue" => ("sqs", name),
        "AWS::DynamoDB::Table" => ("dynamodb", format!("table/{name}")),
        "AWS::SecretsManager::Secret" => ("secretsmanager", format!("secret:{name}-AbCdEf")),
        "AWS::SNS::Topic" => ("sns", name),
        "AWS::Logs::LogGroup" => ("logs", format!("log-group:{name}:*")),
        "AWS::Events::Rule" => ("events", format!("rule/{name}")),
        "AWS::IAM::Role" => return format!("arn:aws:iam::{ACCOUNT}:role/{name}"),
        "AWS::Lambda::Function" => ("lambda", format!("function:{name}")),
        other => panic!("{other} has no ARN here"),
    };
    format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}")
}
