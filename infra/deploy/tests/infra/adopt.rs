//! `dag-infra provision --adopt`: devices of an older fleet, whose certificates nobody here has the keys of.

use serde_json::{Value, json};

use crate::stack::{Stack, at_balena};

const OLD: &str = "0123456789abcdef0123456789abcdef";

/// A thing of an older fleet, of the same type as ours, with so many certificates. Answers their ARNs.
pub fn older(stack: &Stack, device: &str, certificates: usize) -> Vec<String> {
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

/// The warnings of an answer that begin so.
fn warned(report: &Value, beginning: &str) -> Vec<String> {
    let all = report["warnings"].as_array().unwrap().iter().map(|warning| warning.as_str().unwrap().to_owned());
    all.filter(|warning| warning.starts_with(beginning)).collect()
}

#[test]
fn a_device_of_an_older_fleet_keeps_its_certificates_and_the_bundle_has_none() {
    let stack = Stack::start();
    let arns = older(&stack, OLD, 2);
    insta::assert_snapshot!(stack.bad(&["provision", OLD], ""), @"the device `0123456789abcdef0123456789abcdef` has a certificate already, and its bundle is not here: say where that is by `--out DIR`. Without one, `--adopt` takes over a device of an older fleet with the certificate that it has, and `--rotate` gives it another");
    assert!(!stack.place.path("provisioned").exists(), "what is refused leaves nothing");
    let before: Vec<String> = stack.certificates(OLD).into_keys().collect();
    let adopted = stack.json(&["provision", OLD, "--adopt", "--name", "Old"], "");
    assert_eq!(
        (&adopted["certificate"], &adopted["key"], &adopted["others"]),
        (&json!(null), &json!(false), &json!(0))
    );
    let attached = stack.certificates(OLD);
    for arn in &arns {
        let (status, mut policies) = attached[id(arn)].clone();
        policies.sort();
        assert_eq!((status.as_str(), policies), ("ACTIVE", vec!["detectordag-device".to_owned(), "old".to_owned()]));
    }
    assert_eq!(attached.into_keys().collect::<Vec<_>>(), before);
    // Both of these do it once more, and change nothing.
    for flag in ["--adopt", "--name=Old"] {
        assert_eq!(stack.json(&["provision", OLD, flag], "")["done"], json!([]), "{flag}");
    }
    assert!(!stack.place.path(&format!("provisioned/{OLD}/uplink/device.pem")).exists());
    let said = stack.run(&["provision", OLD, "--adopt"], "").out.replace(OLD, "OLD");
    insta::assert_snapshot!(said, @"
    `OLD` is ready:
      the bundle is written
    Its bundle is `…/provisioned/OLD`: copy all of it to /var/lib/dag on the device, and give it to the daemon there:
      sudo chown -R dag:dag /var/lib/dag
    The certificate and the key that the device has belong there as `uplink/device.pem` and `uplink/device.key`, the key with mode 0600.
    ");

    let refused = stack.bad(&["provision", OLD, "--csr", "config.toml"], "").replace(OLD, "OLD");
    insta::assert_snapshot!(refused, @"`OLD` keeps the certificate that it has: `--rotate --csr FILE` gives it another");

    // No rotation waits: one is begun, and only its own is ever finished.
    insta::assert_snapshot!(stack.bad(&["provision", OLD, "--rotate", "--finish", "--yes"], "").replace(OLD, "OLD"), @"the bundle `…/provisioned/OLD` has no certificate to go on with: run `--rotate` first");
    let rotated = stack.json(&["provision", OLD, "--rotate"], "");
    let new = rotated["certificate"].as_str().unwrap();
    assert!(!before.iter().any(|old| old == new), "another one was made");
    assert_eq!(rotated["others"], 2);
    let key = stack.place.path(&format!("provisioned/{OLD}/uplink/device.key"));
    std::fs::rename(&key, key.with_extension("away")).unwrap();
    let request = key.with_extension("csr");
    std::fs::rename(&request, request.with_extension("gone")).unwrap();
    insta::assert_snapshot!(stack.bad(&["provision", OLD, "--rotate", "--finish", "--yes"], "").replace(OLD, "OLD"), @"the bundle `…/provisioned/OLD` has neither the key of its certificate nor the request for it, so that the device may run with another one: put them back, or make a certificate by `--rotate`");
    // Nor does a rotation wait of which nothing is left here.
    let note = stack.text(&format!("provisioned/{OLD}/provision.json"));
    assert_eq!(stack.json(&["provision", OLD, "--rotate"], "")["others"], 3);
    stack.place.write(&format!("provisioned/{OLD}/provision.json"), &note);
    std::fs::rename(key.with_extension("away"), &key).unwrap();
    let ended = stack.json(&["provision", OLD, "--rotate", "--finish", "--yes"], "");
    assert_eq!(ended["ended"], 3);
    assert_eq!(stack.certificates(OLD).into_keys().collect::<Vec<_>>(), [new]);
    assert!(arns.iter().all(|arn| stack.status(id(arn)) == "INACTIVE"));
}

#[test]
fn adopting_a_device_whose_rotation_was_cut_short_goes_on_rotating_and_keeps_its_key() {
    let stack = Stack::start();
    stack.json(&["provision", "cottage"], "");
    let first: Value = serde_json::from_str(&stack.text("provisioned/cottage/provision.json")).unwrap();
    let second = stack.json(&["provision", "cottage", "--rotate"], "")["certificate"].clone();
    let path = |name: &str| stack.place.path(&format!("provisioned/cottage/{name}"));
    let key = stack.text("provisioned/cottage/uplink/device.key");
    let mut noted: Value = serde_json::from_str(&stack.text("provisioned/cottage/provision.json")).unwrap();
    noted["next"] = noted["certificate"].take();
    noted["certificate"] = first["certificate"].clone();
    std::fs::write(path("provision.json"), noted.to_string()).unwrap();
    // The key is in its place already, its request is not.
    std::fs::rename(path("uplink/device.csr"), path("uplink/next.csr")).unwrap();
    let adopted = stack.json(&["provision", "cottage", "--adopt"], "");
    assert_eq!((&adopted["certificate"], &adopted["key"]), (&second, &json!(true)));
    assert_eq!(stack.text("provisioned/cottage/uplink/device.key"), key);
    assert!(!path("uplink/next.csr").exists() && path("uplink/device.csr").exists());
}

#[test]
fn the_account_of_an_older_fleet_is_its_account_here_where_there_is_such_a_one() {
    let stack = Stack::start();
    let registry = stack.registry();
    let nor = stack.nor();
    let named = |device: &str, account: &str| {
        older(&stack, device, 1);
        let attributes = aws_sdk_iot::types::AttributePayload::builder().attributes("account-id", account).build();
        let update = stack.iot().update_thing().thing_name(device).attribute_payload(attributes);
        stack.runtime.block_on(update.send()).unwrap();
        stack.json(&["provision", device, "--adopt"], "")
    };
    let report = named("barn", nor.id.as_str());
    let owner = |device: &str| stack.runtime.block_on(registry.registration(device)).unwrap().unwrap().account;
    assert_eq!(owner("barn"), Some(nor.id.clone()));
    assert_eq!(stack.account_of("barn").as_deref(), Some(nor.id.as_str()));
    assert_eq!(warned(&report, "`barn` is nobody's"), [""; 0]);
    let report = named("shed", "22222222-2222-4333-8444-555555555555");
    assert_eq!(owner("shed"), None);
    insta::assert_snapshot!(warned(&report, "`shed` is nobody's").join("\n"), @"`shed` is nobody's: it belonged to the account 22222222-2222-4333-8444-555555555555 of the older fleet, which is not one of this stack. `dag-infra account assign USERNAME shed` gives it to another");
}

#[test]
fn a_certificate_that_several_things_have_is_named_before_it_locks_them_out() {
    let stack = Stack::start();
    let arns = older(&stack, "barn", 1);
    older(&stack, "shed", 0);
    let attach = stack.iot().attach_thing_principal().thing_name("shed").principal(&arns[0]);
    stack.runtime.block_on(attach.send()).unwrap();
    let report = stack.json(&["provision", "barn", "--adopt"], "");
    insta::assert_snapshot!(warned(&report, "a certificate").join("\n"), @"a certificate of `barn` is that of `shed`, too: whoever has it can report as any of them, and revoking one revokes all. `dag-infra provision barn --rotate` gives it one of its own");
    // A rotation takes it from the one, and leaves it to the other.
    stack.json(&["provision", "barn", "--rotate"], "");
    assert_eq!(stack.json(&["provision", "barn", "--rotate", "--finish", "--yes"], "")["ended"], 1);
    assert_eq!((stack.certificates("barn").len(), stack.status(id(&arns[0])).as_str()), (1, "ACTIVE"));
    let attach = stack.iot().attach_thing_principal().thing_name("barn").principal(&arns[0]);
    stack.runtime.block_on(attach.send()).unwrap();
    insta::assert_snapshot!(stack.bad(&["provision", "shed", "--revoke"], ""), @"there is no terminal to ask at: say `--yes`, which locks out `barn`, too, by the same certificate");
    assert_eq!(stack.status(id(&arns[0])), "ACTIVE");
    insta::assert_snapshot!(stack.good(&["provision", "shed", "--revoke", "--yes"], ""), @"
    revoked and detached 1 certificate of `shed`: within minutes it is no longer believed. Its history stays
    `barn` had the same certificate, and is locked out, too: `dag-infra provision barn --rotate` makes new files for it
    ");
    assert_eq!(stack.status(id(&arns[0])), "REVOKED");
}

#[test]
fn at_balena_a_device_of_an_older_fleet_keeps_the_key_that_it_has_there() {
    let stack = Stack::start();
    older(&stack, OLD, 1);
    let order = ["provision", OLD, "--adopt", "--balena", "fleet"];
    let unknown = at_balena(&stack, &order, &[]);
    assert_eq!(unknown.code, 1);
    insta::assert_snapshot!(unknown.err.replace(OLD, "OLD"), @"balena has no device `OLD`, or you are not logged in (`balena login`): a device that is adopted keeps the key that it has there. Where it has none, leave `--balena` out, or give it one by `--rotate`");
    let said = at_balena(&stack, &order, &["device register fleet"]);
    assert_eq!(said.code, 0, "{said:?}");
    let asked: Vec<String> =
        stack.text("asked").lines().map(|line| line.split(" --device").next().unwrap().to_owned()).collect();
    insta::assert_snapshot!(asked.join("\n").replace(OLD, "OLD"), @"
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
