//! The schedule: a sweep finds what is overdue, whatever was lost.

use dag_cloud::SWEEP;
use serde_json::json;

use super::{Part, allow, attribute, role, sub};

pub(super) fn part() -> Part {
    let schedule = json!({
        "Type": "AWS::Scheduler::Schedule",
        "Properties": {
            "Name": sub("${AWS::StackName}-sweep"),
            "Description": "Has the consumer look for what is overdue, or due soon",
            "ScheduleExpression": "rate(5 minutes)",
            "FlexibleTimeWindow": { "Mode": "OFF" },
            "Target": {
                "Arn": attribute("Events", "Arn"),
                "RoleArn": attribute("SweepRole", "Arn"),
                "Input": SWEEP,
                // The next sweep is as good as one that comes late.
                "RetryPolicy": { "MaximumEventAgeInSeconds": 240, "MaximumRetryAttempts": 5 },
            },
        },
    });
    let send = allow("AskForASweep", &["sqs:SendMessage"], vec![attribute("Events", "Arn")]);
    let role = role("What the schedule may do", "scheduler.amazonaws.com", "sweep", vec![send]);
    Part { about: "The schedule", resources: vec![("Sweep", schedule), ("SweepRole", role)] }
}
