//! `dag-infra provision`. moto makes certificates with a key of its own and not with that of the request, makes them
//! active though they are asked for inactive, takes no notice of how exclusively one is attached, and answers another
//! endpoint each time. So the certificate of the handshake is one of an authority of the test, made of the bundle's
//! request.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use aws_sdk_iot::types::CertificateStatus;
use dag_config::{Config, Mode};
use dag_engine::Time;
use dag_uplink::SigningKey;
use ring::{rand::SystemRandom, signature::Ed25519KeyPair};
use serde_json::{Value, json};

use crate::{
    moto::Place,
    stack::{Stack, at_balena},
};

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
    let rules = |root: &str| dag_rulebook::RulesFolder::read(&stack.place.path(root).join("rules")).unwrap().id();
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
    let nor = stack.nor();
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
    insta::assert_snapshot!(stack.bad(&["provision", "cottage", "--rotate", "--finish"], ""), @"there is no terminal to ask at: `cottage` did not report since its new files were made, and without them this locks it out: look at `dag-infra list`, or say `--yes`");
    // Somebody takes from the new one what it opens.
    let arn = stack.arn(&second);
    let detach = stack.iot().detach_policy().policy_name("detectordag-device").target(&arn);
    stack.runtime.block_on(detach.send()).unwrap();
    insta::assert_snapshot!(stack.bad(&["provision", "cottage", "--rotate", "--finish", "--yes"], ""), @"the new certificate of `cottage` has no policy, and opens nothing: run `--rotate` again first");
    assert_eq!(
        stack.json(&["provision", "cottage", "--rotate"], "")["done"],
        json!(["the policy is attached to the certificate"])
    );
    // It reported since: nobody has to be asked.
    stack.hear("cottage", Time::MAX);
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
fn a_bundle_reaches_its_device_by_cloud_init_or_by_balena() {
    let stack = Stack::start();
    let without = stack.bad(&["provision", OLD, "--balena", "fleet"], "");
    insta::assert_snapshot!(without, @"there is no program `balena`: install balena's command line (`npm install --global balena-cli`), then run `balena login`");
    insta::assert_snapshot!(stack.bad(&["provision", "cottage", "--balena", "fleet"], ""), @"balena names devices by 32 small hex digits, and `cottage` is none of those names: take one that `openssl rand -hex 16` prints, and give the device its name by `--name`");

    let order = ["provision", OLD, "--balena", "fleet", "--image", "pi.img"];
    // The first download is cut short.
    let short = at_balena(&stack, &order, &["no download"]);
    assert_eq!(short.code, 1, "{short:?}");
    assert!(stack.place.path("partial-pi.img").exists() && !stack.place.path("pi.img").exists());
    for _ in 0..2 {
        let said = at_balena(&stack, &order, &[]);
        assert_eq!(said.code, 0, "{said:?}");
    }
    stack.place.write("wifi", "[connection]");
    let wifi = [&order[..], &["--connection", "wifi"]].concat();
    assert_eq!(at_balena(&stack, &wifi, &[]).code, 0);
    let asked = stack.text("asked");
    assert_eq!(asked.matches("device register fleet --uuid").count(), 1, "{asked}");
    assert_eq!(asked.matches("os download").count(), 2, "{asked}");
    let first: Vec<&str> = asked.lines().take(11).filter(|line| !line.contains("AWS_ENDPOINT")).collect();
    insta::assert_snapshot!(first.join("\n"), @"
    device 0123456789abcdef0123456789abcdef
    device register fleet --uuid 0123456789abcdef0123456789abcdef
    env set AWS_THING_NAME --device 0123456789abcdef0123456789abcdef --quiet = 0123456789abcdef0123
    env set AWS_THING_CERT --device 0123456789abcdef0123456789abcdef --quiet = LS0tLS1CRUdJTiBDRVJU
    env set AWS_THING_KEY --device 0123456789abcdef0123456789abcdef --quiet = LS0tLS1CRUdJTiBQUklW
    env set AWS_ROOT_CERT --device 0123456789abcdef0123456789abcdef --quiet = LS0tLS1CRUdJTiBDRVJU
    env set CONFIG_TOML --device 0123456789abcdef0123456789abcdef --quiet = IyBNYWRlIGZvciB0aGUg
    env set RULES_ZIP --device 0123456789abcdef0123456789abcdef --quiet = UEsDBBQAAAAIAAAAIQCg
    env set DAG_DEVICE --device 0123456789abcdef0123456789abcdef --quiet = 0123456789abcdef0123
    os download raspberry-pi --output partial-pi.img
    ");
    let configured: Vec<&str> = asked.lines().filter(|line| line.starts_with("os configure")).collect();
    insta::assert_snapshot!(configured.join("\n"), @"
    os configure pi.img --device 0123456789abcdef0123456789abcdef --config-network ethernet
    os configure pi.img --device 0123456789abcdef0123456789abcdef --config-network ethernet
    os configure pi.img --device 0123456789abcdef0123456789abcdef --config-network ethernet --system-connection wifi
    ");
    starts_in_a_container(&stack);
}

/// That the container's start makes the bundle of the variables.
fn starts_in_a_container(stack: &Stack) {
    stack.place.write("bin/dag", "#!/bin/sh\necho \"$@\"\n");
    fs::set_permissions(stack.place.path("bin/dag"), fs::Permissions::from_mode(0o755)).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("balena-start.sh");
    let start = || {
        let variables = fs::read_dir(stack.place.path("variables")).unwrap().map(|entry| entry.unwrap());
        let variables = variables.map(|entry| (entry.file_name(), fs::read_to_string(entry.path()).unwrap()));
        let mut command = Command::new("sh");
        command.arg(&script).arg(stack.place.path("data")).env_clear().envs(variables);
        command.env("PATH", format!("{}:/usr/bin:/bin", stack.place.path("bin").display()));
        let ran = command.output().unwrap();
        assert!(ran.status.success(), "{ran:?}");
        String::from_utf8(ran.stdout).unwrap()
    };
    let said = start();
    assert_eq!(said.trim_end(), format!("run --config {}", stack.place.path("data/config.toml").display()));
    let rules = |root: &str| dag_rulebook::RulesFolder::read(&stack.place.path(root).join("rules")).unwrap().id();
    assert_eq!(rules("data"), rules(""));
    for name in ["config.toml", "uplink/ca.pem", "uplink/device.pem", "uplink/device.key"] {
        assert_eq!(stack.text(&format!("data/{name}")), stack.text(&format!("provisioned/{OLD}/{name}")), "{name}");
    }
    let key = fs::metadata(stack.place.path("data/uplink/device.key")).unwrap();
    assert_eq!(key.permissions().mode() & 0o777, 0o600);
    // What came by `rules push` goes on after the next start, and ends with other rules in the variable.
    stack.place.write("data/rules/pushed.toml", "");
    start();
    assert!(stack.place.path("data/rules/pushed.toml").exists());
    stack.place.write("rules/new.rhai", "");
    assert_eq!(at_balena(stack, &["provision", OLD, "--balena", "fleet"], &[]).code, 0);
    start();
    assert_eq!(rules("data"), rules(""));
}

#[test]
fn a_bundle_for_cloud_init_takes_nobodys_place() {
    let stack = Stack::start();
    stack.json(&["provision", "cottage", "--cloud-init", "user-data"], "");
    let text = stack.text("user-data");
    insta::assert_snapshot!(text.lines().take(5).collect::<Vec<_>>().join("\n"), @"
    #cloud-config
    # Made by `dag-infra provision` for the device `cottage`, with its key: nobody else may see it.
    bootcmd:
    - >-
      id dag >/dev/null 2>&1 || useradd --system --user-group --no-create-home
    ");
    let data: Value = serde_saphyr::from_str(&text).unwrap();
    // Whoever was to log in still does.
    assert_eq!(data.as_object().unwrap().keys().collect::<Vec<_>>(), ["bootcmd", "write_files"]);
    let files = data["write_files"].as_array().unwrap();
    let key = files.iter().find(|file| file["path"] == "/var/lib/dag/uplink/device.key").unwrap();
    assert_eq!(
        (&key["permissions"], &key["encoding"], &key["owner"]),
        (&json!("0600"), &json!("b64"), &json!("dag:dag"))
    );
    assert!(files.iter().any(|file| file["path"] == "/var/lib/dag/rules/power.toml"));
    assert_eq!(fs::metadata(stack.place.path("user-data")).unwrap().permissions().mode() & 0o777, 0o600);
    stack.json(&["provision", "cottage", "--cloud-init", "user-data"], "");

    let config = stack.text("config.toml");
    insta::assert_snapshot!(stack.bad(&["provision", "barn", "--cloud-init", "config.toml"], ""), @"`config.toml` holds something else, which would be lost: name another file with `--cloud-init FILE` (beside a `user-data` of your own on the card, `vendor-data` is read, too)");
    insta::assert_snapshot!(stack.bad(&["provision", "barn", "--cloud-init", "rules"], ""), @"`rules` cannot be read (Is a directory (os error 21)): name another file with `--cloud-init FILE`");
    assert!(!stack.place.path("provisioned/barn").exists());
    assert_eq!(stack.text("config.toml"), config);
    insta::assert_snapshot!(stack.bad(&["provision", "cottage", "--cloud-init", "/proc/nowhere"], ""), @"`/proc/nowhere` cannot be written (No such file or directory (os error 2)): name another file with `--cloud-init FILE`");
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
    make("-newkey ec -pkeyopt ec_paramgen_curve:secp521r1", "long");
    make("-newkey ec -pkeyopt ec_paramgen_curve:secp384r1", "third");
    let shed = |file: &str| stack.bad(&["provision", "shed", "--csr", file], "");
    let why = |text: String| text.split(": make one with").next().unwrap().to_owned();
    insta::assert_snapshot!(why(shed("weak.csr")), @"`weak.csr` cannot be used: its key is of a kind that a device cannot connect by (P-256, P-384, or RSA of 2048 to 4096 bits)");
    assert!(shed("long.csr").contains("a kind that a device cannot connect by"));
    insta::assert_snapshot!(why(shed("own.key")), @"`own.key` cannot be used: it holds a `PRIVATE KEY` and no certificate signing request");
    insta::assert_snapshot!(why(shed("config.toml")), @"`config.toml` cannot be used: it is no certificate signing request in PEM");
    insta::assert_snapshot!(shed("none.csr"), @"there is no file `none.csr`");
    let made = stack.json(&["provision", "shed", "--csr", "own.csr"], "");
    assert_eq!(made["key"], false);
    assert!(!stack.place.path("provisioned/shed/uplink/device.key").exists());
    assert_eq!(stack.json(&["provision", "shed", "--csr", "own.csr"], "")["done"], json!([]));
    insta::assert_snapshot!(shed("other.csr"), @"the bundle `…/provisioned/shed` was made by another request: `--rotate --csr FILE` gives the device a new certificate");
    // A key that was made here is out of the way where the device makes one, and is not lost.
    stack.json(&["provision", "cottage"], "");
    let key = stack.text("provisioned/cottage/uplink/device.key");
    let rotate = |file: &str| stack.run(&["provision", "cottage", "--rotate", "--csr", file, "--format", "json"], "");
    let rotated: Value = serde_json::from_str(&rotate("other.csr").out).unwrap();
    assert_eq!(rotated["key"], false);
    assert_eq!(stack.text("provisioned/cottage/uplink/device.key.old"), key);
    // While that waits, another request is not taken for one that was used; the same one is.
    assert_eq!(rotate("other.csr").code, 0);
    insta::assert_snapshot!(stack.bad(&["provision", "cottage", "--rotate", "--csr", "third.csr"], ""), @"`third.csr` is not the request of the rotation that waits: finish that one by `--rotate --finish` first, then give the device another certificate (`--rotate` without `--csr` goes on with what was begun)");
    stack.json(&["provision", "barn"], "");
    fs::copy(stack.place.path("own.csr"), stack.place.path("provisioned/barn/uplink/next.csr")).unwrap();
    insta::assert_snapshot!(stack.bad(&["provision", "barn", "--rotate", "--csr", "third.csr"], ""), @"a rotation was begun in `…/provisioned/barn` with another request: `--rotate` without `--csr` goes on with that one");
    insta::assert_snapshot!(stack.bad(&["provision", OLD, "--csr", "third.csr", "--name", ""], ""), @"`` cannot be the name of a device: it is one line of text, and not empty");
    stack.json(&["provision", OLD, "--csr", "third.csr"], "");
    let refused = at_balena(&stack, &["provision", OLD, "--balena", "fleet"], &[]);
    assert!(refused.err.contains("made its key by itself"), "{refused:?}");
}

#[test]
fn a_name_is_checked_before_anything_is_made() {
    let stack = Stack::start();
    insta::assert_snapshot!(stack.bad(&["provision", "barn", "--name", ""], ""), @"`` cannot be the name of a device: it is one line of text, and not empty");
    insta::assert_snapshot!(stack.bad(&["provision", "barn", "--name", "a\nb"], ""), @r"`a\nb` cannot be the name of a device: it is one line of text, and not empty");
    insta::assert_snapshot!(stack.bad(&["provision", "barn", "--name", &"x".repeat(5_000)], ""), @"a device's name has 64 characters at most, and this one has 5000: shorten it");
    assert!(!stack.place.path("provisioned").exists());
    assert_eq!(stack.runtime.block_on(stack.registry().registration("barn")).unwrap(), None);
    stack.json(&["provision", "barn", "--name", &"ä".repeat(64)], "");
}

#[test]
fn a_device_is_not_taken_from_an_account_and_one_that_is_gone_has_nothing() {
    let stack = Stack::start();
    for name in ["nor", "kim"] {
        stack.good(&["account", "add", name, "--password-stdin"], "correct horse");
    }
    stack.json(&["provision", "cottage", "--account", "nor"], "");
    let refused = stack.bad(&["provision", "cottage", "--account", "kim"], "");
    assert_eq!(refused, stack.bad(&["account", "assign", "kim", "cottage"], ""));
    let owner = || stack.runtime.block_on(stack.registry().registration("cottage")).unwrap().unwrap().account;
    let nor = owner();
    assert!(nor.is_some());
    stack.runtime.block_on(stack.registry().remove_account("nor")).unwrap();
    insta::assert_snapshot!(stack.bad(&["account", "assign", "kim", "cottage"], ""), @"`cottage` belongs to an account that is not known here: `dag-infra provision cottage --account kim` gives it to `kim`");
    stack.json(&["provision", "cottage", "--account", "kim"], "");
    assert!(owner().is_some() && owner() != nor);
}

#[test]
fn what_monitors_or_tells_nothing_is_warned_of() {
    let stack = Stack::start();
    let warned = |arguments: &[&str]| stack.run(arguments, "").err;
    insta::assert_snapshot!(warned(&["provision", "cottage"]), @r#"
    warning: `cottage` is nobody's: config.toml gives it to the account `home`, which there is not. Make that by `dag-infra account add home`, and run this again
    warning: `[device.cottage]` of config.toml has the mains from the source `simulated`, which only `dag unplug` switches: the device notices no outage. Say there what it is wired to, like `power = { source = "gpio", pin = 4 }`, and run this again
    "#);
    insta::assert_snapshot!(warned(&["provision", "barn"]), @"warning: config.toml has no section `[device.barn]`: the device reads the mains at GPIO pin 4, where a UPS-Lite tells of them. Write the section if yours is wired otherwise, and run this again");
    stack.place.edit("config.toml", "power = { source = \"simulated\" }", "power = { source = \"gpio\", pin = 4 }");
    stack.place.edit("config.toml", "account = \"home\"\n", "");
    stack.place.edit(
        "config.toml",
        "[webhook]\n",
        "[home_assistant]\nbroker = \"mqtt://localhost\"\nusername = \"dag\"\npassword = \"file:mqtt\"\n\n[webhook]\n",
    );
    stack.place.edit(
        "rules/people.toml",
        "# webhook = { url = \"https://example.com/hook\", secret = \"env:NOR_HOOK_SECRET\" }",
        "webhook = { url = \"https://example.com/hook\", secret = \"env:HOOK\" }",
    );
    insta::assert_snapshot!(warned(&["provision", "cottage"]), @"warning: the device needs secrets that no bundle has: `env:HOOK`, `file:mqtt`. `env:NAME` is set in /etc/dag/secrets.env there, or as a variable at balena; `file:PATH` is a file beside its config.toml");
}

#[test]
fn what_would_not_reach_the_device_is_refused() {
    let stack = Stack::start();
    let refused = stack.bad(&["provision", "cottage", "--set", "site.name=Elsewhere"], "");
    insta::assert_snapshot!(refused, @"`--set` or the environment (DAG_…) changes more than `[aws]`, and would not reach the device, whose files are made of config.toml as it is: write it there");
    assert!(!stack.place.path("provisioned").exists());
    for flags in
        [&["--rotate", "--finish", "--csr", "x"][..], &["--revoke", "--signing-key", "x"], &["--yes"], &["--finish"]]
    {
        assert_eq!(stack.run(&[&["provision", "cottage"], flags].concat(), "").code, 2, "{flags:?}");
    }
}

#[test]
fn rules_behind_a_link_are_somebody_elses() {
    let stack = Stack::start();
    stack.json(&["provision", "cottage"], "");
    let mode = |name: &str| fs::metadata(stack.place.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("provisioned/cottage"), mode("provisioned/cottage/uplink")), (0o700, 0o700));
    stack.place.write("mine/own.toml", "x");
    let rules = stack.place.path("provisioned/cottage/rules");
    fs::rename(&rules, stack.place.path("away")).unwrap();
    std::os::unix::fs::symlink(stack.place.path("mine"), &rules).unwrap();
    insta::assert_snapshot!(stack.bad(&["provision", "cottage"], ""), @"`…/provisioned/cottage/rules` is a link to another folder, whose files would be changed: remove the link, and run this again");
    assert_eq!(stack.text("mine/own.toml"), "x");
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
    insta::assert_snapshot!(stack.bad(&["provision", "cottage", "--out", "elsewhere"], ""), @"the device `cottage` has a certificate already, and its bundle is not here: say where that is by `--out DIR`. Without one, `--adopt` takes over a device of an older fleet with the certificate that it has, and `--rotate` gives it another");
    fs::write(stack.place.path("rules-signing.key"), "no key").unwrap();
    insta::assert_snapshot!(stack.bad(&["provision", "cottage"], ""), @"the signing key `…/rules-signing.key` cannot be read: this is no signing key: it is an Ed25519 key in PKCS#8");
    let none: Place = Place::new();
    none.edit("config.toml", "region = \"eu-west-1\"", "region = \"eu-west-2\"");
    let said = none.run(&stack.moto.endpoint(), &["provision", "cottage"], None);
    assert_eq!(said.err.trim_end(), "there is no stack `detectordag` in eu-west-2: make it by `dag-infra deploy`");
    assert!(!Path::new(&none.path("provisioned")).exists());
}
