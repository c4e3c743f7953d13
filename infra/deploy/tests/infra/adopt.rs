//! `dag-infra provision --adopt`: devices of an older fleet. The keys of their certificates are on the devices alone.

use serde_json::{Value, json};

use crate::{
    balena::run_with_balena,
    rotation::interrupted_rotation,
    stack::{HEX_ID, Stack},
};

/// Makes a thing of an older fleet, of the same type as ours, with a number of certificates. Returns their ARNs.
pub fn add_older_thing(stack: &Stack, device: &str, certificates: usize) -> Vec<String> {
    let iot = stack.iot();
    stack.runtime.block_on(async {
        let _ = iot.create_policy().policy_name("old").policy_document("{}").send().await;
        iot.create_thing().thing_name(device).thing_type_name("detectordag").send().await.unwrap();
        let mut arns = Vec::new();
        for _ in 0..certificates {
            let keys = iot.create_keys_and_certificate().set_as_active(true).send().await.unwrap();
            let arn = keys.certificate_arn.unwrap();
            iot.attach_policy().policy_name("old").target(&arn).send().await.unwrap();
            iot.attach_thing_principal().thing_name(device).principal(&arn).send().await.unwrap();
            arns.push(arn);
        }
        arns
    })
}

fn id(arn: &str) -> &str {
    arn.split_once(":cert/").unwrap().1
}

/// Returns the warnings of a report that begin with a text.
fn warnings(report: &Value, beginning: &str) -> Vec<String> {
    let all = report["warnings"].as_array().unwrap().iter().map(|warning| warning.as_str().unwrap().to_owned());
    all.filter(|warning| warning.starts_with(beginning)).collect()
}

