//! `dag-infra provision --csr`: a device that makes its own key.

use std::{fs, process::Command};

use serde_json::{Value, json};

use crate::{
    balena::run_with_balena,
    stack::{HEX_ID, Stack},
};

#[test]
fn a_device_may_make_its_own_key() {
    let stack = Stack::start();
    let make = |kind: &str, name: &str| {
        let line = format!("req -new {kind} -nodes -keyout {name}.key -subj /CN=shed -out {name}.csr");
        let made = Command::new("openssl").args(line.split(' ')).current_dir(stack.folder.path("")).output().unwrap();
        assert!(made.status.success(), "{made:?}");
    };
    make("-newkey ec -pkeyopt ec_paramgen_curve:prime256v1", "own");
    make("-newkey ec -pkeyopt ec_paramgen_curve:prime256v1", "other");
    make("-newkey rsa:1024", "weak");
    make("-newkey ec -pkeyopt ec_paramgen_curve:secp521r1", "long");
    make("-newkey ec -pkeyopt ec_paramgen_curve:secp384r1", "third");
    let shed = |file: &str| stack.run_err(&["provision", "shed", "--csr", file], "");
    let why = |text: String| text.split(": make one with").next().unwrap().to_owned();
    insta::assert_snapshot!(why(shed("weak.csr")), @"`weak.csr` cannot be used: its key is of a kind that a device cannot connect by (P-256, P-384, or RSA of 2048 to 4096 bits)");
    assert!(shed("long.csr").contains("a kind that a device cannot connect by"));
    insta::assert_snapshot!(why(shed("own.key")), @"`own.key` cannot be used: it holds a `PRIVATE KEY` and no certificate signing request");
    insta::assert_snapshot!(why(shed("config.toml")), @"`config.toml` cannot be used: it is no certificate signing request in PEM");
    insta::assert_snapshot!(shed("none.csr"), @"there is no file `none.csr`");
    let made = stack.run_json(&["provision", "shed", "--csr", "own.csr"], "");
    assert_eq!(made["key"], false);
    assert!(!stack.folder.path("provisioned/shed/uplink/device.key").exists());
    assert_eq!(stack.run_json(&["provision", "shed", "--csr", "own.csr"], "")["done"], json!([]));
    insta::assert_snapshot!(shed("other.csr"), @"the bundle `…/provisioned/shed` was made by another request: `--rotate --csr FILE` gives the device a new certificate");
    // Where the device makes its own key, the one that was made here is moved aside.
    stack.run_json(&["provision", "cottage"], "");
    let key = stack.read("provisioned/cottage/uplink/device.key");
    let rotate = |file: &str| stack.run(&["provision", "cottage", "--rotate", "--csr", file, "--format", "json"], "");
    let rotated: Value = serde_json::from_str(&rotate("other.csr").out).unwrap();
    assert_eq!(rotated["key"], false);
    assert_eq!(stack.read("provisioned/cottage/uplink/device.key.old"), key);
    // Until that rotation is finished, only its own request is accepted.
    assert_eq!(rotate("other.csr").code, 0);
    insta::assert_snapshot!(stack.run_err(&["provision", "cottage", "--rotate", "--csr", "third.csr"], ""), @"`third.csr` is not the request of the rotation that waits: finish that one by `--rotate --finish` first, then give the device another certificate (`--rotate` without `--csr` goes on with what was begun)");
    stack.run_json(&["provision", "barn"], "");
    fs::copy(stack.folder.path("own.csr"), stack.folder.path("provisioned/barn/uplink/next.csr")).unwrap();
    insta::assert_snapshot!(stack.run_err(&["provision", "barn", "--rotate", "--csr", "third.csr"], ""), @"a rotation was begun in `…/provisioned/barn` with another request: `--rotate` without `--csr` goes on with that one");
    insta::assert_snapshot!(stack.run_err(&["provision", HEX_ID, "--csr", "third.csr", "--name", ""], ""), @"`` cannot be the name of a device: it is one line of text, and not empty");
    stack.run_json(&["provision", HEX_ID, "--csr", "third.csr"], "");
    let refused = run_with_balena(&stack, &["provision", HEX_ID, "--balena", "fleet"], &[]);
    assert!(refused.err.contains("made its key by itself"), "{refused:?}");
}
