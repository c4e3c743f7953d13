//! The queues: events, deliveries, and dead letters.

use serde_json::{Value, json};

use super::part::{Part, attribute, reference, sub};

/// The time limit of a batch, in seconds. A webhook that hangs takes 3 s, and a request to a service at most 12 s.
pub(super) const FUNCTION_TIMEOUT: u32 = 30;

/// The time until a record that was received and not deleted comes again, in seconds. It has to be at least six times
/// the function's timeout ("Using Lambda with Amazon SQS").
const VISIBILITY: u32 = 6 * FUNCTION_TIMEOUT;

const DAY: u32 = 86_400;

/// The time until a record is lost, in seconds. The alarm for late events goes off long before.
const RETENTION: u32 = 4 * DAY;

/// The same for dead letters, in seconds. It is longer, because it counts from the time in the first queue.
const DEAD_RETENTION: u32 = 14 * DAY;

/// The most receives of a record before it goes to the dead letters, which takes a day. This is for a table or a
/// service that cannot be reached. The consumer itself sends a broken record there at once.
const MOST_RECEIVES: u32 = DAY / VISIBILITY;

pub(super) fn part() -> Part {
    let ids = ["Events", "Deliveries", "DeadLetters"];
    let dead = json!({
        "Type": "AWS::SQS::Queue",
        "Properties": {
            "QueueName": sub("${AWS::StackName}-dead-letters"),
            "MessageRetentionPeriod": DEAD_RETENTION,
            "SqsManagedSseEnabled": true,
        },
    });
    Part {
        about: "Queues. A record that fails comes again, and at last goes to the dead letters with the reason",
        resources: vec![
            ("Events", queue("events")),
            ("Deliveries", queue("deliveries")),
            ("DeadLetters", dead),
            (
                "QueuePolicy",
                json!({
                    "Type": "AWS::SQS::QueuePolicy",
                    "Properties": {
                        "Queues": ids.map(reference),
                        "PolicyDocument": {
                            "Version": "2012-10-17",
                            "Statement": [
                                {
                                    "Sid": "TlsOnly",
                                    "Effect": "Deny",
                                    "Principal": "*",
                                    "Action": "sqs:*",
                                    "Resource": ids.map(|id| attribute(id, "Arn")),
                                    "Condition": { "Bool": { "aws:SecureTransport": "false" } },
                                },
                                {
                                    "Sid": "MailEvents",
                                    "Effect": "Allow",
                                    "Principal": { "Service": "events.amazonaws.com" },
                                    "Action": "sqs:SendMessage",
                                    "Resource": [attribute("Events", "Arn"), attribute("DeadLetters", "Arn")],
                                    "Condition": { "ArnEquals": { "aws:SourceArn": attribute("MailEvents", "Arn") } },
                                },
                            ],
                        },
                    },
                }),
            ),
        ],
    }
}

fn queue(name: &str) -> Value {
    json!({
        "Type": "AWS::SQS::Queue",
        "Properties": {
            "QueueName": sub(format!("${{AWS::StackName}}-{name}")),
            "VisibilityTimeout": VISIBILITY,
            "MessageRetentionPeriod": RETENTION,
            "ReceiveMessageWaitTimeSeconds": 20,
            "SqsManagedSseEnabled": true,
            "RedrivePolicy": {
                "deadLetterTargetArn": attribute("DeadLetters", "Arn"),
                "maxReceiveCount": MOST_RECEIVES,
            },
        },
    })
}
