//! A part of the cloud side, and helpers to write resources.

use serde_json::{Value, json};

/// A part of the cloud side: a section of the template.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Part {
    /// The heading: the purpose of the part.
    pub about: &'static str,
    /// Its resources, by logical id.
    pub resources: Vec<(&'static str, Value)>,
}

/// Returns a call of `Fn::Sub`.
pub(crate) fn sub(text: impl Into<String>) -> Value {
    json!({ "Fn::Sub": text.into() })
}

/// Returns a `Ref`.
pub(crate) fn reference(id: &str) -> Value {
    json!({ "Ref": id })
}

/// Returns a call of `Fn::GetAtt`.
pub(crate) fn attribute(id: &str, name: &str) -> Value {
    json!({ "Fn::GetAtt": [id, name] })
}

/// Returns a role that a service assumes, with its rights. The service may assume it for resources of this account
/// alone, so that others cannot use it.
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

/// Returns a statement that allows actions on resources.
pub(crate) fn allow(sid: &str, actions: &[&str], resources: Vec<Value>) -> Value {
    json!({ "Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources })
}
