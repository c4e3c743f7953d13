//! `dag-infra provision`: a device from nothing, its account, and what is refused or warned of.
//!
//! moto differs from AWS IoT: its certificates are active though they are asked for inactive, one can be attached to
//! several things, and every answer names another endpoint.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use aws_sdk_iot::types::CertificateStatus;
use dag_config::{Config, Mode};
use dag_uplink::SigningKey;
use ring::{rand::SystemRandom, signature::Ed25519KeyPair};
use serde_json::json;

use crate::{stack::Stack, work_folder::WorkFolder};

#[test]
fn a_device_is_provisioned_once() {
    let stack = Stack::start();
    let made = stack.run_json(&["provision", "cottage"], "");
    let steps = json!([
        "the thing is made",
        "the certificate is made",
        "the policy is attached to the certificate",
        "the certificate is attached to the thing",
        "the thing is in its group",
        "the consumer is told of the device",
    ]);
    assert_eq!(made["done"], steps);
    let id = made["certificate"].as_str().unwrap();
    let attached = stack.certificates("cottage");
    assert_eq!(attached[id], ("ACTIVE".to_owned(), vec!["detectordag-device".to_owned()]));

    let key = stack.folder.path("provisioned/cottage/uplink/device.key");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let config = Config::load(&stack.folder.path("provisioned/cottage/config.toml"), &[]).unwrap();
    assert_eq!((config.mode, config.devices.len()), (Mode::Cloud, 1));
    let uplink = config.uplink.unwrap();
    assert_eq!(uplink.key, key);
    assert!(uplink.endpoint.ends_with("-ats.iot.eu-west-1.amazonaws.com"), "{}", uplink.endpoint);
    assert_eq!(uplink.rules_key, None);
    let rules = |root: &str| dag_rulebook::RulesFolder::read(&stack.folder.path(root).join("rules")).unwrap().id();
    assert_eq!(rules("provisioned/cottage"), rules(""));

    let registered = stack.runtime.block_on(stack.registry().registration("cottage")).unwrap().unwrap();
    assert_eq!(registered.name.as_deref(), Some("Cottage"));
    assert_eq!(registered.labels.unwrap()["area"], "hay-on-wye");
    let told = aws_sdk_sqs::Client::new(&stack.sdk).receive_message().queue_url(&stack.events).send();
    let told = stack.runtime.block_on(told).unwrap().messages.unwrap();
    assert_eq!(told[0].body(), Some(r#"{"event":"registered","device":"cottage"}"#));

    let before = stack.read("provisioned/cottage/uplink/device.key");
    let again = stack.run_json(&["provision", "cottage"], "");
    assert_eq!((again["done"].clone(), again["certificate"].clone()), (json!([]), json!(id)));
    assert_eq!(stack.read("provisioned/cottage/uplink/device.key"), before);
    assert_eq!(stack.certificates("cottage"), attached);

    // Once there is a key that signs rules, the bundle has its public half.
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let key = stack.folder.path("rules-signing.key");
    fs::write(&key, pkcs8.as_ref()).unwrap();
    #[cfg(unix)]
    fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    stack.run_json(&["provision", "cottage"], "");
    let config = Config::load(&stack.folder.path("provisioned/cottage/config.toml"), &[]).unwrap();
    let public = SigningKey::from_pkcs8(pkcs8.as_ref()).unwrap().public().to_text();
    assert_eq!(config.uplink.unwrap().rules_key, Some(public));
}

#[test]
fn an_interrupted_provisioning_goes_on_with_the_same_certificate() {
    let stack = Stack::start();
    let made = stack.run_json(&["provision", "cottage"], "");
    let id = made["certificate"].as_str().unwrap();
    let (iot, go) = (stack.iot(), &stack.runtime);
    let look = go.block_on(iot.describe_certificate().certificate_id(id).send()).unwrap();
    let arn = look.certificate_description.unwrap().certificate_arn.unwrap();
    let again = |step: &str| {
        let again = stack.run_json(&["provision", "cottage"], "");
        assert_eq!((again["done"].clone(), again["certificate"].clone()), (json!([step]), json!(id)));
    };

    let detach = iot.detach_policy().policy_name("detectordag-device").target(&arn);
    go.block_on(detach.send()).unwrap();
    again("the policy is attached to the certificate");
    go.block_on(iot.detach_thing_principal().thing_name("cottage").principal(&arn).send()).unwrap();
    again("the certificate is attached to the thing");
    let inactive = iot.update_certificate().certificate_id(id).new_status(CertificateStatus::Inactive);
    go.block_on(inactive.send()).unwrap();
    again("the certificate is active");
    let leave = iot.remove_thing_from_thing_group().thing_name("cottage").thing_group_name("detectordag");
    go.block_on(leave.send()).unwrap();
    again("the thing is in its group");
    fs::remove_file(stack.folder.path("provisioned/cottage/uplink/device.pem")).unwrap();
    stack.run_json(&["provision", "cottage"], "");
    assert!(stack.read("provisioned/cottage/uplink/device.pem").starts_with("-----BEGIN CERTIFICATE-----"));

    // Of another device only the thing exists.
    go.block_on(iot.create_thing().thing_name("barn").thing_type_name("detectordag").send()).unwrap();
    let barn = stack.run_json(&["provision", "barn"], "");
    assert_eq!(barn["done"][0], "the certificate is made");
    assert_eq!(stack.certificates("barn").len(), 1);
}

#[test]
fn a_device_has_an_account_and_keeps_the_name_that_people_gave_it() {
    let stack = Stack::start();
    let registry = stack.registry();
    let nor = stack.add_account();
    stack.run_json(&["provision", "cottage", "--account", "nor"], "");
    stack.runtime.block_on(registry.change("cottage", |row| row.name = Some("Hut".to_owned()))).unwrap();
    assert_eq!(stack.run_json(&["provision", "cottage"], "")["done"], json!([]));
    let row = stack.runtime.block_on(registry.registration("cottage")).unwrap().unwrap();
    assert_eq!((row.name.as_deref(), row.account.as_ref()), (Some("Hut"), Some(&nor.id)));
    let thing = stack.runtime.block_on(stack.iot().describe_thing().thing_name("cottage").send()).unwrap();
    assert_eq!(thing.attributes.unwrap()["account"], nor.id.to_string());
    stack.run_json(&["provision", "cottage", "--name", "Shack"], "");
    assert_eq!(stack.run_json(&["list"], "")[0]["name"], "Shack");
    assert_eq!(stack.run_json(&["list"], "")[0]["account"], "nor");
}

#[test]
fn a_name_is_checked_before_anything_is_made() {
    let stack = Stack::start();
    insta::assert_snapshot!(stack.run_err(&["provision", "barn", "--name", ""], ""), @"`` cannot be the name of a device: it is one line of text, and not empty");
    insta::assert_snapshot!(stack.run_err(&["provision", "barn", "--name", "a\nb"], ""), @r"`a\nb` cannot be the name of a device: it is one line of text, and not empty");
    insta::assert_snapshot!(stack.run_err(&["provision", "barn", "--name", &"x".repeat(5_000)], ""), @"a device's name has 64 characters at most, and this one has 5000: shorten it");
    assert!(!stack.folder.path("provisioned").exists());
    assert_eq!(stack.runtime.block_on(stack.registry().registration("barn")).unwrap(), None);
    stack.run_json(&["provision", "barn", "--name", &"ä".repeat(64)], "");
}

#[test]
fn a_device_is_taken_only_from_an_account_that_is_removed() {
    let stack = Stack::start();
    for name in ["nor", "kim"] {
        stack.run_ok(&["account", "add", name, "--password-stdin"], "correct horse");
    }
    stack.run_json(&["provision", "cottage", "--account", "nor"], "");
    let refused = stack.run_err(&["provision", "cottage", "--account", "kim"], "");
    assert_eq!(refused, stack.run_err(&["account", "assign", "kim", "cottage"], ""));
    let owner = || stack.runtime.block_on(stack.registry().registration("cottage")).unwrap().unwrap().account;
    let nor = owner();
    assert!(nor.is_some());
    stack.runtime.block_on(stack.registry().remove_account("nor")).unwrap();
    insta::assert_snapshot!(stack.run_err(&["account", "assign", "kim", "cottage"], ""), @"`cottage` belongs to an account that is not known here: `dag-infra provision cottage --account kim` gives it to `kim`");
    stack.run_json(&["provision", "cottage", "--account", "kim"], "");
    assert!(owner().is_some() && owner() != nor);
}

#[test]
fn a_device_that_would_report_nothing_is_warned_of() {
    let stack = Stack::start();
    let warned = |arguments: &[&str]| stack.run(arguments, "").err;
    insta::assert_snapshot!(warned(&["provision", "cottage"]), @r#"
    warning: `cottage` is nobody's: config.toml gives it to the account `home`, which there is not. Make that by `dag-infra account add home`, and run this again
    warning: `[device.cottage]` of config.toml has the mains from the source `simulated`, which only `dag unplug` switches: the device notices no outage. Say there what it is wired to, like `power = { source = "gpio", pin = 4 }`, and run this again
    "#);
    insta::assert_snapshot!(warned(&["provision", "barn"]), @"warning: config.toml has no section `[device.barn]`: the device reads the mains at GPIO pin 4, where a UPS-Lite tells of them. Write the section if yours is wired otherwise, and run this again");
    stack.folder.edit("config.toml", "power = { source = \"simulated\" }", "power = { source = \"gpio\", pin = 4 }");
    stack.folder.edit("config.toml", "account = \"home\"\n", "");
    stack.folder.edit(
        "config.toml",
        "[webhook]\n",
        "[home_assistant]\nbroker = \"mqtt://localhost\"\nusername = \"dag\"\npassword = \"file:mqtt\"\n\n[webhook]\n",
    );
    stack.folder.edit(
        "rules/people.toml",
        "# webhook = { url = \"https://example.com/hook\", secret = \"env:NOR_HOOK_SECRET\" }",
        "webhook = { url = \"https://example.com/hook\", secret = \"env:HOOK\" }",
    );
    insta::assert_snapshot!(warned(&["provision", "cottage"]), @"warning: the device needs secrets that no bundle has: `env:HOOK`, `file:mqtt`. `env:NAME` is set in /etc/dag/secrets.env there, or as a variable at balena; `file:PATH` is a file beside its config.toml");
}

#[test]
fn flags_that_would_not_reach_the_device_are_refused() {
    let stack = Stack::start();
    let refused = stack.run_err(&["provision", "cottage", "--set", "site.name=Elsewhere"], "");
    insta::assert_snapshot!(refused, @"`--set` or the environment (DAG_…) changes more than `[aws]`, and would not reach the device, whose files are made of config.toml as it is: write it there");
    assert!(!stack.folder.path("provisioned").exists());
    for flags in
        [&["--rotate", "--finish", "--csr", "x"][..], &["--revoke", "--signing-key", "x"], &["--yes"], &["--finish"]]
    {
        assert_eq!(stack.run(&[&["provision", "cottage"], flags].concat(), "").code, 2, "{flags:?}");
    }
}

#[test]
fn every_mistake_has_a_sentence_that_says_what_to_do() {
    let stack = Stack::start();
    insta::assert_snapshot!(stack.run_err(&["provision", "a/b"], ""), @"`a/b` cannot be the id of a device: use letters, digits, `-` and `_`, at most 64, for it stands in topics and names of files");
    for bad in ["", "a#", "a+", "a b", "ü", &"a".repeat(65)] {
        assert!(stack.run_err(&["provision", bad], "").contains("cannot be the id of a device"), "{bad}");
    }
    stack.run_json(&["provision", "cottage"], "");
    insta::assert_snapshot!(stack.run_err(&["provision", "barn", "--out", "provisioned/cottage"], ""), @"`provisioned/cottage` is the bundle of the device `cottage`: name another folder for `barn` with `--out DIR`");
    insta::assert_snapshot!(stack.run_err(&["provision", "barn", "--out", "rules"], ""), @"`rules` holds other files and is no device's bundle: name another folder with `--out DIR`");
    insta::assert_snapshot!(stack.run_err(&["provision", "barn", "--out", "/proc/nowhere"], ""), @"`/proc/nowhere/provision.json` cannot be written (No such file or directory (os error 2)): name a folder of your own with `--out DIR`");
    insta::assert_snapshot!(stack.run_err(&["provision", "barn", "--account", "nor"], ""), @"there is no account `nor`: `dag-infra account add nor` makes one");
    insta::assert_snapshot!(stack.run_err(&["provision", "barn", "--rotate"], ""), @"AWS IoT knows no device `barn`: make it by `dag-infra provision barn`");
    insta::assert_snapshot!(stack.run_err(&["provision", "cottage", "--out", "elsewhere"], ""), @"the device `cottage` has a certificate already, and its bundle is not here: say where that is by `--out DIR`. Without one, `--adopt` takes over a device of an older fleet with the certificate that it has, and `--rotate` gives it another");
    fs::write(stack.folder.path("rules-signing.key"), "no key").unwrap();
    insta::assert_snapshot!(stack.run_err(&["provision", "cottage"], ""), @"the signing key `…/rules-signing.key` cannot be read: this is no signing key: it is an Ed25519 key in PKCS#8");
    let none = WorkFolder::new();
    none.edit("config.toml", "region = \"eu-west-1\"", "region = \"eu-west-2\"");
    let said = none.run(&stack.moto.endpoint(), &["provision", "cottage"], None);
    assert_eq!(said.err.trim_end(), "there is no stack `detectordag` in eu-west-2: make it by `dag-infra deploy`");
    assert!(!Path::new(&none.path("provisioned")).exists());
}
