//! A stack as it is at AWS after a deploy: the values of its references.

use dag_infra::template::Template;
use serde_json::Value;

use crate::resources;

pub const ACCOUNT: &str = "123456789012";
pub const STACK: &str = "detectordag";

/// The region of the shipped configuration, and that of mail in [`crate::WITH_MAIL_REGION`].
pub const HOME: &str = "eu-west-1";
pub const MAIL_REGION: &str = "eu-central-1";

/// A deployed stack, in a region.
#[derive(Debug)]
pub struct DeployedStack {
    pub resources: Value,
    pub region: &'static str,
}

impl DeployedStack {
    pub fn new(template: &Template, region: &'static str) -> DeployedStack {
        DeployedStack { resources: resources(template), region }
    }

    /// Returns a text with its intrinsic functions resolved.
    pub fn text(&self, value: &Value) -> String {
        if let Some(text) = value.as_str() {
            return text.to_owned();
        }
        if let Some(name) = value["Ref"].as_str() {
            return self.reference(name);
        }
        if let Some(path) = value["Fn::GetAtt"].as_array() {
            return self.attribute(path[0].as_str().unwrap(), path[1].as_str().unwrap());
        }
        let sub = value["Fn::Sub"].as_str().unwrap_or_else(|| panic!("{value} is no text"));
        let mut parts = sub.split("${");
        let mut text = parts.next().unwrap().to_owned();
        for part in parts {
            let (name, rest) = part.split_once('}').unwrap();
            match name.strip_prefix('!') {
                // A variable of the policy is left for its evaluation.
                Some(variable) => text += &format!("${{{variable}}}"),
                None => match name.split_once('.') {
                    Some((id, of)) => text += &self.attribute(id, of),
                    None => text += &self.reference(name),
                },
            }
            text += rest;
        }
        text
    }

    fn reference(&self, name: &str) -> String {
        match name {
            "AWS::AccountId" => ACCOUNT.to_owned(),
            "AWS::Region" => self.region.to_owned(),
            "AWS::Partition" => "aws".to_owned(),
            "AWS::StackName" => STACK.to_owned(),
            // `Ref` returns the ARN of these.
            _ if ["AWS::SecretsManager::Secret", "AWS::SNS::Topic"].contains(&self.kind(name)) => self.arn(name),
            _ => self.named(name),
        }
    }

    fn attribute(&self, id: &str, of: &str) -> String {
        match of {
            "Arn" => self.arn(id),
            "QueueName" => self.named(id),
            other => panic!("{id}.{other}"),
        }
    }

    fn kind(&self, id: &str) -> &str {
        self.resources[id]["Type"].as_str().unwrap_or_else(|| panic!("no resource {id}"))
    }

    fn named(&self, id: &str) -> String {
        let properties = &self.resources[id]["Properties"];
        let names = ["QueueName", "FunctionName", "LogGroupName", "TopicName", "Name", "RoleName"];
        let name = names.into_iter().find_map(|name| properties.get(name));
        name.map_or_else(|| format!("{STACK}-{id}-0123"), |name| self.text(name))
    }

    /// Returns the ARN of a resource.
    pub fn arn(&self, id: &str) -> String {
        let name = self.named(id);
        let (service, rest) = match self.kind(id) {
            "AWS::SQS::Queue" => ("sqs", name),
            "AWS::DynamoDB::Table" => ("dynamodb", format!("table/{name}")),
            "AWS::SecretsManager::Secret" => ("secretsmanager", format!("secret:{name}-AbCdEf")),
            "AWS::SNS::Topic" => ("sns", name),
            "AWS::SES::ConfigurationSet" => ("ses", format!("configuration-set/{name}")),
            "AWS::Logs::LogGroup" => ("logs", format!("log-group:{name}:*")),
            "AWS::Events::Rule" => ("events", format!("rule/{name}")),
            "AWS::IAM::Role" => return format!("arn:aws:iam::{ACCOUNT}:role/{name}"),
            "AWS::Lambda::Function" => ("lambda", format!("function:{name}")),
            other => panic!("{other} has no ARN here"),
        };
        format!("arn:aws:{service}:{}:{ACCOUNT}:{rest}", self.region)
    }
}
