//! What a resource is, to somebody who does not know CloudFormation's names, and text in columns.

/// The type of a resource in words; its own name where it is none of ours.
pub(crate) fn kind(name: &str) -> &str {
    match name {
        "AWS::SQS::Queue" => "queue",
        "AWS::SQS::QueuePolicy" => "policy of the queues",
        "AWS::DynamoDB::Table" => "table",
        "AWS::SecretsManager::Secret" => "secret",
        "AWS::Lambda::Function" => "function",
        "AWS::Lambda::LayerVersion" => "rules for the function",
        "AWS::Lambda::EventSourceMapping" => "queue to function",
        "AWS::Lambda::Permission" => "who may call the function",
        "AWS::IAM::Role" => "role",
        "AWS::Logs::LogGroup" => "log",
        "AWS::IoT::TopicRule" => "rule of the broker",
        "AWS::IoT::Policy" => "policy of devices",
        "AWS::IoT::ThingType" => "type of devices",
        "AWS::IoT::ThingGroup" => "group of devices",
        "AWS::Scheduler::Schedule" => "schedule",
        "AWS::Scheduler::ScheduleGroup" => "group of the schedule",
        "AWS::Events::Rule" => "rule for events",
        "AWS::SES::ConfigurationSet" => "settings of mail",
        "AWS::SES::ConfigurationSetEventDestination" => "what tells of mail",
        "AWS::SES::EmailIdentity" => "sender of mail",
        "AWS::SNS::Topic" => "topic",
        "AWS::SNS::TopicPolicy" => "policy of the topic",
        "AWS::SNS::Subscription" => "mail to the operator",
        "AWS::CloudWatch::Alarm" => "alarm",
        other => other,
    }
}

/// Rows in columns as wide as what is in them, under a heading; the last column is as long as it is.
pub(crate) fn columns<const N: usize>(heading: [&str; N], rows: &[[String; N]]) -> String {
    let width = |at: usize| {
        let cells = rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count());
        cells.chain(heading.get(at).map(|cell| cell.chars().count())).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    let line = |cells: &[&str]| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    let mut text = line(&heading);
    for row in rows {
        let cells: Vec<&str> = row.iter().map(String::as_str).collect();
        text += &line(&cells);
    }
    text
}
