//! The schedule of sweeps, which find overdue work even if its record was lost.

use dag_cloud::SWEEP;
use serde_json::json;

use super::part::{Part, allow, attribute, reference, role, sub};

pub(super) fn part() -> Part {
    let schedule = json!({
        "Type": "AWS::Scheduler::Schedule",
        "Properties": {
            "Name": sub("${AWS::StackName}-sweep"),
            "GroupName": reference("SweepGroup"),
            "Description": "Makes the consumer look for work that is overdue or due soon",
            "ScheduleExpression": "rate(5 minutes)",
            "FlexibleTimeWindow": { "Mode": "OFF" },
            "Target": {
                "Arn": attribute("Events", "Arn"),
                "RoleArn": attribute("SweepRole", "Arn"),
                "Input": SWEEP,
                // A late sweep is not needed, because the next one does the same.
                "RetryPolicy": { "MaximumEventAgeInSeconds": 240, "MaximumRetryAttempts": 5 },
            },
        },
    });
    // The scheduler publishes its metrics for each group, which an alarm needs.
    let group = json!({
        "Type": "AWS::Scheduler::ScheduleGroup",
        "Properties": { "Name": sub("${AWS::StackName}") },
    });
    let send = allow("AskForASweep", &["sqs:SendMessage"], vec![attribute("Events", "Arn")]);
    let role = role("The rights of the schedule", "scheduler.amazonaws.com", "sweep", vec![send]);
    Part { about: "The schedule", resources: vec![("SweepGroup", group), ("Sweep", schedule), ("SweepRole", role)] }
}
