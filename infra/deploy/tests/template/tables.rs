//! The actions that each policy must allow and must not allow, in a table for each.

use crate::{
    case::Case,
    deployed_stack::{ACCOUNT, DeployedStack, HOME, MAIL_REGION},
    evaluate::{
        Verdict::{self, Never, No, Yes},
        Who::{Holder, Service},
    },
    rows::{Rows, STRANGER, all_but, at, here, rows},
};

/// The table of a policy.
pub type Table = fn(&DeployedStack, &Case) -> Vec<Rows>;

/// The tables of every policy of the stack with everything, and of the one with mail alone.
pub const MAIN: [(&str, Table); 9] = [
    ("BrokerRole.AssumeRolePolicyDocument", |stack, _| assumed_by("iot.amazonaws.com", stack.arn("BrokerRole"))),
    ("BrokerRole.Policies.0.PolicyDocument", broker),
    ("ConsumerRole.AssumeRolePolicyDocument", |stack, _| assumed_by("lambda.amazonaws.com", stack.arn("ConsumerRole"))),
    ("ConsumerRole.Policies.0.PolicyDocument", consumer),
    ("DevicePolicy.PolicyDocument", device),
    ("OperatorPolicy.PolicyDocument", operator),
    ("QueuePolicy.PolicyDocument", queues),
    ("SweepRole.AssumeRolePolicyDocument", |stack, _| assumed_by("scheduler.amazonaws.com", stack.arn("SweepRole"))),
    ("SweepRole.Policies.0.PolicyDocument", sweep),
];
pub const MAIL: [(&str, Table); 2] = [
    ("MailEventsRole.AssumeRolePolicyDocument", |stack, _| {
        assumed_by("events.amazonaws.com", stack.arn("MailEventsRole"))
    }),
    ("MailEventsRole.Policies.0.PolicyDocument", mail_events),
];

/// The trust policy of a role: one service may assume it, and only for resources of this account.
fn assumed_by(service: &'static str, role: String) -> Vec<Rows> {
    let ours = [("aws:SourceAccount", ACCOUNT)];
    let take = |verdict: Verdict| vec![("sts:AssumeRole", role.clone(), verdict)];
    let mut table = vec![
        rows(Service(service), &ours, take(Yes)),
        rows(Service(service), &[("aws:SourceAccount", STRANGER)], take(No)),
        rows(Service(service), &[], take(No)),
    ];
    table.extend(all_but(service).map(|who| rows(who, &ours, take(No))));
    table
}

/// A device publishes its own reports and reads its own commands.
fn device(_: &DeployedStack, case: &Case) -> Vec<Rows> {
    let iot = |what: &str| here("iot", &what.replace("/dag/", &format!("/{}/", case.topics)));
    let thing = [("iot:Connection.Thing.ThingName", "cottage"), ("iot:Connection.Thing.IsAttached", "true")];
    let loose = [("iot:Connection.Thing.ThingName", "cottage"), ("iot:Connection.Thing.IsAttached", "false")];
    vec![
        rows(
            Holder,
            &thing,
            vec![
                ("iot:Connect", iot("client/cottage"), Yes),
                ("iot:Publish", iot("topic/dag/cottage/report"), Yes),
                ("iot:Subscribe", iot("topicfilter/dag/cottage/cmd"), Yes),
                ("iot:Receive", iot("topic/dag/cottage/cmd"), Yes),
                // Another device.
                ("iot:Connect", iot("client/barn"), No),
                ("iot:Connect", iot("client/cottage2"), No),
                ("iot:Publish", iot("topic/dag/barn/report"), No),
                ("iot:Subscribe", iot("topicfilter/dag/barn/cmd"), No),
                ("iot:Receive", iot("topic/dag/barn/cmd"), No),
                // All of them.
                ("iot:Subscribe", iot("topicfilter/dag/+/report"), No),
                ("iot:Subscribe", iot("topicfilter/dag/#"), No),
                ("iot:Subscribe", iot("topicfilter/$aws/events/#"), No),
                // Topics that it only reads, and topics of others.
                ("iot:Publish", iot("topic/dag/cottage/cmd"), No),
                ("iot:Receive", iot("topic/dag/cottage/report"), No),
                ("iot:Publish", iot("topic/another/cottage/report"), No),
                ("iot:Publish", iot("topic/$aws/rules/detectordag_reports/dag/cottage/report"), No),
                ("iot:Publish", iot("topic/$aws/things/cottage/shadow/update"), No),
                ("iot:UpdateThingShadow", iot("thing/cottage"), No),
                ("iot:RetainPublish", iot("topic/dag/cottage/report"), No),
            ],
        ),
        // A certificate that is not attached to the thing, and one of no thing.
        rows(Holder, &loose, vec![("iot:Connect", iot("client/cottage"), No)]),
        rows(
            Holder,
            &[],
            vec![
                ("iot:Connect", iot("client/cottage"), No),
                ("iot:Publish", iot("topic/dag/cottage/report"), No),
                ("iot:Subscribe", iot("topicfilter/dag/cottage/cmd"), No),
            ],
        ),
    ]
}

