//! What everybody must and must not be able to do: a table for each policy of each stack, and no policy without one.

use std::collections::BTreeMap;

use dag_infra::template::Template;
use serde_json::Value;

use crate::{
    evaluate::{
        May::{self, Never, No, Yes},
        Policy, Try,
        Who::{self, Account, Anybody, Holder, Service},
    },
    facts,
    physical::{ABROAD, ACCOUNT, Deployed, HOME},
};

/// A configuration, and what its policies depend on.
struct Case {
    set: Vec<(&'static str, &'static str)>,
    sender: &'static str,
    topics: &'static str,
    mail_region: &'static str,
    sandbox: bool,
}

fn shipped() -> Case {
    Case { set: Vec::new(), sender: "dag@example.com", topics: "dag", mail_region: HOME, sandbox: false }
}

/// Whatever can be set, and not to what it is without that.
fn everything() -> Case {
    let set = vec![
        ("mode", "cloud"),
        ("email.transport", "ses"),
        ("email.from", "The mill <mill@example.net>"),
        ("email.ses.sandbox", "true"),
        ("aws.sender_domain", "example.net"),
        ("aws.operator_email", "operator@example.net"),
        ("aws.log_days", "90"),
        ("uplink.endpoint", "x"),
        ("uplink.certificate", "x"),
        ("uplink.key", "x"),
        ("uplink.topics", "mill"),
    ];
    Case { set, sender: "mill@example.net", topics: "mill", mail_region: HOME, sandbox: true }
}

/// The same with mail from another region.
fn abroad(mut case: Case) -> Case {
    case.set.extend(crate::ABROAD);
    Case { mail_region: ABROAD, ..case }
}

impl Case {
    fn main(&self) -> Deployed {
        Deployed::new(&Template::of(&facts(&self.set)), HOME)
    }

    /// The stack in the region that mail leaves from, where that is another one.
    fn mail(&self) -> Deployed {
        Deployed::new(&Template::of_mail(&facts(&self.set)).unwrap(), self.mail_region)
    }
}

