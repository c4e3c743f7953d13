//! `dag-infra provision`. moto makes certificates with a key of its own and not with that of the request, makes them active
//! though they are asked for inactive, takes no notice of how exclusively one is attached, and answers another endpoint each
//! time. So the certificate of the handshake is one of an authority of the test, made of the bundle's request.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use aws_sdk_iot::types::CertificateStatus;
use dag_cloud::Account;
use dag_config::{Config, Mode};
use dag_uplink::SigningKey;
use ring::{rand::SystemRandom, signature::Ed25519KeyPair};
use serde_json::{Value, json};

use crate::{moto::Place, stack::Stack};

const OLD: &str = "0123456789abcdef0123456789abcdef";

#[test]
fn a_device_is_made_from_nothing_and_once() {
    let stack = Stack::start();
    let made = stack.json(&["provision", "cottage"], "");
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

    let key = stack.place.path("provisioned/cottage/uplink/device.key");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let config = Config::load(&stack.place.path("provisioned/cottage/config.toml"), &[]).unwrap();
    assert_eq!((config.mode, config.devices.len()), (Mode::Cloud, 1));
    let uplink = config.uplink.unwrap();
    assert_eq!(uplink.key, key);
    assert!(uplink.endpoint.ends_with("-ats.iot.eu-west-1.amazonaws.com"), "{}", uplink.endpoint);
    assert_eq!(uplink.rules_key, None);
    let rules = |root: &str| dag_book::Folder::read(&stack.place.path(root).join("rules")).unwrap().id();
    assert_eq!(rules("provisioned/cottage"), rules(""));

    let registered = stack.runtime.block_on(stack.registry().registration("cottage")).unwrap().unwrap();
    assert_eq!(registered.name.as_deref(), Some("Cottage"));
    assert_eq!(registered.labels.unwrap()["area"], "hay-on-wye");
    let told = aws_sdk_sqs::Client::new(&stack.sdk).receive_message().queue_url(&stack.events).send();
    let told = stack.runtime.block_on(told).unwrap().messages.unwrap();
    assert_eq!(told[0].body(), Some(r#"{"event":"registered","device":"cottage"}"#));

    let before = stack.text("provisioned/cottage/uplink/device.key");
    let again = stack.json(&["provision", "cottage"], "");
    assert_eq!((again["done"].clone(), again["certificate"].clone()), (json!([]), json!(id)));
    assert_eq!(stack.text("provisioned/cottage/uplink/device.key"), before);
    assert_eq!(stack.certificates("cottage"), attached);

    // Once there is a key for rules, the device knows it.
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let key = stack.place.path("rules-signing.key");
    fs::write(&key, pkcs8.as_ref()).unwrap();
    #[cfg(unix)]
    fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    stack.json(&["provision", "cottage"], "");
    let config = Config::load(&stack.place.path("provisioned/cottage/config.toml"), &[]).unwrap();
    let public = SigningKey::from_pkcs8(pkcs8.as_ref()).unwrap().public().to_text();
    assert_eq!(config.uplink.unwrap().rules_key, Some(public));
}

#[test]
fn what_was_left_halfway_goes_on_with_the_same_certificate() {
    let stack = Stack::start();
    let made = stack.json(&["provision", "cottage"], "");
    let id = made["certificate"].as_str().unwrap();
    let (iot, go) = (stack.iot(), &stack.runtime);
    let look = go.block_on(iot.describe_certificate().certificate_id(id).send()).unwrap();
    let arn = look.certificate_description.unwrap().certificate_arn.unwrap();
    let again = |step: &str| {
        let again = stack.json(&["provision", "cottage"], "");
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
    fs::remove_file(stack.place.path("provisioned/cottage/uplink/device.pem")).unwrap();
    stack.json(&["provision", "cottage"], "");
    assert!(stack.text("provisioned/cottage/uplink/device.pem").starts_with("-----BEGIN CERTIFICATE-----"));

    // Only the key and the thing were made.
    go.block_on(iot.create_thing().thing_name("barn").thing_type_name("detectordag").send()).unwrap();
    let barn = stack.json(&["provision", "barn"], "");
    assert_eq!(barn["done"][0], "the certificate is made");
    assert_eq!(stack.certificates("barn").len(), 1);
}

#[test]
fn a_rotation_that_was_left_halfway_goes_on_with_the_same_certificate() {
    let stack = Stack::start();
    stack.json(&["provision", "cottage"], "");
    let path = |name: &str| stack.place.path(&format!("provisioned/cottage/{name}"));
    let first: Value = serde_json::from_str(&stack.text("provisioned/cottage/provision.json")).unwrap();
    let second = stack.json(&["provision", "cottage", "--rotate"], "")["certificate"].clone();
    let key = stack.text("provisioned/cottage/uplink/device.key");
    let mut noted: Value = serde_json::from_str(&stack.text("provisioned/cottage/provision.json")).unwrap();
    noted["next"] = noted["certificate"].take();
    noted["certificate"] = first["certificate"].clone();
    // The new key has not taken the place of the old one yet, or it has; whichever command comes next.
    for (moved, flag) in [(false, "--rotate"), (true, "--rotate"), (true, "--name=Cottage")] {
        fs::write(path("provision.json"), noted.to_string()).unwrap();
        if !moved {
            fs::rename(path("uplink/device.key"), path("uplink/next.key")).unwrap();
            fs::rename(path("uplink/device.csr"), path("uplink/next.csr")).unwrap();
        }
        let again = stack.json(&["provision", "cottage", flag], "");
        assert_eq!((again["certificate"].clone(), again["done"].clone()), (second.clone(), json!([])));
        assert_eq!(stack.text("provisioned/cottage/uplink/device.key"), key);
        assert!(!path("uplink/next.key").exists());
    }
    assert_eq!(stack.certificates("cottage").len(), 2);
}

#[test]
fn a_device_belongs_to_an_account_and_keeps_the_name_that_people_gave_it() {
    let stack = Stack::start();
    let registry = stack.registry();
    let nor = Account {
        id: "11111111-2222-4333-8444-555555555555".into(),
        username: "nor".to_owned(),
        password: String::new(),
        emails: Vec::new(),
    };
    assert!(stack.runtime.block_on(registry.add_account(&nor)).unwrap());
    stack.json(&["provision", "cottage", "--account", "nor"], "");
    stack.runtime.block_on(registry.change("cottage", |row| row.name = Some("Hut".to_owned()))).unwrap();
    assert_eq!(stack.json(&["provision", "cottage"], "")["done"], json!([]));
    let row = stack.runtime.block_on(registry.registration("cottage")).unwrap().unwrap();
    assert_eq!((row.name.as_deref(), row.account.as_ref()), (Some("Hut"), Some(&nor.id)));
    let thing = stack.runtime.block_on(stack.iot().describe_thing().thing_name("cottage").send()).unwrap();
    assert_eq!(thing.attributes.unwrap()["account"], nor.id.to_string());
    stack.json(&["provision", "cottage", "--name", "Shack"], "");
    assert_eq!(stack.json(&["list"], "")[0]["name"], "Shack");
    assert_eq!(stack.json(&["list"], "")[0]["account"], "nor");
}

#[test]
fn a_certificate_is_rotated_without_a_gap_and_a_stolen_device_is_locked_out() {
    let stack = Stack::start();
    let text = |report: &Value| report["certificate"].as_str().unwrap().to_owned();
    let first = text(&stack.json(&["provision", "cottage"], ""));
    let old_key = stack.text("provisioned/cottage/uplink/device.key");
    let rotated = stack.json(&["provision", "cottage", "--rotate"], "");
    let second = text(&rotated);
    assert_ne!(first, second);
    assert_eq!(rotated["others"], 1);
    assert_ne!(stack.text("provisioned/cottage/uplink/device.key"), old_key);
    assert_eq!((stack.status(&first), stack.status(&second)), ("ACTIVE".to_owned(), "ACTIVE".to_owned()));
    assert_eq!(text(&stack.json(&["provision", "cottage", "--rotate"], "")), second);
    assert_eq!(stack.json(&["provision", "cottage", "--rotate", "--finish"], "")["ended"], 1);
    assert_eq!(stack.status(&first), "INACTIVE");
    assert_eq!(stack.certificates("cottage").into_keys().collect::<Vec<_>>(), [second.as_str()]);
    assert_eq!(stack.json(&["provision", "cottage", "--rotate", "--finish"], "")["ended"], 0);

    let unsure = stack.place.run(&stack.moto.endpoint(), &["provision", "cottage", "--revoke"], Some("cottage\n"));
    assert_eq!(unsure.code, 1);
    insta::assert_snapshot!(unsure.err, @"there is no terminal to ask at: say `--yes`");
    let right = stack.place.run(&stack.moto.endpoint(), &["provision", "cottage", "--revoke", "--yes"], None);
    insta::assert_snapshot!(right.out, @"revoked and detached 1 certificate of `cottage`: within minutes it is no longer believed. Its history stays");
    assert_eq!(stack.status(&second), "REVOKED");
    assert!(stack.certificates("cottage").is_empty());
    assert_eq!(stack.json(&["provision", "cottage", "--revoke", "--yes"], "")["revoked"], 0);
    insta::assert_snapshot!(stack.bad(&["provision", "cottage"], ""), @"the certificate of `cottage` is revoked and stays so: give the device another by `--rotate`");
    let third = text(&stack.json(&["provision", "cottage", "--rotate"], ""));
    assert_eq!(stack.certificates("cottage").into_keys().collect::<Vec<_>>(), [third]);
}

#[test]
fn a_device_of_an_older_fleet_keeps_its_certificate() {
    let stack = Stack::start();
    let iot = stack.iot();
    stack.runtime.block_on(async {
        iot.create_policy().policy_name("old").policy_document("{}").send().await.unwrap();
        iot.create_thing().thing_name(OLD).send().await.unwrap();
        let keys = iot.create_keys_and_certificate().set_as_active(true).send().await.unwrap();
        let arn = keys.certificate_arn.unwrap();
        iot.attach_policy().policy_name("old").target(&arn).send().await.unwrap();
        iot.attach_thing_principal().thing_name(OLD).principal(&arn).send().await.unwrap();
    });
    insta::assert_snapshot!(stack.bad(&["provision", OLD], ""), @"AWS IoT has a thing `0123456789abcdef0123456789abcdef` already, which this stack did not make: `--adopt` takes it over with the certificate that it has");
    let before = stack.certificates(OLD);
    let adopted = stack.json(&["provision", OLD, "--adopt", "--name", "Old"], "");
    assert_eq!(adopted["done"].as_array().unwrap().len(), 4, "{adopted}");
    let mut policies = stack.certificates(OLD).into_values().next().unwrap().1;
    policies.sort();
    assert_eq!(policies, ["detectordag-device", "old"]);
    assert_eq!(stack.certificates(OLD).into_keys().collect::<Vec<_>>(), before.into_keys().collect::<Vec<_>>());
    assert_eq!(stack.json(&["provision", OLD, "--adopt"], "")["done"], json!([]));
}

#[test]
fn a_bundle_reaches_its_device_by_cloud_init_or_by_balena() {
    let stack = Stack::start();
    let without = stack.bad(&["provision", OLD, "--balena", "fleet"], "");
    insta::assert_snapshot!(without, @"there is no program `balena`: install balena's command line (`npm install --global balena-cli`), then run `balena login`");
    insta::assert_snapshot!(stack.bad(&["provision", "cottage", "--balena", "fleet"], ""), @"balena names devices by 32 small hex digits, and `cottage` is none of those names: take one that `openssl rand -hex 16` prints, and give the device its name by `--name`");

    stack.json(&["provision", OLD, "--cloud-init", "user-data"], "");
    let text = stack.text("user-data");
    assert!(text.starts_with("#cloud-config\n"));
    let data: Value = serde_saphyr::from_str(&text).unwrap();
    let files = data["write_files"].as_array().unwrap();
    let key = files.iter().find(|file| file["path"] == "/var/lib/dag/uplink/device.key").unwrap();
    assert_eq!((&key["permissions"], &key["encoding"]), (&json!("0600"), &json!("b64")));
    assert!(files.iter().any(|file| file["path"] == "/var/lib/dag/rules/power.toml"));
    assert_eq!(fs::metadata(stack.place.path("user-data")).unwrap().permissions().mode() & 0o777, 0o600);

    // It notes what it is asked, and the value that it is given; it knows a device that it registered.
    let script = "#!/bin/sh\ncase \"$1\" in --version) exit 0;; esac\n\
                  if [ \"$1 $2\" = \"env set\" ]; then eval \"value=\\$$3\"; fi\n\
                  echo \"$*${value:+ = $(echo \"$value\" | cut -c1-20)}\" >> asked\n\
                  if [ \"$1\" = device ] && [ \"$2\" != register ]; then grep -q register asked; fi\n";
    let bin = stack.place.path("bin");
    fs::create_dir(&bin).unwrap();
    fs::write(bin.join("balena"), script).unwrap();
    fs::set_permissions(bin.join("balena"), fs::Permissions::from_mode(0o755)).unwrap();
    let endpoint = stack.moto.endpoint();
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let environment = [
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ("PATH", path.as_str()),
    ];
    let order = ["provision", OLD, "--balena", "fleet", "--image", "pi.img"];
    for _ in 0..2 {
        let said = stack.place.run_with(&environment, &order, None);
        assert_eq!(said.code, 0, "{said:?}");
    }
    let asked = stack.text("asked");
    assert_eq!(asked.matches("device register fleet --uuid").count(), 1, "{asked}");
    let first: Vec<&str> = asked.lines().take(11).filter(|line| !line.contains("AWS_ENDPOINT")).collect();
    insta::assert_snapshot!(first.join("\n"), @"
    device 0123456789abcdef0123456789abcdef
    device register fleet --uuid 0123456789abcdef0123456789abcdef
    env set AWS_THING_NAME --device 0123456789abcdef0123456789abcdef --quiet = 0123456789abcdef0123
    env set AWS_THING_CERT --device 0123456789abcdef0123456789abcdef --quiet = LS0tLS1CRUdJTiBDRVJU
    env set AWS_THING_KEY --device 0123456789abcdef0123456789abcdef --quiet = LS0tLS1CRUdJTiBQUklW
    env set AWS_ROOT_CERT --device 0123456789abcdef0123456789abcdef --quiet = LS0tLS1CRUdJTiBDRVJU
    env set CONFIG_TOML --device 0123456789abcdef0123456789abcdef --quiet = IyBNYWRlIGZvciB0aGUg
    env set DAG_DEVICE --device 0123456789abcdef0123456789abcdef --quiet = 0123456789abcdef0123
    os download raspberry-pi --output pi.img
    os configure pi.img --device 0123456789abcdef0123456789abcdef
    ");
}

#[test]
fn the_bundle_opens_a_broker_that_asks_for_certificates() {
    let stack = Stack::start();
    stack.json(&["provision", "cottage"], "");
    let uplink = stack.place.path("provisioned/cottage/uplink");
    let openssl = |arguments: &str| {
        let run = Command::new("openssl").args(arguments.split(' ')).current_dir(&uplink).output().unwrap();
        (run.status.success(), String::from_utf8_lossy(&run.stdout).into_owned())
    };
    let ec = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    assert!(openssl(&format!("req -x509 {ec} -keyout test-ca.key -subj /CN=authority -out test-ca.pem -days 2")).0);
    assert!(openssl(&format!("req {ec} -keyout broker.key -subj /CN=localhost -out broker.csr -new")).0);
    for name in ["broker", "device"] {
        let sign = format!(
            "x509 -req -in {name}.csr -CA test-ca.pem -CAkey test-ca.key -CAcreateserial -out {name}.pem -days 1"
        );
        assert!(openssl(&sign).0, "{name}");
    }
    assert!(openssl("verify -CAfile test-ca.pem device.pem").0);
    // Key and certificate belong together, and the device is named in it.
    assert_eq!(openssl("x509 -in device.pem -noout -pubkey").1, openssl("pkey -in device.key -pubout").1);
    assert_eq!(openssl("x509 -in device.pem -noout -subject").1.replace(' ', ""), "subject=CN=cottage\n");
    // Amazon's own vouch for themselves.
    assert!(openssl("verify -CAfile ca.pem ca.pem").0);

    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let text = format!(
        "listener {port} 127.0.0.1\nuser root\nallow_anonymous false\ncafile test-ca.pem\ncertfile broker.pem\n\
         keyfile broker.key\nrequire_certificate true\nuse_identity_as_username true\nlog_dest none\n"
    );
    fs::write(uplink.join("mosquitto.conf"), text).unwrap();
    let mut command = Command::new("mosquitto");
    command.env("PATH", format!("{}:/usr/sbin:/usr/local/sbin", std::env::var("PATH").unwrap_or_default()));
    command.args(["-c", "mosquitto.conf"]).current_dir(&uplink).stdout(Stdio::null()).stderr(Stdio::null());
    let mut broker = command.spawn().expect("there is no mosquitto: run `bash .ci/run`");
    let end = Instant::now() + Duration::from_secs(30);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < end, "mosquitto does not listen");
        std::thread::yield_now();
    }
    let connect = format!("s_client -connect 127.0.0.1:{port} -CAfile test-ca.pem -verify_return_error -tls1_2");
    let (with, without) = (openssl(&format!("{connect} -cert device.pem -key device.key")).0, openssl(&connect).0);
    let _ = broker.kill();
    let _ = broker.wait();
    assert_eq!((with, without), (true, false));
}

#[test]
fn a_device_may_make_its_own_key() {
    let stack = Stack::start();
    let make = |kind: &str, name: &str| {
        let line = format!("req -new {kind} -nodes -keyout {name}.key -subj /CN=shed -out {name}.csr");
        let made = Command::new("openssl").args(line.split(' ')).current_dir(stack.place.path("")).output().unwrap();
        assert!(made.status.success(), "{made:?}");
    };
    make("-newkey ec -pkeyopt ec_paramgen_curve:prime256v1", "own");
    make("-newkey ec -pkeyopt ec_paramgen_curve:prime256v1", "other");
    make("-newkey rsa:1024", "weak");
    let shed = |file: &str| stack.bad(&["provision", "shed", "--csr", file], "");
    let why = |text: String| text.split(": make one with").next().unwrap().to_owned();
    insta::assert_snapshot!(why(shed("weak.csr")), @"`weak.csr` cannot be used: its key is of a kind that AWS IoT does not take (P-256, P-384, P-521, or RSA of 2048 bits or more)");
    insta::assert_snapshot!(why(shed("own.key")), @"`own.key` cannot be used: it holds a `PRIVATE KEY` and no certificate signing request");
    insta::assert_snapshot!(why(shed("config.toml")), @"`config.toml` cannot be used: it is no certificate signing request in PEM");
    insta::assert_snapshot!(shed("none.csr"), @"there is no file `none.csr`");
    let made = stack.json(&["provision", "shed", "--csr", "own.csr"], "");
    assert_eq!(made["key"], false);
    assert!(!stack.place.path("provisioned/shed/uplink/device.key").exists());
    assert_eq!(stack.json(&["provision", "shed", "--csr", "own.csr"], "")["done"], json!([]));
    insta::assert_snapshot!(shed("other.csr"), @"the bundle `…/provisioned/shed` was made by another request: `--rotate --csr FILE` gives the device a new certificate");
    // A key that was made here goes where the device makes one.
    stack.json(&["provision", "cottage"], "");
    assert_eq!(stack.json(&["provision", "cottage", "--rotate", "--csr", "other.csr"], "")["key"], false);
}

#[test]
fn what_cannot_be_is_told_in_a_sentence() {
    let stack = Stack::start();
    insta::assert_snapshot!(stack.bad(&["provision", "a/b"], ""), @"`a/b` cannot be the id of a device: use letters, digits, `-` and `_`, at most 64, for it stands in topics and names of files");
    for bad in ["", "a#", "a+", "a b", "ü", &"a".repeat(65)] {
        assert!(stack.bad(&["provision", bad], "").contains("cannot be the id of a device"), "{bad}");
    }
    stack.json(&["provision", "cottage"], "");
    insta::assert_snapshot!(stack.bad(&["provision", "barn", "--out", "provisioned/cottage"], ""), @"`provisioned/cottage` is the bundle of the device `cottage`: name another folder for `barn` with `--out DIR`");
    insta::assert_snapshot!(stack.bad(&["provision", "barn", "--out", "rules"], ""), @"`rules` holds other files and is no device's bundle: name another folder with `--out DIR`");
    insta::assert_snapshot!(stack.bad(&["provision", "barn", "--out", "/proc/nowhere"], ""), @"`/proc/nowhere/provision.json` cannot be written (No such file or directory (os error 2)): name a folder of your own with `--out DIR`");
    insta::assert_snapshot!(stack.bad(&["provision", "barn", "--account", "nor"], ""), @"there is no account `nor`: `dag-infra account add nor` makes one");
    insta::assert_snapshot!(stack.bad(&["provision", "barn", "--rotate"], ""), @"AWS IoT knows no device `barn`: make it by `dag-infra provision barn`");
    insta::assert_snapshot!(stack.bad(&["provision", "cottage", "--out", "elsewhere"], ""), @"the device `cottage` has a certificate already, and its bundle is not here: say where that is by `--out DIR`, or give the device another certificate by `--rotate`");
    fs::write(stack.place.path("rules-signing.key"), "no key").unwrap();
    insta::assert_snapshot!(stack.bad(&["provision", "cottage"], ""), @"the signing key `…/rules-signing.key` cannot be read: this is no signing key: it is an Ed25519 key in PKCS#8");
    let none: Place = Place::new();
    none.edit("config.toml", "region = \"eu-west-1\"", "region = \"eu-west-2\"");
    let said = none.run(&stack.moto.endpoint(), &["provision", "cottage"], None);
    assert_eq!(said.err.trim_end(), "there is no stack `detectordag` in eu-west-2: make it by `dag-infra deploy`");
    assert!(!Path::new(&none.path("provisioned")).exists());
}
