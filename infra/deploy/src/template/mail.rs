//! Mail: its sender, and the events of its delivery.

use serde_json::{Map, Value, json};

use super::{
    facts::Facts,
    part::{Part, allow, attribute, reference, role, sub},
};

/// Returns the pattern that matches the events of mail, which our configuration set publishes.
fn pattern(facts: &Facts) -> Value {
    json!({
        "source": ["aws.ses"],
        "detail": { "mail": { "tags": { "ses:configuration-set": [facts.configuration_set()] } } },
    })
}

/// Returns the rule that sends these events to the queue, in the region of everything else.
pub(super) fn events(facts: &Facts) -> Part {
    let rule = json!({
        "Type": "AWS::Events::Rule",
        "Properties": {
            "Name": sub("${AWS::StackName}-mail"),
            "Description": "Mail that bounced or got a complaint: the consumer sends no more to the address",
            "EventPattern": pattern(facts),
            "Targets": [{
                "Id": "events",
                "Arn": attribute("Events", "Arn"),
                "DeadLetterConfig": { "Arn": attribute("DeadLetters", "Arn") },
            }],
        },
    });
    Part { about: "Bounces and complaints of mail", resources: vec![("MailEvents", rule)] }
}

/// Returns the sender, and the configuration set that reports its mail.
pub(super) fn sender(facts: &Facts) -> Vec<Part> {
    let mut resources = Vec::new();
    if facts.ses.configuration_set.is_none() {
        resources.push((
            "MailSet",
            json!({
                "Type": "AWS::SES::ConfigurationSet",
                "Properties": {
                    "Name": sub("${AWS::StackName}"),
                    "SendingOptions": { "SendingEnabled": true },
                    "ReputationOptions": { "ReputationMetricsEnabled": true },
                    "SuppressionOptions": { "SuppressedReasons": ["BOUNCE", "COMPLAINT"] },
                    "DeliveryOptions": { "TlsPolicy": "REQUIRE" },
                },
            }),
        ));
        resources.push((
            "MailSetEvents",
            json!({
                "Type": "AWS::SES::ConfigurationSetEventDestination",
                "Properties": {
                    "ConfigurationSetName": reference("MailSet"),
                    "EventDestination": {
                        "Name": "bus",
                        "Enabled": true,
                        "MatchingEventTypes": ["BOUNCE", "COMPLAINT"],
                        "EventBridgeDestination": { "EventBusArn": bus("${AWS::Region}") },
                    },
                },
            }),
        ));
    }
    if !facts.sender_exists {
        let identity = facts.sender_domain.as_ref().unwrap_or(&facts.sender);
        resources.push((
            "Sender",
            json!({ "Type": "AWS::SES::EmailIdentity", "Properties": { "EmailIdentity": identity } }),
        ));
    }
    match resources.is_empty() {
        true => Vec::new(),
        false => vec![Part { about: "The sender of mail, verified with SES", resources }],
    }
}

/// Returns the rule that passes the events on to the region of everything else.
pub(super) fn forwarding(facts: &Facts) -> Part {
    let bus = bus(&facts.region);
    let rule = json!({
        "Type": "AWS::Events::Rule",
        "Properties": {
            "Name": sub("${AWS::StackName}-mail"),
            "Description": format!("Mail that bounced or got a complaint: passed on to {}", facts.region),
            "EventPattern": pattern(facts),
            "Targets": [{ "Id": "bus", "Arn": bus.clone(), "RoleArn": attribute("MailEventsRole", "Arn") }],
        },
    });
    let put = allow("HandOn", &["events:PutEvents"], vec![bus]);
    let role = role("The rights of the rule that passes events of mail on", "events.amazonaws.com", "mail", vec![put]);
    Part { about: "Bounces and complaints of mail", resources: vec![("MailEvents", rule), ("MailEventsRole", role)] }
}

/// Returns the ARN of the account's default event bus in a region.
fn bus(region: &str) -> Value {
    sub(format!("arn:${{AWS::Partition}}:events:{region}:${{AWS::AccountId}}:event-bus/default"))
}

/// Returns the outputs with the records for the DNS, if a domain is verified instead of an address.
pub(super) fn records(facts: &Facts) -> Map<String, Value> {
    if facts.sender_exists || facts.sender_domain.is_none() {
        return Map::new();
    }
    let record = |number: u8| {
        let value = json!({
            "Fn::Join": [" CNAME ", [
                attribute("Sender", &format!("DkimDNSTokenName{number}")),
                attribute("Sender", &format!("DkimDNSTokenValue{number}")),
            ]],
        });
        let about = "A record for the DNS of the sender's domain: SES verifies the domain by it";
        (format!("SenderRecord{number}"), json!({ "Description": about, "Value": value }))
    };
    (1..=3).map(record).collect()
}
