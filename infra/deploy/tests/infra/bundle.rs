//! The bundle of `dag-infra provision`: the handshake with its certificate, its folder, and its file for cloud-init.
//!
//! moto signs certificates with a key of its own, not for the key of the request. So an authority of the test signs the
//! bundle's request for the handshake.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::stack::Stack;

#[test]
fn the_bundle_opens_a_broker_that_asks_for_certificates() {
    let stack = Stack::with_device("cottage");
    let uplink = stack.folder.path("provisioned/cottage/uplink");
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
    // The certificate has the public half of the key, and names the device.
    assert_eq!(openssl("x509 -in device.pem -noout -pubkey").1, openssl("pkey -in device.key -pubout").1);
    assert_eq!(openssl("x509 -in device.pem -noout -subject").1.replace(' ', ""), "subject=CN=cottage\n");
    // Amazon's authorities are self-signed.
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
fn a_file_for_cloud_init_replaces_no_other_file() {
    let stack = Stack::start();
    stack.run_json(&["provision", "cottage", "--cloud-init", "user-data"], "");
    let text = stack.read("user-data");
    insta::assert_snapshot!(text.lines().take(5).collect::<Vec<_>>().join("\n"), @"
    #cloud-config
    # Made by `dag-infra provision` for the device `cottage`, with its key: nobody else may see it.
    bootcmd:
    - >-
      id dag >/dev/null 2>&1 || useradd --system --user-group --no-create-home
    ");
    let data: Value = serde_saphyr::from_str(&text).unwrap();
    // There is no `users`, which would replace the users of the image.
    assert_eq!(data.as_object().unwrap().keys().collect::<Vec<_>>(), ["bootcmd", "write_files"]);
    let files = data["write_files"].as_array().unwrap();
    let key = files.iter().find(|file| file["path"] == "/var/lib/dag/uplink/device.key").unwrap();
    assert_eq!(
        (&key["permissions"], &key["encoding"], &key["owner"]),
        (&json!("0600"), &json!("b64"), &json!("dag:dag"))
    );
    assert!(files.iter().any(|file| file["path"] == "/var/lib/dag/rules/power.toml"));
    assert_eq!(fs::metadata(stack.folder.path("user-data")).unwrap().permissions().mode() & 0o777, 0o600);
    stack.run_json(&["provision", "cottage", "--cloud-init", "user-data"], "");

    let config = stack.read("config.toml");
    insta::assert_snapshot!(stack.run_err(&["provision", "barn", "--cloud-init", "config.toml"], ""), @"`config.toml` holds something else, which would be lost: name another file with `--cloud-init FILE` (beside a `user-data` of your own on the card, `vendor-data` is read, too)");
    insta::assert_snapshot!(stack.run_err(&["provision", "barn", "--cloud-init", "rules"], ""), @"`rules` cannot be read (Is a directory (os error 21)): name another file with `--cloud-init FILE`");
    assert!(!stack.folder.path("provisioned/barn").exists());
    assert_eq!(stack.read("config.toml"), config);
    insta::assert_snapshot!(stack.run_err(&["provision", "cottage", "--cloud-init", "/proc/nowhere"], ""), @"`/proc/nowhere` cannot be written (No such file or directory (os error 2)): name another file with `--cloud-init FILE`");
}

#[test]
fn rules_behind_a_link_are_not_changed() {
    let stack = Stack::with_device("cottage");
    let mode = |name: &str| fs::metadata(stack.folder.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("provisioned/cottage"), mode("provisioned/cottage/uplink")), (0o700, 0o700));
    stack.folder.write("mine/own.toml", "x");
    let rules = stack.folder.path("provisioned/cottage/rules");
    fs::rename(&rules, stack.folder.path("away")).unwrap();
    std::os::unix::fs::symlink(stack.folder.path("mine"), &rules).unwrap();
    insta::assert_snapshot!(stack.run_err(&["provision", "cottage"], ""), @"`…/provisioned/cottage/rules` is a link to another folder, whose files would be changed: remove the link, and run this again");
    assert_eq!(stack.read("mine/own.toml"), "x");
}
