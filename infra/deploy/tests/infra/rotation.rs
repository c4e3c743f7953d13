//! `dag-infra provision --rotate` and `--revoke`: another certificate, and none.

use std::fs;

use dag_engine::Time;
use serde_json::{Value, json};

use crate::stack::Stack;

/// Rotates the certificate of `cottage`. Returns the certificate's id, and the bundle's `provision.json` as it is
/// before the new key is moved to its place.
pub fn interrupted_rotation(stack: &Stack) -> (Value, String) {
    let state = || -> Value { serde_json::from_str(&stack.read("provisioned/cottage/provision.json")).unwrap() };
    let first = state();
    let second = stack.run_json(&["provision", "cottage", "--rotate"], "")["certificate"].clone();
    let mut interrupted = state();
    interrupted["next"] = interrupted["certificate"].take();
    interrupted["certificate"] = first["certificate"].clone();
    (second, interrupted.to_string())
}

#[test]
fn an_interrupted_rotation_goes_on_with_the_same_certificate() {
    let stack = Stack::with_device("cottage");
    let path = |name: &str| stack.folder.path(&format!("provisioned/cottage/{name}"));
    let (second, interrupted) = interrupted_rotation(&stack);
    let key = stack.read("provisioned/cottage/uplink/device.key");
    // The new key is at its place or not, and either command may come next.
    for (moved, flag) in [(false, "--rotate"), (true, "--rotate"), (true, "--name=Cottage")] {
        fs::write(path("provision.json"), &interrupted).unwrap();
        if !moved {
            fs::rename(path("uplink/device.key"), path("uplink/next.key")).unwrap();
            fs::rename(path("uplink/device.csr"), path("uplink/next.csr")).unwrap();
        }
        let again = stack.run_json(&["provision", "cottage", flag], "");
        assert_eq!((again["certificate"].clone(), again["done"].clone()), (second.clone(), json!([])));
        assert_eq!(stack.read("provisioned/cottage/uplink/device.key"), key);
        assert!(!path("uplink/next.key").exists());
    }
    assert_eq!(stack.certificates("cottage").len(), 2);
}

#[test]
fn a_certificate_is_rotated_without_a_gap_and_then_revoked() {
    let stack = Stack::start();
    let text = |report: &Value| report["certificate"].as_str().unwrap().to_owned();
    let first = text(&stack.run_json(&["provision", "cottage"], ""));
    let old_key = stack.read("provisioned/cottage/uplink/device.key");
    let rotated = stack.run_json(&["provision", "cottage", "--rotate"], "");
    let second = text(&rotated);
    assert_ne!(first, second);
    assert_eq!(rotated["others"], 1);
    assert_ne!(stack.read("provisioned/cottage/uplink/device.key"), old_key);
    assert_eq!((stack.status(&first), stack.status(&second)), ("ACTIVE".to_owned(), "ACTIVE".to_owned()));
    assert_eq!(text(&stack.run_json(&["provision", "cottage", "--rotate"], "")), second);
    insta::assert_snapshot!(stack.run_err(&["provision", "cottage", "--rotate", "--finish"], ""), @"there is no terminal to ask at: `cottage` did not report since its new files were made, and without them this locks it out: look at `dag-infra list`, or say `--yes`");
    // Somebody detaches the policy of the new certificate.
    let arn = stack.arn(&second);
    let detach = stack.iot().detach_policy().policy_name("detectordag-device").target(&arn);
    stack.runtime.block_on(detach.send()).unwrap();
    insta::assert_snapshot!(stack.run_err(&["provision", "cottage", "--rotate", "--finish", "--yes"], ""), @"the new certificate of `cottage` has no policy, and opens nothing: run `--rotate` again first");
    assert_eq!(
        stack.run_json(&["provision", "cottage", "--rotate"], "")["done"],
        json!(["the policy is attached to the certificate"])
    );
    // The device reported since, so that nobody has to be asked.
    stack.set_heard_at("cottage", Time::MAX);
    assert_eq!(stack.run_json(&["provision", "cottage", "--rotate", "--finish"], "")["ended"], 1);
    assert_eq!(stack.status(&first), "INACTIVE");
    assert_eq!(stack.certificates("cottage").into_keys().collect::<Vec<_>>(), [second.as_str()]);
    assert_eq!(stack.run_json(&["provision", "cottage", "--rotate", "--finish"], "")["ended"], 0);

    let unsure = stack.folder.run(&stack.moto.endpoint(), &["provision", "cottage", "--revoke"], Some("cottage\n"));
    assert_eq!(unsure.code, 1);
    insta::assert_snapshot!(unsure.err, @"there is no terminal to ask at: say `--yes`");
    let right = stack.folder.run(&stack.moto.endpoint(), &["provision", "cottage", "--revoke", "--yes"], None);
    insta::assert_snapshot!(right.out, @"Revoked and detached 1 certificate of `cottage`: within minutes it is no longer believed. Its history stays");
    assert_eq!(stack.status(&second), "REVOKED");
    assert!(stack.certificates("cottage").is_empty());
    assert_eq!(stack.run_json(&["provision", "cottage", "--revoke", "--yes"], "")["revoked"], 0);
    insta::assert_snapshot!(stack.run_err(&["provision", "cottage"], ""), @"the certificate of `cottage` is revoked and stays so: give the device another by `--rotate`");
    let third = text(&stack.run_json(&["provision", "cottage", "--rotate"], ""));
    assert_eq!(stack.certificates("cottage").into_keys().collect::<Vec<_>>(), [third]);
}
