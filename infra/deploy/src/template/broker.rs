//! The broker: the rights of devices, and the topic rules that pass their messages on to the consumer.

use dag_uplink::{SQL_VERSION, STATEMENTS, Statement, Topics};
use serde_json::{Value, json};

use super::{
    facts::Facts,
    part::{Part, allow, attribute, reference, role, sub},
};

/// The policy variable for the thing's name, which is its client id and part of its topics. AWS IoT replaces it, not
/// CloudFormation.
const THING: &str = "${!iot:Connection.Thing.ThingName}";

pub(super) fn part(facts: &Facts) -> Part {
    let send = allow("PassOn", &["sqs:SendMessage"], vec![attribute("Events", "Arn"), attribute("DeadLetters", "Arn")]);
    let mut resources = vec![
        ("DevicePolicy", policy(facts)),
        (
            "DeviceType",
            json!({
                "Type": "AWS::IoT::ThingType",
                "Properties": {
                    "ThingTypeName": sub("${AWS::StackName}"),
                    "ThingTypeProperties": {
                        "ThingTypeDescription": "A monitor of the mains",
                        "SearchableAttributes": ["account"],
                    },
                },
            }),
        ),
        (
            "DeviceGroup",
            json!({
                "Type": "AWS::IoT::ThingGroup",
                "Properties": {
                    "ThingGroupName": sub("${AWS::StackName}"),
                    "ThingGroupProperties": { "ThingGroupDescription": "Every monitor of this stack" },
                },
            }),
        ),
    ];
    resources.extend(STATEMENTS.iter().map(|statement| (rule_id(statement), rule(statement, facts))));
    resources.push(("BrokerRole", role("The rights of the topic rules", "iot.amazonaws.com", "broker", vec![send])));
    Part { about: "The broker. A device may use its own topics alone, and its messages go to the consumer", resources }
}

fn policy(facts: &Facts) -> Value {
    let topics = Topics { prefix: &facts.topics };
    let (report, command) = (topics.report(THING), topics.command(THING));
    let arn = |kind: &str, what: &str| {
        sub(format!("arn:${{AWS::Partition}}:iot:${{AWS::Region}}:${{AWS::AccountId}}:{kind}/{what}"))
    };
    let mut connect = allow("Connect", &["iot:Connect"], vec![arn("client", THING)]);
    if let Some(statement) = connect.as_object_mut() {
        // The certificate has to be attached to this thing.
        let attached = json!({ "Bool": { "iot:Connection.Thing.IsAttached": "true" } });
        statement.insert("Condition".to_owned(), attached);
    }
    json!({
        "Type": "AWS::IoT::Policy",
        "Properties": {
            "PolicyName": sub("${AWS::StackName}-device"),
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    connect,
                    allow("Report", &["iot:Publish"], vec![arn("topic", &report)]),
                    allow("Listen", &["iot:Subscribe"], vec![arn("topicfilter", &command)]),
                    allow("Hear", &["iot:Receive"], vec![arn("topic", &command)]),
                ],
            },
        },
    })
}

/// Returns the logical id of a topic rule.
fn rule_id(statement: &Statement) -> &'static str {
    match statement.name {
        "reports" => "ReportsRule",
        "connected" => "ConnectedRule",
        "disconnected" => "DisconnectedRule",
        other => other,
    }
}

/// Returns the name of a topic rule, in which AWS IoT allows no hyphens.
pub(crate) fn rule_name(statement: &Statement, facts: &Facts) -> String {
    format!("{}_{}", facts.stack.replace('-', "_"), statement.name)
}

fn rule(statement: &Statement, facts: &Facts) -> Value {
    let role = attribute("BrokerRole", "Arn");
    let to = |queue: &str| json!({ "Sqs": { "QueueUrl": reference(queue), "RoleArn": role, "UseBase64": false } });
    json!({
        "Type": "AWS::IoT::TopicRule",
        "Properties": {
            "RuleName": rule_name(statement, facts),
            "TopicRulePayload": {
                "Description": statement.description,
                "Sql": statement.sql(&facts.topics),
                "AwsIotSqlVersion": SQL_VERSION,
                "RuleDisabled": false,
                "Actions": [to("Events")],
                // A device gets its PUBACK even if the action fails.
                "ErrorAction": to("DeadLetters"),
            },
        },
    })
}
