//! `dag-infra deploy`. moto reports resources of unknown types as made. So these tests look at the requests, the
//! bucket, the objects and the parameters.

use std::collections::BTreeSet;

use aws_sdk_s3::Client;
use serde_json::Value;

use crate::{moto::Moto, work_folder::WorkFolder};

const BUCKET: &str = "detectordag-code-123456789012-eu-west-1";

async fn keys(s3: &Client) -> BTreeSet<String> {
    let objects = s3.list_objects_v2().bucket(BUCKET).send().await.unwrap().contents.unwrap_or_default();
    objects.into_iter().map(|object| object.key.unwrap()).collect()
}

/// Returns the folders that the keys are in, sorted.
fn folders(keys: &BTreeSet<String>) -> Vec<&str> {
    keys.iter().map(|key| key.split_once('/').unwrap().0).collect()
}

/// Returns the forms of the requests for an operation of CloudFormation.
fn forms(requests: &[Value], operation: &str) -> Vec<Value> {
    requests.iter().filter(|request| request["operation"] == operation).map(|request| request["form"].clone()).collect()
}

#[tokio::test]
async fn a_deploy_makes_bucket_packages_and_stack_once() {
    let moto = Moto::start();
    let folder = WorkFolder::new();
    let consumer = folder.bootstrap();
    let consumer = consumer.to_str().unwrap();
    let s3 = Client::new(&moto.sdk().await);

    // Without a terminal and `--yes` nothing changes.
    let said = folder.run(&moto.endpoint(), &["deploy", "--consumer", consumer], None);
    assert_eq!(said.code, 1, "{said:?}");
    insta::assert_snapshot!(said.err, @r#"
    warning: `power` of the device `cottage` is simulated, and messages are really sent (`transport = "ses"`): nothing real is noticed. Give it the source "gpio" or "nut" in config.toml
    warning: nobody reads dag@example.com, the sender's address: write a real one as `from` in `[email]`
    warning: nobody reads kim@example.com, the address of `neighbour`: write a real one in rules/
    warning: nobody reads nor@example.com, the address of `nor`: write a real one in rules/
    warning: nobody is told when the cloud side itself is in trouble: give `operator_email` in `[aws]` an address
    there is no terminal to ask at: look at `dag-infra diff`, and say `--yes` if that is meant
    "#);
    let requests = moto.requests();
    assert_eq!(forms(&requests, "ExecuteChangeSet").len(), 0);
    // The SDK cannot read moto's answer about versions, so that the request has to do.
    let versioned = |request: &Value| request["operation"].as_str().unwrap().contains("?versioning");
    assert!(requests.iter().any(versioned), "{requests:?}");

    let said = folder.deploy(&moto, &[]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("make  Consumer "), "{}", said.out);
    assert!(said.out.contains("made detectordag (AWS::CloudFormation::Stack)"), "{}", said.out);
    let requests = moto.requests();
    let made = forms(&requests, "CreateChangeSet").pop().unwrap();
    let uploaded = keys(&s3).await;
    assert_eq!(folders(&uploaded), ["consumer", "rules", "template"]);
    let key = |folder: &str| uploaded.iter().find(|key| key.starts_with(folder)).unwrap().clone();
    assert_eq!(made["ChangeSetType"], "CREATE");
    assert_eq!(made["TemplateURL"], format!("https://{BUCKET}.s3.eu-west-1.amazonaws.com/{}", key("template")));
    assert_eq!(made["Capabilities.member.1"], "CAPABILITY_IAM");
    assert_eq!(made["Tags.member.1.Key"], "detectordag");
    let parameters = |form: &Value| -> Vec<(String, String)> {
        (1..=3)
            .map(|at| {
                let value = form.get(format!("Parameters.member.{at}.ParameterValue"));
                let value = value.and_then(Value::as_str).unwrap_or("as before").to_owned();
                (form[format!("Parameters.member.{at}.ParameterKey")].as_str().unwrap().to_owned(), value)
            })
            .collect()
    };
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let expected = [pair("CodeBucket", BUCKET), pair("ConsumerKey", &key("consumer")), pair("RulesKey", &key("rules"))];
    assert_eq!(parameters(&made), expected);
    let protected = forms(&requests, "UpdateTerminationProtection").pop().unwrap();
    assert_eq!(protected["EnableTerminationProtection"], "true");

    // Nobody else can read the bucket.
    let blocked = s3.get_public_access_block().bucket(BUCKET).send().await.unwrap();
    let blocked = blocked.public_access_block_configuration.unwrap();
    let all = [
        blocked.block_public_acls,
        blocked.block_public_policy,
        blocked.ignore_public_acls,
        blocked.restrict_public_buckets,
    ];
    assert_eq!(all, [Some(true); 4]);
    let policy = s3.get_bucket_policy().bucket(BUCKET).send().await.unwrap().policy.unwrap();
    assert!(policy.contains("aws:SecureTransport"), "{policy}");
    assert!(s3.get_bucket_encryption().bucket(BUCKET).send().await.is_ok());
    assert!(s3.get_bucket_ownership_controls().bucket(BUCKET).send().await.is_ok());
    assert!(s3.get_bucket_lifecycle_configuration().bucket(BUCKET).send().await.is_ok());

    // The same again uploads nothing, executes nothing, and leaves no change set.
    let said = folder.deploy(&moto, &["--format", "json"]);
    assert_eq!(said.code, 0, "{said:?}");
    let answer: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(answer["stacks"][0]["changes"], serde_json::json!([]));
    // moto has no outputs for a stack that a change set made.
    insta::assert_snapshot!(said.err, @r#"
    warning: `power` of the device `cottage` is simulated, and messages are really sent (`transport = "ses"`): nothing real is noticed. Give it the source "gpio" or "nut" in config.toml
    warning: nobody reads dag@example.com, the sender's address: write a real one as `from` in `[email]`
    warning: nobody reads kim@example.com, the address of `neighbour`: write a real one in rules/
    warning: nobody reads nor@example.com, the address of `nor`: write a real one in rules/
    warning: nobody is told when the cloud side itself is in trouble: give `operator_email` in `[aws]` an address
    detectordag in eu-west-1: no changes
    "#);
    let requests = moto.requests();
    assert_eq!(forms(&requests, "ExecuteChangeSet").len(), 0);
    assert_eq!(forms(&requests, "DeleteChangeSet").len(), 1);
    assert!(!requests.iter().any(|request| request["operation"].as_str().unwrap().starts_with("PUT ")));

    // With `--rules-only` one package is new, and the rest stays.
    folder.edit("rules/power.toml", "open_after = \"30s\"", "open_after = \"31s\"");
    let said = folder.run(&moto.endpoint(), &["deploy", "--rules-only", "--yes"], None);
    assert_eq!(said.code, 0, "{said:?}");
    let made = forms(&moto.requests(), "CreateChangeSet").pop().unwrap();
    assert_eq!(made["ChangeSetType"], "UPDATE");
    assert_eq!(made["UsePreviousTemplate"], "true");
    let after = keys(&s3).await;
    let fresh: Vec<&String> = after.difference(&uploaded).collect();
    assert_eq!(fresh.len(), 1);
    assert_eq!(
        parameters(&made),
        [pair("CodeBucket", "as before"), pair("ConsumerKey", "as before"), pair("RulesKey", fresh[0])]
    );

    // A change that the rest of the stack needs, too, is refused with `--rules-only`.
    folder.edit("config.toml", "from = ", "from = \"Other <other@example.com>\" # ");
    let said = folder.run(&moto.endpoint(), &["deploy", "--rules-only", "--yes"], None);
    assert_eq!(said.code, 1);
    insta::assert_snapshot!(said.err.lines().last().unwrap(), @"config.toml and rules/ change more than what the function reads (ConsumerRole, Sender): run `dag-infra deploy` without `--rules-only`; `dag-infra diff` shows what changes");

    // Topic rules of somebody else on the same topics are refused.
    let iot = aws_sdk_iot::Client::new(&moto.sdk().await);
    let other = aws_sdk_iot::types::TopicRulePayload::builder().sql("SELECT * FROM 'dag/+/report'");
    let other = other.set_actions(Some(Vec::new())).build().unwrap();
    iot.create_topic_rule().rule_name("trial_reports").topic_rule_payload(other).send().await.unwrap();
    let said = folder.deploy(&moto, &[]);
    assert_eq!(said.code, 1);
    insta::assert_snapshot!(said.err.lines().last().unwrap(), @"the topic rules trial_reports hear the same devices, in this account and region: people would be told twice, and of devices that are not known here. Delete the other stack, or give this one another region (`region` in `[aws]`) or other topics (`topics` in `[uplink]`)");

    // A stack that cannot be changed is refused before anything is built.
    moto.set_status("detectordag", "ROLLBACK_FAILED");
    let said = folder.run(&moto.endpoint(), &["deploy", "--yes"], None);
    assert_eq!(said.code, 1);
    insta::assert_snapshot!(said.err, @r#"
    warning: `power` of the device `cottage` is simulated, and messages are really sent (`transport = "ses"`): nothing real is noticed. Give it the source "gpio" or "nut" in config.toml
    warning: nobody reads other@example.com, the sender's address: write a real one as `from` in `[email]`
    warning: nobody reads kim@example.com, the address of `neighbour`: write a real one in rules/
    warning: nobody reads nor@example.com, the address of `nor`: write a real one in rules/
    warning: nobody is told when the cloud side itself is in trouble: give `operator_email` in `[aws]` an address
    the stack `detectordag` was never made, and taking back its first deploy failed, too (ROLLBACK_FAILED). Delete what is left of it by `dag-infra destroy`, then deploy again
    "#);
}

#[tokio::test]
async fn mail_from_another_region_has_a_stack_there_that_is_made_first() {
    let moto = Moto::start();
    let folder = WorkFolder::new();
    folder.edit("config.toml", "# [email.ses]", "[email.ses]\nregion = \"eu-central-1\"");
    let said = folder.deploy(&moto, &["--format", "json"]);
    assert_eq!(said.code, 0, "{said:?}");
    let answer: Value = serde_json::from_str(&said.out).unwrap();
    let regions: Vec<&str> =
        answer["stacks"].as_array().unwrap().iter().map(|stack| stack["region"].as_str().unwrap()).collect();
    assert_eq!(regions, ["eu-central-1", "eu-west-1"]);

    // `diff` and `destroy` know both stacks. `deploy` deletes the old one when mail leaves from elsewhere.
    let diff = folder.run(&moto.endpoint(), &["diff"], None);
    insta::assert_snapshot!(diff.out, @"
    detectordag in eu-central-1:
    no differences

    detectordag in eu-west-1:
    no differences
    ");
    folder.edit("config.toml", "region = \"eu-central-1\"", "");
    let said = folder.deploy(&moto, &[]);
    assert!(said.out.contains("Mail leaves from eu-west-1 now: detectordag in eu-central-1 is not needed"), "{said:?}");
    folder.edit("config.toml", "[email.ses]", "[email.ses]\nregion = \"eu-central-1\"");
    let said = folder.deploy(&moto, &["--format", "json"]);
    let answer: Value = serde_json::from_str(&said.out).unwrap();
    assert!(answer["stacks"][0]["changes"].as_array().is_some_and(|changes| !changes.is_empty()), "it was deleted");
    folder.edit("config.toml", "region = \"eu-central-1\"", "");
    let said = folder.run(&moto.endpoint(), &["destroy", "--yes", "detectordag"], None);
    assert!(said.err.starts_with("This deletes `detectordag` in eu-west-1 and in eu-central-1: "), "{said:?}");

    let folder = WorkFolder::new();
    let said = folder.run(&moto.endpoint(), &["deploy", "--rules-only", "--yes", "--set", "aws.stack=other"], None);
    assert_eq!(said.code, 1);
    insta::assert_snapshot!(said.err, @r#"
    warning: `power` of the device `cottage` is simulated, and messages are really sent (`transport = "ses"`): nothing real is noticed. Give it the source "gpio" or "nut" in config.toml
    warning: nobody reads dag@example.com, the sender's address: write a real one as `from` in `[email]`
    warning: nobody reads kim@example.com, the address of `neighbour`: write a real one in rules/
    warning: nobody reads nor@example.com, the address of `nor`: write a real one in rules/
    warning: nobody is told when the cloud side itself is in trouble: give `operator_email` in `[aws]` an address
    there is no stack `other` in eu-west-1 whose rules could be changed: run `dag-infra deploy` without `--rules-only`
    "#);
}

#[tokio::test]
async fn a_deploy_that_breaks_says_why_and_what_is_in_force() {
    let moto = Moto::start();
    let folder = WorkFolder::new();
    let deploy = |code| {
        let said = folder.deploy(&moto, &[]);
        assert_eq!(said.code, code, "{said:?}");
        // The first lines are the warnings of the shipped files.
        said.err.lines().skip(4).collect::<Vec<_>>().join("\n")
    };
    moto.break_at("Table");
    insta::assert_snapshot!(deploy(1), @"
    warning: nobody is told when the cloud side itself is in trouble: give `operator_email` in `[aws]` an address
    the deploy of `detectordag` failed (ROLLBACK_COMPLETE).
      Table (AWS::DynamoDB::Table): no room for it
    Nothing is in force. Mend that, run `dag-infra destroy`, and deploy again.
    ");
    insta::assert_snapshot!(deploy(1), @"
    warning: nobody is told when the cloud side itself is in trouble: give `operator_email` in `[aws]` an address
    the stack `detectordag` was never made: its first deploy failed and was taken back. Delete what is left of it by `dag-infra destroy`, then deploy again
    ");
    assert_eq!(folder.run(&moto.endpoint(), &["destroy", "--yes", "detectordag"], None).code, 0);
    deploy(0);
    folder.edit("config.toml", "# log_days = 30", "log_days = 60");
    moto.break_at("Table");
    insta::assert_snapshot!(deploy(1), @"
    warning: nobody is told when the cloud side itself is in trouble: give `operator_email` in `[aws]` an address
    the deploy of `detectordag` failed (UPDATE_ROLLBACK_COMPLETE).
      Table (AWS::DynamoDB::Table): no room for it
    The old stack is in force, as it was. Mend that, and deploy again.
    ");
    deploy(0);
}

#[tokio::test]
async fn a_deploy_goes_on_after_any_call() {
    let moto = Moto::start();
    let folder = WorkFolder::new();
    let run = |stack: &str| folder.deploy(&moto, &["--format", "json", "--set", &format!("aws.stack={stack}")]);
    moto.requests();
    assert_eq!(run("whole").code, 0);
    let calls = moto.requests().len();
    for call in 0..calls {
        for when in Moto::fault_modes(call) {
            let stack = format!("{when}-{call}");
            moto.fail(call, when);
            let said = run(&stack);
            // The number of polls varies, so that the last calls may not come.
            if moto.clear_fault() {
                break;
            }
            // A failure that leaves the stack as it should be is a warning.
            let warnings = ["warning: the stack could be deleted", "is not known: "];
            let warned = warnings.iter().any(|text| said.err.contains(text) || said.out.contains(text));
            assert!(said.code == 1 || said.code == 0 && warned, "{stack}: {said:?}");
            let said = run(&stack);
            assert_eq!(said.code, 0, "{stack}: {said:?}");
            let answer: Value = serde_json::from_str(&said.out).unwrap();
            assert_eq!(answer["stacks"][0]["stack"], stack);
        }
    }
}

#[test]
fn a_bucket_of_somebody_else_is_not_written_to() {
    let moto = Moto::start();
    let folder = WorkFolder::new();
    // moto allows everything. S3 denies a bucket of another account. Requests 0 to 3 are for the account, the stack
    // (twice) and the topic rules.
    moto.fail(4, "denied");
    let said = folder.deploy(&moto, &[]);
    assert_eq!(said.code, 1);
    insta::assert_snapshot!(said.err.lines().last().unwrap(), @"the bucket `detectordag-code-123456789012-eu-west-1` is not to be used: it belongs to another account, or these credentials may not see it. Choose another name for the stack (`stack` in `[aws]`), or other credentials by AWS_PROFILE");
    assert!(!moto.requests().iter().any(|request| request["operation"].as_str().unwrap().starts_with("PUT ")));
}

#[test]
fn mistakes_are_refused_before_aws_is_asked() {
    let folder = WorkFolder::new();
    let nobody = "http://127.0.0.1:1";
    folder.edit("rules/power.toml", "escalation = \"household\"", "escalation = \"nobody\"");
    let said = folder.run(nobody, &["deploy"], None);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("`nobody`"), "{}", said.err);

    let folder = WorkFolder::new();
    folder.edit("config.toml", "transport = \"ses\"", "transport = \"outbox\"");
    let said = folder.run(nobody, &["deploy"], None);
    assert_eq!(said.code, 1);
    insta::assert_snapshot!(said.err, @r#"config.toml is not that of a cloud: the function runs on it as it is, so write `transport = "ses"` in `[email]` (`--set` and the environment do not reach the function)"#);

    let folder = WorkFolder::new();
    let said = folder.run_with(&[], &["deploy"], None);
    assert_eq!(said.code, 1);
    insta::assert_snapshot!(said.err, @r#"
    warning: `power` of the device `cottage` is simulated, and messages are really sent (`transport = "ses"`): nothing real is noticed. Give it the source "gpio" or "nut" in config.toml
    warning: nobody reads dag@example.com, the sender's address: write a real one as `from` in `[email]`
    warning: nobody reads kim@example.com, the address of `neighbour`: write a real one in rules/
    warning: nobody reads nor@example.com, the address of `nor`: write a real one in rules/
    warning: nobody is told when the cloud side itself is in trouble: give `operator_email` in `[aws]` an address
    asking AWS whose account this is failed: not logged in to AWS: no credentials are found. Log in by `aws login`, `aws sso login` or `aws configure`, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY
    "#);
}
