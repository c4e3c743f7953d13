//! `dag-infra destroy` and `diff` after a deploy, and mistakes that `secret` and `diff` refuse before AWS is asked.

use aws_sdk_iot::types::CertificateStatus;
use serde_json::Value;

use crate::{moto::Moto, work_folder::WorkFolder};

#[tokio::test]
async fn a_stack_is_deleted_by_its_full_name_and_without_devices() {
    let moto = Moto::start();
    let folder = WorkFolder::new();
    let said = folder.run(&moto.endpoint(), &["destroy", "--yes", "detectordag"], None);
    insta::assert_snapshot!(said.err, @"there is no stack `detectordag` in eu-west-1: nothing to delete");

    let said = folder.deploy(&moto, &[]);
    assert_eq!(said.code, 0, "{said:?}");
    // Right after a deploy nothing differs.
    let said = folder.run(&moto.endpoint(), &["diff"], None);
    assert_eq!((said.code, said.out.as_str()), (0, "no differences"), "{said:?}");

    let said = folder.run(&moto.endpoint(), &["destroy", "--yes", "detector"], None);
    assert_eq!(said.code, 1);
    insta::assert_snapshot!(said.err, @"
    This deletes `detectordag` in eu-west-1: functions, queues, rules of the broker, alarms, roles.
    Kept: the table and the secret, as they are, and the bucket of packages. Delete them in the console if they are not wanted.
    `detector` is not the stack's name, `detectordag`: nothing was deleted
    ");

    // moto makes no thing group from a template.
    let iot = aws_sdk_iot::Client::new(&moto.sdk().await);
    let _ = iot.create_thing_group().thing_group_name("detectordag").send().await;
    iot.create_thing().thing_name("cottage").send().await.unwrap();
    iot.add_thing_to_thing_group().thing_group_name("detectordag").thing_name("cottage").send().await.unwrap();
    // One certificate is the device's own, the other one is shared with a thing of somebody else.
    for policy in ["detectordag-device", "other"] {
        let _ = iot.create_policy().policy_name(policy).policy_document("{}").send().await;
    }
    iot.create_thing().thing_name("lamp").send().await.unwrap();
    let mut arns = Vec::new();
    for things in [&["cottage"][..], &["cottage", "lamp"]] {
        let made = iot.create_keys_and_certificate().set_as_active(true).send().await.unwrap();
        let arn = made.certificate_arn.unwrap();
        for policy in ["detectordag-device", "other"] {
            iot.attach_policy().policy_name(policy).target(&arn).send().await.unwrap();
        }
        for thing in things {
            iot.attach_thing_principal().thing_name(*thing).principal(&arn).send().await.unwrap();
        }
        arns.push(arn);
    }
    let said = folder.run(&moto.endpoint(), &["destroy", "--yes", "detectordag"], None);
    assert_eq!(said.code, 1);
    insta::assert_snapshot!(said.err, @"`detectordag` has devices, which would report to nobody: cottage. Revoke them first, or say `--with-devices`");

    let destroy = ["destroy", "--yes", "detectordag", "--with-devices", "--format", "json"];
    let said = folder.run(&moto.endpoint(), &destroy, None);
    assert_eq!(said.code, 0, "{said:?}");
    let answer: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(answer["deleted"], "detectordag");
    assert!(iot.describe_thing().thing_name("cottage").send().await.is_err());
    let mut left = Vec::new();
    for arn in &arns {
        let look = iot.describe_certificate().certificate_id(arn.rsplit_once('/').unwrap().1).send().await.unwrap();
        let policies = iot.list_attached_policies().target(arn).send().await.unwrap();
        let policies = policies.policies().iter().map(|policy| policy.policy_name().unwrap().to_owned());
        left.push((look.certificate_description.unwrap().status.unwrap(), policies.collect::<Vec<_>>()));
    }
    let (own, shared) = ((CertificateStatus::Inactive, vec![]), (CertificateStatus::Active, vec!["other".to_owned()]));
    assert_eq!(left, [own, shared]);
}

#[test]
fn a_secret_and_a_saved_template_are_checked_before_aws_is_asked() {
    let nobody = "http://127.0.0.1:1";
    let folder = WorkFolder::new();
    let says = |arguments: &[&str], input: Option<&str>| {
        let said = folder.run(nobody, arguments, input);
        assert_eq!(said.code, 1, "{said:?}");
        said.err
    };
    insta::assert_snapshot!(says(&["secret", "set", "NOR-HOOK"], None), @"`NOR-HOOK` cannot be the name of a secret: letters, digits and `_`, no digit first, like NOR_HOOK_SECRET");
    insta::assert_snapshot!(says(&["secret", "set", "NOR_HOOK"], None), @"
    warning: nothing in rules/ names `env:NOR_HOOK`
    there is no terminal to ask at: say `--stdin`, and give the value by the standard input
    ");
    insta::assert_snapshot!(says(&["secret", "set", "NOR_HOOK", "--stdin"], Some("\n")), @"
    warning: nothing in rules/ names `env:NOR_HOOK`
    the value of `NOR_HOOK` is empty: nothing was changed
    ");
    insta::assert_snapshot!(says(&["diff", "--against", "rules/power.toml"], None), @r#"
    rules/power.toml cannot be compared: that is no template: neither YAML nor JSON: error: line 15 column 1: did not find expected <document start>
      --> <input>:15:1
       |
    13 | # this folder describes the whole language. While a fact in it is…
    14 | # a lost sensor is neither an outage nor its end.
    15 | when = "power == off"
       | ^ did not find expected <document start>
    16 | # How long the condition must be true before an incident opens. A…
    17 | # Messages name the true times, from when the condition became tr…
       |
    "#);

    let template = folder.run(nobody, &["template"], None).out;
    std::fs::write(folder.path("saved.yaml"), template).unwrap();
    let said = folder.run(nobody, &["diff", "--against", "saved.yaml", "--set", "aws.log_days=60"], None);
    insta::assert_snapshot!(said.out, @"
    ~ ConsumerLog (log)
        Properties.RetentionInDays: 30 -> 60
    ");
}