#[test]
fn an_adopted_device_keeps_its_certificates_and_the_bundle_has_none() {
    let stack = Stack::start();
    let arns = add_older_thing(&stack, HEX_ID, 2);
    insta::assert_snapshot!(stack.run_err(&["provision", HEX_ID], ""), @"the device `0123456789abcdef0123456789abcdef` has a certificate already, and its bundle is not here: say where that is by `--out DIR`. Without one, `--adopt` takes over a device of an older fleet with the certificate that it has, and `--rotate` gives it another");
    assert!(!stack.folder.path("provisioned").exists(), "a refused command writes nothing");
    let before: Vec<String> = stack.certificates(HEX_ID).into_keys().collect();
    let adopted = stack.run_json(&["provision", HEX_ID, "--adopt", "--name", "Old"], "");
    assert_eq!(
        (&adopted["certificate"], &adopted["key"], &adopted["others"]),
        (&json!(null), &json!(false), &json!(0))
    );
    let attached = stack.certificates(HEX_ID);
    for arn in &arns {
        let (status, mut policies) = attached[id(arn)].clone();
        policies.sort();
        assert_eq!((status.as_str(), policies), ("ACTIVE", vec!["detectordag-device".to_owned(), "old".to_owned()]));
    }
    assert_eq!(attached.into_keys().collect::<Vec<_>>(), before);
    // Both commands repeat it, and change nothing.
    for flag in ["--adopt", "--name=Old"] {
        assert_eq!(stack.run_json(&["provision", HEX_ID, flag], "")["done"], json!([]), "{flag}");
    }
    assert!(!stack.folder.path(&format!("provisioned/{HEX_ID}/uplink/device.pem")).exists());
    let said = stack.run(&["provision", HEX_ID, "--adopt"], "").out.replace(HEX_ID, "OLD");
    insta::assert_snapshot!(said, @"
    `OLD` is ready:
      the bundle is written
    Its bundle is `…/provisioned/OLD`: copy all of it to /var/lib/dag on the device, and give it to the daemon there:
      sudo chown -R dag:dag /var/lib/dag
    The certificate and the key that the device has belong there as `uplink/device.pem` and `uplink/device.key`, the key with mode 0600.
    ");

    let refused = stack.run_err(&["provision", HEX_ID, "--csr", "config.toml"], "").replace(HEX_ID, "OLD");
    insta::assert_snapshot!(refused, @"`OLD` keeps the certificate that it has: `--rotate --csr FILE` gives it another");

    // There is no rotation to finish. One is begun, and only from its own bundle can it be finished.
    insta::assert_snapshot!(stack.run_err(&["provision", HEX_ID, "--rotate", "--finish", "--yes"], "").replace(HEX_ID, "OLD"), @"the bundle `…/provisioned/OLD` has no certificate to go on with: run `--rotate` first");
    let rotated = stack.run_json(&["provision", HEX_ID, "--rotate"], "");
    let new = rotated["certificate"].as_str().unwrap();
    assert!(!before.iter().any(|old| old == new), "another one was made");
    assert_eq!(rotated["others"], 2);
    let key = stack.folder.path(&format!("provisioned/{HEX_ID}/uplink/device.key"));
    std::fs::rename(&key, key.with_extension("away")).unwrap();
    let request = key.with_extension("csr");
    std::fs::rename(&request, request.with_extension("gone")).unwrap();
    insta::assert_snapshot!(stack.run_err(&["provision", HEX_ID, "--rotate", "--finish", "--yes"], "").replace(HEX_ID, "OLD"), @"the bundle `…/provisioned/OLD` has neither the key of its certificate nor the request for it, so that the device may run with another one: put them back, or make a certificate by `--rotate`");
    // Nor does a rotation wait of which nothing is left here.
    let note = stack.read(&format!("provisioned/{HEX_ID}/provision.json"));
    assert_eq!(stack.run_json(&["provision", HEX_ID, "--rotate"], "")["others"], 3);
    stack.folder.write(&format!("provisioned/{HEX_ID}/provision.json"), &note);
    std::fs::rename(key.with_extension("away"), &key).unwrap();
    let ended = stack.run_json(&["provision", HEX_ID, "--rotate", "--finish", "--yes"], "");
    assert_eq!(ended["ended"], 3);
    assert_eq!(stack.certificates(HEX_ID).into_keys().collect::<Vec<_>>(), [new]);
    assert!(arns.iter().all(|arn| stack.status(id(arn)) == "INACTIVE"));
}

#[test]
fn adopting_a_device_finishes_its_interrupted_rotation() {
    let stack = Stack::with_device("cottage");
    let path = |name: &str| stack.folder.path(&format!("provisioned/cottage/{name}"));
    let (second, interrupted) = interrupted_rotation(&stack);
    let key = stack.read("provisioned/cottage/uplink/device.key");
    std::fs::write(path("provision.json"), interrupted).unwrap();
    // The key is at its place already, its request is not.
    std::fs::rename(path("uplink/device.csr"), path("uplink/next.csr")).unwrap();
    let adopted = stack.run_json(&["provision", "cottage", "--adopt"], "");
    assert_eq!((&adopted["certificate"], &adopted["key"]), (&second, &json!(true)));
    assert_eq!(stack.read("provisioned/cottage/uplink/device.key"), key);
    assert!(!path("uplink/next.csr").exists() && path("uplink/device.csr").exists());
}

#[test]
fn an_adopted_device_keeps_the_account_of_the_older_fleet() {
    let stack = Stack::start();
    let registry = stack.registry();
    let nor = stack.add_account();
    let adopt = |device: &str, account: &str| {
        add_older_thing(&stack, device, 1);
        let attributes = aws_sdk_iot::types::AttributePayload::builder().attributes("account-id", account).build();
        let update = stack.iot().update_thing().thing_name(device).attribute_payload(attributes);
        stack.runtime.block_on(update.send()).unwrap();
        stack.run_json(&["provision", device, "--adopt"], "")
    };
    let report = adopt("barn", nor.id.as_str());
    let owner = |device: &str| stack.runtime.block_on(registry.registration(device)).unwrap().unwrap().account;
    assert_eq!(owner("barn"), Some(nor.id.clone()));
    assert_eq!(stack.account_of("barn").as_deref(), Some(nor.id.as_str()));
    assert_eq!(warnings(&report, "`barn` is nobody's"), [""; 0]);
    let report = adopt("shed", "22222222-2222-4333-8444-555555555555");
    assert_eq!(owner("shed"), None);
    insta::assert_snapshot!(warnings(&report, "`shed` is nobody's").join("\n"), @"`shed` is nobody's: it belonged to the account 22222222-2222-4333-8444-555555555555 of the older fleet, which is not one of this stack. `dag-infra account assign USERNAME shed` gives it to another");
}

#[test]
fn a_shared_certificate_is_reported_before_it_is_revoked() {
    let stack = Stack::start();
    let arns = add_older_thing(&stack, "barn", 1);
    add_older_thing(&stack, "shed", 0);
    let attach = stack.iot().attach_thing_principal().thing_name("shed").principal(&arns[0]);
    stack.runtime.block_on(attach.send()).unwrap();
    let report = stack.run_json(&["provision", "barn", "--adopt"], "");
    insta::assert_snapshot!(warnings(&report, "a certificate").join("\n"), @"a certificate of `barn` is that of `shed`, too: whoever has it can report as any of them, and revoking one revokes all. `dag-infra provision barn --rotate` gives it one of its own");
    // A rotation detaches it from one thing and leaves it with the other.
    stack.run_json(&["provision", "barn", "--rotate"], "");
    assert_eq!(stack.run_json(&["provision", "barn", "--rotate", "--finish", "--yes"], "")["ended"], 1);
    assert_eq!((stack.certificates("barn").len(), stack.status(id(&arns[0])).as_str()), (1, "ACTIVE"));
    let attach = stack.iot().attach_thing_principal().thing_name("barn").principal(&arns[0]);
    stack.runtime.block_on(attach.send()).unwrap();
    insta::assert_snapshot!(stack.run_err(&["provision", "shed", "--revoke"], ""), @"there is no terminal to ask at: say `--yes`, which locks out `barn`, too, by the same certificate");
    assert_eq!(stack.status(id(&arns[0])), "ACTIVE");
    insta::assert_snapshot!(stack.run_ok(&["provision", "shed", "--revoke", "--yes"], ""), @"
    Revoked and detached 1 certificate of `shed`: within minutes it is no longer believed. Its history stays
    `barn` had the same certificate, and is locked out, too: `dag-infra provision barn --rotate` makes new files for it
    ");
    assert_eq!(stack.status(id(&arns[0])), "REVOKED");
}

#[test]
fn an_adopted_device_keeps_its_key_at_balena() {
    let stack = Stack::start();
    add_older_thing(&stack, HEX_ID, 1);
    let order = ["provision", HEX_ID, "--adopt", "--balena", "fleet"];
    let unknown = run_with_balena(&stack, &order, &[]);
    assert_eq!(unknown.code, 1);
    insta::assert_snapshot!(unknown.err.replace(HEX_ID, "OLD"), @"balena has no device `OLD`, or you are not logged in (`balena login`): a device that is adopted keeps the key that it has there. Where it has none, leave `--balena` out, or give it one by `--rotate`");
    let said = run_with_balena(&stack, &order, &["device register fleet"]);
    assert_eq!(said.code, 0, "{said:?}");
    let calls: Vec<String> =
        stack.read("calls").lines().map(|line| line.split(" --device").next().unwrap().to_owned()).collect();
    insta::assert_snapshot!(calls.join("\n").replace(HEX_ID, "OLD"), @"
    device OLD
    device register fleet
    device OLD
    env set AWS_ROOT_CERT
    env set AWS_ENDPOINT
    env set CONFIG_TOML
    env set RULES_ZIP
    env set DAG_DEVICE
    ");
}