/// The consumer may do what its code calls, and nothing else.
fn consumer(stack: &DeployedStack, case: &Case) -> Vec<Rows> {
    let table = stack.arn("Table");
    let (events, deliveries, dead) = (stack.arn("Events"), stack.arn("Deliveries"), stack.arn("DeadLetters"));
    let (secret, log) = (stack.arn("Secret"), stack.arn("ConsumerLog"));
    let command = |prefix: &str| here("iot", &format!("topic/{prefix}/cottage/cmd"));
    let mut all = vec![rows(
        Holder,
        &[],
        vec![
            ("dynamodb:GetItem", table.clone(), Yes),
            ("dynamodb:PutItem", table.clone(), Yes),
            ("dynamodb:DeleteItem", table.clone(), Yes),
            ("dynamodb:ConditionCheckItem", table.clone(), Yes),
            ("dynamodb:Query", format!("{table}/index/due"), Yes),
            // Listing a device's decisions is left to its owner.
            ("dynamodb:Query", table.clone(), No),
            ("dynamodb:Scan", table.clone(), No),
            ("dynamodb:DeleteTable", table.clone(), No),
            ("dynamodb:UpdateTable", table, No),
            ("dynamodb:GetItem", here("dynamodb", "table/another"), No),
            ("dynamodb:PutItem", here("dynamodb", "table/detectordag-Table-01234"), No),
            ("sqs:ReceiveMessage", events.clone(), Yes),
            ("sqs:ReceiveMessage", deliveries.clone(), Yes),
            ("sqs:DeleteMessage", events.clone(), Yes),
            ("sqs:DeleteMessage", deliveries.clone(), Yes),
            ("sqs:GetQueueAttributes", events.clone(), Yes),
            ("sqs:GetQueueAttributes", deliveries.clone(), Yes),
            ("sqs:SendMessage", events.clone(), Yes),
            ("sqs:SendMessage", deliveries, Yes),
            ("sqs:SendMessage", dead.clone(), Yes),
            // Dead letters stay there until a person has looked.
            ("sqs:ReceiveMessage", dead.clone(), No),
            ("sqs:DeleteMessage", dead, No),
            ("sqs:PurgeQueue", events, No),
            ("sqs:SendMessage", here("sqs", "another"), No),
            ("iot:Publish", command(case.topics), Yes),
            ("iot:Publish", here("iot", &format!("topic/{}/cottage/report", case.topics)), No),
            ("iot:Publish", command("another"), No),
            ("iot:Connect", here("iot", "client/cottage"), No),
            ("iot:UpdateCertificate", here("iot", "cert/0123"), No),
            ("secretsmanager:GetSecretValue", secret.clone(), Yes),
            ("secretsmanager:PutSecretValue", secret, No),
            ("secretsmanager:GetSecretValue", here("secretsmanager", "secret:another-AbCdEf"), No),
            ("logs:CreateLogStream", log.clone(), Yes),
            ("logs:PutLogEvents", log.clone(), Yes),
            ("logs:PutLogEvents", here("logs", "log-group:/aws/lambda/another:*"), No),
            ("logs:DeleteLogGroup", log, No),
            ("iam:PassRole", stack.arn("ConsumerRole"), No),
            ("iam:CreateUser", format!("arn:aws:iam::{ACCOUNT}:user/x"), No),
            ("sts:AssumeRole", stack.arn("BrokerRole"), No),
            ("lambda:UpdateFunctionCode", stack.arn("Consumer"), No),
            ("sns:Publish", stack.arn("Operator"), No),
        ],
    )];
    all.extend(consumers_mail(stack, case));
    all
}

