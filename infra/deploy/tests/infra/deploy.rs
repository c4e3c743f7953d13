//! `dag-infra deploy`. moto reports that resources of types that it does not know were made, too: what counts here are the
//! requests, the bucket, the objects and the parameters.

use std::collections::BTreeSet;

use aws_sdk_s3::Client;
use serde_json::Value;

use crate::moto::{Moto, Place};

const BUCKET: &str = "detectordag-code-123456789012-eu-west-1";

async fn keys(s3: &Client) -> BTreeSet<String> {
    let objects = s3.list_objects_v2().bucket(BUCKET).send().await.unwrap().contents.unwrap_or_default();
    objects.into_iter().map(|object| object.key.unwrap()).collect()
}

/// The folders that the keys are in, sorted.
fn folders(keys: &BTreeSet<String>) -> Vec<&str> {
    keys.iter().map(|key| key.split_once('/').unwrap().0).collect()
}

/// The forms of an operation of CloudFormation.
fn forms(requests: &[Value], operation: &str) -> Vec<Value> {
    requests.iter().filter(|request| request["operation"] == operation).map(|request| request["form"].clone()).collect()
}

#[tokio::test]
async fn a_deploy_makes_bucket_packages_and_stack_and_done_again_changes_nothing() {
    let moto = Moto::start();
    let place = Place::new();
    let consumer = place.bootstrap();
    let consumer = consumer.to_str().unwrap();
    let s3 = Client::new(&moto.sdk().await);

    // Nobody is there to ask: all is as it was.
    let said = place.run(&moto.endpoint(), &["deploy", "--consumer", consumer], None);
    assert_eq!(said.code, 1, "{said:?}");
    insta::assert_snapshot!(said.err, @"
    warning: the rule `battery-low` reads `battery`, and no device has a source for it: give it one in config.toml
    there is no terminal to ask at: look at `dag-infra diff`, and say `--yes` if that is meant
    ");
    let requests = moto.requests();
    assert_eq!(forms(&requests, "ExecuteChangeSet").len(), 0);
    // moto's answer about versions is none that the SDK reads: that they were asked for has to do.
    let versioned = |request: &Value| request["operation"].as_str().unwrap().contains("?versioning");
    assert!(requests.iter().any(versioned), "{requests:?}");

    let said = place.run(&moto.endpoint(), &["deploy", "--yes", "--consumer", consumer], None);
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

    // The bucket is nobody else's to read.
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

    // The same again: nothing is uploaded, nothing executed, no change set stays.
    let said = place.run(&moto.endpoint(), &["deploy", "--yes", "--consumer", consumer, "--format", "json"], None);
    assert_eq!(said.code, 0, "{said:?}");
    let answer: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(answer["stacks"][0]["changes"], serde_json::json!([]));
    // moto answers no outputs of a stack that a change set made.
    insta::assert_snapshot!(said.err, @"
    warning: the rule `battery-low` reads `battery`, and no device has a source for it: give it one in config.toml
    detectordag in eu-west-1: no changes
    ");
    let requests = moto.requests();
    assert_eq!(forms(&requests, "ExecuteChangeSet").len(), 0);
    assert_eq!(forms(&requests, "DeleteChangeSet").len(), 1);
    assert!(!requests.iter().any(|request| request["operation"].as_str().unwrap().starts_with("PUT ")));

    // The rules alone: one package, and the rest as before.
    place.edit("rules/power.toml", "open_after = \"30s\"", "open_after = \"31s\"");
    let said = place.run(&moto.endpoint(), &["deploy", "--rules-only", "--yes"], None);
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

    // A stack that cannot be changed says what to do, before anything is built.
    moto.put_into("detectordag", "ROLLBACK_FAILED");
    let said = place.run(&moto.endpoint(), &["deploy", "--yes"], None);
    assert_eq!(said.code, 1);
    insta::assert_snapshot!(said.err, @"
    warning: the rule `battery-low` reads `battery`, and no device has a source for it: give it one in config.toml
    the stack `detectordag` was never made, and taking back its first deploy failed, too (ROLLBACK_FAILED). Delete what is left of it by `dag-infra destroy`, then deploy again
    ");
}

#[tokio::test]
async fn mail_from_another_region_is_a_stack_there_that_comes_first() {
    let moto = Moto::start();
    let place = Place::new();
    place.edit("config.toml", "# [email.ses]", "[email.ses]\nregion = \"eu-central-1\"");
    let consumer = place.bootstrap();
    let deploy = ["deploy", "--yes", "--format", "json", "--consumer", consumer.to_str().unwrap()];
    let said = place.run(&moto.endpoint(), &deploy, None);
    assert_eq!(said.code, 0, "{said:?}");
    let answer: Value = serde_json::from_str(&said.out).unwrap();
    let regions: Vec<&str> =
        answer["stacks"].as_array().unwrap().iter().map(|stack| stack["region"].as_str().unwrap()).collect();
    assert_eq!(regions, ["eu-central-1", "eu-west-1"]);

    let place = Place::new();
    let said = place.run(&moto.endpoint(), &["deploy", "--rules-only", "--yes", "--set", "aws.stack=other"], None);
    assert_eq!(said.code, 1);
    insta::assert_snapshot!(said.err, @"
    warning: the rule `battery-low` reads `battery`, and no device has a source for it: give it one in config.toml
    there is no stack `other` in eu-west-1 whose rules could be changed: run `dag-infra deploy` without `--rules-only`
    ");
}

#[test]
fn what_cannot_be_deployed_is_refused_before_aws_is_asked() {
    let place = Place::new();
    let nobody = "http://127.0.0.1:1";
    place.edit("rules/power.toml", "escalation = \"household\"", "escalation = \"nobody\"");
    let said = place.run(nobody, &["deploy"], None);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("`nobody`"), "{}", said.err);

    let place = Place::new();
    place.edit("config.toml", "transport = \"ses\"", "transport = \"outbox\"");
    let said = place.run(nobody, &["deploy"], None);
    assert_eq!(said.code, 1);
    insta::assert_snapshot!(said.err, @r#"config.toml is not that of a cloud: the function runs on it as it is, so write `transport = "ses"` in `[email]` (`--set` and the environment do not reach the function)"#);

    let place = Place::new();
    let said = place.run_with(&[], &["deploy"], None);
    assert_eq!(said.code, 1);
    insta::assert_snapshot!(said.err, @"
    warning: the rule `battery-low` reads `battery`, and no device has a source for it: give it one in config.toml
    asking AWS whose account this is failed: no credentials for AWS are found. Log in by `aws sso login` or `aws configure`, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY
    ");
}
