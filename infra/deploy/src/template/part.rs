//! A part of the cloud side, and what resources are written with.

use serde_json::{Value, json};

/// A part of the cloud side, as a reader of the template finds it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Part {
    /// What it is for.
    pub about: &'static str,
    /// Its resources, by logical id.
    pub resources: Vec<(&'static str, Value)>,
}

/// `Fn::Sub`.
pub(crate) fn sub(text: impl Into<String>) -> Value {
    json!({ "Fn::Sub": text.into() })
}

/// `Ref`.
pub(crate) fn reference(id: &str) -> Value {
    json!({ "Ref": id })
}

/// `Fn::GetAtt`.
pub(crate) fn attribute(id: &str, name: &str) -> Value {
    json!({ "Fn::GetAtt": [id, name] })
}

/// A role that a service takes on, with what it may do. Only this account's own resources can make the service take it
/// on, so that nobody else's can borrow it.
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

/// A statement that allows something.
pub(crate) fn allow(sid: &str, actions: &[&str], resources: Vec<Value>) -> Value {
    json!({ "Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources })
}
