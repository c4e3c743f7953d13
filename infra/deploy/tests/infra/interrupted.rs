//! Commands of which one call after the other is refused, or answered to nobody: done again, each ends as if nothing had been.

use serde_json::Value;

use crate::{moto::Moto, stack::Stack};

/// Refuses every call of a command once, before it did anything and after, each time for another device. What it leaves is
/// to be found by the command itself, done again. `before` is what there is before the command; `check` is for the end.
fn at_every_call(command: &[&str], before: impl Fn(&Stack, &str), check: impl Fn(&Stack, &str)) {
    let stack = Stack::start();
    before(&stack, "whole");
    stack.moto.requests();
    stack.good(&arguments(command, "whole"), "");
    let calls = stack.moto.requests().len();
    check(&stack, "whole");
    for call in 0..calls {
        for when in Moto::ways(call) {
            let device = format!("{when}-{call}");
            before(&stack, &device);
            stack.moto.fail(call, when);
            let said = stack.run(&arguments(command, &device), "");
            assert_eq!(said.code, 1, "{device}: {said:?}");
            assert!(said.out.contains("Refused"), "{device}: {said:?}");
            stack.good(&arguments(command, &device), "");
            check(&stack, &device);
        }
    }
}

fn arguments<'a>(command: &[&'a str], device: &'a str) -> Vec<&'a str> {
    [&[command[0], device], &command[1..], &["--format", "json"]].concat()
}

/// That a device has so many active certificates attached, all with the policy, and its bundle is whole and has one of them.
fn has(stack: &Stack, device: &str, certificates: usize) {
    let attached = stack.certificates(device);
    assert_eq!(attached.len(), certificates, "{device}: {attached:?}");
    let at_work = ("ACTIVE".to_owned(), vec!["detectordag-device".to_owned()]);
    assert!(attached.values().all(|certificate| *certificate == at_work), "{device}: {attached:?}");
    let registered = stack.runtime.block_on(stack.registry().registration(device)).unwrap();
    assert!(registered.is_some(), "{device}");
    let bundle = |name: &str| stack.place.path(&format!("provisioned/{device}/{name}"));
    for name in ["config.toml", "rules/power.toml", "uplink/ca.pem", "uplink/device.pem", "uplink/device.key"] {
        assert!(bundle(name).exists(), "{device} has no {name}");
    }
    let noted: Value = serde_json::from_str(&stack.text(&format!("provisioned/{device}/provision.json"))).unwrap();
    assert!(attached.contains_key(noted["certificate"]["id"].as_str().unwrap()), "{device}: {noted}");
    assert_eq!(noted.get("next"), None, "{device}");
}

fn provisioned(stack: &Stack, device: &str) {
    stack.good(&["provision", device], "");
}

fn rotated(stack: &Stack, device: &str) {
    provisioned(stack, device);
    stack.good(&["provision", device, "--rotate"], "");
}

#[test]
fn making_a_device_goes_on_after_any_call() {
    at_every_call(&["provision"], |_, _| {}, |stack, device| has(stack, device, 1));
}

#[test]
fn rotating_goes_on_after_any_call() {
    at_every_call(&["provision", "--rotate"], provisioned, |stack, device| has(stack, device, 2));
}

#[test]
fn finishing_a_rotation_goes_on_after_any_call() {
    at_every_call(&["provision", "--rotate", "--finish"], rotated, |stack, device| has(stack, device, 1));
}

#[test]
fn revoking_goes_on_after_any_call() {
    let none = |stack: &Stack, device: &str| assert_eq!(stack.certificates(device).len(), 0);
    at_every_call(&["provision", "--revoke", "--yes"], rotated, none);
}
