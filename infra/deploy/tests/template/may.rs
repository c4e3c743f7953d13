//! What each role must and must not be able to do.

use std::collections::BTreeMap;

use dag_infra::template::Template;
use serde_json::Value;

use crate::{
    evaluate::{Policy, Try},
    facts,
    physical::{ACCOUNT, REGION, arn},
    resources,
};

struct Deployed(Value);

impl Deployed {
    fn new(set: &[(&str, &str)]) -> Deployed {
        Deployed(resources(&Template::of(&facts(set))))
    }

    fn role(&self, id: &str) -> Policy {
        Policy::of(&self.0, &self.0[id]["Properties"]["Policies"][0]["PolicyDocument"])
    }

    fn policy(&self, id: &str) -> Policy {
        Policy::of(&self.0, &self.0[id]["Properties"]["PolicyDocument"])
    }

    fn arn(&self, id: &str) -> String {
        arn(&self.0, id)
    }
}

fn here(service: &str, rest: &str) -> String {
    format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}")
}

/// Holds the policy to a table: the action, the resource, and whether it may.
fn check(policy: &Policy, context: &[(&'static str, &str)], table: &[(&str, String, bool)]) {
    let context: BTreeMap<&str, String> = context.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
    for (action, resource, may) in table {
        let what = Try { action, resource: resource.clone(), context: context.clone() };
        assert_eq!(policy.allows(&what), *may, "{what:?}");
    }
}

#[test]
fn a_device_speaks_for_itself_alone() {
    let policy = Deployed::new(&[]).policy("DevicePolicy");
    let iot = |what: &str| here("iot", what);
    let thing = [("iot:Connection.Thing.ThingName", "cottage"), ("iot:Connection.Thing.IsAttached", "true")];
    check(
        &policy,
        &thing,
        &[
            ("iot:Connect", iot("client/cottage"), true),
            ("iot:Publish", iot("topic/dag/cottage/report"), true),
            ("iot:Subscribe", iot("topicfilter/dag/cottage/cmd"), true),
            ("iot:Receive", iot("topic/dag/cottage/cmd"), true),
            // Another device.
            ("iot:Connect", iot("client/barn"), false),
            ("iot:Connect", iot("client/cottage2"), false),
            ("iot:Publish", iot("topic/dag/barn/report"), false),
            ("iot:Subscribe", iot("topicfilter/dag/barn/cmd"), false),
            ("iot:Receive", iot("topic/dag/barn/cmd"), false),
            // All of them.
            ("iot:Subscribe", iot("topicfilter/dag/+/report"), false),
            ("iot:Subscribe", iot("topicfilter/dag/#"), false),
            ("iot:Subscribe", iot("topicfilter/$aws/events/#"), false),
            // What it is told, and what others say.
            ("iot:Publish", iot("topic/dag/cottage/cmd"), false),
            ("iot:Receive", iot("topic/dag/cottage/report"), false),
            ("iot:Publish", iot("topic/$aws/rules/detectordag_reports/dag/cottage/report"), false),
            ("iot:Publish", iot("topic/$aws/things/cottage/shadow/update"), false),
            ("iot:UpdateThingShadow", iot("thing/cottage"), false),
            ("iot:RetainPublish", iot("topic/dag/cottage/report"), false),
        ],
    );
    // A certificate that is not attached to the thing, and one of no thing.
    let loose = [("iot:Connection.Thing.ThingName", "cottage"), ("iot:Connection.Thing.IsAttached", "false")];
    check(&policy, &loose, &[("iot:Connect", iot("client/cottage"), false)]);
    check(
        &policy,
        &[],
        &[
            ("iot:Connect", iot("client/cottage"), false),
            ("iot:Publish", iot("topic/dag/cottage/report"), false),
            ("iot:Subscribe", iot("topicfilter/dag/cottage/cmd"), false),
        ],
    );
}

#[test]
fn the_consumer_does_its_work_and_nothing_else() {
    let deployed = Deployed::new(&[("mode", "cloud"), ("email.transport", "ses")]);
    let role = deployed.role("ConsumerRole");
    let table = deployed.arn("Table");
    check(
        &role,
        &[],
        &[
            ("dynamodb:GetItem", table.clone(), true),
            ("dynamodb:PutItem", table.clone(), true),
            ("dynamodb:DeleteItem", table.clone(), true),
            ("dynamodb:ConditionCheckItem", table.clone(), true),
            ("dynamodb:Query", format!("{table}/index/due"), true),
            // A device's past is for its owner to list.
            ("dynamodb:Query", table.clone(), false),
            ("dynamodb:Scan", table.clone(), false),
            ("dynamodb:DeleteTable", table.clone(), false),
            ("dynamodb:UpdateTable", table, false),
            ("dynamodb:GetItem", here("dynamodb", "table/another"), false),
            ("dynamodb:PutItem", here("dynamodb", "table/detectordag-Table-01234"), false),
            ("sqs:ReceiveMessage", deployed.arn("Events"), true),
            ("sqs:DeleteMessage", deployed.arn("Deliveries"), true),
            ("sqs:SendMessage", deployed.arn("Events"), true),
            ("sqs:SendMessage", deployed.arn("Deliveries"), true),
            ("sqs:SendMessage", deployed.arn("DeadLetters"), true),
            // What was put aside stays there until a person has looked.
            ("sqs:ReceiveMessage", deployed.arn("DeadLetters"), false),
            ("sqs:DeleteMessage", deployed.arn("DeadLetters"), false),
            ("sqs:PurgeQueue", deployed.arn("Events"), false),
            ("sqs:SendMessage", here("sqs", "another"), false),
            ("iot:Publish", here("iot", "topic/dag/cottage/cmd"), true),
            ("iot:Publish", here("iot", "topic/dag/cottage/report"), false),
            ("iot:Publish", here("iot", "topic/another/cottage/cmd"), false),
            ("iot:Connect", here("iot", "client/cottage"), false),
            ("iot:UpdateCertificate", here("iot", "cert/0123"), false),
            ("secretsmanager:GetSecretValue", deployed.arn("Secret"), true),
            ("secretsmanager:PutSecretValue", deployed.arn("Secret"), false),
            ("secretsmanager:GetSecretValue", here("secretsmanager", "secret:another-AbCdEf"), false),
            ("logs:PutLogEvents", deployed.arn("ConsumerLog"), true),
            ("logs:PutLogEvents", here("logs", "log-group:/aws/lambda/another:*"), false),
            ("logs:DeleteLogGroup", deployed.arn("ConsumerLog"), false),
            ("iam:PassRole", deployed.arn("ConsumerRole"), false),
            ("iam:CreateUser", format!("arn:aws:iam::{ACCOUNT}:user/x"), false),
            ("sts:AssumeRole", deployed.arn("BrokerRole"), false),
            ("lambda:UpdateFunctionCode", deployed.arn("Consumer"), false),
            // That is for the sandbox alone.
            ("ses:GetEmailIdentity", here("ses", "identity/kim@example.com"), false),
        ],
    );
}

#[test]
fn mail_goes_out_from_the_configured_sender_alone() {
    let deployed = Deployed::new(&[]);
    let role = deployed.role("ConsumerRole");
    let (identity, set) = (here("ses", "identity/example.com"), here("ses", "configuration-set/detectordag"));
    check(
        &role,
        &[("ses:FromAddress", "dag@example.com")],
        &[
            ("ses:SendEmail", identity.clone(), true),
            ("ses:SendRawEmail", identity.clone(), true),
            ("ses:SendEmail", set.clone(), true),
            // In the sandbox the recipient is looked at, too.
            ("ses:SendEmail", here("ses", "identity/kim@example.org"), true),
            ("ses:SendEmail", here("ses", "configuration-set/another"), false),
            ("ses:SendEmail", format!("arn:aws:ses:us-east-1:{ACCOUNT}:identity/example.com"), false),
            ("ses:DeleteEmailIdentity", identity.clone(), false),
            ("ses:CreateEmailIdentity", identity.clone(), false),
        ],
    );
    for from in ["boss@example.com", "dag@example.org", "DAG@example.com"] {
        check(&role, &[("ses:FromAddress", from)], &[("ses:SendEmail", identity.clone(), false)]);
    }
    check(&role, &[], &[("ses:SendEmail", identity, false), ("ses:SendEmail", set, false)]);
    let sandbox = Deployed::new(&[("email.ses.sandbox", "true")]).role("ConsumerRole");
    check(&sandbox, &[], &[("ses:GetEmailIdentity", here("ses", "identity/kim@example.com"), true)]);
}

#[test]
fn the_broker_and_the_schedule_put_records_into_queues() {
    let deployed = Deployed::new(&[]);
    check(
        &deployed.role("BrokerRole"),
        &[],
        &[
            ("sqs:SendMessage", deployed.arn("Events"), true),
            ("sqs:SendMessage", deployed.arn("DeadLetters"), true),
            ("sqs:SendMessage", deployed.arn("Deliveries"), false),
            ("sqs:ReceiveMessage", deployed.arn("Events"), false),
            ("iot:Publish", here("iot", "topic/dag/cottage/cmd"), false),
        ],
    );
    check(
        &deployed.role("SweepRole"),
        &[],
        &[
            ("sqs:SendMessage", deployed.arn("Events"), true),
            ("sqs:SendMessage", deployed.arn("DeadLetters"), false),
            ("lambda:InvokeFunction", deployed.arn("Consumer"), false),
        ],
    );
}

#[test]
fn the_queues_take_nothing_without_tls_and_events_from_our_rule_alone() {
    let deployed = Deployed::new(&[]);
    let policy = deployed.policy("QueuePolicy");
    let from = |rule: &str, tls: &str, may: bool| {
        let context = [("aws:SourceArn", rule), ("aws:SecureTransport", tls)];
        check(&policy, &context, &[("sqs:SendMessage", deployed.arn("Events"), may)]);
    };
    let ours = deployed.arn("MailEvents");
    from(&ours, "true", true);
    from(&ours, "false", false);
    from(&here("events", "rule/another"), "true", false);
    from("arn:aws:events:eu-west-1:210987654321:rule/detectordag-mail", "true", false);
    check(
        &policy,
        &[("aws:SourceArn", &ours), ("aws:SecureTransport", "true")],
        &[
            ("sqs:SendMessage", deployed.arn("Deliveries"), false),
            ("sqs:ReceiveMessage", deployed.arn("Events"), false),
        ],
    );
}

#[test]
fn no_role_may_touch_identities_or_everything() {
    for set in [&[][..], &crate::ABROAD[..], &[("email.ses.sandbox", "true")][..]] {
        let deployed = Deployed::new(set);
        let roles = deployed.0.as_object().unwrap().iter().filter(|(_, one)| one["Type"] == "AWS::IAM::Role");
        let mut seen = 0;
        for (id, role) in roles {
            seen += 1;
            assert_eq!(role["Properties"]["Policies"].as_array().unwrap().len(), 1, "{id}");
            assert!(role["Properties"].get("ManagedPolicyArns").is_none(), "{id}");
            for (action, resource) in deployed.role(id).allowed() {
                let service = action.split(':').next().unwrap();
                assert!(!["iam", "sts", "*", "organizations", "kms"].contains(&service), "{id}: {action}");
                assert!(!action.contains('*'), "{id}: {action}");
                assert_ne!(resource, "*", "{id}: {action}");
                assert!(resource.contains(ACCOUNT), "{id}: {action} on {resource}");
            }
            let trust = &role["Properties"]["AssumeRolePolicyDocument"]["Statement"][0];
            assert!(trust["Principal"]["Service"].is_string(), "{id}");
            assert!(trust["Condition"]["StringEquals"]["aws:SourceAccount"].is_object(), "{id}: a confused deputy");
        }
        assert_eq!(seen, 3);
    }
}
