//! Alarms: the operator is told when the cloud side itself is in trouble.

use serde_json::{Value, json};

use super::{Facts, Part, attribute, reference, sub};

struct Alarm {
    id: &'static str,
    name: &'static str,
    /// What it means, and what to do.
    about: &'static str,
    metric: Value,
    /// Over how many seconds, and how many times in a row.
    period: (u32, u32),
    comparison: &'static str,
    threshold: f64,
    missing: &'static str,
}

pub(super) fn part(facts: &Facts) -> Part {
    let topic = json!({
        "Type": "AWS::SNS::Topic",
        "Properties": {
            "TopicName": sub("${AWS::StackName}-operator"),
            "DisplayName": "detectordag: the cloud side is in trouble",
        },
    });
    let policy = json!({
        "Type": "AWS::SNS::TopicPolicy",
        "Properties": {
            "Topics": [reference("Operator")],
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": "Alarms",
                        "Effect": "Allow",
                        "Principal": { "Service": "cloudwatch.amazonaws.com" },
                        "Action": "sns:Publish",
                        "Resource": reference("Operator"),
                        "Condition": { "StringEquals": { "aws:SourceAccount": reference("AWS::AccountId") } },
                    },
                    {
                        "Sid": "TlsOnly",
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "sns:Publish",
                        "Resource": reference("Operator"),
                        "Condition": { "Bool": { "aws:SecureTransport": "false" } },
                    },
                ],
            },
        },
    });
    let mut resources = vec![("Operator", topic), ("OperatorPolicy", policy)];
    if let Some(email) = &facts.operator_email {
        let mailed = json!({
            "Type": "AWS::SNS::Subscription",
            "Properties": { "TopicArn": reference("Operator"), "Protocol": "email", "Endpoint": email },
        });
        resources.push(("OperatorMail", mailed));
    }
    resources.extend(alarms().into_iter().map(|alarm| (alarm.id, alarm.resource())));
    Part { about: "Alarms, to the operator", resources }
}

fn alarms() -> [Alarm; 6] {
    let queue = |name: &str, queue: &str, statistic: &str| {
        metric("AWS/SQS", name, statistic, "QueueName", attribute(queue, "QueueName"))
    };
    let function = |name: &str| metric("AWS/Lambda", name, "Sum", "FunctionName", reference("Consumer"));
    [
        Alarm {
            id: "DeadLettersAlarm",
            name: "dead-letters",
            about: "There is a record that nothing could be made of. Its attribute `reason`, in the queue of dead letters, \
                    says why.",
            metric: queue("ApproximateNumberOfMessagesVisible", "DeadLetters", "Maximum"),
            period: (300, 1),
            comparison: "GreaterThanThreshold",
            threshold: 0.0,
            missing: "notBreaching",
        },
        Alarm {
            id: "EventsAlarm",
            name: "events-late",
            // Timers wait there for up to 15 minutes, and are meant to.
            about: "What devices report waits: people may be told late. Look at the consumer's errors and throttles.",
            metric: queue("ApproximateAgeOfOldestMessage", "Events", "Maximum"),
            period: (300, 1),
            comparison: "GreaterThanThreshold",
            threshold: 1_200.0,
            missing: "notBreaching",
        },
        Alarm {
            id: "DeliveriesAlarm",
            name: "deliveries-late",
            about: "Messages to people wait. Look at the consumer's errors and throttles.",
            metric: queue("ApproximateAgeOfOldestMessage", "Deliveries", "Maximum"),
            period: (300, 1),
            comparison: "GreaterThanThreshold",
            threshold: 300.0,
            missing: "notBreaching",
        },
        Alarm {
            id: "ErrorsAlarm",
            name: "consumer-errors",
            about: "The consumer failed as a whole. Its log says why.",
            metric: function("Errors"),
            period: (300, 1),
            comparison: "GreaterThanThreshold",
            threshold: 0.0,
            missing: "notBreaching",
        },
        Alarm {
            id: "ThrottlesAlarm",
            name: "consumer-throttles",
            about: "The account's concurrency does not suffice for the consumer: ask AWS for more.",
            metric: function("Throttles"),
            period: (300, 3),
            comparison: "GreaterThanThreshold",
            threshold: 0.0,
            missing: "notBreaching",
        },
        Alarm {
            id: "SilenceAlarm",
            name: "consumer-silent",
            // The schedule calls it every five minutes, whatever devices do.
            about: "The consumer was not called for a quarter of an hour: nobody would be told of anything. Look at the \
                    schedule and at the mappings of the queues.",
            metric: function("Invocations"),
            period: (900, 1),
            comparison: "LessThanThreshold",
            threshold: 1.0,
            missing: "breaching",
        },
    ]
}

fn metric(namespace: &str, name: &str, statistic: &str, dimension: &str, value: Value) -> Value {
    json!({
        "Namespace": namespace,
        "MetricName": name,
        "Statistic": statistic,
        "Dimensions": [{ "Name": dimension, "Value": value }],
    })
}

impl Alarm {
    fn resource(self) -> Value {
        let mut properties = json!({
            "AlarmName": sub(format!("${{AWS::StackName}}-{}", self.name)),
            "AlarmDescription": self.about,
        });
        let rest = json!({
            "Period": self.period.0,
            "EvaluationPeriods": self.period.1,
            "ComparisonOperator": self.comparison,
            "Threshold": self.threshold,
            "TreatMissingData": self.missing,
            "AlarmActions": [reference("Operator")],
            "OKActions": [reference("Operator")],
        });
        if let (Some(all), Value::Object(metric), Value::Object(rest)) = (properties.as_object_mut(), self.metric, rest)
        {
            all.extend(metric.into_iter().chain(rest));
        }
        json!({ "Type": "AWS::CloudWatch::Alarm", "Properties": properties })
    }
}
