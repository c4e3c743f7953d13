//! The alarms, by which the operator learns that the cloud side itself is in trouble.

use dag_uplink::STATEMENTS;
use serde_json::{Map, Value, json};

use super::{
    broker,
    facts::Facts,
    part::{Part, attribute, reference, sub},
};

struct Alarm {
    id: &'static str,
    name: &'static str,
    /// The description: its meaning, and what to do.
    about: &'static str,
    metrics: Vec<Metric>,
    /// An expression of several metrics, which it names `m1`, `m2` and so on.
    expression: Option<&'static str>,
    /// The length of a period in seconds, and the number of periods in a row.
    period: (u32, u32),
    comparison: &'static str,
    threshold: f64,
    missing: &'static str,
}

/// A metric that a service publishes by itself, for which there is no charge.
struct Metric {
    namespace: &'static str,
    name: &'static str,
    statistic: &'static str,
    dimension: (&'static str, Value),
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
    resources.extend(alarms(facts).into_iter().map(|alarm| (alarm.id, alarm.resource())));
    Part { about: "Alarms, to the operator", resources }
}

fn alarms(facts: &Facts) -> [Alarm; 8] {
    let of = |namespace, name, statistic, dimension| vec![Metric { namespace, name, statistic, dimension }];
    let queue = |name, queue| of("AWS/SQS", name, "Maximum", ("QueueName", attribute(queue, "QueueName")));
    let function = |name| of("AWS/Lambda", name, "Sum", ("FunctionName", reference("Consumer")));
    let sweeps = |name| of("AWS/Scheduler", name, "Sum", ("ScheduleGroup", reference("SweepGroup")));
    let lost = STATEMENTS.iter().flat_map(|statement| {
        let rule = json!(broker::rule_name(statement, facts));
        of("AWS/IoT", "ErrorActionFailure", "Sum", ("RuleName", rule))
    });
    [
        Alarm {
            id: "DeadLettersAlarm",
            name: "dead-letters",
            about: "There is a record that could not be processed. Its attribute `reason`, in the queue of dead \
                    letters, says why. Delete it there once that is dealt with: until then this alarm tells of no \
                    other.",
            metrics: queue("ApproximateNumberOfMessagesVisible", "DeadLetters"),
            expression: None,
            period: (300, 1),
            comparison: "GreaterThanThreshold",
            threshold: 0.0,
            missing: "notBreaching",
        },
        Alarm {
            id: "EventsAlarm",
            name: "events-late",
            // Timers wait in this queue for up to 15 minutes.
            about: "Reports of devices wait: people may be told late. Look at the consumer's errors and throttles, \
                    and at the mapping of the queue.",
            metrics: queue("ApproximateAgeOfOldestMessage", "Events"),
            expression: None,
            period: (300, 1),
            comparison: "GreaterThanThreshold",
            threshold: 1_200.0,
            missing: "notBreaching",
        },
        Alarm {
            id: "DeliveriesAlarm",
            name: "deliveries-late",
            about: "Messages to people wait. Look at the consumer's errors and throttles.",
            metrics: queue("ApproximateAgeOfOldestMessage", "Deliveries"),
            expression: None,
            period: (300, 1),
            comparison: "GreaterThanThreshold",
            threshold: 300.0,
            missing: "notBreaching",
        },
        Alarm {
            id: "ErrorsAlarm",
            name: "consumer-errors",
            // A batch that fails as a whole comes again after three minutes. So a lasting fault shows in two periods in
            // a row, and a short one in a single period.
            about: "The consumer cannot start, or could process nothing of a batch, and goes on trying. Its log says \
                    why.",
            metrics: function("Errors"),
            expression: None,
            period: (300, 2),
            comparison: "GreaterThanThreshold",
            threshold: 0.0,
            missing: "notBreaching",
        },
        Alarm {
            id: "ThrottlesAlarm",
            name: "consumer-throttles",
            about: "The account's concurrency does not suffice for the consumer: ask AWS for more.",
            metrics: function("Throttles"),
            expression: None,
            period: (300, 3),
            comparison: "GreaterThanThreshold",
            threshold: 0.0,
            missing: "notBreaching",
        },
        Alarm {
            id: "SilenceAlarm",
            name: "consumer-silent",
            // The schedule calls it every five minutes, even if no device reports.
            about: "The consumer was not called for a quarter of an hour: nobody would be told of anything. Look at \
                    the mappings of the queues.",
            metrics: function("Invocations"),
            expression: None,
            period: (900, 1),
            comparison: "LessThanThreshold",
            threshold: 1.0,
            missing: "breaching",
        },
        Alarm {
            id: "SweepAlarm",
            name: "no-sweep",
            // Reports of devices also call the consumer, so that the alarm above may not notice.
            about: "The schedule reached its queue no more for a quarter of an hour: records that were lost are not \
                    found. Look at the schedule and its role.",
            metrics: sweeps("InvocationAttemptCount").into_iter().chain(sweeps("TargetErrorCount")).collect(),
            expression: Some("m1 - FILL(m2, 0)"),
            period: (900, 1),
            comparison: "LessThanThreshold",
            threshold: 1.0,
            missing: "breaching",
        },
        Alarm {
            id: "BrokerAlarm",
            name: "broker-lost",
            // A record that a rule cannot send to the queue goes to the dead letters by the same role, which may fail,
            // too.
            about: "Messages of devices reached neither the consumer's queue nor the dead letters, and are lost. Look at \
                    the role of the topic rules.",
            metrics: lost.collect(),
            expression: Some("FILL(m1, 0) + FILL(m2, 0) + FILL(m3, 0)"),
            period: (300, 1),
            comparison: "GreaterThanThreshold",
            threshold: 0.0,
            missing: "notBreaching",
        },
    ]
}

impl Metric {
    fn to_properties(&self) -> Map<String, Value> {
        let (name, value) = &self.dimension;
        Map::from_iter([
            ("Namespace".to_owned(), json!(self.namespace)),
            ("MetricName".to_owned(), json!(self.name)),
            ("Dimensions".to_owned(), json!([{ "Name": name, "Value": value }])),
        ])
    }
}

impl Alarm {
    fn resource(self) -> Value {
        let mut properties = Map::from_iter([
            ("AlarmName".to_owned(), sub(format!("${{AWS::StackName}}-{}", self.name))),
            ("AlarmDescription".to_owned(), json!(self.about)),
        ]);
        let (period, times) = self.period;
        match (self.metrics.as_slice(), self.expression) {
            ([metric], None) => {
                properties.extend(metric.to_properties());
                properties
                    .extend([("Statistic".to_owned(), json!(metric.statistic)), ("Period".to_owned(), json!(period))]);
            }
            (metrics, expression) => {
                let one = |(at, metric): (usize, &Metric)| {
                    let read = json!({ "Metric": metric.to_properties(), "Period": period, "Stat": metric.statistic });
                    json!({ "Id": format!("m{}", at + 1), "MetricStat": read, "ReturnData": false })
                };
                let mut all: Vec<Value> = metrics.iter().enumerate().map(one).collect();
                all.push(json!({ "Id": "watched", "Expression": expression, "Label": self.name, "ReturnData": true }));
                properties.insert("Metrics".to_owned(), json!(all));
            }
        }
        properties.extend([
            ("EvaluationPeriods".to_owned(), json!(times)),
            ("ComparisonOperator".to_owned(), json!(self.comparison)),
            ("Threshold".to_owned(), json!(self.threshold)),
            ("TreatMissingData".to_owned(), json!(self.missing)),
            ("AlarmActions".to_owned(), json!([reference("Operator")])),
            ("OKActions".to_owned(), json!([reference("Operator")])),
        ]);
        json!({ "Type": "AWS::CloudWatch::Alarm", "Properties": properties })
    }
}
