//! Words and layout for people: types of resources, columns, lists, and text of others.

use std::fmt::Display;

/// Returns the type of a resource in words, or its name if the template has no such type.
pub(crate) fn kind(name: &str) -> &str {
    match name {
        "AWS::SQS::Queue" => "queue",
        "AWS::SQS::QueuePolicy" => "policy of the queues",
        "AWS::DynamoDB::Table" => "table",
        "AWS::SecretsManager::Secret" => "secret",
        "AWS::Lambda::Function" => "function",
        "AWS::Lambda::LayerVersion" => "rules for the function",
        "AWS::Lambda::EventSourceMapping" => "queue to function",
        "AWS::Lambda::Permission" => "permission to call the function",
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
        "AWS::SES::ConfigurationSetEventDestination" => "events of mail",
        "AWS::SES::EmailIdentity" => "sender of mail",
        "AWS::SNS::Topic" => "topic",
        "AWS::SNS::TopicPolicy" => "policy of the topic",
        "AWS::SNS::Subscription" => "mail to the operator",
        "AWS::CloudWatch::Alarm" => "alarm",
        other => other,
    }
}

/// Returns rows under a heading, in columns as wide as their widest cell. The last column is not padded.
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

/// Returns names as a list: `` `barn`, `cottage` ``.
pub(crate) fn quoted(names: impl IntoIterator<Item: Display>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The most names that [`first_quoted`] lists, as many as fit into a line or two.
const LISTED: usize = 8;

/// Returns names as a list, the first of them if there are many: `` `a`, `b` and 7 more ``.
pub(crate) fn first_quoted(names: &[String]) -> String {
    let more = names.len().saturating_sub(LISTED);
    let first = quoted(names.iter().take(LISTED));
    if more == 0 { first } else { format!("{first} and {more} more") }
}

/// Returns text of others for use in one line: characters that would end the line, move the cursor or turn the
/// direction of writing are escaped. Quotes and letters of any script stay.
pub(crate) fn visible(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut shown = String::new();
    for c in text.chars() {
        if c.is_control() || turns(c) {
            shown.extend(c.escape_debug());
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_others_stays_in_its_line() {
        assert_eq!(visible("Nor's \"hut\" in Tromsø\\Москва"), "Nor's \"hut\" in Tromsø\\Москва");
        assert_eq!(visible("a\nb\u{1b}[2Jc\u{202e}d"), r"a\nb\u{1b}[2Jc\u{202e}d");
    }
}
