//! The consumer: the function, its rules, its log, its role, and the mappings of its queues.

use serde_json::{Value, json};

use super::{
    facts::Facts,
    parameter,
    part::{Part, allow, attribute, reference, role, sub},
    queues::FUNCTION_TIMEOUT,
};

/// The memory of the function, in MB. It needs a tenth of that, but its share of the processor depends on it.
const MEMORY: u32 = 256;

/// The most batches of a queue at the same time. A fleet that loses power at once must not use up the account's
/// concurrency.
const EVENTS_AT_ONCE: u32 = 20;
const DELIVERIES_AT_ONCE: u32 = 10;

pub(super) fn part(facts: &Facts) -> Part {
    let code = |key: &str| json!({ "S3Bucket": reference(parameter::CODE_BUCKET), "S3Key": reference(key) });
    let rules = json!({
        "Type": "AWS::Lambda::LayerVersion",
        "Properties": {
            "LayerName": sub("${AWS::StackName}-rules"),
            "Description": "config.toml and rules/, as the consumer runs them",
            "Content": code(parameter::RULES_KEY),
            "CompatibleRuntimes": ["provided.al2023"],
            "CompatibleArchitectures": ["arm64"],
        },
    });
    let consumer = json!({
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "FunctionName": sub("${AWS::StackName}-consumer"),
            "Description": "Decides by the rules on reports of devices, and sends messages to people",
            "Runtime": "provided.al2023",
            "Architectures": ["arm64"],
            "Handler": "bootstrap",
            "Code": code(parameter::CONSUMER_KEY),
            "Layers": [reference("Rules")],
            "Role": attribute("ConsumerRole", "Arn"),
            "MemorySize": MEMORY,
            "Timeout": FUNCTION_TIMEOUT,
            // It sends itself timers through its own queue. Without this Lambda stops such a loop after 16 calls.
            "RecursiveLoop": "Allow",
            "LoggingConfig": { "LogGroup": reference("ConsumerLog") },
            "Environment": { "Variables": variables(facts) },
        },
    });
    let log = json!({
        "Type": "AWS::Logs::LogGroup",
        "Properties": {
            "LogGroupName": sub("/aws/lambda/${AWS::StackName}-consumer"),
            "RetentionInDays": facts.log_days,
        },
    });
    Part {
        about: "The consumer. It decides on reports of devices, with the same engine as a device",
        resources: vec![
            ("Rules", rules),
            ("Consumer", consumer),
            ("ConsumerLog", log),
            ("ConsumerRole", consumer_role(facts)),
            ("EventsToConsumer", mapping("Events", EVENTS_AT_ONCE)),
            ("DeliveriesToConsumer", mapping("Deliveries", DELIVERIES_AT_ONCE)),
        ],
    }
}

fn variables(facts: &Facts) -> Value {
    json!({
        // The path of the layer with the rules.
        "DAG_ROOT": "/opt",
        "DAG_TABLE": reference("Table"),
        "DAG_EVENTS_URL": reference("Events"),
        "DAG_DELIVERIES_URL": reference("Deliveries"),
        "DAG_DEAD_URL": reference("DeadLetters"),
        "DAG_SECRET_ARN": reference("Secret"),
        "DAG_CONFIGURATION_SET": facts.configuration_set(),
    })
}

fn mapping(queue: &str, at_once: u32) -> Value {
    json!({
        "Type": "AWS::Lambda::EventSourceMapping",
        "Properties": {
            "EventSourceArn": attribute(queue, "Arn"),
            "FunctionName": reference("Consumer"),
            "BatchSize": 10,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "ScalingConfig": { "MaximumConcurrency": at_once },
        },
    })
}

fn consumer_role(facts: &Facts) -> Value {
    let arn = |id: &str| attribute(id, "Arn");
    let region = facts.mail_region().unwrap_or("${AWS::Region}");
    let mail = |what: &str| sub(format!("arn:${{AWS::Partition}}:ses:{region}:${{AWS::AccountId}}:{what}"));
    let mut send = allow(
        "SendMail",
        &["ses:SendEmail", "ses:SendRawEmail"],
        // In the sandbox SES checks the right for the recipient's identity, too. So all identities are allowed, and a
        // condition restricts the sender.
        vec![mail("identity/*"), mail(&format!("configuration-set/{}", facts.configuration_set()))],
    );
    if let Some(statement) = send.as_object_mut() {
        let condition = json!({ "StringEquals": { "ses:FromAddress": facts.sender } });
        statement.insert("Condition".to_owned(), condition);
    }
    let mut statements = vec![
        allow(
            "Table",
            &["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DeleteItem", "dynamodb:ConditionCheckItem"],
            vec![arn("Table")],
        ),
        allow("WhatIsDue", &["dynamodb:Query"], vec![sub("${Table.Arn}/index/due")]),
        allow(
            "TakeRecords",
            &["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
            vec![arn("Events"), arn("Deliveries")],
        ),
        allow("PutRecords", &["sqs:SendMessage"], vec![arn("Events"), arn("Deliveries"), arn("DeadLetters")]),
        allow(
            "CommandDevices",
            &["iot:Publish"],
            vec![sub(format!(
                "arn:${{AWS::Partition}}:iot:${{AWS::Region}}:${{AWS::AccountId}}:topic/{}/*/cmd",
                facts.topics
            ))],
        ),
        send,
        allow("Secret", &["secretsmanager:GetSecretValue"], vec![reference("Secret")]),
        allow("Log", &["logs:CreateLogStream", "logs:PutLogEvents"], vec![arn("ConsumerLog")]),
    ];
    if facts.ses.sandbox {
        statements.push(allow("WhoIsVerified", &["ses:GetEmailIdentity"], vec![mail("identity/*")]));
    }
    role("The rights of the consumer", "lambda.amazonaws.com", "consumer", statements)
}