/// Mail goes out from the configured sender alone, in the region that mail leaves from and no other.
fn consumers_mail(stack: &DeployedStack, case: &Case) -> Vec<Rows> {
    let ses = |what: &str| at(case.mail_region, "ses", what);
    let identity = ses(&format!("identity/{}", case.sender));
    let recipient = ses("identity/kim@example.org");
    let (set, elsewhere) = match case.mail_region == HOME {
        true => (stack.arn("MailSet"), MAIL_REGION),
        // This one belongs to the other stack.
        false => (case.mail().arn("MailSet"), HOME),
    };
    let mut mail = vec![rows(
        Holder,
        &[("ses:FromAddress", case.sender)],
        vec![
            ("ses:SendEmail", identity.clone(), Yes),
            ("ses:SendRawEmail", identity.clone(), Yes),
            ("ses:SendEmail", set.clone(), Yes),
            ("ses:SendRawEmail", set.clone(), Yes),
            // In the sandbox the recipient is looked at, too.
            ("ses:SendEmail", recipient.clone(), Yes),
            ("ses:SendEmail", ses("configuration-set/another"), No),
            ("ses:SendEmail", at(elsewhere, "ses", &format!("identity/{}", case.sender)), No),
            ("ses:SendRawEmail", at(elsewhere, "ses", &format!("identity/{}", case.sender)), No),
            ("ses:SendEmail", at(elsewhere, "ses", "configuration-set/detectordag"), No),
            ("ses:SendEmail", at("us-east-1", "ses", &format!("identity/{}", case.sender)), No),
            ("ses:DeleteEmailIdentity", identity.clone(), No),
            ("ses:CreateEmailIdentity", identity.clone(), No),
        ],
    )];
    let others = ["boss@example.com", "dag@example.org", "DAG@example.com", "boss@example.net"];
    let others = others.iter().map(|from| vec![("ses:FromAddress", *from)]).chain([Vec::new()]);
    mail.extend(others.map(|context| {
        let tries = vec![
            ("ses:SendEmail", identity.clone(), No),
            ("ses:SendRawEmail", identity.clone(), No),
            ("ses:SendEmail", set.clone(), No),
        ];
        rows(Holder, &context, tries)
    }));
    let verified = if case.sandbox { Yes } else { No };
    let tries = vec![
        ("ses:GetEmailIdentity", recipient, verified),
        ("ses:GetEmailIdentity", at(elsewhere, "ses", "identity/kim@example.org"), No),
    ];
    mail.push(rows(Holder, &[], tries));
    mail
}

/// The broker and the schedule put records into queues.
fn broker(stack: &DeployedStack, case: &Case) -> Vec<Rows> {
    let tries = vec![
        ("sqs:SendMessage", stack.arn("Events"), Yes),
        ("sqs:SendMessage", stack.arn("DeadLetters"), Yes),
        ("sqs:SendMessage", stack.arn("Deliveries"), No),
        ("sqs:ReceiveMessage", stack.arn("Events"), No),
        ("iot:Publish", here("iot", &format!("topic/{}/cottage/cmd", case.topics)), No),
    ];
    vec![rows(Holder, &[], tries)]
}

fn sweep(stack: &DeployedStack, _: &Case) -> Vec<Rows> {
    let tries = vec![
        ("sqs:SendMessage", stack.arn("Events"), Yes),
        ("sqs:SendMessage", stack.arn("DeadLetters"), No),
        ("sqs:SendMessage", stack.arn("Deliveries"), No),
        ("lambda:InvokeFunction", stack.arn("Consumer"), No),
    ];
    vec![rows(Holder, &[], tries)]
}

