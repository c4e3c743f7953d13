//! The rights that everybody must and must not have. There is a table for each policy of each stack.

use serde_json::Value;

use crate::{
    case::{Case, everything, shipped, with_mail_region},
    deployed_stack::{ACCOUNT, DeployedStack},
    evaluate::{Attempt, Policy},
    rows::Rows,
    tables::{MAIL, MAIN, Table},
};

/// Checks every policy of a stack against its table.
fn check_policies(stack: &DeployedStack, case: &Case, tables: &[(&str, Table)]) {
    let known: Vec<&str> = tables.iter().map(|(path, _)| *path).collect();
    assert_eq!(policies(stack), known, "every policy has a table");
    for (path, table) in tables {
        let policy = policy(stack, path);
        let mut tries = Vec::new();
        for Rows { who, context, tries: these } in table(stack, case) {
            for (action, resource, verdict) in these {
                let what = Attempt { who, action, resource, context: context.clone() };
                assert_eq!(policy.evaluate(&what), verdict, "{path}: {what:?}");
                tries.push(what);
            }
        }
        let untried = policy.untried(&tries);
        assert!(untried.is_empty(), "{path} has what no row is about: {untried:?}");
        check_limits(path, &policy);
    }
}

/// Returns the paths of all policies in a stack: the resource, then the path through its properties.
fn policies(stack: &DeployedStack) -> Vec<String> {
    fn collect(path: &str, value: &Value, found: &mut Vec<String>) {
        // A policy may be a text in some resources, which no table can be written for.
        if path.ends_with("PolicyDocument") || value.get("Statement").is_some() {
            found.push(path.to_owned());
        } else if let Some(members) = value.as_object() {
            members.iter().for_each(|(key, value)| collect(&format!("{path}.{key}"), value, found));
        } else if let Some(values) = value.as_array() {
            values.iter().enumerate().for_each(|(at, value)| collect(&format!("{path}.{at}"), value, found));
        }
    }
    let mut found = Vec::new();
    for (id, resource) in stack.resources.as_object().unwrap() {
        let kind = resource["Type"].as_str().unwrap();
        let lets = kind.ends_with("Permission") || kind == "AWS::Lambda::Url";
        assert!(
            !lets && resource["Properties"].get("ManagedPolicyArns").is_none(),
            "{id} lets somebody without a table"
        );
        collect(id, &resource["Properties"], &mut found);
    }
    found.sort();
    found
}

fn policy(stack: &DeployedStack, path: &str) -> Policy {
    let (id, rest) = path.split_once('.').unwrap();
    let document = stack.resources[id]["Properties"].pointer(&format!("/{}", rest.replace('.', "/"))).unwrap();
    match rest {
        "AssumeRolePolicyDocument" => Policy::of_trust(stack, id, document),
        _ => Policy::of(stack, document),
    }
}

/// Checks the limits of every policy: no wildcard actions, no other account, no service that grants rights.
fn check_limits(path: &str, policy: &Policy) {
    for statement in policy.statements().iter().filter(|statement| statement.allows) {
        assert_ne!(statement.principal.as_deref(), Some("*"), "{path} lets everybody");
        for (action, resource) in statement.pairs() {
            let service = action.split(':').next().unwrap();
            assert!(!action.contains('*'), "{path}: {action}");
            assert!(!["iam", "organizations", "kms"].contains(&service), "{path}: {action}");
            assert!(service != "sts" || path.ends_with("AssumeRolePolicyDocument"), "{path}: {action}");
            assert!(resource.contains(ACCOUNT), "{path}: {action} on {resource}");
        }
    }
}

#[test]
fn the_policies_of_the_shipped_configuration() {
    let case = shipped();
    check_policies(&case.main(), &case, &MAIN);
}

#[test]
fn the_policies_with_everything_set() {
    let case = everything();
    check_policies(&case.main(), &case, &MAIN);
}

#[test]
fn the_policies_with_mail_from_another_region() {
    for case in [with_mail_region(shipped()), with_mail_region(everything())] {
        check_policies(&case.main(), &case, &MAIN);
        check_policies(&case.mail(), &case, &MAIL);
    }
}

/// A policy has no effect until it is attached.
#[test]
fn every_queue_and_topic_has_its_policy() {
    let stack = everything().main();
    for (kind, policy, attached) in
        [("AWS::SQS::Queue", "QueuePolicy", "Queues"), ("AWS::SNS::Topic", "OperatorPolicy", "Topics")]
    {
        let attached = stack.resources[policy]["Properties"][attached].as_array().unwrap();
        let all = stack.resources.as_object().unwrap().iter().filter(|(_, one)| one["Type"] == kind);
        for (id, _) in all {
            assert!(attached.iter().any(|one| one["Ref"] == id.as_str()), "{id} is without a policy");
        }
    }
}