/// An action, on a resource, and whether it may be.
type Row = (&'static str, String, May);

/// Rows of a table: somebody, in some context, tries these actions on these resources.
struct Rows {
    who: Who,
    context: BTreeMap<&'static str, String>,
    tries: Vec<Row>,
}

fn rows(who: Who, context: &[(&'static str, &str)], tries: Vec<Row>) -> Rows {
    Rows { who, context: context.iter().map(|(key, value)| (*key, (*value).to_owned())).collect(), tries }
}

type Table = fn(&Deployed, &Case) -> Vec<Rows>;

/// Every policy of the stack with everything, and of the one with mail alone.
const MAIN: [(&str, Table); 9] = [
    ("BrokerRole.AssumeRolePolicyDocument", |stack, _| taken_on_by("iot.amazonaws.com", stack.arn("BrokerRole"))),
    ("BrokerRole.Policies.0.PolicyDocument", broker),
    ("ConsumerRole.AssumeRolePolicyDocument", |stack, _| {
        taken_on_by("lambda.amazonaws.com", stack.arn("ConsumerRole"))
    }),
    ("ConsumerRole.Policies.0.PolicyDocument", consumer),
    ("DevicePolicy.PolicyDocument", device),
    ("OperatorPolicy.PolicyDocument", operator),
    ("QueuePolicy.PolicyDocument", queues),
    ("SweepRole.AssumeRolePolicyDocument", |stack, _| taken_on_by("scheduler.amazonaws.com", stack.arn("SweepRole"))),
    ("SweepRole.Policies.0.PolicyDocument", sweep),
];
const MAIL: [(&str, Table); 2] = [
    ("MailEventsRole.AssumeRolePolicyDocument", |stack, _| {
        taken_on_by("events.amazonaws.com", stack.arn("MailEventsRole"))
    }),
    ("MailEventsRole.Policies.0.PolicyDocument", mail_events),
];

/// Holds every policy of a stack to its table.
fn hold(stack: &Deployed, case: &Case, tables: &[(&str, Table)]) {
    let known: Vec<&str> = tables.iter().map(|(path, _)| *path).collect();
    assert_eq!(policies(stack), known, "every policy has a table");
    for (path, table) in tables {
        let policy = policy(stack, path);
        let mut tries = Vec::new();
        for Rows { who, context, tries: these } in table(stack, case) {
            for (action, resource, may) in these {
                let what = Try { who, action, resource, context: context.clone() };
                assert_eq!(policy.says(&what), may, "{path}: {what:?}");
                tries.push(what);
            }
        }
        let untried = policy.untried(&tries);
        assert!(untried.is_empty(), "{path} has what no row is about: {untried:?}");
        modest(path, &policy);
    }
}

/// Where in a stack there is a policy: the resource, and the way to it through its properties.
fn policies(stack: &Deployed) -> Vec<String> {
    fn collect(path: &str, value: &Value, found: &mut Vec<String>) {
        // Some resources have theirs as a text: none that a table could be written for.
        if path.ends_with("PolicyDocument") || value.get("Statement").is_some() {
            found.push(path.to_owned());
        } else if let Some(members) = value.as_object() {
            members.iter().for_each(|(key, value)| collect(&format!("{path}.{key}"), value, found));
        } else if let Some(values) = value.as_array() {
            values.iter().enumerate().for_each(|(at, value)| collect(&format!("{path}.{at}"), value, found));
        }
    }
    let mut found = Vec::new();
    for (id, resource) in stack.resources.as_object().unwrap() {
        let kind = resource["Type"].as_str().unwrap();
        let lets = kind.ends_with("Permission") || kind == "AWS::Lambda::Url";
        assert!(
            !lets && resource["Properties"].get("ManagedPolicyArns").is_none(),
            "{id} lets somebody without a table"
        );
        collect(id, &resource["Properties"], &mut found);
    }
    found.sort();
    found
}

fn policy(stack: &Deployed, path: &str) -> Policy {
    let (id, rest) = path.split_once('.').unwrap();
    let document = stack.resources[id]["Properties"].pointer(&format!("/{}", rest.replace('.', "/"))).unwrap();
    match rest {
        "AssumeRolePolicyDocument" => Policy::of_trust(stack, id, document),
        _ => Policy::of(stack, document),
    }
}

/// What holds for every policy, whatever its table says.
fn modest(path: &str, policy: &Policy) {
    for statement in policy.statements().iter().filter(|statement| statement.allows) {
        assert_ne!(statement.principal.as_deref(), Some("*"), "{path} lets everybody");
        for (action, resource) in statement.pairs() {
            let service = action.split(':').next().unwrap();
            assert!(!action.contains('*'), "{path}: {action}");
            assert!(!["iam", "organizations", "kms"].contains(&service), "{path}: {action}");
            assert!(service != "sts" || path.ends_with("AssumeRolePolicyDocument"), "{path}: {action}");
            assert!(resource.contains(ACCOUNT), "{path}: {action} on {resource}");
        }
    }
}

#[test]
fn the_policies_of_the_shipped_configuration() {
    let case = shipped();
    hold(&case.main(), &case, &MAIN);
}

#[test]
fn the_policies_with_everything_set() {
    let case = everything();
    hold(&case.main(), &case, &MAIN);
}

#[test]
fn the_policies_with_mail_from_another_region() {
    for case in [abroad(shipped()), abroad(everything())] {
        hold(&case.main(), &case, &MAIN);
        hold(&case.mail(), &case, &MAIL);
    }
}

/// A policy that is attached to nothing protects nothing.
#[test]
fn every_queue_and_topic_has_its_policy() {
    let stack = everything().main();
    for (kind, policy, attached) in
        [("AWS::SQS::Queue", "QueuePolicy", "Queues"), ("AWS::SNS::Topic", "OperatorPolicy", "Topics")]
    {
        let attached = stack.resources[policy]["Properties"][attached].as_array().unwrap();
        let all = stack.resources.as_object().unwrap().iter().filter(|(_, one)| one["Type"] == kind);
        for (id, _) in all {
            assert!(attached.iter().any(|one| one["Ref"] == id.as_str()), "{id} is without a policy");
        }
    }
}

const STRANGER: &str = "210987654321";

const SERVICES: [&str; 8] = [
    "cloudwatch.amazonaws.com",
    "ec2.amazonaws.com",
    "events.amazonaws.com",
    "iot.amazonaws.com",
    "lambda.amazonaws.com",
    "s3.amazonaws.com",
    "scheduler.amazonaws.com",
    "sns.amazonaws.com",
];

/// Everybody whom a policy that names principals could be about, without one service.
fn all_but(service: &str) -> impl Iterator<Item = Who> {
    let services = SERVICES.into_iter().filter(move |other| *other != service).map(Service);
    services.chain([Account(ACCOUNT), Account(STRANGER), Anybody])
}

fn at(region: &str, service: &str, rest: &str) -> String {
    format!("arn:aws:{service}:{region}:{ACCOUNT}:{rest}")
}

fn here(service: &str, rest: &str) -> String {
    at(HOME, service, rest)
}

/// A role that one service takes on, and only for what is this account's.
fn taken_on_by(service: &'static str, role: String) -> Vec<Rows> {
    let ours = [("aws:SourceAccount", ACCOUNT)];
    let take = |may: May| vec![("sts:AssumeRole", role.clone(), may)];
    let mut table = vec![
        rows(Service(service), &ours, take(Yes)),
        rows(Service(service), &[("aws:SourceAccount", STRANGER)], take(No)),
        rows(Service(service), &[], take(No)),
    ];
    table.extend(all_but(service).map(|who| rows(who, &ours, take(No))));
    table
}

/// A device speaks for itself alone.
fn device(_: &Deployed, case: &Case) -> Vec<Rows> {
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
                // What it is told, and what others say.
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

/// The consumer does its work and nothing else.
fn consumer(stack: &Deployed, case: &Case) -> Vec<Rows> {
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
            // A device's past is for its owner to list.
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
            // What was put aside stays there until a person has looked.
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
fn consumers_mail(stack: &Deployed, case: &Case) -> Vec<Rows> {
    let ses = |what: &str| at(case.mail_region, "ses", what);
    let identity = ses(&format!("identity/{}", case.sender));
    let recipient = ses("identity/kim@example.org");
    let (set, elsewhere) = match case.mail_region == HOME {
        true => (stack.arn("MailSet"), ABROAD),
        // That of the other stack.
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
fn broker(stack: &Deployed, case: &Case) -> Vec<Rows> {
    let tries = vec![
        ("sqs:SendMessage", stack.arn("Events"), Yes),
        ("sqs:SendMessage", stack.arn("DeadLetters"), Yes),
        ("sqs:SendMessage", stack.arn("Deliveries"), No),
        ("sqs:ReceiveMessage", stack.arn("Events"), No),
        ("iot:Publish", here("iot", &format!("topic/{}/cottage/cmd", case.topics)), No),
    ];
    vec![rows(Holder, &[], tries)]
}

fn sweep(stack: &Deployed, _: &Case) -> Vec<Rows> {
    let tries = vec![
        ("sqs:SendMessage", stack.arn("Events"), Yes),
        ("sqs:SendMessage", stack.arn("DeadLetters"), No),
        ("sqs:SendMessage", stack.arn("Deliveries"), No),
        ("lambda:InvokeFunction", stack.arn("Consumer"), No),
    ];
    vec![rows(Holder, &[], tries)]
}

/// The stack with mail hands events on to the region of everything else, and does no more there.
fn mail_events(_: &Deployed, case: &Case) -> Vec<Rows> {
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

/// Queues take nothing without TLS, and by their own policy events from our rule alone. Whoever else may use them may
/// so by a role.
fn queues(stack: &Deployed, _: &Case) -> Vec<Rows> {
    let (events, deliveries, dead) = (stack.arn("Events"), stack.arn("Deliveries"), stack.arn("DeadLetters"));
    let ours = stack.arn("MailEvents");
    let bus = Service("events.amazonaws.com");
    let whatever = |may: May| {
        let actions = ["sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:SetQueueAttributes"];
        let on = |queue: &String| actions.map(|action| (action, queue.clone(), may));
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
        at(ABROAD, "events", "rule/detectordag-mail"),
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

/// The account's own alarms tell the operator, and nobody else does.
fn operator(stack: &Deployed, _: &Case) -> Vec<Rows> {
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