/// The stack with mail passes events on to the region of everything else, and does nothing more there.
fn mail_events(_: &DeployedStack, case: &Case) -> Vec<Rows> {
    let bus = "event-bus/default";
    let tries = vec![
        ("events:PutEvents", here("events", bus), Yes),
        ("events:PutEvents", at(case.mail_region, "events", bus), No),
        ("events:PutEvents", at("us-east-1", "events", bus), No),
        ("events:PutEvents", here("events", "event-bus/another"), No),
        ("events:PutEvents", format!("arn:aws:events:{HOME}:{STRANGER}:{bus}"), No),
        ("events:PutRule", here("events", bus), No),
        ("events:DeleteRule", here("events", "rule/detectordag-mail"), No),
        ("sqs:SendMessage", here("sqs", "detectordag-events"), No),
        ("ses:SendEmail", at(case.mail_region, "ses", &format!("identity/{}", case.sender)), No),
    ];
    vec![rows(Holder, &[("ses:FromAddress", case.sender)], tries)]
}

/// The queues deny everything without TLS. Their own policy allows events from our rule alone. Everybody else needs a
/// role that allows it.
fn queues(stack: &DeployedStack, _: &Case) -> Vec<Rows> {
    let (events, deliveries, dead) = (stack.arn("Events"), stack.arn("Deliveries"), stack.arn("DeadLetters"));
    let ours = stack.arn("MailEvents");
    let bus = Service("events.amazonaws.com");
    let whatever = |verdict: Verdict| {
        let actions = ["sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:SetQueueAttributes"];
        let on = |queue: &String| actions.map(|action| (action, queue.clone(), verdict));
        [&events, &deliveries, &dead].into_iter().flat_map(on).collect::<Vec<_>>()
    };
    let from_ours = [("aws:SourceArn", ours.as_str()), ("aws:SecureTransport", "true")];
    let without_tls = [("aws:SourceArn", ours.as_str()), ("aws:SecureTransport", "false")];
    let tries = vec![
        ("sqs:SendMessage", events.clone(), Yes),
        ("sqs:SendMessage", dead.clone(), Yes),
        ("sqs:SendMessage", deliveries.clone(), No),
        ("sqs:ReceiveMessage", events.clone(), No),
        ("sqs:SetQueueAttributes", events.clone(), No),
    ];
    let mut table = vec![rows(bus, &from_ours, tries), rows(bus, &[("aws:SecureTransport", "true")], whatever(No))];
    let others = [
        here("events", "rule/another"),
        at(MAIL_REGION, "events", "rule/detectordag-mail"),
        format!("arn:aws:events:{HOME}:{STRANGER}:rule/detectordag-mail"),
    ];
    table.extend(others.iter().map(|rule| {
        let context = [("aws:SourceArn", rule.as_str()), ("aws:SecureTransport", "true")];
        rows(bus, &context, whatever(No))
    }));
    table.extend(all_but("events.amazonaws.com").map(|who| rows(who, &from_ours, whatever(No))));
    let everybody = all_but("events.amazonaws.com").chain([bus]);
    table.extend(everybody.map(|who| rows(who, &without_tls, whatever(Never))));
    table
}

/// The account's own alarms may publish to the operator's topic, and nobody else.
fn operator(stack: &DeployedStack, _: &Case) -> Vec<Rows> {
    let topic = stack.arn("Operator");
    let alarms = Service("cloudwatch.amazonaws.com");
    let whatever = || {
        let actions = ["sns:Publish", "sns:Subscribe", "sns:SetTopicAttributes", "sns:DeleteTopic"];
        actions.map(|action| (action, topic.clone(), No)).to_vec()
    };
    let ours = [("aws:SourceAccount", ACCOUNT), ("aws:SecureTransport", "true")];
    let theirs = [("aws:SourceAccount", STRANGER), ("aws:SecureTransport", "true")];
    let without_tls = [("aws:SourceAccount", ACCOUNT), ("aws:SecureTransport", "false")];
    let tries = vec![
        ("sns:Publish", topic.clone(), Yes),
        ("sns:Publish", here("sns", "another"), No),
        ("sns:Subscribe", topic.clone(), No),
        ("sns:SetTopicAttributes", topic.clone(), No),
    ];
    let mut table = vec![
        rows(alarms, &ours, tries),
        rows(alarms, &theirs, whatever()),
        rows(alarms, &[("aws:SecureTransport", "true")], whatever()),
    ];
    table.extend(all_but("cloudwatch.amazonaws.com").map(|who| rows(who, &ours, whatever())));
    let everybody = all_but("cloudwatch.amazonaws.com").chain([alarms]);
    table.extend(everybody.map(|who| rows(who, &without_tls, vec![("sns:Publish", topic.clone(), Never)])));
    table
}
